//! Adapting a model to texts without labels: what it is sure of teaches it how the others are written.
//!
//! A journal has its own words for its own headings. Where the whole model is sure of a paragraph (by its neighbours, by
//! the words that it knows), the first stage learns the paragraph's other words from that, and with them the paragraphs
//! that it was not sure of (self-training: Scudder 1965; Yarowsky, ACL 1995). The weights are held by an L2 penalty on the
//! distance from where they were, as in [adapting](super::adapt), so that a few documents move them little.
//!
//! Nothing tells right from wrong here. On five volumes that the model had not seen, self-training on each gave per line
//! +.0089, +.0084, +.0055, +.0005 and -.0018 macro-F1 (the last one is short: 1,300 paragraphs), and per paragraph as
//! annotated +.0089, +.0072, +.0017, -.0052 and -.0027. The two constants below are the best of seven pairs on the same
//! volumes, so expect a little less. It is an option, and off by default. The models had learned from seven and eight other
//! volumes; `examples/measure_self_training.rs` does the like with a model for each volume.

use super::adapt::Corrections;
use crate::model::gold::{GoldBlock, GoldDocument};
use crate::model::{Model, ModelError};
use crate::segment::segment;
use std::sync::Arc;

/// A paragraph teaches when its label is at least this probable.
const SURE: f32 = 0.9;
/// Strength of the penalty.
const STRENGTH: f64 = 3.0;

/// A model that has learned from texts without labels.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SelfTrained {
    /// The model. Its name is as before; its SHA-256 is its own.
    pub model: Arc<Model>,
    /// Paragraphs that it was sure of, and learned from.
    pub sure: usize,
    /// All paragraphs.
    pub paragraphs: usize,
}

/// `model`, adapted to `texts`, which have no labels. The same texts in the same order give the same model.
///
/// # Errors
/// When the fit fails.
pub fn self_train(model: &Arc<Model>, texts: Vec<String>) -> Result<SelfTrained, ModelError> {
    let mut documents: Vec<GoldDocument> = texts.into_iter().map(document).collect();
    let names = model.labels();
    let mut scorer = model.scorer();
    let mut paragraphs = 0;
    for document in &mut documents {
        let scored = scorer.score(&document.paragraphs());
        let rows = scored.labels.iter().zip(scored.probabilities.chunks_exact(names.len()));
        let sure = rows.map(|(&label, row)| (row[usize::from(label)] >= SURE).then_some(usize::from(label)));
        paragraphs += scored.labels.len();
        for (block, label) in document.blocks.iter_mut().zip(sure) {
            block.label = label.map(|label| names[label].clone());
        }
    }
    let data = Corrections::new(model, &documents)?.teach_what_is_right();
    let sure = data.labelled();
    if sure == 0 {
        return Ok(SelfTrained { model: Arc::clone(model), sure, paragraphs });
    }
    let everything: Vec<usize> = (0..paragraphs).collect();
    let fitted = data.fitted(model, &everything, STRENGTH)?.restored()?;
    Ok(SelfTrained { model: Arc::new(fitted), sure, paragraphs })
}

fn document(text: String) -> GoldDocument {
    let blocks = segment(&text).into_iter().map(|span| GoldBlock { span, label: None, line: 1 }).collect();
    GoldDocument { path: String::new(), volume: String::new(), text, blocks, repairs: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        let annotated = include_str!("../../../tests/data/gold/quillania_diagnosis.txt.ann");
        vec![GoldDocument::parse("a", "a", annotated).text]
    }

    #[test]
    fn the_same_texts_give_the_same_model() {
        let model = Arc::new(Model::load("logistic_words_suffixes").unwrap());
        let (first, again) = (self_train(&model, texts()).unwrap(), self_train(&model, texts()).unwrap());
        assert!(first.sure > 0 && first.sure < first.paragraphs, "{} of {}", first.sure, first.paragraphs);
        assert_ne!(first.model.sha256(), model.sha256());
        assert_eq!(first.model.sha256(), again.model.sha256());
        assert_eq!(first.model.name(), model.name());
        // It has seen no annotation: what the card tells of its data stays.
        assert_eq!(first.model.info().data, model.info().data);
    }

    /// What it is sure of it says with the first stage alone more surely than before.
    #[test]
    fn the_first_stage_learns_what_all_stages_say() {
        let model = Arc::new(Model::load("context").unwrap());
        let learned = self_train(&model, texts()).unwrap();
        let document = document(texts().remove(0));
        let sure = |of: &Arc<Model>| {
            let rows = of.first_stage(&document.paragraphs());
            rows.chunks_exact(3).filter(|row| row.iter().any(|share| *share >= f64::from(SURE))).count()
        };
        assert!(sure(&learned.model) > sure(&model), "{} {}", sure(&learned.model), sure(&model));
    }

    #[test]
    fn without_text_nothing_is_learned() {
        let model = Arc::new(Model::load("context").unwrap());
        let learned = self_train(&model, vec![String::new()]).unwrap();
        assert_eq!((learned.sure, learned.paragraphs), (0, 0));
        assert_eq!(learned.model.sha256(), model.sha256());
    }
}
