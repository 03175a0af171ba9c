//! How well does the segmenter fit your annotated texts?
//!
//! ```sh
//! cargo run --release --example measure_segmenter -- FOLDER
//! ```
//!
//! takes the `.ann` files below a folder, removes their markers, cuts the text into paragraphs and compares them
//! with the blocks that people marked: per subfolder, and for all.

use skol_classifier::document::yedda;
use skol_classifier::segment::{Agreement, segment};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("name a folder with .ann files")?);
    let mut all = Agreement::default();
    let mut each: BTreeMap<PathBuf, Agreement> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&folder) {
        let entry = entry?;
        if entry.path().extension().is_none_or(|extension| extension != "ann") {
            continue;
        }
        let annotation = String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned();
        let gold = yedda::parse(&annotation);
        let paragraphs = segment(&gold.text);
        let below = entry.path().parent().and_then(|parent| parent.strip_prefix(&folder).ok());
        each.entry(below.unwrap_or(&folder).to_owned()).or_default().add(&gold, &paragraphs);
        all.add(&gold, &paragraphs);
    }
    if each.is_empty() {
        return Err(format!("no .ann file below {}", folder.display()).into());
    }
    for (folder, agreement) in &each {
        println!("{}\n    {agreement}", folder.display());
    }
    println!("all\n    {all}");
    Ok(())
}
