//! A model of the three labels beside a fine one.
//!
//! Fine labels cost a model certainty where it matters most: names, descriptions and everything else are told
//! apart best by a model that has nothing else to tell apart, with as many terms as that can use. So a fine
//! model can carry such a model along, and what both think of the three labels is brought together by their
//! geometric mean (a logarithmic opinion pool with equal weights: Genest and Zidek, Statistical Science 1, 1986):
//!
//! ```text
//! p(label) ~ fine(label) * sqrt(coarse(three) / fine(three))      fine(three) = sum of fine(label) that become it
//! ```
//!
//! Among the labels that become the same one of the three, the odds stay those of the fine model.

use super::Model;
use super::solver::SolverError;
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use std::sync::Arc;

/// Probabilities below this count as this: a model that is sure must not forbid what the other is sure of.
const LEAST: f64 = 1e-9;

/// The model of the three labels that a fine model has beside it.
#[derive(Debug, Clone)]
pub struct Coarse {
    model: Arc<Model>,
    /// For each fine label the place of that one of the three which it becomes, in the coarse model.
    places: Vec<usize>,
    temperature: f64,
}

impl Coarse {
    /// `model` beside a fine model of `labels`, whose joint scores are divided by `temperature`.
    ///
    /// # Errors
    /// When a label becomes one that the model does not know.
    pub(super) fn new(model: Arc<Model>, labels: &[String], temperature: f64) -> Result<Self, SolverError> {
        let place = |label: &String| {
            let three = collapse(label);
            model.labels().iter().position(|known| known == three).ok_or_else(|| {
                SolverError::Optimiser(format!(
                    "the model beside it does not know {three}, which {label} becomes"
                ))
            })
        };
        let places = labels.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { model, places, temperature })
    }

    /// The model of the three labels.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What a paragraph's fine probabilities are multiplied by to meet the other opinion half way, for each of the
    /// coarse model's labels.
    fn factors(&self, fine: &[f64], coarse: &[f32]) -> [f64; COLLAPSED_LABELS.len()] {
        let mut factors = [0.0; COLLAPSED_LABELS.len()];
        self.places.iter().zip(fine).for_each(|(&place, p)| factors[place] += p);
        for (factor, &opinion) in factors.iter_mut().zip(coarse) {
            *factor = (f64::from(opinion).max(LEAST) / factor.max(LEAST)).sqrt();
        }
        factors
    }

    /// What the other opinion adds to the score (the logarithm of the probability) of each fine label.
    pub(super) fn adds(&self, fine: &[f64], coarse: &[f32]) -> Vec<f64> {
        let factors = self.factors(fine, coarse);
        self.places.iter().map(|&place| factors[place].ln()).collect()
    }

    /// Replaces a document's fine probabilities, row-major (paragraphs x fine labels), by the mean of both
    /// opinions, where `coarse` (paragraphs x labels of the coarse model) is the other one.
    pub(super) fn agree(&self, fine: &mut [f64], coarse: &[f32]) {
        let labels = self.model.labels().len();
        for (fine, coarse) in fine.chunks_exact_mut(self.places.len()).zip(coarse.chunks_exact(labels)) {
            let factors = self.factors(fine, coarse);
            self.places.iter().zip(&mut *fine).for_each(|(&place, p)| {
                *p = (*p * factors[place]).powf(1.0 / self.temperature);
            });
            let sum: f64 = fine.iter().sum();
            fine.iter_mut().for_each(|p| *p /= sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Paragraph;
    use crate::model::scorer::tests::{PRESETS, model, paragraphs, texts};
    use crate::model::{AROUND, BESIDE};
    use proptest::prelude::*;

    fn named(mut model: Arc<Model>, labels: &[&str]) -> Arc<Model> {
        let named = Arc::make_mut(&mut model);
        named.labels = labels.iter().map(|&label| label.to_owned()).collect();
        named.info.data.paragraphs = named.labels.iter().map(|label| (label.clone(), 1)).collect();
        model
    }

    /// A fine model of random weights that has one of the three labels beside it, both with two stages.
    fn with_one_beside(trained_on: &[Paragraph<'_>], salt: u32, temperature: f64) -> Arc<Model> {
        let three = named(model(PRESETS[3], trained_on, 3, !salt, true), &COLLAPSED_LABELS);
        let labels = ["Key", "Nomenclature", "Description", "Figure"];
        let mut fine = named(model(PRESETS[3], trained_on, 4, salt, true), &labels);
        let changed = Arc::make_mut(&mut fine);
        changed.info.temperature = temperature;
        changed.info.preset.coarse = Some(Box::new(three.info.preset.clone()));
        changed.coarse = Some(Coarse::new(three, &changed.labels, temperature).expect("all known"));
        fine
    }

    fn coarse(temperature: f64) -> Coarse {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let three = named(model(PRESETS[0], &document, 3, 1, false), &COLLAPSED_LABELS);
        let fine = ["Key", "Nomenclature", "Description", "Figure"].map(str::to_owned);
        Coarse::new(three, &fine, temperature).expect("all known")
    }

    fn row(count: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.001_f64..1.0, count).prop_map(|row| {
            let sum: f64 = row.iter().sum();
            row.iter().map(|p| p / sum).collect()
        })
    }

    proptest! {
        #[test]
        fn the_mean_is_geometric_and_leaves_the_odds_within_one_of_the_three(
            before in row(4), three in row(3), temperature in 0.5_f64..2.0,
        ) {
            let three: Vec<f32> = three.iter().map(|&p| p as f32).collect();
            let mut after = before.clone();
            coarse(temperature).agree(&mut after, &three);
            prop_assert!((after.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            // Key and Figure are both Misc-exposition, the third of the three.
            let own = ((after[0] / after[3]).ln() - (before[0] / before[3]).ln() / temperature).abs();
            prop_assert!(own < 1e-6, "{own}");
            let odds = |a: f64, b: f64| (a / b).ln();
            let place = |label| COLLAPSED_LABELS.iter().position(|three| *three == label).expect("one of them");
            let (name, description) = (three[place("Nomenclature")], three[place("Description")]);
            let mean = f64::midpoint(odds(before[1], before[2]), odds(f64::from(name), f64::from(description)));
            prop_assert!((odds(after[1], after[2]) - mean / temperature).abs() < 1e-5);
        }
    }

    proptest! {
        #[test]
        fn contributions_add_up_to_the_odds(training in texts(), document in texts(), salt: u32) {
            let fine = with_one_beside(&paragraphs(&training), salt, 1.25);
            let document = paragraphs(&document);
            let probabilities = fine.scorer().score(&document).probabilities.to_vec();
            let second = fine.decoder().expect("two stages").intercept();
            for (place, row) in probabilities.chunks_exact(4).enumerate() {
                let mut scores = second.to_vec();
                for contribution in fine.explain(&document, place, 1) {
                    if contribution.feature.starts_with(AROUND) || contribution.feature == BESIDE {
                        scores.iter_mut().zip(&contribution.scores).for_each(|(sum, score)| *sum += score);
                    }
                }
                let found = (scores[1] - scores[2]) / 1.25;
                let odds = f64::from(row[1] / row[2]).ln();
                prop_assert!((found - odds).abs() < 1e-3, "{found} instead of {odds}");
            }
        }

        #[test]
        fn both_come_back_from_one_file(training in texts(), document in texts(), salt: u32) {
            let fine = with_one_beside(&paragraphs(&training), salt, 0.75);
            let document = paragraphs(&document);
            let back = Arc::new(Model::from_bytes(&fine.to_bytes(), "memory").expect("a model"));
            let (mut scorer, mut of_back) = (fine.scorer(), back.scorer());
            prop_assert_eq!(scorer.score(&document), of_back.score(&document));
            prop_assert_eq!(back.to_bytes(), fine.to_bytes());
        }

        #[test]
        fn collapsed_is_the_sum_of_what_becomes_the_same(document in texts(), salt: u32) {
            let document = paragraphs(&document);
            let fine = with_one_beside(&document, salt, 1.0);
            let mut collapsed = fine.scorer().collapsed();
            prop_assert_eq!(collapsed.labels(), &COLLAPSED_LABELS.map(str::to_owned)[..]);
            let three = collapsed.score(&document);
            let mut fine_scorer = fine.scorer();
            let all = fine_scorer.score(&document);
            let rows = three.probabilities.chunks_exact(3).zip(all.probabilities.chunks_exact(4));
            for ((three, all), &label) in rows.zip(three.labels) {
                for (name, p) in COLLAPSED_LABELS.iter().zip(three) {
                    let same = fine.labels().iter().zip(all).filter(|(label, _)| collapse(label) == *name);
                    let sum: f32 = same.map(|(_, p)| p).sum();
                    prop_assert!((sum - p).abs() < 1e-6, "{sum} instead of {p}");
                }
                prop_assert!(three.iter().all(|p| *p <= three[usize::from(label)]));
            }
        }
    }

    #[test]
    fn a_model_beside_that_has_one_beside_itself_is_refused() {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let mut outer = with_one_beside(&document, 1, 1.0);
        let mut inner = with_one_beside(&document, 2, 1.0);
        Arc::make_mut(&mut inner).labels.extend(["Misc-exposition".to_owned()]);
        let labels = outer.labels.clone();
        Arc::make_mut(&mut outer).coarse = Some(Coarse::new(inner, &labels, 1.0).expect("all known"));
        let error = Model::from_bytes(&outer.to_bytes(), "memory").expect_err("two levels").to_string();
        assert!(
            error.contains("the model beside it: a model beside it has another one beside it"),
            "{error}"
        );
    }

    #[test]
    fn two_that_agree_are_left_as_they_are_and_no_zero_is_divided_by() {
        let mut fine = [0.1, 0.5, 0.2, 0.2];
        let mut three = [0.0; 3];
        for (place, p) in coarse(1.0).places.iter().zip(fine) {
            three[*place] += p as f32;
        }
        coarse(1.0).agree(&mut fine, &three);
        fine.iter().zip([0.1, 0.5, 0.2, 0.2]).for_each(|(found, p)| assert!((found - p).abs() < 1e-6));
        let mut fine = [0.0, 1.0, 0.0, 0.0];
        coarse(1.0).agree(&mut fine, &[0.0, 0.0, 0.0]);
        assert!(fine.iter().all(|p| p.is_finite()));
    }

    #[test]
    fn a_label_that_the_model_beside_does_not_know_is_refused() {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let two = named(model(PRESETS[0], &document, 2, 1, false), &["Nomenclature", "Description"]);
        let error = Coarse::new(two, &["Key".to_owned()], 1.0).expect_err("unknown").to_string();
        assert!(error.contains("Key") && error.contains("Misc-exposition"), "{error}");
    }
}
