//! The main job as its user starts it: files in, annotated files out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use skol_classifier::document::yedda;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/documents");

/// The program in an empty folder, with nothing of this machine's settings.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_predict_classifier"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The files below `folder` by their path, without hidden ones.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(root, &path, found);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    if folder.is_dir() {
        visit(folder, folder, &mut found);
    }
    found
}

fn metrics(file: PathBuf) -> serde_json::Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn samples_are_labelled_without_arguments_and_a_second_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), &["--verbosity", "2", "--metrics-file", "first.json"]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let texts: Vec<String> =
        files(Path::new(SAMPLES)).into_keys().filter(|name| name.ends_with(".txt")).collect();
    let annotations = files(&folder.path().join("output"));
    let wanted: Vec<String> = texts.iter().map(|name| format!("{name}.ann")).collect();
    assert_eq!(annotations.keys().cloned().collect::<Vec<_>>(), wanted);
    for (name, annotation) in &annotations {
        let text = fs::read(Path::new(SAMPLES).join(name.strip_suffix(".ann").unwrap())).unwrap();
        let stripped = yedda::strip(std::str::from_utf8(annotation).unwrap());
        assert_eq!(stripped.as_bytes(), text, "{name} is not lossless");
    }
    let told = stderr(&first);
    for heading in ["DataFrame 'documents':", "Closure 'save_partition':", "Instrumentation Metrics Summary"]
    {
        assert!(told.contains(heading), "'{heading}' is missing:\n{told}");
    }

    let second = run(folder.path(), &["--metrics-file", "second.json"]);
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(stderr(&second), "", "a night without news is silent");
    let third = run(folder.path(), &["--verbosity", "2"]);
    assert!(stderr(&third).contains("nothing new to write"), "{}", stderr(&third));
    let (first, second) =
        (metrics(folder.path().join("first.json")), metrics(folder.path().join("second.json")));
    let count = texts.len() as u64;
    assert_eq!(first["documents"]["saved"], count);
    assert_eq!(second["documents"]["unchanged"], count);
    assert_eq!(second["documents"]["saved"], 0);
    assert_eq!(files(&folder.path().join("output")), annotations);
}

#[test]
fn labels_do_not_depend_on_partitions_batches_cores_verbosity_or_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = None;
    // With so little memory a checkpoint goes to disk.
    const ON_DISK: &[&str] = &["--checkpoint", "always", "--memory-limit", "1m"];
    for (number, (partitions, batch, cores, more)) in [
        ("1", "1", "1", ["--verbosity", "0"].as_slice()),
        ("2", "100", "2", &["--verbosity", "3"]),
        ("7", "1", "2", &["--checkpoint", "always"]),
        ("7", "100", "1", &["--checkpoint", "never"]),
        ("1", "24", "1", ON_DISK),
        ("2", "24", "2", ON_DISK),
        ("7", "24", "2", ON_DISK),
    ]
    .into_iter()
    .enumerate()
    {
        let mut arguments =
            vec![SAMPLES, "--partitions", partitions, "--batch-size", batch, "--cores", cores];
        arguments.extend(more);
        let (out, file) = (format!("out-{number}"), format!("{number}.json"));
        arguments.extend(["--output", &out, "--metrics-file", &file]);
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let written = files(&folder.path().join(&out));
        let metrics = metrics(folder.path().join(&file));
        let found = (written, metrics["labels"].clone(), metrics["paragraphs"].clone());
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found, "{arguments:?}");
    }
}

#[test]
fn label_names_are_those_of_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{SAMPLES}/fungi/velkoria_gen_nov.txt");
    fs::write(folder.path().join("names.toml"), "Nomenclature = \"Taxon name\"\n").unwrap();
    for format in ["yedda", "jsonl", "brat", "html"] {
        let arguments = [&input, "--output-format", format, "-o", format, "--label-names", "names.toml"];
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let written = walkdir::WalkDir::new(folder.path().join(format)).into_iter().filter_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            let counts = [".ann", ".jsonl", "txt.html"].iter().any(|suffix| name.ends_with(suffix));
            counts.then(|| fs::read_to_string(entry.path()).unwrap())
        });
        let written: String = written.collect();
        let name = if format == "brat" { "Taxon_name" } else { "Taxon name" };
        // A page offers all known labels to choose from, too.
        let old = format != "html" && written.contains("Nomenclature");
        assert!(written.contains(name) && !old, "{format}: {written:.2000}");
    }
}

#[test]
fn contiguous_spans_are_one_a_paragraph_with_its_line_ends_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{SAMPLES}/fungi");
    let arguments = [&input, "--output-format", "brat", "-o", "brat", "--brat-spans", "contiguous"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let read = |name: &str| fs::read_to_string(folder.path().join("brat").join(name)).unwrap();
    let text: Vec<char> = read("velkoria_gen_nov.txt").chars().collect();
    let annotation = read("velkoria_gen_nov.ann");
    let mut of_several_lines = 0;
    for line in annotation.lines() {
        let fields: Vec<_> = line.splitn(3, '\t').collect();
        let offsets: Vec<usize> =
            fields[1].split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
        let [start, end] = offsets[..] else { panic!("one span: {line}") };
        let shown: String = text[start..end].iter().collect();
        assert_eq!(shown.replace('\n', "\\n").replace('\r', "\\r"), fields[2]);
        of_several_lines += usize::from(shown.contains('\n'));
    }
    assert!(of_several_lines > 3, "{annotation}");
}

#[test]
fn every_format_is_written_and_holds_the_same_labels() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{SAMPLES}/fungi");
    for format in ["yedda", "jsonl", "parquet", "brat"] {
        let output = run(folder.path(), &[&input, "--output-format", format, "-o", format]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let text = fs::read_to_string(Path::new(SAMPLES).join("fungi/velkoria_gen_nov.txt")).unwrap();
    let jsonl = fs::read_to_string(folder.path().join("jsonl/velkoria_gen_nov.txt.jsonl")).unwrap();
    let annotation = fs::read_to_string(folder.path().join("yedda/velkoria_gen_nov.txt.ann")).unwrap();
    let parsed = yedda::parse(&annotation);
    let blocks: Vec<_> = parsed.blocks.iter().filter(|block| block.label.is_some()).collect();
    let lines: Vec<serde_json::Value> =
        jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), blocks.len());
    for (line, block) in lines.iter().zip(&blocks) {
        let number = |name: &str| line[name].as_u64().unwrap() as usize;
        let shown: String = text.chars().take(number("end")).skip(number("start")).collect();
        assert_eq!(shown, line["text"].as_str().unwrap());
        assert_eq!(text[number("start_byte")..number("end_byte")], shown);
        assert_eq!(line["label"].as_str().unwrap(), block.label.unwrap());
        let sum: f64 =
            line["probabilities"].as_object().unwrap().values().map(|value| value.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    }
    // brat: the text beside, offsets in characters.
    let characters: Vec<char> = text.chars().collect();
    assert_eq!(fs::read_to_string(folder.path().join("brat/velkoria_gen_nov.txt")).unwrap(), text);
    let brat = fs::read_to_string(folder.path().join("brat/velkoria_gen_nov.ann")).unwrap();
    assert_eq!(brat.lines().count(), lines.len());
    for (brat, line) in brat.lines().zip(&lines) {
        let fields: Vec<_> = brat.splitn(3, '\t').collect();
        let (label, spans) = fields[1].split_once(' ').unwrap();
        assert_eq!(label, line["label"].as_str().unwrap());
        let parts: Vec<String> = spans
            .split(';')
            .map(|span| {
                let (from, to) = span.split_once(' ').unwrap();
                characters[from.parse().unwrap()..to.parse().unwrap()].iter().collect()
            })
            .collect();
        assert_eq!(parts.join(" "), fields[2]);
    }
    // Parquet: as many rows.
    let file = fs::File::open(folder.path().join("parquet/velkoria_gen_nov.txt.parquet")).unwrap();
    let rows: usize = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, lines.len());
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(folder.path())
        .args(["-", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let text = "Amanita rubra Novak, sp. nov.\n\nCap red, 3-5 cm wide.\n";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let annotation = String::from_utf8(output.stdout).unwrap();
    assert_eq!(yedda::strip(&annotation), text);
    assert!(annotation.starts_with("[@"), "{annotation}");
}

#[test]
fn bad_documents_fail_alone_by_name_and_the_others_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    fs::create_dir_all(texts.join("sub")).unwrap();
    fs::write(texts.join("a.txt"), "A heading\n\nSome text.\n").unwrap();
    fs::write(texts.join("broken.txt"), b"first line\nsecond \xE9 line\n").unwrap();
    fs::write(texts.join("empty.txt"), "").unwrap();
    fs::write(texts.join("blank.txt"), "\n \n\u{c}\n").unwrap();
    fs::write(texts.join("sub/z.txt"), "More text.\n").unwrap();
    std::os::unix::fs::symlink("nowhere.txt", texts.join("dangling.txt")).unwrap();
    let output = run(folder.path(), &["texts", "--metrics-file", "m.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.contains("broken.txt") && told.contains("0xE9") && told.contains("line 2"), "{told}");
    assert!(told.contains("--encoding windows-1252") && told.contains("dangling.txt"), "{told}");
    let written = files(&folder.path().join("output"));
    let names: Vec<_> = written.keys().map(String::as_str).collect();
    assert_eq!(names, ["a.txt.ann", "blank.txt.ann", "empty.txt.ann", "sub/z.txt.ann"]);
    assert_eq!(written["empty.txt.ann"], b"");
    let metrics = metrics(folder.path().join("m.json"));
    assert_eq!(metrics["documents"]["selected"], 5);
    assert_eq!(metrics["documents"]["failed"], 1);
    assert_eq!(metrics["failures"].as_array().unwrap().len(), 1);
    assert_eq!(metrics["left_out"]["dangling"], 1);
}

#[test]
fn what_cannot_be_done_has_its_exit_code_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "not a folder").unwrap();
    fs::write(folder.path().join("cut.skol"), b"SKOL").unwrap();
    fs::create_dir(folder.path().join("none")).unwrap();
    for (arguments, code, wanted) in [
        (&["--model", "contextt"][..], 2, "contextt"),
        (&["missing.txt"][..], 2, "missing.txt"),
        (&["--verbosity", "9"][..], 2, "verbosity"),
        (&["--verbositty", "1"][..], 2, "--verbosity"),
        (&["--attachment-pattern", "a[", "none"][..], 2, "glob"),
        (&["--model", "cut.skol"][..], 3, "cut.skol"),
        (&["none", "-o", "file/below"][..], 3, "file/below"),
        (&["none", "-o", "/proc/nowhere"][..], 3, "--output"),
        (&["--couchdb-url", "http://127.0.0.1:9", "--ingest-db-name", "x"][..], 3, "127.0.0.1:9"),
        (&["none"][..], 0, "No document was selected"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_full_disk_fails_the_documents_that_do_not_fit_and_leaves_no_half_file() {
    // A file size limit is what a test can have of a full disk without being root: writing beyond it fails.
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    fs::create_dir(&texts).unwrap();
    fs::write(texts.join("large.txt"), "word ".repeat(200_000)).unwrap();
    fs::write(texts.join("small.txt"), "word\n").unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""])
        .args([env!("CARGO_BIN_EXE_predict_classifier"), "texts", "-o", "out"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("large.txt"), "{}", stderr(&output));
    let left: Vec<_> = fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".skol_classifier.lock" && name != ".skol_classifier")
        .collect();
    assert_eq!(left, ["small.txt.ann"]);
}

#[test]
fn dry_run_writes_nothing_and_skip_existing_skips() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[SAMPLES, "--dry-run", "--metrics-file", "m.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!folder.path().join("output").exists());
    assert!(stderr(&output).contains("nothing written"), "{}", stderr(&output));
    run(folder.path(), &[SAMPLES, "--limit", "3"]);
    assert_eq!(files(&folder.path().join("output")).len(), 3);
    run(folder.path(), &[SAMPLES, "--skip-existing", "--metrics-file", "m.json"]);
    let metrics = metrics(folder.path().join("m.json"));
    assert_eq!(metrics["documents"]["skipped"], 3);
    assert_eq!(metrics["documents"]["saved"], 10);
}

#[test]
fn a_second_run_on_the_same_output_is_refused_while_the_first_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = program(folder.path())
        .args(["-", "-o", "out"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The first waits for its standard input; it holds the lock once the lock file has its process id.
    let lock = folder.path().join("out/.skol_classifier.lock");
    while fs::read_to_string(&lock).map_or(true, |text| text.is_empty()) {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended early");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let second = run(folder.path(), &[SAMPLES, "-o", "out"]);
    assert_eq!(second.status.code(), Some(4), "{}", stderr(&second));
    assert!(stderr(&second).contains(&first.id().to_string()), "{}", stderr(&second));
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    assert_eq!(run(folder.path(), &[SAMPLES, "-o", "out"]).status.code(), Some(0));
}

#[test]
fn a_killed_run_started_again_ends_like_one_that_was_never_killed() {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    fs::create_dir(&texts).unwrap();
    let sample = fs::read_to_string(Path::new(SAMPLES).join("fungi/checklist_hallowmere.txt")).unwrap();
    for number in 0..300 {
        fs::write(texts.join(format!("{number:03}.txt")), format!("Number {number}\n\n{sample}")).unwrap();
    }
    assert_eq!(run(folder.path(), &["texts", "-o", "calm"]).status.code(), Some(0));
    let calm = files(&folder.path().join("calm"));
    assert_eq!(calm.len(), 300);
    for wait in [40, 90, 150, 230, 320] {
        let mut child =
            program(folder.path()).args(["texts", "-o", "killed"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, content) in files(&folder.path().join("killed")) {
            assert_eq!(content, calm[&name], "half an annotation: {name}");
        }
    }
    assert_eq!(run(folder.path(), &["texts", "-o", "killed"]).status.code(), Some(0));
    assert_eq!(files(&folder.path().join("killed")), calm);
    let hidden = fs::read_dir(folder.path().join("killed"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"))
        .count();
    assert_eq!(hidden, 0, "a killed run's unfinished files are still there");
}

#[test]
fn sigterm_finishes_and_saves_what_is_in_hand() {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    fs::create_dir(&texts).unwrap();
    let sample = fs::read_to_string(Path::new(SAMPLES).join("volumes/acta_hallowmerensia_7.txt")).unwrap();
    for number in 0..400 {
        fs::write(texts.join(format!("{number:03}.txt")), &sample).unwrap();
    }
    let mut child = program(folder.path())
        .args(["texts", "-o", "out", "--metrics-file", "m.json", "--batch-size", "1"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while files(&folder.path().join("out")).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let metrics = metrics(folder.path().join("m.json"));
    let documents = &metrics["documents"];
    assert_eq!(documents["selected"], documents["saved"], "{documents}");
    assert_eq!(documents["saved"].as_u64().unwrap() as usize, files(&folder.path().join("out")).len());
    assert!(documents["saved"].as_u64().unwrap() < 400, "{documents}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the texts hold, annotations are lossless and every document has exactly one outcome.
    #[test]
    fn any_text_is_annotated_without_loss(texts in proptest::collection::vec("(\\PC|[\n\r\t\u{c}\\[@#*\\]\\\\]){0,400}", 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in");
        fs::create_dir(&input).unwrap();
        for (number, text) in texts.iter().enumerate() {
            fs::write(input.join(format!("{number}.txt")), text).unwrap();
        }
        let output = run(folder.path(), &["in", "-o", "out", "--batch-size", "3"]);
        prop_assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        for (number, text) in texts.iter().enumerate() {
            let annotation = fs::read_to_string(folder.path().join(format!("out/{number}.txt.ann"))).unwrap();
            prop_assert_eq!(&yedda::strip(&annotation), text);
        }
    }

    /// On the shipped documents: any partitions, batches and cores give the same files.
    #[test]
    fn samples_get_the_same_labels_whatever_the_partitions(
        partitions in 1..9_usize, batch in 1..101_usize, cores in 1..4_usize, verbosity in 0..4_usize
    ) {
        let folder = tempfile::tempdir().unwrap();
        let settings = [("PARTITIONS", partitions), ("PREDICTION_BATCH_SIZE", batch), ("CORES", cores), ("VERBOSITY", verbosity)];
        let output = program(folder.path())
            .envs(settings.map(|(name, value)| (name, value.to_string())))
            .output()
            .unwrap();
        prop_assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let reference = tempfile::tempdir().unwrap();
        run(reference.path(), &["--partitions", "1", "--batch-size", "1", "--cores", "1"]);
        prop_assert_eq!(files(&folder.path().join("output")), files(&reference.path().join("output")));
    }
}
