use super::*;
use crate::features::FeatureParams;
use crate::model::file::linear;
use crate::model::stored::ModelParts;
use crate::model::{
    ContextWindow, Contribution, DataSummary, LabelSet, ModelInfo, Preset, StackedClassifier,
};
use linfa::ParamGuard;
use linfa::dataset::DatasetBase;
use linfa::traits::Predict;
use linfa_sparse_logistic::SparseRecords;
use ndarray::Array1;
use proptest::prelude::*;

/// Words in the genre, with everything that tokenizers trip over.
const WORDS: [&str; 24] = [
    "Amanita",
    "rubra",
    "sp.",
    "nov.",
    "Fig.",
    "1:",
    "9-12",
    "x",
    "5.0",
    "µm,",
    "(1987)",
    "≡",
    "STIPE",
    "Émile",
    "spöres",
    "\u{fb01}bers",
    "hyaline;",
    "Spores",
    "smooth",
    "....",
    "—",
    "\u{a0}",
    "\u{fffd}",
    "flattened-",
];
const GAPS: [&str; 6] = [" ", " ", "\n", "  ", "\t", "\r\n"];
const BEFORE: [&str; 5] = ["", "\n", "\n\n", "\u{c}", "\n\n   "];

pub(in crate::model) const PRESETS: [&str; 4] = [
    "words = { vocabulary = 12, min_df = 1 }\nsuffixes = { lengths = [2, 3, 4], vocabulary = 15, min_df = 1 }",
    "suffixes = { lengths = [1, 8], vocabulary = 9, min_df = 1 }",
    "tokens = { vocabulary = 15, min_df = 1 }\npairs = { vocabulary = 30, min_df = 1 }",
    "words = { vocabulary = 9, min_df = 1 }\ntokens = { vocabulary = 30, min_df = 1 }\n\
     pairs = { vocabulary = 60, min_df = 1 }\noutline = { min_df = 1 }\nlayout = { neighbours = 2, min_df = 1 }",
];

pub(in crate::model) fn texts() -> impl Strategy<Value = Vec<(String, &'static str)>> {
    let word = prop_oneof![8 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => "\\PC{0,9}"];
    let text = prop::collection::vec((word, prop::sample::select(&GAPS[..])), 0..40)
        .prop_map(|words| words.into_iter().map(|(word, gap)| word + gap).collect::<String>());
    prop::collection::vec((text, prop::sample::select(&BEFORE[..])), 0..12)
}

pub(in crate::model) fn paragraphs(texts: &[(String, &'static str)]) -> Vec<Paragraph<'static>> {
    let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
    texts.iter().map(|(text, before)| Paragraph { before, text: leak(text) }).collect()
}

/// Numbers without a pattern between -1 and 1.
fn scatter(count: usize, salt: u32) -> impl Iterator<Item = f32> {
    (0..count as u32).map(move |i| {
        let mixed = (i ^ salt).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
        mixed as f32 / u32::MAX as f32 * 2.0 - 1.0
    })
}

pub(in crate::model) fn model(
    preset: &str,
    trained_on: &[Paragraph<'_>],
    labels: usize,
    salt: u32,
    two_stages: bool,
) -> Arc<Model> {
    let params: FeatureParams = toml::from_str(preset).expect("well-formed");
    let features = Features::fit(params.check_ref().expect("valid"), &[trained_on]);
    let window = ContextWindow { neighbours: 2, means: vec![2], l2: 1.0, folds: 2, fold_iterations: 1 };
    let stacked = two_stages.then(|| {
        let weights = scatter(window.n_features(labels) * labels, salt ^ 77).collect();
        let fitted = linear(weights, vec![0.25; labels]).expect("a linear model");
        StackedClassifier::new(window, fitted).expect("a second stage")
    });
    let info = ModelInfo {
        name: "random".into(),
        preset_name: "random".into(),
        preset: Preset {
            summary: String::new(),
            labels: LabelSet::Three,
            min_paragraphs: 1,
            class_weights: Default::default(),
            l2: 1.0,
            max_iterations: 1,
            stochastic: None,
            segmented: 0.0,
            segmented_terms: false,
            layouts: 0.0,
            names: 0.0,
            share_exponents: Default::default(),
            cleaning: None,
            features: params,
            context_window: stacked.as_ref().map(|stacked| stacked.window().clone()),
            auxiliary_model: None,
        },
        data: DataSummary {
            files: 1,
            volumes: vec!["invented".into()],
            paragraphs: (0..labels).map(|label| (format!("Label-{label}"), 1)).collect(),
            documents: Vec::new(),
        },
        date: "2000-01-01".into(),
        version: "0".into(),
        seed: 0,
        temperature: 1.0,
        adapted_from: None,
    };
    let weights = scatter(features.n_features() * labels, salt).collect();
    let intercept = scatter(labels, salt ^ 5).map(f64::from).collect();
    let linear = linear(weights, intercept).expect("a linear model");
    let parts = ModelParts { info, features, linear, stacked, auxiliary: None };
    Arc::new(Model::from_parts(parts).expect("a model"))
}

/// What linfa-logistic's own model predicts for the transformed rows, of both stages.
fn by_linfa(model: &Model, document: &[Paragraph<'_>]) -> Vec<f64> {
    let labels = model.labels().len();
    let rows = model.features().transform(document).expect("rows");
    let first = model.to_linfa_logistic().expect("fitted").predict_probabilities(&rows.to_dense());
    let Some(stacked) = model.stacked() else { return first.into_iter().collect() };
    let second = linfa_logistic::MultiFittedLogisticRegression::try_from(stacked.fitted()).expect("fitted");
    let mut rows = SparseRecords::new(stacked.window().n_features(labels));
    let first: Vec<f64> = first.into_iter().collect();
    stacked.window().transform_into(&first, labels, &mut rows).expect("rows");
    second.predict_probabilities(&rows.to_dense()).into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn probabilities_are_linfa_s_own(
        training in texts(), document in texts(), preset in 0..PRESETS.len(), labels in 2_usize..7,
        salt: u32, two_stages: bool,
    ) {
        let model = model(PRESETS[preset], &paragraphs(&training), labels, salt, two_stages);
        let document = paragraphs(&document);
        let mut scorer = model.scorer();
        let expected = by_linfa(&model, &document);
        let scored = scorer.score(&document);
        prop_assert_eq!(scored.labels.len(), document.len());
        prop_assert_eq!(scored.probabilities.len(), expected.len());
        for (found, expected) in scored.probabilities.iter().zip(&expected) {
            prop_assert!((f64::from(*found) - expected).abs() < 1e-5, "{} instead of {}", found, expected);
        }
        for (label, row) in scored.labels.iter().zip(scored.probabilities.chunks_exact(labels)) {
            prop_assert!(row.iter().all(|p| *p <= row[usize::from(*label)]));
        }
    }

    #[test]
    fn the_door_of_linfa_gives_the_same_whatever_it_predicted_before(
        training in texts(), document in texts(), preset in 0..PRESETS.len(), salt: u32,
    ) {
        let other = model(PRESETS[3], &paragraphs(&document), 5, !salt, true);
        let model = model(PRESETS[preset], &paragraphs(&training), 3, salt, true);
        let document = paragraphs(&document);
        let predictor = model.predictor();
        let unlabelled = Array1::from_elem(document.len(), ());
        let fresh: Predictions = predictor.predict(&DatasetBase::new(Paragraphs(&document), unlabelled));
        let mut used = other.predictor().default_target(&Paragraphs(&document));
        other.predictor().predict_inplace(&Paragraphs(&document), &mut used);
        predictor.predict_inplace(&Paragraphs(&document), &mut used);
        prop_assert_eq!(used.scored(), fresh.scored());
        let mut scorer = model.scorer();
        prop_assert_eq!(scorer.score(&document), used.scored());
    }

    #[test]
    fn a_document_scores_the_same_whatever_was_scored_before(first in texts(), second in texts(), salt: u32) {
        let (first, second) = (paragraphs(&first), paragraphs(&second));
        let model = model(PRESETS[3], &first, 3, salt, true);
        let mut used = model.scorer();
        used.score(&first);
        let mut fresh = model.scorer();
        prop_assert_eq!(used.score(&second), fresh.score(&second));
    }

    #[test]
    fn contributions_add_up_to_the_scores(training in texts(), document in texts(), salt: u32) {
        let model = model(PRESETS[3], &paragraphs(&training), 3, salt, false);
        let document = paragraphs(&document);
        let expected = by_linfa(&model, &document);
        for (place, expected) in expected.chunks_exact(3).enumerate() {
            let mut scores = model.linear().intercept().to_vec();
            for contribution in model.explain(&document, place, 1).expect("rows") {
                scores.iter_mut().zip(&contribution.scores).for_each(|(sum, score)| *sum += score);
            }
            softmax(&mut scores);
            for (found, expected) in scores.iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_stored_model_scores_the_same(training in texts(), document in texts(), salt: u32, two_stages: bool) {
        let (training, document) = (paragraphs(&training), paragraphs(&document));
        let model = model(PRESETS[3], &training, 3, salt, two_stages);
        let stored = Arc::new(Model::from_bytes(&model.to_bytes(), "memory").expect("a model"));
        let (mut scorer, mut of_stored) = (model.scorer(), stored.scorer());
        prop_assert_eq!(scorer.score(&document), of_stored.score(&document));
    }
}

#[test]
fn explanations_name_what_speaks_most_first() {
    let texts = [("Spores smooth hyaline".to_owned(), "\n"), ("Amanita rubra sp. nov.".to_owned(), "\n\n")];
    let document = paragraphs(&texts);
    let model = model(PRESETS[3], &document, 3, 9, true);
    let found = model.explain(&document, 1, 0).expect("rows");
    assert!(found.iter().any(|contribution| contribution.feature == "pair=nov ."));
    assert!(found.iter().any(|contribution| contribution.feature == "-1: last=hyaline"));
    assert!(found.iter().any(|contribution| contribution.feature == "around: score of Label-0"));
    let says = |c: &Contribution| (c.scores[0] - c.scores.iter().sum::<f64>() / 3.0).abs();
    assert!(found.windows(2).all(|pair| says(&pair[0]) >= says(&pair[1])));
    for (place, label) in [(2, 0), (0, 3)] {
        assert!(model.explain(&document, place, label).expect("no rows").is_empty());
    }
}

#[test]
fn marks_survive_the_counter_s_overflow() {
    let mut met = Met { marks: vec![0; 2], paragraph: u32::MAX - 1 };
    for _ in 0..3 {
        met.next_paragraph();
        assert!(met.first(0) && !met.first(0) && met.first(1));
    }
}
