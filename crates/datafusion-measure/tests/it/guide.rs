//! The user's guide is true: its output is what the program prints, and every row of its table names a test.

use std::fs;
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn guide() -> String {
    fs::read_to_string(repository("docs/instrumentation.md")).unwrap()
}

#[test]
fn guide_has_the_chapters_of_the_original() {
    let guide = guide();
    let mut rest = guide.as_str();
    for chapter in [
        "# Task Size Instrumentation",
        "## Problem",
        "## Common causes",
        "## How to use it",
        "### Option 1: the verbosity flag",
        "### Option 2: `env_config`",
        "### Option 3: in a program",
        "## Interpreting the output",
        "### Verbosity levels",
        "### Example output",
        "### What to look for",
        "## Automatic optimizations",
        "## Manual instrumentation",
        "## Best practices",
        "## Troubleshooting large tasks",
        "### If you see large closure warnings",
        "### If you see deep lineage warnings",
        "### If you see out-of-memory errors",
        "## Performance impact",
        "## Related settings",
        "## Further reading",
    ] {
        let at = rest.find(&format!("\n{chapter}")).or_else(|| rest.starts_with(chapter).then_some(0));
        let at = at.unwrap_or_else(|| panic!("chapter '{chapter}' is missing, or out of order"));
        rest = &rest[at + 1..];
    }
}

#[tokio::test]
async fn guide_shows_the_true_output() {
    let guide = guide();
    let (_, after) =
        guide.split_once("<!-- example: kept true by guide_shows_the_true_output -->\n```\n").unwrap();
    let (shown, _) = after.split_once("```").unwrap();
    let true_output = super::output::example().await;
    let lines: Vec<String> = true_output
        .lines()
        .map(|line| match line.split_once("Completed in ") {
            Some((before, _)) => format!("{before}Completed in <time>"),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(shown.trim_end(), lines.join("\n").trim_end());
}

/// Names of all test functions below `folder`.
fn tests_below(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim_start) {
                let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
                match function {
                    Some(function) if marked => {
                        names.push(function.split('(').next().unwrap_or_default().to_owned());
                        marked = false;
                    }
                    Some(_) => marked = false,
                    None => marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
                }
            }
        }
    }
}

/// Names of all tests of the repository.
fn tests() -> Vec<String> {
    let mut tests = Vec::new();
    for folder in ["tests", "src", "crates"] {
        tests_below(&repository(folder), &mut tests);
    }
    tests
}

/// The names between backticks in a cell of a table; every one is a test or a file. How many rows were looked at.
fn rows_name_what_exists(text: &str, head: &str, cell: impl Fn(&[&str]) -> usize) -> usize {
    let tests = tests();
    let (_, table) = text.split_once(head).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let names: Vec<&str> = cells[cell(&cells)].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named: {row}");
        for name in names {
            let exists = if name.contains('/') {
                repository(name).is_file()
            } else {
                tests.iter().any(|test| test == name)
            };
            assert!(exists, "'{name}' does not exist: {row}");
        }
        rows += 1;
    }
    rows
}

#[test]
fn guide_table_names_tests_that_exist() {
    let rows =
        rows_name_what_exists(&guide(), "\n| the guide | here | shown by |\n", |cells| cells.len() - 1);
    assert!(rows > 50, "{rows} rows");
}

#[test]
fn the_comparison_with_others_names_tests_that_exist() {
    let path = repository("crates/datafusion-measure/docs/for-sparkmeasure-users.md");
    let head = "\n| | here | shown by | sparkMeasure | datafusion-tracing | Spark UI |\n";
    let rows = rows_name_what_exists(&fs::read_to_string(path).unwrap(), head, |_| 2);
    assert!(rows > 15, "{rows} rows");
}
