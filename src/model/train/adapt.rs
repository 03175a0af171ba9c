//! Adapting a model to corrections: it starts where it is, and moves only as far as the corrections carry.
//!
//! A model that was trained on thirty thousand paragraphs is not trained anew for fifty. Its first stage is fitted to
//! the corrected paragraphs with an L2 penalty on the distance from its weights (adaptation by a Gaussian prior: Chelba
//! and Acero, EMNLP 2004); the features and the second stage stay. A paragraph that the model labels right already does
//! not push it further: its target is what the first stage says of it (regularization by KL divergence: Yu et al., ICASSP
//! 2013). Otherwise an article with much of one label would move the model towards that label everywhere. The strength
//! of the penalty is chosen by
//! cross-validation over documents: the strongest under which the paragraphs held out get less log-loss, by more than two
//! standard errors, and more of them the right label than the wrong one, by a sign test. When there is none, nothing is changed. The adapted model must not
//! lose on a check set of articles that come with the program; if it does, the next weaker penalty is tried, and at last
//! the adaptation is refused.

use super::own_labels::refuse_lost_labels;
use super::{Event, Progress, card, date};
use crate::model::evaluate::{Confusion, Measured};
use crate::model::file::linear;
use crate::model::gold::{self, GoldDocument, label_index};
use crate::model::stored::{Linear, ModelParts};
use crate::model::{Model, ModelError, catalog, write_atomically};
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_sparse_logistic::{FittedSparseLogisticRegression, SparseLogisticRegression, SparseRecords};
use ndarray::Array1;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

include!(concat!(env!("OUT_DIR"), "/check_set.rs"));

/// Strengths of the penalty that are tried, the strongest first.
const STRENGTHS: [f64; 8] = [300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1];
/// Folds over documents; a single document is cut into as many stretches.
const FOLDS: usize = 5;
/// The macro-F1 that may be lost on the check set.
const TOLERANCE: f64 = 0.002;
/// Probabilities below this count as this in the log-loss: one odd annotation must not outweigh all others.
const LEAST: f64 = 1e-3;
/// Labels less probable than this are left out of the target of a paragraph that is right already.
const NEGLIGIBLE: f64 = 1e-3;
/// A gain of so many standard errors is no chance.
const SURE: f64 = 2.0;
/// What is less probable than this by chance is none: five paragraphs that become right, when none becomes wrong.
const CHANCE: f64 = 0.05;
const ITERATIONS: u64 = 200;
const GRADIENT_TOLERANCE: f64 = 1e-3;

/// What to adapt to what, and where the model goes.
#[derive(Debug, Clone)]
pub struct AdaptOptions {
    /// The model to start from.
    pub model: Arc<Model>,
    /// Folder with corrected annotations or saved corrections, or one such file.
    pub input: PathBuf,
    /// Folder with the annotations that corrections in `input` belong to, where they are not in it.
    pub annotations: Option<PathBuf>,
    /// Name of the adapted model; it becomes a file name.
    pub name: String,
    /// Folder for the model and its card.
    pub output: PathBuf,
    /// When the model is adapted; `None`: now.
    pub time: Option<SystemTime>,
    /// The command line, for the card.
    pub command: String,
}

/// How good a model is that was adapted with one strength.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StrengthPoint {
    /// Strength of the penalty; `None` for the model as it was.
    pub strength: Option<f64>,
    /// Mean log-loss of the corrected paragraphs that were held out in turn.
    pub log_loss: f64,
    /// Share of them that are labelled as corrected.
    pub accuracy: f64,
}

/// A figure before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Of the model as it was.
    pub before: f64,
    /// Of the adapted model.
    pub after: f64,
}

/// What adapting has made, and what changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Adapted {
    /// The adapted model.
    pub model: Arc<Model>,
    /// The name of the model that it was.
    pub base: String,
    /// Its file.
    pub path: PathBuf,
    /// Its card.
    pub card: PathBuf,
    /// The strength that was chosen.
    pub strength: f64,
    /// What was found for each strength, the model as it was first.
    pub strengths: Vec<StrengthPoint>,
    /// Corrected documents.
    pub documents: usize,
    /// Corrected paragraphs.
    pub paragraphs: usize,
    /// Corrected paragraphs, held out in turn, that are labelled as corrected.
    pub accuracy: Change,
    /// Macro-F1 on the check set.
    pub check: Change,
    /// Corrected paragraphs that the adapted model labels otherwise: from which label to which, how often.
    pub moved: Vec<(String, String, u64)>,
}

/// Adapts a model, measures it, and writes model and card.
///
/// # Errors
/// [`ModelError::NothingToLearn`] when no strength is better than the model as it is, [`ModelError::CheckSet`] when
/// every strength that is better loses on the check set; when the corrections cannot be read or hold labels that the
/// model does not know, or the output cannot be written.
pub fn adapt(options: &AdaptOptions, progress: &Progress) -> Result<Adapted, ModelError> {
    progress(&Event::Stage("reading"));
    let documents = gold::read_with(&options.input, options.annotations.as_deref())?;
    let mut adapted = adapt_to(&options.model, &documents, progress)?;
    let model = Arc::make_mut(&mut adapted.model);
    model.info.name.clone_from(&options.name);
    model.info.date = date(options.time.unwrap_or_else(SystemTime::now));
    adapted.model = Arc::new(model.restored()?);
    adapted.path = options.output.join(format!("{}.{}", options.name, catalog::EXTENSION));
    adapted.card = options.output.join(format!("{}.md", options.name));
    adapted.model.save(&adapted.path)?;
    write_atomically(&adapted.card, card::adapted_card(&adapted, &options.command).as_bytes())?;
    Ok(adapted)
}

/// Adapts `model` to corrected `documents`, and writes nothing: paths are empty.
///
/// # Errors
/// As [`adapt`], but for reading and writing.
pub fn adapt_to(
    model: &Arc<Model>,
    documents: &[GoldDocument],
    progress: &Progress,
) -> Result<Adapted, ModelError> {
    let all: Vec<&GoldDocument> = documents.iter().collect();
    refuse_lost_labels(&all, &model.info().preset, model.labels())?;
    let data = Corrections::new(model, documents)?;
    if data.labelled() == 0 {
        return Err(ModelError::NothingToLearn { paragraphs: 0 });
    }
    let folds = data.folds();
    let everything: Vec<usize> = (0..data.targets.len()).collect();
    let unchanged = data.score(model, &everything);
    let mut strengths = vec![point(None, &unchanged)];
    let mut tried = Vec::new();
    for (number, strength) in STRENGTHS.into_iter().enumerate() {
        progress(&Event::Stage(&format!("strength {} of {}", number + 1, STRENGTHS.len())));
        let mut held_out: BTreeMap<usize, Scored> = BTreeMap::new();
        for fold in &folds {
            let rest: Vec<usize> = everything.iter().copied().filter(|row| !fold.contains(row)).collect();
            let adapted = Arc::new(data.adapted(model, &rest, strength)?);
            held_out.extend(data.score(&adapted, &fold.iter().copied().collect::<Vec<_>>()));
        }
        let reached = point(Some(strength), &held_out);
        // Less log-loss without more right labels is doubt, not knowledge: a model that was sure and wrong gains by it.
        if sign_test(&unchanged, &held_out) < CHANCE {
            tried.push((strength, gain(&unchanged, &held_out)));
        }
        strengths.push(reached);
    }

    tried.retain(|(_, gain)| gain.mean > SURE * gain.error);
    if tried.is_empty() {
        return Err(ModelError::NothingToLearn { paragraphs: data.labelled() });
    }
    let check_set = check_set();
    let before = macro_f1(model, &check_set);
    let mut highest = 0.0_f64;
    // What one article gains by moving further is often its own, and no gain to the next one.
    for (strength, _) in tried {
        progress(&Event::Stage("check set"));
        let adapted = Arc::new(data.adapted(model, &everything, strength)?);
        let after = macro_f1(&adapted, &check_set);
        if after >= before - TOLERANCE {
            let chosen = strengths.iter().find(|point| point.strength == Some(strength));
            let reached = chosen.map_or(strengths[0].accuracy, |point| point.accuracy);
            return Ok(Adapted {
                base: model.name().to_owned(),
                moved: moved(model, &adapted, documents),
                model: adapted,
                path: PathBuf::new(),
                card: PathBuf::new(),
                strength,
                documents: documents.len(),
                paragraphs: data.labelled(),
                accuracy: Change { before: strengths[0].accuracy, after: reached },
                check: Change { before, after },
                strengths,
            });
        }
        highest = highest.max(after);
    }
    Err(ModelError::CheckSet { before, after: highest })
}

/// How one paragraph was labelled.
#[derive(Debug, Clone, Copy)]
struct Scored {
    log_loss: f64,
    right: bool,
}

/// How much less log-loss a paragraph has on average, and the standard error of that.
#[derive(Debug, Clone, Copy)]
struct Gain {
    mean: f64,
    error: f64,
}

fn point(strength: Option<f64>, scored: &BTreeMap<usize, Scored>) -> StrengthPoint {
    let count = scored.len().max(1) as f64;
    StrengthPoint {
        strength,
        log_loss: scored.values().map(|row| row.log_loss).sum::<f64>() / count,
        accuracy: scored.values().filter(|row| row.right).count() as f64 / count,
    }
}

fn gain(before: &BTreeMap<usize, Scored>, after: &BTreeMap<usize, Scored>) -> Gain {
    let differences: Vec<f64> =
        after.iter().filter_map(|(row, after)| Some(before.get(row)?.log_loss - after.log_loss)).collect();
    let count = differences.len().max(1) as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    Gain { mean, error: (squares / (count - 1.0).max(1.0) / count).sqrt() }
}

/// How probable it is that at least as many of the paragraphs whose label became right or wrong became right, if it were
/// even chances (the exact one-sided sign test, which is McNemar's).
fn sign_test(before: &BTreeMap<usize, Scored>, after: &BTreeMap<usize, Scored>) -> f64 {
    let changed = after.iter().filter_map(|(row, after)| Some((before.get(row)?.right, after.right)));
    let (mut better, mut worse) = (0_u32, 0_u32);
    for (before, after) in changed {
        better += u32::from(after && !before);
        worse += u32::from(before && !after);
    }
    at_least(better, better + worse)
}

/// The probability of at least `heads` heads in `tosses` of a fair coin.
fn at_least(heads: u32, tosses: u32) -> f64 {
    // By logarithms: of a thousand tosses the single outcomes are smaller than any `f64`.
    let mut ln_outcomes = -f64::from(tosses) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for n in 0..=tosses {
        if n > 0 {
            ln_outcomes += (f64::from(tosses - n + 1) / f64::from(n)).ln();
        }
        if n >= heads {
            sum += ln_outcomes.exp();
        }
    }
    sum.min(1.0)
}

/// The corrected paragraphs as rows of a model's features.
pub(super) struct Corrections<'a> {
    documents: &'a [GoldDocument],
    /// The rows of each document.
    ranges: Vec<Range<usize>>,
    rows: SparseRecords,
    /// Of the auxiliary model, where there is one.
    auxiliary: Option<Box<Corrections<'a>>>,
    /// The label of each row; `None` for text that has none.
    targets: Vec<Option<usize>>,
    /// Whether the model, by all its stages, gives a row its label already.
    right: Vec<bool>,
    weights: Vec<f32>,
}

impl<'a> Corrections<'a> {
    pub(super) fn new(model: &Arc<Model>, documents: &'a [GoldDocument]) -> Result<Self, ModelError> {
        let mut rows = SparseRecords::new(model.features().n_features());
        let (mut ranges, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for document in documents {
            let start = targets.len();
            model.features().transform_into(&document.paragraphs(), &mut rows)?;
            for block in &document.blocks {
                let target = block.label.as_deref().and_then(|label| label_index(model.labels(), label));
                let name = target.map(|target| model.labels()[target].as_str());
                let weight =
                    name.and_then(|name| model.info().preset.class_weights.get(name)).unwrap_or(&1.0);
                weights.push(if target.is_some() { *weight as f32 } else { 0.0 });
                targets.push(target);
            }
            ranges.push(start..targets.len());
        }
        let auxiliary = match model.auxiliary() {
            Some(auxiliary) => Some(Box::new(Self::new(auxiliary, documents)?)),
            None => None,
        };
        let right = vec![false; targets.len()];
        let mut new = Self { documents, ranges, rows, auxiliary, targets, right, weights };
        let all: Vec<usize> = (0..new.targets.len()).collect();
        for (row, scored) in new.score(model, &all) {
            new.right[row] = scored.right;
        }
        Ok(new)
    }

    /// What is right already teaches the first stage as well: what all stages say of it.
    pub(super) fn teach_what_is_right(mut self) -> Self {
        self.right.fill(false);
        self.auxiliary = self.auxiliary.map(|auxiliary| Box::new(auxiliary.teach_what_is_right()));
        self
    }

    pub(super) fn labelled(&self) -> usize {
        self.targets.iter().flatten().count()
    }

    /// The rows that are held out together: those of whole documents, or stretches of a single one.
    fn folds(&self) -> Vec<BTreeSet<usize>> {
        let mut folds = vec![BTreeSet::new(); FOLDS];
        match self.ranges.as_slice() {
            [only] => only.clone().for_each(|row| {
                folds[(row - only.start) * FOLDS / only.len()].insert(row);
            }),
            ranges => {
                for (number, range) in ranges.iter().enumerate() {
                    folds[number % FOLDS].extend(range.clone());
                }
            }
        }
        folds.retain(|fold| fold.iter().any(|&row| self.targets[row].is_some()));
        folds
    }

    /// `model`, and its auxiliary model, with the first stage fitted to `rows`, and the documents noted as seen.
    fn adapted(&self, model: &Model, rows: &[usize], strength: f64) -> Result<Model, ModelError> {
        let mut adapted = self.fitted(model, rows, strength)?;
        let data = &mut adapted.info.data;
        data.files += self.documents.len();
        let volumes: BTreeSet<String> =
            data.volumes.iter().chain(self.documents.iter().map(|d| &d.volume)).cloned().collect();
        data.volumes = volumes.into_iter().collect();
        if !data.documents.is_empty() {
            let digests: BTreeSet<String> =
                data.documents.drain(..).chain(self.documents.iter().map(GoldDocument::digest)).collect();
            data.documents = digests.into_iter().collect();
        }
        self.targets.iter().flatten().for_each(|&target| data.paragraphs[target].1 += 1);
        Ok(adapted)
    }

    /// `model`, and its auxiliary model, with the first stage fitted to `rows`.
    pub(super) fn fitted(&self, model: &Model, rows: &[usize], strength: f64) -> Result<Model, ModelError> {
        let auxiliary = match (model.auxiliary(), &self.auxiliary) {
            (Some(auxiliary), Some(data)) => Some(Arc::new(data.fitted(auxiliary, rows, strength)?)),
            _ => None,
        };
        let mut info = model.info().clone();
        info.adapted_from = Some(format!("{} {}", model.name(), model.sha256()));
        Model::from_parts(ModelParts {
            info,
            features: model.features().clone(),
            linear: self.fit(model.linear(), rows, strength)?,
            stacked: model.stacked().cloned(),
            auxiliary,
        })
    }

    /// The first stage, fitted to `rows`. Features that do not occur in them keep their weights, so the fit is one over
    /// those that do.
    fn fit(&self, base: &Linear, rows: &[usize], strength: f64) -> Result<Linear, ModelError> {
        let labelled = || rows.iter().copied().filter(|&row| self.targets[row].is_some());
        let used: BTreeSet<u32> = labelled().flat_map(|row| self.rows.row(row).0.iter().copied()).collect();
        let used: Vec<u32> = used.into_iter().collect();
        let labels = base.classes().len();
        let mut small = SparseRecords::new(used.len());
        let (mut targets, mut weights) = (Vec::new(), Vec::new());
        for row in labelled() {
            let (columns, values) = self.rows.row(row);
            let place = |column: &u32| used.partition_point(|known| known < column) as u32;
            let entries: Vec<(u32, f64)> = columns.iter().map(place).zip(values.iter().copied()).collect();
            for (target, share) in self.target(row, base) {
                small.push(&mut entries.clone()).map_err(ModelError::Solver)?;
                targets.push(target);
                weights.push(self.weights[row] * share as f32);
            }
        }
        // A label that no corrected paragraph has stays a class by a row without weight.
        for label in 0..labels {
            small.push(&mut []).map_err(ModelError::Solver)?;
            targets.push(label);
            weights.push(0.0);
        }
        let parts = used.iter().flat_map(|&column| base.feature(column as usize)).copied().collect();
        let start = linear(parts, base.intercept().to_vec())?;
        let _: &FittedSparseLogisticRegression<f32, usize> = &start;
        let fitted: FittedSparseLogisticRegression<f64, usize> = SparseLogisticRegression::params()
            .alpha(strength)
            .max_iterations(ITERATIONS)
            .gradient_tolerance(GRADIENT_TOLERANCE)
            .towards(&start)
            .fit(&DatasetBase::new(small, Array1::from(targets)).with_weights(Array1::from(weights)))
            .map_err(ModelError::Solver)?;
        let mut all = base.weights().to_vec();
        for (place, &column) in used.iter().enumerate() {
            let to = &mut all[column as usize * labels..][..labels];
            to.iter_mut().zip(fitted.feature(place)).for_each(|(to, &from)| *to = from as f32);
        }
        linear(all, fitted.intercept().to_vec())
    }

    /// What the first stage shall say of a row: the labels with their shares.
    fn target(&self, row: usize, base: &Linear) -> Vec<(usize, f64)> {
        let Some(target) = self.targets[row] else { return Vec::new() };
        if !self.right[row] {
            return vec![(target, 1.0)];
        }
        let (columns, values) = self.rows.row(row);
        let entries = columns.iter().map(|&column| column as usize).zip(values.iter().copied());
        let mut probabilities = vec![0.0; base.classes().len()];
        base.probabilities_into(entries, &mut probabilities);
        probabilities.into_iter().enumerate().filter(|(_, share)| *share >= NEGLIGIBLE).collect()
    }

    /// How `model` labels those of `rows` that have a label, by all its stages.
    fn score(&self, model: &Arc<Model>, rows: &[usize]) -> BTreeMap<usize, Scored> {
        let wanted: BTreeSet<usize> = rows.iter().copied().collect();
        let labels = model.labels().len();
        let mut scorer = model.scorer();
        let mut found = BTreeMap::new();
        for (document, range) in self.documents.iter().zip(&self.ranges) {
            if wanted.range(range.clone()).next().is_none() {
                continue;
            }
            let scored = scorer.score(&document.paragraphs());
            let predicted = scored.labels.iter().zip(scored.probabilities.chunks_exact(labels));
            for (row, (&label, probabilities)) in range.clone().zip(predicted) {
                let Some(target) = self.targets[row].filter(|_| wanted.contains(&row)) else { continue };
                let log_loss = -f64::from(probabilities[target]).max(LEAST).ln();
                found.insert(row, Scored { log_loss, right: usize::from(label) == target });
            }
        }
        found
    }
}

/// The articles that come with the program.
fn check_set() -> Vec<GoldDocument> {
    CHECK_SET.iter().map(|(path, text)| GoldDocument::parse(path, path, text)).collect()
}

/// The macro-F1 of blocks, of the three labels for a fine model.
fn macro_f1(model: &Arc<Model>, documents: &[GoldDocument]) -> f64 {
    let mut measured = Measured::new(model.labels());
    measured.add(model, documents, false);
    let blocks = measured.collapsed.as_ref().map_or(&measured.blocks, |[blocks, _]| blocks);
    blocks.scores().macro_f1
}

/// The corrected paragraphs that `after` labels otherwise than `before`.
fn moved(before: &Arc<Model>, after: &Arc<Model>, documents: &[GoldDocument]) -> Vec<(String, String, u64)> {
    let mut counts = Confusion::new(before.labels());
    let (mut first, mut second) = (before.scorer(), after.scorer());
    for document in documents {
        let paragraphs = document.paragraphs();
        let pairs = first.score(&paragraphs).labels.iter().zip(second.score(&paragraphs).labels);
        let name = |label: u16| before.labels()[usize::from(label)].as_str();
        pairs.for_each(|(&from, &to)| counts.add(name(from), name(to)));
    }
    counts.most_confused(usize::MAX)
}

impl Adapted {
    /// What changed, in a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        let moved: u64 = self.moved.iter().map(|(_, _, count)| count).sum();
        let most = self
            .moved
            .first()
            .map_or(String::new(), |(from, to, count)| format!(", most often from {from} to {to} ({count})"));
        format!(
            "{} starts from {} and was adapted to {} corrected paragraphs of {} documents with strength {}. Of paragraphs \
             held out, {:.1} % are labelled as corrected, where it was {:.1} %; {moved} of the corrected paragraphs have \
             another label than before{most}. On the check set macro-F1 is {:.3}, where it was {:.3}.",
            self.model.name(),
            self.base,
            self.paragraphs,
            self.documents,
            self.strength,
            100.0 * self.accuracy.after,
            100.0 * self.accuracy.before,
            self.check.after,
            self.check.before,
        )
    }

    /// The figures as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let moved = self.moved.iter();
        let moved = moved.map(|(from, to, count)| json!({ "from": from, "to": to, "count": count }));
        json!({
            "strength": self.strength,
            "strengths": self.strengths,
            "documents": self.documents,
            "paragraphs": self.paragraphs,
            "accuracy": self.accuracy,
            "check_macro_f1": self.check,
            "moved": moved.collect::<Vec<_>>(),
            "model": {
                "name": self.model.name(),
                "base": self.base,
                "path": self.path.display().to_string(),
                "card": self.card.display().to_string(),
                "sha256": self.model.sha256(),
            },
        })
    }

    /// The figures for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n\n  strength  log-loss  as corrected\n", self.sentence());
        for point in &self.strengths {
            let strength = point.strength.map_or("none".to_owned(), |strength| strength.to_string());
            let chosen = if point.strength == Some(self.strength) { "  chosen" } else { "" };
            text += &format!("  {strength:>8}  {:>8.3}  {:>12.3}{chosen}\n", point.log_loss, point.accuracy);
        }
        text + &format!("\nmodel {}\ncard  {}\n", self.path.display(), self.card.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_is_that_of_a_fair_coin() {
        for (heads, tosses, wanted) in
            [(0, 0, 1.0), (1, 1, 0.5), (4, 4, 0.0625), (5, 5, 0.03125), (9, 11, 67.0 / 2048.0), (0, 9, 1.0)]
        {
            assert!((at_least(heads, tosses) - wanted).abs() < 1e-12, "{heads} of {tosses}");
        }
        assert!((at_least(1000, 2000) - 0.5089).abs() < 1e-3 && at_least(2000, 2000) == 0.0);
    }

    /// An article that the model labels as a person would says nothing: the model stays, however weak the penalty is.
    #[test]
    fn paragraphs_that_are_right_already_do_not_move_the_model() {
        let model = Arc::new(Model::load("logistic_words_suffixes").unwrap());
        let mut documents = check_set();
        for document in &mut documents {
            let labels = model.scorer().score(&document.paragraphs()).labels.to_vec();
            for (block, label) in document.blocks.iter_mut().zip(labels) {
                block.label = Some(model.labels()[usize::from(label)].clone());
            }
        }
        let data = Corrections::new(&model, &documents).unwrap();
        assert!(data.labelled() > 50 && data.right.iter().all(|&right| right));
        let everything: Vec<usize> = (0..data.targets.len()).collect();
        let adapted = Arc::new(data.adapted(&model, &everything, 0.1).unwrap());
        let (mut before, mut after) = (model.scorer(), adapted.scorer());
        for document in &documents {
            let paragraphs = document.paragraphs();
            let (before, after) = (before.score(&paragraphs), after.score(&paragraphs));
            assert_eq!(before.labels, after.labels, "{}", document.path);
            for (before, after) in before.probabilities.iter().zip(after.probabilities) {
                assert!((before - after).abs() < 0.02, "{}: {before} {after}", document.path);
            }
        }
    }
}
