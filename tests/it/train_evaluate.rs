//! Training and evaluating on the invented articles: deterministic, and the figures are what they say.

use skol_classifier::document::{LineLayout, is_blank};
use skol_classifier::model::evaluate::{self, EvaluateOptions};
use skol_classifier::model::train::{self, Progress, TrainOptions, Trained};
use skol_classifier::model::{Model, Preset, gold};
use skol_classifier::report::evaluation_page;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

fn articles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gold")
}

fn options(output: &Path) -> TrainOptions {
    let mut preset = Preset::built_in("logistic_words_suffixes").unwrap();
    preset.max_iterations = 30;
    TrainOptions {
        input: articles(),
        annotations: None,
        test: None,
        preset_name: "logistic_words_suffixes".into(),
        preset,
        name: "small".into(),
        seed: 1,
        cross_validate: None,
        output: output.to_owned(),
        time: Some(UNIX_EPOCH + Duration::from_secs(981_158_400)),
        command: "train_classifier --input tests/data/gold --name small --seed 1".into(),
    }
}

fn run(options: &TrainOptions) -> Trained {
    train::run(options, &(Arc::new(|_: &train::Event<'_>| ()) as Progress)).unwrap()
}

fn without_hashes(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().filter(|line| !line.starts_with("| SHA-256") && !line.starts_with("| program")) {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn training_again_with_the_same_seed_gives_the_same_bytes() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let files = folders.each_ref().map(|folder| {
        let trained = run(&options(folder.path()));
        (std::fs::read(&trained.path).unwrap(), std::fs::read(&trained.card).unwrap())
    });
    assert_eq!(files[0], files[1]);
    let other = tempfile::tempdir().unwrap();
    let held_out_others = run(&TrainOptions { seed: 2, ..options(other.path()) });
    assert_ne!(std::fs::read(held_out_others.path).unwrap(), files[0].0, "the seed decides what is held out");
}

#[test]
fn the_card_tells_data_split_figures_date_and_command() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run(&options(folder.path()));
    insta::assert_snapshot!("card", without_hashes(&std::fs::read_to_string(&trained.card).unwrap()));
    insta::assert_snapshot!("terminal", trained.evaluation.to_text());
}

#[test]
fn folds_test_every_file_once_and_calibrate_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run(&TrainOptions { cross_validate: Some(4), ..options(folder.path()) });
    let blocks = trained.evaluation.measured.blocks.scores();
    assert_eq!(blocks.support, 104, "each block of the four articles, once");
    assert_eq!(trained.model.info().data.files, 4, "the model stored saw them all");
    assert_eq!(trained.learning_curve.len(), 4);
    assert_eq!(trained.model.info().temperature, trained.evaluation.temperature);

    // The temperature is in the weights: undoing it gives the model that was trained.
    let documents = gold::read(&articles()).unwrap();
    let naming = train::Naming { name: "small", preset_name: "own", date: "2001-02-03", seed: 1 };
    let silent: Progress = Arc::new(|_| ());
    let preset = options(folder.path()).preset;
    let plain = train::fit(&documents.iter().collect::<Vec<_>>(), &preset, &naming, 1.0, &silent).unwrap();
    for (&cooled, &plain) in trained.model.linear().weights().iter().zip(plain.linear().weights()) {
        let undone = f64::from(cooled) * trained.evaluation.temperature;
        assert!((undone - f64::from(plain)).abs() < 1e-5, "{undone} and {plain}");
    }

    let html = evaluation_page(&trained.evaluation, &trained.learning_curve, &trained.layouts);
    assert!(html.matches("<svg").count() >= 4 && html.contains("Learning curve"));
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("href="), "self-contained");
    let json = trained.to_json();
    assert_eq!(json["learning_curve"].as_array().map(Vec::len), Some(4));

    // Each volume was scored once, and so was its text in every layout of lines.
    let volumes = json["volumes"].as_object().unwrap();
    assert_eq!(volumes.len(), 4);
    for what in ["blocks", "lines"] {
        let sum: u64 = volumes.values().map(|volume| volume[what]["support"].as_u64().unwrap()).sum();
        assert_eq!(Some(sum), json[what]["support"].as_u64(), "{what}");
    }
    let layouts = json["layouts"].as_array().unwrap();
    assert_eq!(layouts.len(), LineLayout::ALL.len());
    assert!(layouts.iter().all(|layout| layout["lines"]["support"].as_u64().unwrap() >= 104), "{layouts:?}");
    let card = std::fs::read_to_string(&trained.card).unwrap();
    for part in ["Each volume", "Other layouts of lines", "What has seen what"] {
        assert!(card.contains(&format!("\n### {part}\n")), "{part}: {card}");
    }
    assert!(html.contains("Each volume") && html.contains("Other layouts of lines"));
    assert!(json["calibration"]["ece"].as_f64().is_some_and(|ece| (0.0..=1.0).contains(&ece)));
}

#[test]
fn more_folds_than_volumes_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions { cross_validate: Some(5), ..options(folder.path()) };
    let error = train::run(&options, &(Arc::new(|_: &train::Event<'_>| ()) as Progress)).unwrap_err();
    assert!(error.is_usage());
    assert!(error.to_string().contains("4 volumes"), "{error}");
}

#[test]
fn the_loss_falls_as_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let losses = Arc::new(Mutex::new(Vec::new()));
    let seen = losses.clone();
    let progress: Progress = Arc::new(move |event| {
        if let train::Event::Iteration { iteration, of, loss } = event {
            assert!(iteration <= of);
            seen.lock().unwrap().push((*iteration, *loss));
        }
    });
    train::run(&options(folder.path()), &progress).unwrap();
    let losses = losses.lock().unwrap();
    // One fit is measured, and one on all files is stored.
    assert_eq!(losses.iter().filter(|(iteration, _)| *iteration == 1).count(), 2);
    let falls = |pair: &[(u64, f64)]| pair[1].0 == 1 || pair[1].1 <= pair[0].1;
    assert!(losses.len() > 10 && losses.windows(2).all(falls), "{losses:?}");
}

#[test]
fn linfa_s_own_fit_and_the_sparse_one_make_the_same_model() {
    let documents = gold::read(&articles()).unwrap();
    let documents: Vec<_> = documents.iter().collect();
    let mut preset = Preset::from_toml(
        "[p]\nlabels = 'three'\nl2 = 5.0\nmax_iterations = 1000\n\
         features = { words = { vocabulary = 150 }, suffixes = { lengths = [2], vocabulary = 50 } }",
        "test",
        "p",
    )
    .unwrap();
    let naming = train::Naming { name: "small", preset_name: "p", date: "2001-02-03", seed: 1 };
    let silent: Progress = Arc::new(|_| ());
    let dense = train::fit(&documents, &preset, &naming, 1.0, &silent).unwrap();
    // A weight that is not 1, if only just, is nothing for linfa's fit.
    preset.class_weights.insert("Nomenclature".into(), 1.0 + 1e-6);
    let sparse = train::fit(&documents, &preset, &naming, 1.0, &silent).unwrap();
    let (dense, sparse) = (dense.linear().weights(), sparse.linear().weights());
    assert_ne!(dense, sparse, "the two ways differ in the last bits at least");
    for (a, b) in dense.iter().zip(sparse) {
        assert!((a - b).abs() < 1e-3, "{a} and {b}");
    }
}

#[test]
fn evaluation_counts_every_block_and_every_line_that_is_not_blank() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run(&TrainOptions { test: Some(articles()), ..options(folder.path()) });
    let evaluation = evaluate::run(&EvaluateOptions {
        model: Some(trained.path.display().to_string()),
        gold: articles(),
        collapse: false,
    })
    .unwrap();
    let json = evaluation.to_json();
    let documents = gold::read(&articles()).unwrap();
    let lines = |text: &str| text.split('\n').filter(|line| line.chars().any(|c| !is_blank(c))).count();
    let expected: usize = documents.iter().map(|document| lines(&document.text)).sum();
    assert_eq!(json["blocks"]["support"], 104);
    assert_eq!(json["lines"]["support"], expected, "all text of the articles lies in blocks");
    for part in ["blocks", "lines"] {
        for figure in ["accuracy", "macro_f1", "weighted_f1"] {
            let found = json[part][figure].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&found), "{part}.{figure} = {found}");
        }
        for label in ["Nomenclature", "Description", "Misc-exposition"] {
            let scores = json[part]["labels"][label].as_object().unwrap();
            assert_eq!(scores.keys().collect::<Vec<_>>(), ["precision", "recall", "f1", "support"]);
        }
    }
    // It was trained on the same articles, and there is enough in them to tell all blocks apart.
    assert!(json["blocks"]["accuracy"].as_f64().unwrap() > 0.97, "{}", json["blocks"]);
    assert!(json["lines"]["accuracy"].as_f64().unwrap() > 0.8, "{}", json["lines"]);
    assert!(evaluation_page(&evaluation, &[], &[]).contains("How good are the labels?"));
}

#[test]
fn a_line_counts_for_the_block_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let gold_folder = folder.path().join("gold");
    std::fs::create_dir(&gold_folder).unwrap();
    // One block of three lines, of which one is blank; text without a label; an unknown label.
    let annotated = "[@Spores globose, smooth,\n\nhyaline, 5 µm wide.#Description*]\n\nno label here\n\n\
                     [@Received in May.#Comment*]\n";
    std::fs::write(gold_folder.join("one.ann"), annotated).unwrap();
    let trained = run(&TrainOptions { test: Some(gold_folder.clone()), ..options(folder.path()) });
    let evaluation = trained.evaluation.to_json();
    assert_eq!(evaluation["blocks"]["support"], 2);
    assert_eq!(evaluation["lines"]["support"], 3);
    assert_eq!(evaluation["lines"]["labels"]["Description"]["support"], 2);
    assert_eq!(
        evaluation["lines"]["labels"]["Misc-exposition"]["support"], 1,
        "Comment counts as one of the three"
    );
}

#[test]
fn fine_labels_collapse_to_three() {
    let folder = tempfile::tempdir().unwrap();
    let gold_folder = folder.path().join("gold");
    std::fs::create_dir(&gold_folder).unwrap();
    for article in 0..3 {
        let block = |text: &str, label: &str| format!("[@{text} {article}#{label}*]\n\n").repeat(4);
        let annotated = block("Fig. Spores and hyphae", "Figure")
            + &block("Spores smooth, hyaline", "Description")
            + &block("Velkoria rubra sp. nov.", "Nomenclature")
            + "[@1. Cap red ... 2#Key*]\n";
        std::fs::write(gold_folder.join(format!("{article}.ann")), annotated).unwrap();
    }
    let mut preset = options(folder.path()).preset;
    preset.labels = skol_classifier::model::LabelSet::Fine;
    preset.min_paragraphs = 4;
    let trained = run(&TrainOptions {
        input: gold_folder.clone(),
        test: Some(gold_folder.clone()),
        preset,
        ..options(folder.path())
    });
    // Key occurs three times only, so it is Misc-exposition, which is a label for its sake.
    assert_eq!(trained.model.labels(), ["Description", "Figure", "Nomenclature", "Misc-exposition"]);
    let evaluation = evaluate::run(&EvaluateOptions {
        model: Some(trained.path.display().to_string()),
        gold: gold_folder,
        collapse: true,
    })
    .unwrap();
    let scores = evaluation.measured.blocks.scores();
    let supports: Vec<_> =
        scores.labels.iter().map(|(label, scores)| (label.as_str(), scores.support)).collect();
    assert_eq!(supports, [("Nomenclature", 12), ("Description", 12), ("Misc-exposition", 15)]);
}

#[test]
fn what_cannot_be_evaluated_or_trained_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let evaluate = |gold: PathBuf| {
        let options = EvaluateOptions { model: None, gold, collapse: false };
        evaluate::run(&options).map(|_| ()).unwrap_err()
    };
    let empty = evaluate(folder.path().to_owned());
    assert!(!empty.is_usage() && empty.to_string().contains("no .ann file"), "{empty}");
    let missing = evaluate(folder.path().join("nowhere"));
    assert!(!missing.is_usage() && missing.to_string().contains("nowhere"), "{missing}");
    std::fs::write(folder.path().join("a.ann"), "text without any block").unwrap();
    assert!(evaluate(folder.path().to_owned()).to_string().contains("no labelled block"));
    std::fs::write(folder.path().join("b.ann"), b"[@caf\xe9#Description*]").unwrap();
    let broken = evaluate(folder.path().to_owned()).to_string();
    assert!(broken.contains("b.ann") && broken.contains("UTF-8"), "{broken}");

    std::fs::write(folder.path().join("b.ann"), "[@all alike#Description*]").unwrap();
    let one_label = TrainOptions { input: folder.path().to_owned(), ..options(folder.path()) };
    let silent: Progress = Arc::new(|_| ());
    let error = train::run(&one_label, &silent).unwrap_err();
    assert!(error.to_string().contains("at least two"), "{error}");
    assert!(
        Model::load(&folder.path().join("small.skol").display().to_string()).is_err(),
        "nothing was written"
    );
}
