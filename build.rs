//! Embeds the trained models: every `models/*.skol` becomes part of the programs, so that they find their
//! model from any working directory, also after `cargo install`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = root.join("models");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut models = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "skol")
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                println!("cargo::rerun-if-changed={}", path.display());
                models.push(format!("    ({name:?}, include_bytes!({:?})),\n", path.display().to_string()));
            }
        }
    }
    models.sort();
    let table = format!("static EMBEDDED: &[(&str, &[u8])] = &[\n{}];\n", models.concat());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("embedded_models.rs"), table)
}
