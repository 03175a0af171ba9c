//! Makes the shipped models and sample documents part of the program, so that they are found from any
//! folder, also after `cargo install`. Writes three lists to `OUT_DIR`:
//!
//! * `embedded_models.rs`: `EMBEDDED: &[(&str, &[u8])]`, name and file of every `models/*.skol`;
//! * `check_set.rs`: `CHECK_SET: &[(&str, &str)]`, name and text of every `tests/data/gold/**/*.ann`;
//! * `samples.rs`: `SAMPLES: &[(&str, &str)]`, path and text of every `examples/documents/**/*.txt`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let (models, samples) = (root.join("models"), root.join("examples/documents"));
    let check_set = root.join("tests/data/gold");
    for folder in [&models, &samples, &check_set] {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let list = self::list(&files(&models, "skol")?, "EMBEDDED", "[u8]", "include_bytes", name);
    fs::write(out.join("embedded_models.rs"), list)?;
    let list = self::list(&files(&check_set, "ann")?, "CHECK_SET", "str", "include_str", name);
    fs::write(out.join("check_set.rs"), list)?;
    let name = |path: &Path| path.strip_prefix(&samples).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let list = self::list(&files(&samples, "txt")?, "SAMPLES", "str", "include_str", name);
    fs::write(out.join("samples.rs"), list)
}

/// The files below `folder` with this extension, sorted.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn list(files: &[PathBuf], name: &str, kind: &str, include: &str, named: impl Fn(&Path) -> String) -> String {
    let mut text = format!("static {name}: &[(&str, &{kind})] = &[\n");
    for file in files {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    ({:?}, {include}!({:?})),", named(file), file.display().to_string());
    }
    text + "];\n"
}
