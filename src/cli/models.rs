//! `--list-models`: the models in the program.

use crate::Result;
use crate::model::catalog;
use bytesize::ByteSize;

/// One line a model: name, labels, size, day of training, preset.
///
/// # Errors
/// A shipped model cannot be read.
pub(super) fn list() -> Result<String> {
    let models = catalog::list()?;
    if models.is_empty() {
        return Ok("this build contains no models; give --model the path of one\n".to_owned());
    }
    let default = catalog::default_name();
    let width = models.iter().map(|(info, _)| info.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (info, bytes) in models {
        let labels = info.data.paragraphs.len();
        let size = ByteSize(bytes as u64).display().iec().to_string();
        let mark = if info.name == default { "  (default)" } else { "" };
        text.push_str(&format!(
            "{:width$}  {labels:2} labels  {size:>9}  {}  {}{mark}\n",
            info.name, info.date, info.preset.summary
        ));
    }
    Ok(text)
}
