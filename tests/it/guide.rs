//! The commands of the user's guide do what it says they do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide")
}

/// The shell commands of a chapter that can be run here, in order.
fn commands(chapter: &str) -> String {
    let blocks = chapter.split("```sh\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn every_command_of_the_guide_works() {
    let folder = Path::new(env!("CARGO_BIN_EXE_predict_classifier")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(folder.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut run = 0;
    for chapter in fs::read_dir(guide()).unwrap() {
        let chapter = chapter.unwrap().path();
        let commands = commands(&fs::read_to_string(&chapter).unwrap());
        if commands.is_empty() {
            continue;
        }
        let scratch = tempfile::tempdir().unwrap();
        let done = Command::new("sh")
            .args(["-e", "-c", &commands])
            .current_dir(&scratch)
            .env("PATH", &path)
            .env("HOME", scratch.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}: {}\n{}",
            chapter.display(),
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        run += commands
            .lines()
            .filter(|line| line.contains("_classifier") || line.contains("_annotations"))
            .count();
    }
    assert!(run >= 15, "only {run} commands were found");
}

#[test]
fn every_chapter_is_in_the_summary() {
    let summary = fs::read_to_string(guide().join("SUMMARY.md")).unwrap();
    for chapter in fs::read_dir(guide()).unwrap() {
        let name = chapter.unwrap().file_name().into_string().unwrap();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name}");
    }
}
