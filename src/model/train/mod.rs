//! Training: annotated files in, a model and its card out.
//!
//! How good the model is gets measured on files that the measured model has not seen: those of `test`; or, with folds,
//! every volume in turn by a model trained on the others; or files held out by a seeded split. The model that is stored
//! is then trained on all files of `input`.

mod adapt;
mod card;
mod cross;
mod cross_fit;
mod fit;
mod labels;
pub(crate) mod own_labels;
mod samples;
mod self_train;
mod solve;
mod split;
mod stacking;
mod synthetic;

pub use adapt::{AdaptOptions, Adapted, Change, StrengthPoint, adapt, adapt_to};
pub use cross::{CrossValidated, LayoutFigures, LearningPoint, cross_validate};
pub use fit::{Naming, fit};
pub use self_train::{SelfTrained, self_train};

use super::evaluate::{Evaluation, Measured, temperature};
use super::gold::{self, GoldDocument};
use super::{Model, ModelError, Preset, catalog, write_atomically};
use crate::printable::several;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// What to train, on what, and where the model goes.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Folder with `.ann` files to train from.
    pub input: PathBuf,
    /// Folder with the annotations that corrections in `input` belong to, where they are not in it.
    pub annotations: Option<PathBuf>,
    /// Folder with `.ann` files to test on; `None`: cross-validation, or files held out.
    pub test: Option<PathBuf>,
    /// Name of the preset.
    pub preset_name: String,
    /// The preset.
    pub preset: Preset,
    /// Name of the model; it becomes a file name.
    pub name: String,
    /// Seed of the split.
    pub seed: u64,
    /// Folds of whole volumes to cross-validate over.
    pub cross_validate: Option<usize>,
    /// Folder for the model and its card.
    pub output: PathBuf,
    /// When the model is trained; `None`: now. With the same day (in UTC), data, preset and seed the model file is
    /// the same to the bit.
    pub time: Option<SystemTime>,
    /// The command line, for the card.
    pub command: String,
}

/// How training goes on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part of the work begins.
    Stage(&'a str),
    /// The solver has done an iteration.
    Iteration {
        /// Which one, from 1.
        iteration: u64,
        /// The most that it may do.
        of: u64,
        /// The loss after it.
        loss: f64,
    },
}

/// Sees how the work goes.
pub type Progress = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What training has made, and how good it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained {
    /// The model.
    pub model: Arc<Model>,
    /// Its file.
    pub path: PathBuf,
    /// Its card.
    pub card: PathBuf,
    /// Its figures, on files it had not seen.
    pub evaluation: Evaluation,
    /// How the figures grow with the training data; only from cross-validation.
    pub learning_curve: Vec<LearningPoint>,
    /// How good the labels are in other layouts of lines; only from cross-validation.
    pub layouts: Vec<LayoutFigures>,
    /// What is odd about data or figures, a sentence each.
    pub notices: Vec<String>,
}

/// Trains a model, measures it, and writes model and card.
///
/// # Errors
/// When the files cannot be split as asked, cannot be read or trained on, or the output cannot be written.
pub fn run(options: &TrainOptions, progress: &Progress) -> Result<Trained, ModelError> {
    let name = options.name.as_str();
    let date = date(options.time.unwrap_or_else(SystemTime::now));
    let naming = Naming { name, preset_name: &options.preset_name, date: &date, seed: options.seed };
    progress(&Event::Stage("reading"));
    let documents = gold::read_with(&options.input, options.annotations.as_deref())?;
    let all: Vec<&GoldDocument> = documents.iter().collect();
    let learnt = labels::labels(&all, &options.preset);
    own_labels::refuse_lost_labels(&all, &options.preset, &learnt)?;
    let mut notices = own_labels::doubtful_labels(&all, &learnt);
    let (model, evaluation, learning_curve, layouts) = if let Some(test) = &options.test {
        let tests = gold::read(test)?;
        let tests: Vec<&GoldDocument> = tests.iter().collect();
        let title = format!(
            "{name}: trained on {}, tested on {} others",
            several(all.len() as u64, "file"),
            tests.len()
        );
        let (model, mut evaluation) = measure(&all, &tests, title, options, &naming, progress)?;
        let overlap = model.info().data.overlap(tests.iter().copied());
        if overlap > 0 {
            let notice = format!("{overlap} of the {} test files are among the training files", tests.len());
            evaluation.title += &format!(" ({notice}: the figures are too good)");
            notices.push(format!("{notice}: the figures are better than they will be on other files"));
        }
        (model, evaluation, Vec::new(), Vec::new())
    } else if let Some(k) = options.cross_validate {
        let found = cross_validate(&documents, k, &options.preset, &naming, progress)?;
        let cooling = temperature(&found.measured.probabilities);
        progress(&Event::Stage("training on all files"));
        let model = Arc::new(fit(&all, &options.preset, &naming, cooling, progress)?);
        let title =
            format!("{name}: {k} folds of whole volumes, each tested by a model trained on the others");
        (
            model,
            Evaluation { temperature: cooling, ..Evaluation::new(title, found.measured) },
            found.learning_curve,
            found.layouts,
        )
    } else {
        let (train, test) = split::hold_out(&documents, options.seed)?;
        let select =
            |files: &[usize]| -> Vec<&GoldDocument> { files.iter().map(|&file| &documents[file]).collect() };
        let title = format!(
            "{name}: a model trained on {} was tested on {} held out; the one that is stored was then trained \
             on all {}",
            several(train.len() as u64, "file"),
            test.len(),
            all.len()
        );
        let (_, evaluation) = measure(&select(&train), &select(&test), title, options, &naming, progress)?;
        progress(&Event::Stage("training on all files"));
        let model = Arc::new(fit(&all, &options.preset, &naming, 1.0, progress)?);
        (model, evaluation, Vec::new(), Vec::new())
    };

    let path = options.output.join(format!("{name}.{}", catalog::EXTENSION));
    let card = options.output.join(format!("{name}.md"));
    model.save(&path)?;
    let trained = Trained { model, path, card, evaluation, learning_curve, layouts, notices };
    write_atomically(&trained.card, card::card(&trained, &options.command).as_bytes())?;
    Ok(trained)
}

/// A model trained on `train` and measured on `test`, which it has not seen.
fn measure(
    train: &[&GoldDocument],
    test: &[&GoldDocument],
    title: String,
    options: &TrainOptions,
    naming: &Naming<'_>,
    progress: &Progress,
) -> Result<(Arc<Model>, Evaluation), ModelError> {
    let model = Arc::new(fit(train, &options.preset, naming, 1.0, progress)?);
    progress(&Event::Stage("measuring"));
    let mut measured = Measured::new(model.labels());
    measured.add(&model, test.iter().copied(), false);
    Ok((model, Evaluation::new(title, measured)))
}

/// The date of a moment, `YYYY-MM-DD` in UTC; that of 1970 for one that no calendar has.
fn date(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::UTC).date().to_string()
}

impl Trained {
    /// The figures as JSON: those of [`Evaluation::to_json`], the learning curve, other layouts of lines, and the model.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = self.evaluation.to_json();
        json["learning_curve"] = json!(self.learning_curve);
        json["layouts"] = json!(self.layouts);
        json["notices"] = json!(self.notices);
        json["model"] = json!({
            "name": self.model.name(),
            "path": self.path.display().to_string(),
            "card": self.card.display().to_string(),
            "sha256": self.model.sha256(),
            "features": self.model.features().n_features(),
            "temperature": self.model.info().temperature,
        });
        json
    }

    /// The figures for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{}\nmodel {}\ncard  {}\n",
            self.evaluation.to_text(),
            self.path.display(),
            self.card.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::date;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_those_of_utc() {
        let of = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(of(0), "1970-01-01");
        assert_eq!(of(951_782_400), "2000-02-29");
        assert_eq!(of(1_735_689_599), "2024-12-31");
        assert_eq!(of(1_735_689_600), "2025-01-01");
    }
}
