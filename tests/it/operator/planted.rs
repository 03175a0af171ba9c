//! What others put in the way: links, FIFOs, devices, names with control characters. Nothing hangs, nothing outside is
//! written to, and no name moves a cursor or begins a line of its own.

use super::{Place, TEXT, names_below};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

fn make_fifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn links_planted_in_an_output_folder_write_to_nothing_outside_of_it() {
    let place = Place::with(&["in/a.txt", "in/sub/b.txt"]);
    // A first run shows the names of all that is written.
    place.run(&["in", "-o", "shown"]);
    let mut written: Vec<String> = walkdir::WalkDir::new(place.path("shown"))
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.unwrap().path().strip_prefix(place.path("shown")).unwrap().display().to_string())
        .collect();
    written.extend([".skol_classifier.probe".into(), ".a.txt.ann.part".into()]);
    // The name under which an annotation is written before it is whole.
    let hash = {
        use sha2::Digest;
        let hash = sha2::Sha256::digest("a.txt.ann");
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    written.push(format!(".skol_classifier-{hash}.part"));
    for (number, name) in written.iter().enumerate() {
        for victim_is_folder in [false, true] {
            let (out, victim) = (format!("out-{number}-{victim_is_folder}"), format!("victim-{number}"));
            let _ = fs::remove_file(place.path(&victim)).or_else(|_| fs::remove_dir_all(place.path(&victim)));
            if victim_is_folder {
                place.write(&format!("{victim}/precious"), "precious");
            } else {
                place.write(&victim, "precious");
            }
            let planted = place.path(&out).join(name);
            fs::create_dir_all(planted.parent().unwrap()).unwrap();
            symlink(place.path(&victim), &planted).unwrap();
            let answer = place.run(&["in", "-o", &out]);
            assert!(matches!(answer.code, Some(0 | 1 | 3)), "{name}: {}", answer.stderr);
            if victim_is_folder {
                assert_eq!(names_below(&place.path(&victim)), ["precious"], "{name}: {}", answer.stderr);
            } else {
                assert_eq!(place.read(&victim), "precious", "{name}: {}", answer.stderr);
            }
        }
    }
}

#[test]
fn a_fifo_or_device_among_inputs_or_outputs_is_refused_at_once() {
    let place = Place::with(&["in/a.txt"]);
    make_fifo(&place.path("in/pipe.txt"));
    symlink("/dev/zero", place.path("in/zero.txt")).unwrap();
    let (answer, metrics) = place.run_measured(&["in", "-o", "out"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!((&metrics["documents"]["saved"], &metrics["left_out"]["not_regular"]), (&1.into(), &2.into()));
    assert!(answer.stderr.contains("pipe.txt") && answer.stderr.contains("zero.txt"), "{}", answer.stderr);

    // Named, they fail by name.
    for input in ["in/pipe.txt", "in/zero.txt", "/dev/zero"] {
        let answer = place.run(&[input, "-o", "out"]);
        assert_eq!(answer.code, Some(1), "{input}: {}", answer.stderr);
        assert!(answer.stderr.contains(input) && answer.stderr.contains("regular"), "{}", answer.stderr);
    }

    for name in ["a.txt.ann", ".skol_classifier.lock", ".skol_classifier"] {
        let _ = fs::remove_dir_all(place.path("fifo"));
        fs::create_dir(place.path("fifo")).unwrap();
        make_fifo(&place.path(&format!("fifo/{name}")));
        let answer = place.run(&["in/a.txt", "in", "-o", "fifo"]);
        let answer = if answer.code == Some(2) { place.run(&["in", "-o", "fifo"]) } else { answer };
        assert!(matches!(answer.code, Some(1 | 3)), "{name}: {:?} {}", answer.code, answer.stderr);
        assert!(answer.stderr.contains(name), "{name}: {}", answer.stderr);
    }
    make_fifo(&place.path("metrics.prom"));
    let answer = place.run(&["in", "-o", "out", "--metrics-file", "metrics.prom"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(place.read("metrics.prom").contains("exit_code"));
}

#[test]
fn a_fifo_as_a_record_of_a_run_does_not_stop_the_next() {
    let place = Place::with(&["in/a.txt"]);
    place.run(&["in", "-o", "out", "--checkpoint-dir", "kept"]);
    let records: Vec<_> = walkdir::WalkDir::new(place.path("kept"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|e| e == "json"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    assert!(!records.is_empty(), "no record was kept");
    for record in records {
        fs::remove_file(&record).unwrap();
        make_fifo(&record);
    }
    let answer = place.run(&["in", "-o", "out", "--checkpoint-dir", "kept", "--verbosity", "2"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
}

#[test]
fn a_document_larger_than_the_limit_fails_by_name() {
    let place = Place::with(&["in/a.txt"]);
    place.write("in/large.txt", "word ".repeat(1_000));
    let answer = place.run(&["in", "-o", "out", "--max-document-size", "4k"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    for wanted in ["large.txt", "5000 bytes", "--max-document-size"] {
        assert!(answer.stderr.contains(wanted), "{wanted}: {}", answer.stderr);
    }
    assert_eq!(names_below(&place.path("out")), ["a.txt.ann"]);
    // Standard input has no length beforehand.
    let mut command = place.program();
    command.args(["-", "-o", "-", "--max-document-size", "4k"]).stdin(fs::File::open("/dev/zero").unwrap());
    let answer = super::answer(&mut command);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(answer.stderr.contains("--max-document-size"), "{}", answer.stderr);
}

/// Names of files and folders, and a document id; each with what would clear a screen, forge a line of a log and a sample
/// of a metric.
#[test]
fn control_characters_of_names_reach_neither_terminal_nor_log_nor_metrics() {
    let evil = "a\u{1b}[2J\u{7}\nfailed: forged\r\u{9b}1m.txt";
    let place = Place::new();
    place.write(&format!("in/{evil}"), b"a bad \xe9 byte\n");
    place.write(&format!("in/b{evil}"), TEXT);
    place.write(&format!("out/b{evil}.ann"), "mine");
    symlink("nowhere", place.path(&format!("in/c{evil}"))).unwrap();
    for more in
        [&[][..], &["--dry-run"], &["--log-format", "json"], &["--doc-id", evil], &["--verbosity", "3"]]
    {
        for metrics in ["m.json", "m.prom"] {
            let arguments =
                [&["in", "-o", "out", "--color", "never", "--metrics-file", metrics][..], more].concat();
            let answer = place.run(&arguments);
            assert_eq!(answer.code, Some(1), "{more:?}: {}", answer.stderr);
            for text in [&answer.stderr, &answer.stdout, &place.read(metrics)] {
                let control = text.chars().find(|c| c.is_control() && !['\n', '\t'].contains(c));
                assert_eq!(control, None, "{more:?}: {text:?}");
                assert!(!text.lines().any(|line| line.starts_with("failed: forged")), "{more:?}: {text}");
            }
        }
    }
}

#[test]
fn of_a_hundred_runs_at_once_one_works_and_the_others_end_with_4() {
    let place = Place::new();
    let mut first = place
        .program()
        .args(["-", "-o", "out"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lock = place.path("out/.skol_classifier.lock");
    super::wait_until("the lock", || fs::read_to_string(&lock).is_ok_and(|text| !text.is_empty()));
    let others: Vec<_> = (0..99)
        .map(|_| {
            let mut command = place.program();
            command.args(["-", "-o", "out"]).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for other in others {
        let output = other.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{told}");
        assert!(told.contains(&first.id().to_string()), "{told}");
    }
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
}

/// Started together on an output that does not exist yet, with nobody there first.
#[test]
fn runs_that_start_together_end_with_0_or_4_and_leave_one_output() {
    let place = Place::with(&["in/a.txt", "in/b.txt"]);
    let runs: Vec<_> = (0..20)
        .map(|_| {
            let mut command = place.program();
            command.args(["in", "-o", "new/out"]).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut done = 0;
    for run in runs {
        let output = run.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => done += 1,
            code => assert_eq!(code, Some(4), "{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    assert!(done >= 1);
    assert_eq!(names_below(&place.path("new/out")), ["a.txt.ann", "b.txt.ann"]);
}

#[test]
fn lock_and_record_are_as_shared_as_the_output_folder() {
    let place = Place::with(&["in/a.txt"]);
    for mode in [0o755, 0o775, 0o777, 0o700] {
        let _ = fs::remove_dir_all(place.path("out"));
        fs::create_dir(place.path("out")).unwrap();
        fs::set_permissions(place.path("out"), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(place.run(&["in", "-o", "out"]).code, Some(0));
        let mode_of = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode_of("out/.skol_classifier"), mode);
        assert_eq!(mode_of("out/.skol_classifier.lock") & 0o222, mode & 0o222);
    }
}
