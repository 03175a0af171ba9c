//! A user trains, stores and measures models of her own: names, places, labels, overlaps, by the programs themselves.

use serde_json::{Value, json};
use skol_classifier::document::yedda;
use skol_classifier::model::Model;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const PREDICT: &str = env!("CARGO_BIN_EXE_predict_classifier");
const TRAIN: &str = env!("CARGO_BIN_EXE_train_classifier");
const EVALUATE: &str = env!("CARGO_BIN_EXE_evaluate_classifier");

/// A user's home folder, in which the programs run.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command.env("SOURCE_DATE_EPOCH", "86400").stdin(Stdio::null()).output().unwrap()
    }

    /// Trains by the preset that is fitted quickly.
    fn train(&self, arguments: &[&str]) -> Output {
        self.run(TRAIN, &[&["--model=logistic_words_suffixes"], arguments].concat())
    }

    fn done(&self, output: Output) -> String {
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, output: Output) -> Value {
        serde_json::from_str(&self.done(output)).unwrap()
    }

    /// Refused with this exit code, and a message that holds all of `parts`.
    fn refused(&self, output: Output, code: i32, parts: &[&str]) {
        let message = err(&output);
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(output.stdout.is_empty());
        for part in parts {
            assert!(message.contains(part), "{message} has no {part}");
        }
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The invented articles with their labels.
fn articles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gold")
}

fn gold() -> String {
    articles().display().to_string()
}

/// An annotation with so many blocks of each label, told apart by their words.
fn annotated(labels: &[(&str, usize)]) -> String {
    let block = |label: &str, at: usize| format!("[@{label} speaks of {label} {at}.#{label}*]\n\n");
    let blocks = labels.iter().flat_map(|&(label, count)| (0..count).map(move |at| block(label, at)));
    blocks.collect()
}

#[test]
fn a_trained_model_gets_its_own_name_and_place() {
    let home = Home::new();
    let input = gold();
    home.done(home.train(&["--input", &input]));
    let name = "gold-logistic_words_suffixes";
    let stored = home.path(".local/share/skol_classifier/models").join(format!("{name}.skol"));
    assert!(stored.is_file() && stored.with_extension("md").is_file());
    assert!(!home.path("models").exists(), "nothing is written into the working folder");

    // All programs find it by its name, from any folder.
    home.write("a.txt", "Amanita rubra sp. nov.\n");
    home.done(home.run(PREDICT, &["--model", name, "a.txt", "-o", "out"]));
    assert!(home.path("out/a.txt.ann").is_file());
    assert!(home.done(home.run(PREDICT, &["--model", name, "--explain=a.txt:1"])).contains("Nomenclature"));
    assert!(home.done(home.run(EVALUATE, &["--model", name, "--gold", &input])).contains(name));
    let listed = home.done(home.run(PREDICT, &["--list-models"]));
    assert!(listed.contains(name) && listed.contains(&stored.display().to_string()), "{listed}");

    // A name that is taken is refused before the work, by a model stored here, shipped, or in the working folder.
    let path = stored.display().to_string();
    home.refused(home.train(&["--input", &input]), 2, &[name, &path, "--name", "--replace"]);
    home.refused(home.train(&["--input", &input, "--name=context"]), 2, &["context", "program", "--name"]);
    home.refused(home.train(&["--input", &input, "--name=../x"]), 2, &["../x", "--name"]);
    home.done(home.train(&["--input", &input, "--replace", "--seed=3"]));
}

#[test]
fn a_name_that_two_models_have_is_an_error_that_lists_both() {
    let home = Home::new();
    let input = gold();
    home.done(home.train(&["--input", &input, "--name=mine"]));
    home.done(home.train(&["--input", &input, "--name=other", "--seed=5", "-o", "models"]));
    let stored = home.path(".local/share/skol_classifier/models/mine.skol");
    // The same model in two places is one model; another one is not.
    home.write("models/mine.skol", std::fs::read(&stored).unwrap());
    home.done(home.run(EVALUATE, &["--model=mine", "--gold", &input]));
    home.write("models/mine.skol", std::fs::read(home.path("models/other.skol")).unwrap());
    let both = [stored.to_str().unwrap(), "models/mine.skol"];
    home.write("a.txt", "Amanita rubra sp. nov.\n");
    home.refused(home.run(EVALUATE, &["--model=mine", "--gold", &input]), 2, &both);
    home.refused(home.run(PREDICT, &["--model=mine", "a.txt"]), 2, &both);
    home.refused(home.run(PREDICT, &["--model=mine", "--explain=a.txt:1"]), 2, &both);
    // So it is with the name of a shipped one.
    home.write("models/context.skol", std::fs::read(&stored).unwrap());
    home.refused(home.run(PREDICT, &["--model=context", "a.txt"]), 2, &["context", "models/context.skol"]);
    home.done(home.run(PREDICT, &["--model=models/context.skol", "a.txt", "-o", "out"]));
}

#[test]
fn the_stored_model_is_fitted_on_everything_and_the_card_says_what_was_measured_how() {
    let home = Home::new();
    let input = gold();
    let figures = home.json(home.train(&["--input", &input, "--name=mine", "-o", "models", "--json"]));
    let model = Model::read(&home.path("models/mine.skol")).unwrap();
    let data = &model.info().data;
    assert_eq!((data.files, data.documents.len()), (4, 4));
    let trained: usize = data.paragraphs.iter().map(|(_, count)| count).sum();
    let measured = figures["blocks"]["support"].as_u64().unwrap() as usize;
    assert!(trained == 104 && measured < trained, "{measured} of {trained} were held out");
    let card = std::fs::read_to_string(home.path("models/mine.md")).unwrap();
    assert!(
        card.contains("a model trained on 3 files was tested on 1 held out")
            && card.contains("the one that is stored was then trained on all 4"),
        "{card}"
    );
    // Another seed measures on another file, and stores the same weights.
    home.done(home.train(&["--input", &input, "--name=again", "-o", "models", "--seed=7"]));
    let again = Model::read(&home.path("models/again.skol")).unwrap();
    assert_eq!(again.linear(), model.linear());
}

#[test]
fn testing_on_what_was_trained_on_is_noticed() {
    let home = Home::new();
    let input = gold();
    // The same texts under other names, with other line ends, and one new file.
    for (number, file) in std::fs::read_dir(articles()).unwrap().enumerate() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        home.write(&format!("copies/{number}.ann"), text.replace('\n', "\r\n"));
    }
    home.write("copies/new.ann", annotated(&[("Description", 2), ("Nomenclature", 2)]));
    home.write("new/new.ann", annotated(&[("Description", 2), ("Nomenclature", 2)]));
    let train = |test: &str, name: &str| {
        home.train(&["--input", &input, "--test", test, "--name", name, "-o", "models", "--json"])
    };
    let output = train("copies", "mine");
    let notice = "4 of the 5 test files are among the training files";
    assert!(err(&output).contains(notice), "{}", err(&output));
    assert!(home.json(output)["notices"][0].as_str().unwrap().contains(notice));
    assert!(std::fs::read_to_string(home.path("models/mine.md")).unwrap().contains(notice));
    let output = train("new", "fresh");
    assert!(!err(&output).contains("among"), "{}", err(&output));
    assert_eq!(home.json(output)["notices"], serde_json::json!([]));

    let evaluate = |gold: &str| home.run(EVALUATE, &["--model=mine", "--gold", gold, "--json"]);
    let output = evaluate("copies");
    let notice = "4 of the 5 gold files are among what model mine was trained on";
    assert!(err(&output).contains(notice), "{}", err(&output));
    assert!(home.json(output)["notices"][0].as_str().unwrap().contains(notice));
    assert_eq!(home.json(evaluate("new"))["notices"], serde_json::json!([]));
}

#[test]
fn labels_of_her_own_are_learnt_or_refused_and_never_lost() {
    let home = Home::new();
    for file in 0..4 {
        home.write(&format!("mine/{file}.ann"), annotated(&[("Foo", 9), ("Bar", 9), ("Description", 9)]));
    }
    let lost = ["\"Foo\" (36 paragraphs)", "\"Bar\"", "mine/0.ann:1", "--labels all"];
    let lost = lost.map(|part| part.trim_start_matches("mine/"));
    home.refused(home.train(&["--input=mine"]), 2, &lost);
    // A fine preset would lose labels that are too rare for it, too.
    home.refused(
        home.run(TRAIN, &["--input=mine", "--model=context_fine"]),
        2,
        &["\"Foo\"", "fewer than 50"],
    );
    let figures = home.json(home.train(&["--input=mine", "--labels=all", "--name=mine", "--json"]));
    assert!(figures["blocks"]["labels"]["Foo"]["f1"].as_f64().unwrap() > 0.9, "{figures}");
    let model = Model::read(&home.path(".local/share/skol_classifier/models/mine.skol")).unwrap();
    let mut labels = model.labels().to_vec();
    labels.sort();
    assert_eq!(labels, ["Bar", "Description", "Foo"]);
    home.write("a.txt", "Foo speaks of Foo 3.\n\nBar speaks of Bar 1.\n");
    home.done(home.run(PREDICT, &["--model=mine", "a.txt", "-o", "out"]));
    let annotation = std::fs::read_to_string(home.path("out/a.txt.ann")).unwrap();
    assert!(annotation.contains("#Foo*]") && annotation.contains("#Bar*]"), "{annotation}");
}

#[test]
fn a_mistyped_label_is_named_with_file_and_line() {
    let home = Home::new();
    home.write("mine/v/a.ann", annotated(&[("Description", 3), ("Nomenclature", 3)]));
    home.write("mine/v/b.ann", "[@Cap red.#Description*]\n\n[@Cap blue.#Descripton*]\n");
    let parts = ["v/b.ann:3", "Descripton", "Description"];
    home.refused(home.train(&["--input=mine"]), 3, &parts);
    // Where gold is only measured against, it is a warning.
    let output = home.run(EVALUATE, &["--model=logistic_words_suffixes", "--gold=mine"]);
    for part in parts {
        assert!(err(&output).contains(part), "{}", err(&output));
    }
    home.done(output);
}

#[test]
fn presets_of_her_own_are_named_by_an_option_and_shipped_ones_stay_known() {
    let home = Home::new();
    let input = gold();
    let small = "labels = 'three'\nfeatures = { words = { vocabulary = 50 } }";
    home.write("own.toml", format!("[tiny]\nsummary = 'fifty words'\n{small}\n"));
    // A presets file of another project in the working folder is not ours.
    home.write("config/models.toml", "[logistic_words_suffixes]\nnonsense = 1\n");
    let train = |preset: &str, name: &str| {
        let model = format!("--model={preset}");
        home.run(TRAIN, &["--input", &input, "--presets=own.toml", &model, "--name", name, "-o", "models"])
    };
    home.done(train("tiny", "tiny"));
    assert_eq!(Model::read(&home.path("models/tiny.skol")).unwrap().features().n_features(), 50);
    home.done(train("logistic_words_suffixes", "shipped"));
    home.refused(train("tinny", "x"), 2, &["tinny", "tiny", "context_fine", "own.toml"]);
    home.done(home.train(&["--input", &input, "--name=without", "-o", "models"]));
    let missing = home.run(TRAIN, &["--input", &input, "--presets=nowhere.toml"]);
    home.refused(missing, 3, &["nowhere.toml"]);
}

#[test]
fn finished_annotations_of_any_program_are_scored() {
    let home = Home::new();
    let input = gold();
    let perfect = home.json(home.run(EVALUATE, &["--predicted", &input, "--gold", &input, "--json"]));
    assert_eq!(perfect["blocks"]["accuracy"], 1.0);
    assert_eq!(perfect["lines"]["accuracy"], 1.0);
    assert_eq!(perfect["blocks"]["support"], 104);

    // What a model is scored with per line is what its annotations are scored with.
    let model = "--model=logistic_words_suffixes";
    for sample in std::fs::read_dir(articles()).unwrap() {
        let path = sample.unwrap().path();
        let text = skol_classifier::document::yedda::strip(&std::fs::read_to_string(&path).unwrap());
        home.write(&format!("texts/{}", path.file_stem().unwrap().to_str().unwrap()), text);
    }
    home.done(home.run(PREDICT, &[model, "texts", "-o", "predicted"]));
    let of_files = home.json(home.run(EVALUATE, &["--predicted=predicted", "--gold", &input, "--json"]));
    let of_model = home.json(home.run(EVALUATE, &[model, "--gold", &input, "--json"]));
    assert_eq!(of_files["lines"], of_model["lines"]);

    std::fs::remove_file(home.path("predicted/velkoria_gen_nov.txt.ann")).unwrap();
    let missing = home.run(EVALUATE, &["--predicted=predicted", "--gold", &input]);
    home.refused(missing, 3, &["velkoria_gen_nov.txt.ann", "predicted"]);
    let both = home.run(EVALUATE, &["--predicted=predicted", model, "--gold", &input]);
    home.refused(both, 2, &["--predicted", "--model"]);
}

/// Corrected documents of a checklist, whose entries are names without any sign of one but a state after them.
fn corrected(home: &Home, folder: &str, documents: std::ops::Range<usize>) {
    const STATES: [&str; 6] = ["Ohio", "Maine", "Texas", "Oregon", "Iowa", "Utah"];
    const WORDS: [&str; 6] = ["pallida", "rubra", "minor", "viridis", "alba", "montana"];
    for document in documents {
        let mut text = String::new();
        for entry in 0..6 {
            let (state, word) = (STATES[(document + entry) % 6], WORDS[(document * 2 + entry) % 6]);
            text += &format!(
                "[@{state}: {word}, checklist number {}#Nomenclature*]\n\n\
                 [@Spores {} µm, hyaline, smooth; stipe {} cm long, white.#Description*]\n\n",
                10 * document + entry,
                5 + document + entry,
                2 + entry
            );
        }
        home.write(&format!("{folder}/{document}.txt.ann"), text);
    }
}

#[test]
fn a_model_is_adapted_as_far_as_the_corrections_carry() {
    let home = Home::new();
    corrected(&home, "corrections", 0..4);
    corrected(&home, "others", 4..7);
    let adapt = ["--adapt=logistic_words_suffixes", "--input=corrections", "--json", "--report=page.html"];
    let output = home.run(TRAIN, &adapt);
    let figures = home.json(output);
    let number = |what: &str, when: &str| figures[what][when].as_f64().unwrap();
    assert!(number("accuracy", "after") > number("accuracy", "before"), "{figures}");
    assert!(number("check_macro_f1", "after") >= number("check_macro_f1", "before") - 0.002, "{figures}");
    assert_eq!((figures["documents"].as_u64(), figures["paragraphs"].as_u64()), (Some(4), Some(48)));
    assert_eq!(figures["moved"][0]["to"], "Nomenclature", "{figures}");

    // Its own name and place; the card and the page say what changed.
    let name = "corrections-logistic_words_suffixes";
    let stored = home.path(".local/share/skol_classifier/models").join(format!("{name}.skol"));
    let model = Model::read(&stored).unwrap();
    assert!(model.info().adapted_from.as_deref().unwrap().starts_with("logistic_words_suffixes "));
    let card = std::fs::read_to_string(stored.with_extension("md")).unwrap();
    for part in ["--adapt logistic_words_suffixes", "48 corrected paragraphs of 4 documents", "check set"] {
        assert!(card.contains(part), "{card} has no {part}");
    }
    let page = std::fs::read_to_string(home.path("page.html")).unwrap();
    assert!(page.matches("<svg").count() == 2 && page.contains("held out"), "a picture of what changed");

    // Other documents of this person are labelled better.
    let accuracy = |model: &str| {
        let figures = home.json(home.run(EVALUATE, &["--model", model, "--gold=others", "--json"]));
        figures["blocks"]["accuracy"].as_f64().unwrap()
    };
    let (before, after) = (accuracy("logistic_words_suffixes"), accuracy(name));
    assert!(after > before + 0.1, "{before} became {after}");
    home.refused(home.run(TRAIN, &adapt), 2, &[name, "--name"]);
}

#[test]
fn saved_corrections_are_learned_from_as_corrected_annotations_are() {
    let home = Home::new();
    corrected(&home, "corrected", 0..4);
    // What the corrections were made in: the same texts with names taken for something else, and a text without any.
    for document in 0..4 {
        let file = format!("{document}.txt.ann");
        let annotation = std::fs::read_to_string(home.path(&format!("corrected/{file}"))).unwrap();
        let parsed = yedda::parse(&annotation);
        let names = parsed.blocks.iter().filter(|block| block.label == Some("Nomenclature")).map(|block| {
            let points = |bytes: usize| parsed.text[..bytes].chars().count();
            json!({"start": points(block.span.start), "end": points(block.span.end), "label": "Nomenclature"})
        });
        let saved = json!({
            "format": "skol_classifier corrections 1",
            "documents": [{
                "name": format!("{document}.txt"),
                "sha256": hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&parsed.text)),
                "length": parsed.text.chars().count(),
                "paragraphs": names.collect::<Vec<_>>(),
            }],
        });
        home.write(&format!("saved/{document}.txt.corrections.json"), saved.to_string());
        home.write(&format!("labelled/{file}"), annotation.replace("#Nomenclature*]", "#Misc-exposition*]"));
    }
    home.write("labelled/other.txt.ann", "[@Spores smooth.#Nomenclature*]\n");
    let adapt = |arguments: &[&str], name: &str| {
        let all = [&["--adapt=logistic_words_suffixes", "--json", "--name", name], arguments].concat();
        let mut figures = home.json(home.run(TRAIN, &all));
        figures.as_object_mut().unwrap().remove("model");
        figures
    };
    let wanted = adapt(&["--input=corrected"], "from-annotations");
    assert_eq!(wanted["documents"], 4, "{wanted}");
    assert_eq!(adapt(&["--input=saved", "--annotations=labelled"], "from-corrections"), wanted);

    let alone = home.run(TRAIN, &["--adapt=logistic_words_suffixes", "--input=saved", "--name=alone"]);
    home.refused(alone, 3, &["0.txt.corrections.json", "'0.txt'", "--annotations"]);
    home.write("saved/0.txt.corrections.json", "{");
    let broken =
        home.run(TRAIN, &["--input=saved", "--annotations=labelled", "--model=logistic_words_suffixes"]);
    home.refused(broken, 3, &["0.txt.corrections.json", "save it again"]);
}

#[test]
fn an_adaptation_that_carries_nothing_or_harms_is_refused() {
    let home = Home::new();
    // Right labels with everything else swapped: what the model knows is contradicted.
    for file in std::fs::read_dir(articles()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let swapped = text
            .replace("#Description*]", "#HELD*]")
            .replace("#Misc-exposition*]", "#Description*]")
            .replace("#HELD*]", "#Misc-exposition*]");
        home.write(&format!("swapped/{}", path.file_name().unwrap().to_str().unwrap()), swapped);
    }
    let adapt = |input: &str| home.run(TRAIN, &["--adapt=logistic_words_suffixes", "--input", input]);
    home.refused(adapt("swapped"), 3, &["macro-F1 would fall", "nothing is stored"]);
    // The same paragraphs with one label in this document and another in the next carry over to nothing.
    for document in 0..5 {
        let label = |at: usize| ["Description", "Misc-exposition"][(at + document) % 2];
        let block =
            |at: usize| format!("[@Spores {at} µm, smooth, hyaline; stipe white.#{}*]\n\n", label(at));
        home.write(&format!("chance/{document}.ann"), (0..8).map(block).collect::<String>());
    }
    home.refused(adapt("chance"), 3, &["40 corrected paragraphs teach nothing", "correct more documents"]);
    home.write("own/a.ann", annotated(&[("Foo", 3), ("Description", 3)]));
    home.refused(adapt("own"), 2, &["\"Foo\" (3 paragraphs)", "a.ann:1"]);
    home.refused(
        home.run(TRAIN, &["--adapt=context", "--input=own", "--test=own"]),
        2,
        &["--adapt", "--test"],
    );
    home.refused(home.run(TRAIN, &["--adapt=contxt", "--input=own"]), 2, &["contxt", "context"]);
    assert!(!home.path(".local/share/skol_classifier").exists(), "nothing was stored");
}
