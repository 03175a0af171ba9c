//! What is taken in, what is passed over, and who is told.

use super::{Place, names_below};
use std::os::unix::fs::symlink;

#[test]
fn hidden_files_own_outputs_and_odd_links_are_passed_over_and_counted() {
    let place = Place::with(&[
        "in/a.txt",
        "in/ARTICLE.TXT",
        "in/._a.txt",
        "in/.git/x.txt",
        "in/.hidden.txt",
        "in/notes.doc",
        "in/output/old.txt",
    ]);
    symlink("nowhere.txt", place.path("in/dangling.txt")).unwrap();
    symlink(".", place.path("in/circle")).unwrap();
    let (answer, metrics) = place.run_measured(&["in", "-o", "in/output"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(metrics["documents"]["saved"], 2, "{metrics}");
    let left_out = &metrics["left_out"];
    // `.git` is one thing, whatever it holds.
    for (kind, count) in [("hidden", 3), ("other_name", 1), ("output", 1), ("dangling", 1), ("loop", 1)] {
        assert_eq!(left_out[kind], count, "{kind}: {left_out}");
    }
    for wanted in ["dangling.txt", "circle", "3 hidden", "1 of another name"] {
        assert!(answer.stderr.contains(wanted), "{wanted}: {}", answer.stderr);
    }
    assert_eq!(names_below(&place.path("in/output")), ["ARTICLE.TXT.ann", "a.txt.ann", "old.txt"]);
}

/// In any format, in the input folder itself and below it: three runs find the same documents.
#[test]
fn own_outputs_are_no_documents_of_the_next_run() {
    for format in ["yedda", "jsonl", "parquet", "brat"] {
        for output in ["in", "in/out", "in/sub"] {
            for pattern in ["*.txt", "*"] {
                let place = Place::with(&["in/a.txt", "in/sub/b.txt", "in/readme"]);
                let arguments =
                    ["in", "-o", output, "--output-format", format, "--attachment-pattern", pattern];
                let case = format!("{format} in {output} of {pattern}");
                let first = place.run_measured(&arguments).1["documents"].clone();
                let names = names_below(&place.path("in"));
                for _ in 0..2 {
                    let (answer, metrics) = place.run_measured(&arguments);
                    assert_eq!(answer.code, Some(0), "{case}: {}", answer.stderr);
                    let documents = &metrics["documents"];
                    assert_eq!(documents["selected"], first["selected"], "{case}: {metrics}");
                    assert_eq!(documents["unchanged"], first["selected"], "{case}: {metrics}");
                    assert_eq!(names_below(&place.path("in")), names, "{case}");
                }
            }
        }
    }
}

/// An output folder that is only one among the inputs' folders: its brat texts are known by their record.
#[test]
fn outputs_of_an_earlier_run_into_another_folder_are_no_documents() {
    let place = Place::with(&["in/a.txt"]);
    place.run(&["in", "-o", "in/first", "--output-format", "brat"]);
    let (answer, metrics) = place.run_measured(&["in", "-o", "in/second", "--output-format", "brat"]);
    assert_eq!(metrics["documents"]["selected"], 1, "{}", answer.stderr);
    assert_eq!(names_below(&place.path("in/second")).iter().filter(|name| name.ends_with(".txt")).count(), 1);
}

#[test]
fn what_is_named_is_taken_even_where_it_is_hidden() {
    let place = Place::with(&[".notes/.a.txt", "texts/.b.txt", "texts/c.txt"]);
    for (input, wanted) in [
        (".notes/.a.txt", ".notes/.a.txt.ann"),
        ("texts/.b.txt", "texts/.b.txt.ann"),
        ("texts/.*.txt", "texts/.b.txt.ann"),
    ] {
        let answer = place.run(&[input, "-o", "out"]);
        assert_eq!(answer.code, Some(0), "{input}: {}", answer.stderr);
        assert!(place.exists(&format!("out/{wanted}")), "{input}: {}", answer.stderr);
    }
    let (_, metrics) = place.run_measured(&["texts/*.txt", "-o", "glob"]);
    assert_eq!(metrics["documents"]["selected"], 1, "{metrics}");
}

/// A glob names what it matches; what lies around that is no news.
#[test]
fn a_glob_says_nothing_of_what_it_does_not_name() {
    let place = Place::with(&["a.pdf.txt", "vol1/b.txt", "vol1/notes.doc", ".hidden/c.txt", "other.doc"]);
    let (answer, metrics) = place.run_measured(&["a.pdf.txt", "vol*/**/*.txt", "-o", "out"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(metrics["documents"]["saved"], 2, "{metrics}");
    for unsaid in ["left out", "passed over", "other.doc", "notes.doc", "hidden"] {
        assert!(!answer.stderr.contains(unsaid), "{unsaid}: {}", answer.stderr);
    }
}

/// The largest shipped model goes by reference: nothing to warn of, nothing for cron to mail.
#[test]
fn no_shipped_model_makes_a_quiet_run_speak_of_sizes() {
    let place = Place::with(&["in/a.txt"]);
    for model in skol_classifier::model::catalog::names() {
        let answer = place.run(&["in", "-o", model, "--model", model]);
        assert_eq!(answer.code, Some(0), "{model}: {}", answer.stderr);
        assert!(
            !answer.stderr.contains('⚠') && !answer.stderr.contains("Broadcast"),
            "{model}: {}",
            answer.stderr
        );
    }
}

#[test]
fn doc_id_selects_files_by_name_or_path_and_names_what_it_does_not_find() {
    let place = Place::with(&["in/a.txt", "in/sub/b.txt", "in/c.txt", "in/.d.txt", "in/e.doc"]);
    let (answer, metrics) = place.run_measured(&["in", "-o", "out", "--doc-id", "sub/b.txt,in/c.txt"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(metrics["documents"]["saved"], 2);
    assert_eq!(names_below(&place.path("out")), ["c.txt.ann", "sub/b.txt.ann"]);
    // Left out for a reason: named at any verbosity, and no failure.
    let answer = place.run(&["in", "-o", "out", "--doc-id", "a.txt,.d.txt,e.doc", "--verbosity", "0"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stderr.contains(".d.txt: it is hidden"), "{}", answer.stderr);
    assert!(answer.stderr.contains("e.doc: its name does not match"), "{}", answer.stderr);
    let answer = place.run(&["in", "-o", "out", "--doc-id", "missing.txt", "--verbosity", "0"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(answer.stderr.contains("missing.txt: there is no such document"), "{}", answer.stderr);
    // An annotation that the shell put on the command line.
    place.run(&["in/a.txt", "-o", "."]);
    let answer = place.run(&["in/a.txt", "in/a.txt.ann", "-o", ".", "--verbosity", "0"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stderr.contains("in/a.txt.ann: this program wrote it"), "{}", answer.stderr);
}

#[test]
fn a_filter_that_files_cannot_answer_is_refused() {
    let place = Place::with(&["in/a.txt"]);
    let answer = place.run(&["in", "-o", "out", "--skip-golden"]);
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
    assert!(answer.stderr.contains("golden_dataset"), "{}", answer.stderr);
    let mut command = place.program();
    let answer = super::answer(command.args(["in", "-o", "out"]).env("SKIP_GOLDEN", "1"));
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
    assert!(answer.stderr.contains("SKIP_GOLDEN"), "{}", answer.stderr);
    assert!(!place.exists("out"));
}

#[test]
fn two_documents_with_one_output_are_refused_by_name_before_anything_is_written() {
    let place = Place::with(&["one/a.txt", "two/a.txt", "in/a", "in/a.txt"]);
    for (arguments, names) in [
        (&["one", "two"][..], ["one/a.txt", "two/a.txt"]),
        (&["in", "--attachment-pattern", "*", "--output-format", "brat"], ["in/a", "in/a.txt"]),
    ] {
        let answer = place.run(&[arguments, &["-o", "out"]].concat());
        assert_eq!(answer.code, Some(2), "{}", answer.stderr);
        assert!(names.iter().all(|name| answer.stderr.contains(name)), "{}", answer.stderr);
        assert!(!place.exists("out"), "{}", answer.stderr);
    }
    // The same file again, however it is spelled, is no collision.
    let (answer, metrics) = place.run_measured(&["in/a.txt", "./in/a.txt", "-o", "out"]);
    assert_eq!((answer.code, &metrics["documents"]["saved"]), (Some(0), &1.into()), "{}", answer.stderr);
}
