//! What the help and the man pages say in addition to the options.

use super::definition::Program;

/// One line, without a full stop.
pub(super) fn about(program: Program) -> &'static str {
    long_about(program).split(".\n\n").next().unwrap_or_default()
}

pub(super) fn long_about(program: Program) -> &'static str {
    match program {
        Program::Predict => {
            "Label the paragraphs of taxonomic literature.\n\n\
             Reads plain text, cuts it into paragraphs, labels each one (Nomenclature, Description, \
             Misc-exposition, or finer) and writes the whole text back with its labels. Documents come from \
             files or from a CouchDB database. What is already labelled the same way is not written again, so \
             that a run can be repeated, or stopped and started anew, at any time.\n\n\
             Without any settings or arguments it labels the shipped sample documents into output/."
        }
        Program::Train => {
            "Train a model for predict_classifier.\n\n\
             Reads .ann files, fits the preset's features and a multinomial logistic regression, and stores the \
             model with a card that says what it was trained on and how good it is. Without --test it holds out \
             whole files, chosen by the seed, and reports on them."
        }
        Program::Evaluate => {
            "Score a model against labelled text.\n\n\
             Reads .ann files and reports accuracy, precision, recall and F1: once on the gold paragraphs as \
             given (blocks), and once on the raw text, line by line, as predict_classifier would see it (lines)."
        }
        Program::Convert => {
            "Convert and check annotations.\n\n\
             Reads annotations of any form that predict_classifier writes, and corrections that were saved from its \
             pages; puts each correction into the annotation with its text, and writes all of them in one form. \
             --check names what is odd in the files."
        }
        Program::Scheduler => {
            "Give out the work of a cluster.\n\n\
             An Apache Ballista scheduler that knows this program's operators. predict_classifier --cluster sends it \
             plans, and every classifier_executor that works for it does a part of them. It keeps nothing: when it is \
             started anew, clients send again what was not done. Built with the feature `cluster` only."
        }
        Program::Executor => {
            "Do the work of a cluster.\n\n\
             An Apache Ballista executor that knows this program's operators. It reads documents and writes annotations \
             itself, so it must reach the same folders or databases as predict_classifier, and be of the same version. \
             SIGTERM ends it when what is in hand is done. Built with the feature `cluster` only."
        }
    }
}

/// Examples, one a pair of command and meaning.
fn examples(program: Program) -> &'static [(&'static str, &'static str)] {
    match program {
        Program::Predict => &[
            ("predict_classifier", "label the shipped sample documents into output/"),
            (
                "predict_classifier texts/ -o labelled/ --verbosity 2",
                "a folder, with a summary of every stage",
            ),
            (
                "predict_classifier 'texts/**/*.txt' --output-format jsonl",
                "a glob; one JSON object per paragraph",
            ),
            (
                "predict_classifier article.pdf -o labelled/",
                "a PDF; with - the text or PDF on standard input",
            ),
            (
                "predict_classifier --couchdb-url http://localhost:5984 --ingest-db-name skol --skip-existing",
                "every document of a database that has no annotation yet",
            ),
            ("predict_classifier --explain texts/a.txt:120", "why line 120 got its label"),
            ("predict_classifier --show-config", "which settings are in force, and where each came from"),
        ],
        Program::Train => &[
            ("train_classifier --input annotated/ --output models/", "train the default preset"),
            ("train_classifier --input annotated/ --cross-validate 5 --json", "honest figures, for machines"),
            (
                "train_classifier --input train/ --test test/ --model logistic_words_suffixes",
                "another preset",
            ),
        ],
        Program::Evaluate => &[
            ("evaluate_classifier --gold annotated/", "the default model"),
            ("evaluate_classifier --model models/mine.skol --gold annotated/ --json", "figures for machines"),
            ("evaluate_classifier --gold annotated/ --report evaluation.html", "a page with plots"),
        ],
        Program::Convert => &[
            ("convert_annotations output/ --to text --output plain/", "remove the marks"),
            (
                "convert_annotations output/ corrections/ --to yedda --output corrected/",
                "put corrections into their annotations",
            ),
            ("convert_annotations annotated/ --check", "name odd labels, marks that do not close, overlaps"),
        ],
        Program::Scheduler => &[
            ("classifier_scheduler", "for this machine alone"),
            ("classifier_scheduler --bind 10.0.0.1", "for the machines of a private network"),
        ],
        Program::Executor => &[
            ("classifier_executor", "for a scheduler on this machine"),
            (
                "classifier_executor --scheduler http://10.0.0.1:20050 --bind 10.0.0.2",
                "for a scheduler elsewhere in a private network",
            ),
            (
                "classifier_executor --port 20061 --task-port 20062 --cores 1",
                "a second one on the same machine",
            ),
        ],
    }
}

/// Exit codes and their meaning.
fn exit_codes(program: Program) -> &'static [(&'static str, &'static str)] {
    match program {
        Program::Predict => &[
            ("0", "every selected document is saved, unchanged, kept (a person changed it) or skipped"),
            ("1", "the run finished, some documents failed; each is named with its reason"),
            ("2", "the command line or a setting is wrong"),
            ("3", "nothing could be done: source, sink, model or cluster unusable"),
            ("4", "another run on the same output is under way"),
            ("130, 143", "stopped by SIGINT or SIGTERM: work in hand was finished and saved first"),
        ],
        Program::Convert => &[
            ("0", "done, and nothing odd was found"),
            ("1", "--check found something, or some files could not be used; each is named with its reason"),
            ("2", "the command line or a setting is wrong"),
            ("3", "nothing could be done: no annotation in the inputs"),
        ],
        Program::Scheduler | Program::Executor => &[
            ("0", "ended by a signal, with the work in hand done"),
            ("2", "the command line or a setting is wrong"),
            ("3", "it cannot be started: port, folder or scheduler unusable"),
        ],
        Program::Train | Program::Evaluate => &[
            ("0", "done"),
            ("2", "the command line or a setting is wrong"),
            ("3", "nothing could be done: input, output or model unusable"),
        ],
    }
}

/// The layers, from the weakest to the strongest.
const LAYERS: &[(&str, &str)] = &[
    ("built in", "as in config/default.toml of the source"),
    (
        "config files",
        "~/.config/skol_classifier/config.toml, then ./skol_classifier.toml, then --config FILE",
    ),
    (".skol_env", "/home/skol/.skol_env, then ~/.skol_env: lines of NAME=value that SKOL's programs share"),
    ("env_config", "./env_config; or --env-config FILE instead of all of these files"),
    ("environment", "the names given with each option, and SKOL_ with the option's name in capitals;"),
    ("", "an empty value counts as not set"),
    ("experiment", "what the document of --experiment says about databases and model"),
    ("command line", "wins"),
];

/// The sections that follow the options, each with a title and lines of term and meaning.
pub(super) fn sections(program: Program) -> [(&'static str, &'static [(&'static str, &'static str)]); 3] {
    [
        ("Where settings come from, the last one wins", LAYERS),
        ("Exit codes", exit_codes(program)),
        ("Examples", examples(program)),
    ]
}

pub(super) fn after_help(program: Program) -> String {
    let mut help = String::new();
    for (title, lines) in sections(program) {
        help.push_str(title);
        help.push_str(":\n");
        let width = lines.iter().map(|(term, _)| term.len()).max().unwrap_or_default();
        for (term, meaning) in lines {
            if title == "Examples" {
                help.push_str(&format!("  {meaning}:\n      {term}\n"));
            } else {
                help.push_str(&format!("  {term:width$}  {meaning}\n"));
            }
        }
        help.push('\n');
    }
    help.truncate(help.trim_end().len());
    help
}
