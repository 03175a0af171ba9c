//! `--list-models`: the models in the program, and those in the folders where they are found by name.

use crate::Result;
use crate::model::{ModelInfo, catalog};
use bytesize::ByteSize;
use std::path::PathBuf;

/// One line a model: name, labels, size, day of training, preset; for one in a folder the path.
///
/// # Errors
/// A shipped model cannot be read.
pub(super) fn list(folders: &[PathBuf]) -> Result<String> {
    let shipped = catalog::list()?;
    let found = catalog::list_folders(folders);
    if shipped.is_empty() && found.is_empty() {
        return Ok("this build contains no models; give --model the path of one\n".to_owned());
    }
    let default = catalog::default_name();
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let shipped = shipped.into_iter().map(|(info, bytes)| {
        let mark = if info.name == default { "  (default)".to_owned() } else { String::new() };
        (info.name.clone(), info, bytes, mark)
    });
    let found = found
        .into_iter()
        .map(|found| (stem(&found.path), found.info, found.bytes, format!("  ({})", found.path.display())));
    let models: Vec<(String, ModelInfo, usize, String)> = shipped.chain(found).collect();
    let width = models.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, info, bytes, mark) in models {
        let labels = info.data.paragraphs.len();
        let size = ByteSize(bytes as u64).display().iec().to_string();
        text.push_str(&format!(
            "{name:width$}  {labels:2} labels  {size:>9}  {}  {}{mark}\n",
            info.date, info.preset.summary
        ));
    }
    Ok(text)
}
