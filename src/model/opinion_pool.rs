//! Two models' opinions of the three labels brought together.
//!
//! Fine labels cost a model certainty where it matters most: names, descriptions and everything else are told
//! apart best by a model that has nothing else to tell apart, with as many terms as that can use. So a fine
//! model can carry such an auxiliary model, and what both think of the three labels is brought together by their
//! geometric mean (a logarithmic opinion pool with equal weights: Genest and Zidek, Statistical Science 1, 1986):
//!
//! ```text
//! p(label) ~ fine(label) * sqrt(auxiliary(three) / fine(three))      fine(three) = sum of fine(label) that become it
//! ```
//!
//! Among the labels that become the same one of the three, the odds stay those of the fine model.

use super::ModelError;
use crate::document::labels::{COLLAPSED_LABELS, collapse};

/// Probabilities below this count as this: a model that is sure must not forbid what the other is sure of.
const LEAST: f64 = 1e-9;

/// How the labels of a fine model and of its auxiliary model go together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpinionPool {
    /// For each fine label the place of that one of the three which it becomes, in the auxiliary model.
    places: Vec<usize>,
    /// How many labels the auxiliary model has.
    labels: usize,
    temperature: f64,
}

impl OpinionPool {
    /// The pool of a fine model of `labels` and an auxiliary model of `auxiliary` labels, whose joint scores are
    /// divided by `temperature`.
    ///
    /// # Errors
    /// When a label becomes one that the auxiliary model does not know.
    pub(super) fn new(labels: &[String], auxiliary: &[String], temperature: f64) -> Result<Self, ModelError> {
        if auxiliary.len() > COLLAPSED_LABELS.len() {
            return Err(ModelError::Invalid(format!(
                "its auxiliary model has {} labels, not three",
                auxiliary.len()
            )));
        }
        let place = |label: &String| {
            let three = collapse(label);
            auxiliary.iter().position(|known| known == three).ok_or_else(|| {
                ModelError::Invalid(format!(
                    "its auxiliary model does not know {three}, which {label} becomes"
                ))
            })
        };
        let places = labels.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { places, labels: auxiliary.len(), temperature })
    }

    /// What a paragraph's fine probabilities are multiplied by to meet the other opinion half way, for each of the
    /// auxiliary model's labels.
    fn factors(&self, fine: &[f64], auxiliary: &[f32]) -> [f64; COLLAPSED_LABELS.len()] {
        let mut factors = [0.0; COLLAPSED_LABELS.len()];
        self.places.iter().zip(fine).for_each(|(&place, p)| factors[place] += p);
        for (factor, &opinion) in factors.iter_mut().zip(auxiliary) {
            *factor = (f64::from(opinion).max(LEAST) / factor.max(LEAST)).sqrt();
        }
        factors
    }

    /// What the other opinion adds to the score (the logarithm of the probability) of each fine label.
    pub(super) fn adds(&self, fine: &[f64], auxiliary: &[f32]) -> Vec<f64> {
        let factors = self.factors(fine, auxiliary);
        self.places.iter().map(|&place| factors[place].ln()).collect()
    }

    /// Replaces a document's fine probabilities, row-major (paragraphs x fine labels), by the mean of both
    /// opinions, where `auxiliary` (paragraphs x labels of the auxiliary model) is the other one.
    pub(super) fn agree(&self, fine: &mut [f64], auxiliary: &[f32]) {
        let rows = fine.chunks_exact_mut(self.places.len()).zip(auxiliary.chunks_exact(self.labels));
        for (fine, auxiliary) in rows {
            let factors = self.factors(fine, auxiliary);
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
    use crate::model::stored::Auxiliary;
    use crate::model::{AROUND, AUXILIARY, Model};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn named(mut model: Arc<Model>, labels: &[&str]) -> Arc<Model> {
        let named = Arc::make_mut(&mut model);
        named.labels = labels.iter().map(|&label| label.to_owned()).collect();
        named.info.data.paragraphs = named.labels.iter().map(|label| (label.clone(), 1)).collect();
        model
    }

    /// A fine model of random weights that has an auxiliary model, both with two stages.
    fn with_auxiliary(trained_on: &[Paragraph<'_>], salt: u32, temperature: f64) -> Arc<Model> {
        let three = named(model(PRESETS[3], trained_on, 3, !salt, true), &COLLAPSED_LABELS);
        let labels = ["Key", "Nomenclature", "Description", "Figure"];
        let mut fine = named(model(PRESETS[3], trained_on, 4, salt, true), &labels);
        let changed = Arc::make_mut(&mut fine);
        changed.info.temperature = temperature;
        changed.info.preset.auxiliary_model = Some(Box::new(three.info.preset.clone()));
        changed.auxiliary = Some(auxiliary(three, &changed.labels, temperature));
        fine
    }

    fn auxiliary(model: Arc<Model>, labels: &[String], temperature: f64) -> Auxiliary {
        let pool = OpinionPool::new(labels, model.labels(), temperature).expect("all known");
        Auxiliary { model, pool }
    }

    fn pool(temperature: f64) -> OpinionPool {
        let fine = ["Key", "Nomenclature", "Description", "Figure"].map(str::to_owned);
        OpinionPool::new(&fine, &COLLAPSED_LABELS.map(str::to_owned), temperature).expect("all known")
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
            pool(temperature).agree(&mut after, &three);
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
            let fine = with_auxiliary(&paragraphs(&training), salt, 1.25);
            let document = paragraphs(&document);
            let probabilities = fine.scorer().score(&document).probabilities.to_vec();
            let second = fine.stacked().expect("two stages").fitted().intercept();
            for (place, row) in probabilities.chunks_exact(4).enumerate() {
                let mut scores = second.to_vec();
                for contribution in fine.explain(&document, place, 1).expect("rows") {
                    if contribution.feature.starts_with(AROUND) || contribution.feature == AUXILIARY {
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
            let fine = with_auxiliary(&paragraphs(&training), salt, 0.75);
            let document = paragraphs(&document);
            let back = Arc::new(Model::from_bytes(&fine.to_bytes(), "memory").expect("a model"));
            let (mut scorer, mut of_back) = (fine.scorer(), back.scorer());
            prop_assert_eq!(scorer.score(&document), of_back.score(&document));
            prop_assert_eq!(back.to_bytes(), fine.to_bytes());
        }

        #[test]
        fn collapsed_is_the_sum_of_what_becomes_the_same(document in texts(), salt: u32) {
            let document = paragraphs(&document);
            let fine = with_auxiliary(&document, salt, 1.0);
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
    fn an_auxiliary_model_with_one_of_its_own_is_refused() {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let mut outer = with_auxiliary(&document, 1, 1.0);
        let inner = with_auxiliary(&document, 2, 1.0);
        let pool = outer.auxiliary.as_ref().expect("there is one").pool.clone();
        Arc::make_mut(&mut outer).auxiliary = Some(Auxiliary { model: inner, pool });
        let error = Model::from_bytes(&outer.to_bytes(), "memory").expect_err("two levels").to_string();
        assert!(error.contains("its auxiliary model: an auxiliary model has one of its own"), "{error}");
    }

    #[test]
    fn two_that_agree_are_left_as_they_are_and_no_zero_is_divided_by() {
        let mut fine = [0.1, 0.5, 0.2, 0.2];
        let mut three = [0.0; 3];
        for (place, p) in pool(1.0).places.iter().zip(fine) {
            three[*place] += p as f32;
        }
        pool(1.0).agree(&mut fine, &three);
        fine.iter().zip([0.1, 0.5, 0.2, 0.2]).for_each(|(found, p)| assert!((found - p).abs() < 1e-6));
        let mut fine = [0.0, 1.0, 0.0, 0.0];
        pool(1.0).agree(&mut fine, &[0.0, 0.0, 0.0]);
        assert!(fine.iter().all(|p| p.is_finite()));
    }

    #[test]
    fn an_auxiliary_model_that_does_not_fit_is_refused() {
        let known = ["Nomenclature", "Description"].map(str::to_owned);
        let error = OpinionPool::new(&["Key".to_owned()], &known, 1.0).expect_err("unknown").to_string();
        assert!(error.contains("Key") && error.contains("Misc-exposition"), "{error}");
        let four = ["A", "B", "C", "Misc-exposition"].map(str::to_owned);
        let error = OpinionPool::new(&["Key".to_owned()], &four, 1.0).expect_err("too many").to_string();
        assert!(error.contains("4 labels"), "{error}");
    }
}
