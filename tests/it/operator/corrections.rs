//! What a person changed stays, in every format; what the program wrote does not become a person's.

use super::{Place, TEXT, names_below};
use std::fs;

const FORMATS: [(&str, &str); 3] = [("yedda", "a.txt.ann"), ("jsonl", "a.txt.jsonl"), ("brat", "a.ann")];

#[test]
fn a_correction_stays_and_is_named_and_only_force_overwrites_it_after_a_copy() {
    for (format, name) in FORMATS {
        let place = Place::with(&["in/a.txt", "in/b.txt"]);
        let arguments = ["in", "-o", "out", "--output-format", format];
        assert_eq!(place.run(&arguments).code, Some(0));
        let annotation = format!("out/{name}");
        let ours = place.read(&annotation);
        let corrected = ours.replacen("Misc-exposition", "Description", 1) + "\n";
        place.write(&annotation, &corrected);
        for _ in 0..2 {
            let (answer, metrics) = place.run_measured(&arguments);
            assert_eq!(answer.code, Some(0), "{format}: {}", answer.stderr);
            assert!(answer.stderr.contains("kept: a.txt"), "{format}: {}", answer.stderr);
            assert_eq!(place.read(&annotation), corrected, "{format}");
            assert_eq!(metrics["documents"]["kept"], 1, "{metrics}");
            assert_eq!(metrics["documents"]["unchanged"], 1, "{metrics}");
            assert_eq!(metrics["documents"]["selected"], 2, "{metrics}");
            assert_eq!(metrics["kept"][0]["attachment_name"], "a.txt");
        }
        let forced = place.run(&[&arguments[..], &["--force"]].concat());
        assert_eq!(forced.code, Some(0), "{}", forced.stderr);
        assert_eq!(place.read(&annotation), ours, "{format}");
        assert_eq!(place.read(&format!("{annotation}.~1~")), corrected, "{format}");
        assert!(forced.stderr.contains(&format!("{name}.~1~")), "{format}: {}", forced.stderr);
        // It is ours again, and nothing is kept.
        let (_, metrics) = place.run_measured(&arguments);
        assert_eq!(metrics["documents"]["unchanged"], 2, "{format}: {metrics}");
    }
}

#[test]
fn an_annotation_that_was_there_before_us_belongs_to_a_person() {
    for (format, name) in FORMATS {
        let place = Place::with(&["in/a.txt"]);
        place.write(&format!("out/{name}"), "by hand");
        let (answer, metrics) = place.run_measured(&["in", "-o", "out", "--output-format", format]);
        assert_eq!((answer.code, &metrics["documents"]["kept"]), (Some(0), &1.into()), "{}", answer.stderr);
        assert_eq!(place.read(&format!("out/{name}")), "by hand");
    }
}

#[test]
fn the_text_beside_a_brat_annotation_belongs_to_a_person_too() {
    let place = Place::with(&["in/a.txt"]);
    place.write("out/a.txt", "another text");
    let (answer, metrics) = place.run_measured(&["in", "-o", "out", "--output-format", "brat"]);
    assert_eq!(metrics["documents"]["kept"], 1, "{}", answer.stderr);
    assert_eq!(place.read("out/a.txt"), "another text");
    assert!(!place.exists("out/a.ann"), "an annotation without its text");
}

#[test]
fn what_another_model_writes_replaces_what_this_program_wrote() {
    let place = Place::with(&["in/a.txt", "in/sub/b.txt"]);
    let jsonl = ["in", "-o", "out", "--output-format", "jsonl"];
    place.run(&jsonl);
    let first = place.read("out/a.txt.jsonl");
    let other = [&jsonl[..], &["--model", "logistic_words_suffixes"]].concat();
    let (_, metrics) = place.run_measured(&other);
    assert_eq!(metrics["documents"]["saved"], 2, "{metrics}");
    assert_ne!(place.read("out/a.txt.jsonl"), first);
    // The first model's annotation is no longer what was written last: somebody who brings it back means it.
    place.write("out/a.txt.jsonl", &first);
    let (_, metrics) = place.run_measured(&other);
    assert_eq!((&metrics["documents"]["kept"], &metrics["documents"]["unchanged"]), (&1.into(), &1.into()));
}

/// The record is kept before an annotation gets its name, so that a run killed in between leaves nothing that would be
/// taken for a person's; what a power failure cut to nothing is no correction either.
#[test]
fn what_a_killed_run_or_a_power_failure_left_is_not_a_persons() {
    let place = Place::with(&["in/a.txt"]);
    let jsonl = ["in", "-o", "out", "--output-format", "jsonl"];
    place.run(&jsonl);
    let first = place.read("out/a.txt.jsonl");
    let other = [&jsonl[..], &["--model", "logistic_words_suffixes"]].concat();
    place.run(&other);
    let second = place.read("out/a.txt.jsonl");
    // As if the second run had been killed between record and name: the record says both, the file is the first.
    let record = fs::read_dir(place.path("out/.skol_classifier")).unwrap().next().unwrap().unwrap().path();
    let digest = |text: &str| {
        use sha2::Digest;
        sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let lines = format!("{}  a.txt.jsonl\n{}  a.txt.jsonl\n", digest(&first), digest(&second));
    fs::write(&record, lines).unwrap();
    place.write("out/a.txt.jsonl", &first);
    let (_, metrics) = place.run_measured(&other);
    assert_eq!(metrics["documents"]["saved"], 1, "{metrics}");
    assert_eq!(place.read("out/a.txt.jsonl"), second);

    place.write("out/a.txt.jsonl", "");
    let (_, metrics) = place.run_measured(&other);
    assert_eq!(metrics["documents"]["saved"], 1, "{metrics}");
    assert_eq!(place.read("out/a.txt.jsonl"), second);
}

#[test]
fn an_output_that_was_moved_or_copied_is_known_or_looked_at() {
    let place = Place::with(&["in/a.txt", "in/b.txt"]);
    place.run(&["in", "-o", "out"]);
    // Moved as a whole: the record goes along.
    fs::rename(place.path("out"), place.path("moved")).unwrap();
    let (_, metrics) = place.run_measured(&["in", "-o", "moved", "--model", "logistic_words_suffixes"]);
    assert_eq!(metrics["documents"]["kept"], 0, "{metrics}");
    // Copied without the record: what equals is unchanged, what differs is a person's.
    place.run(&["in", "-o", "moved"]);
    place.write("copy/a.txt.ann", place.read("moved/a.txt.ann"));
    place.write("copy/b.txt.ann", place.read("moved/b.txt.ann") + "corrected");
    let (_, metrics) = place.run_measured(&["in", "-o", "copy"]);
    let documents = &metrics["documents"];
    assert_eq!((&documents["unchanged"], &documents["kept"]), (&1.into(), &1.into()), "{documents}");
}

#[test]
fn skip_existing_with_a_limit_works_on_so_many_each_night_until_all_are_done() {
    let names: Vec<String> = (0..10).map(|number| format!("in/{number}.txt")).collect();
    let place = Place::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut saved = Vec::new();
    for _ in 0..4 {
        let (answer, metrics) = place.run_measured(&["in", "-o", "out", "--skip-existing", "--limit", "4"]);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        saved.push(metrics["documents"]["saved"].as_u64().unwrap());
    }
    assert_eq!(saved, [4, 4, 2, 0]);
    assert_eq!(names_below(&place.path("out")).len(), 10);
}

#[test]
fn a_limit_counts_what_the_taxonomy_filter_takes() {
    let place = Place::new();
    for number in 0..8 {
        place.write(&format!("in/{number}.txt"), if number < 5 { "No such thing here.\n" } else { TEXT });
    }
    let arguments = ["in", "-o", "out", "--taxonomy-filter", "--skip-existing", "--limit", "2"];
    for wanted in [2, 1, 0] {
        let (answer, metrics) = place.run_measured(&arguments);
        assert_eq!(metrics["documents"]["saved"], wanted, "{}", answer.stderr);
        assert_eq!(metrics["left_out"]["not_taxonomic"], 5, "{metrics}");
    }
    assert_eq!(names_below(&place.path("out")), ["5.txt.ann", "6.txt.ann", "7.txt.ann"]);
}

#[test]
fn a_dry_run_lists_what_a_run_does_and_counts_it_right() {
    let place = Place::with(&["in/new.txt", "in/same.txt", "in/mine.txt", "in/old.txt"]);
    place.write("in/bad.txt", b"a bad \xe9 byte\n");
    for name in ["same", "mine"] {
        place.run(&[&format!("in/{name}.txt"), "-o", "out"]);
    }
    // Named by its path: the annotation lies at out/in/...; the folder as an input makes it out/...
    fs::rename(place.path("out/in/same.txt.ann"), place.path("out/same.txt.ann")).unwrap();
    place.write("out/mine.txt.ann", "mine");
    let before = names_below(&place.path("out"));
    let (answer, metrics) = place.run_measured(&["in", "-o", "out", "--dry-run"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    let mut listed: Vec<_> = answer.stdout.lines().collect();
    listed.sort_unstable();
    assert_eq!(
        listed,
        ["unchanged: same.txt", "would keep: mine.txt", "would save: new.txt", "would save: old.txt"]
    );
    let documents = &metrics["documents"];
    for (status, count) in
        [("selected", 5), ("planned", 2), ("unchanged", 1), ("kept", 1), ("failed", 1), ("saved", 0)]
    {
        assert_eq!(documents[status], count, "{status}: {documents}");
    }
    assert_eq!(names_below(&place.path("out")), before);
    let (_, metrics) = place.run_measured(&["in", "-o", "out"]);
    assert_eq!(metrics["documents"]["saved"], documents["planned"]);
    let (answer, metrics) = place.run_measured(&["in", "-o", "nowhere", "--dry-run", "--skip-existing"]);
    assert_eq!(metrics["documents"]["planned"], 4, "{}", answer.stderr);
    assert!(!place.exists("nowhere"));
}
