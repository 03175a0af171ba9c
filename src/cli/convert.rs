//! `convert_annotations`: annotations from one form into another, and checked.

use std::io::Write;
use std::path::Path;

use super::{Exit, print};
use crate::Result;
use crate::convert::{self, ConvertError};
use crate::run::ProgramError;
use crate::settings::ConvertSettings;

/// Converts and checks, and says what was done.
pub(super) fn convert(settings: &ConvertSettings) -> Result<Exit> {
    if settings.to.is_none() && !settings.check {
        return Err(ProgramError::NothingToConvert.into());
    }
    let read = convert::read(&settings.input);
    let mut failed = read.failures.len();
    for (path, error) in &read.failures {
        report(path, error);
    }
    if read.documents.is_empty() {
        let inputs: Vec<_> = settings.input.iter().map(|path| format!("'{}'", path.display())).collect();
        return Err(ProgramError::NoAnnotations { inputs: inputs.join(", ") }.into());
    }
    let mut findings = 0;
    if settings.check {
        for finding in &read.findings {
            print(&finding.to_string())?;
        }
        findings = read.findings.len();
    }
    let mut written = 0;
    if let Some(target) = settings.to {
        for document in &read.documents {
            match convert::write(document, target, &settings.output, &read.files) {
                Ok(_) => written += 1,
                Err(error) => {
                    failed += 1;
                    report(Path::new(&document.name), &error);
                }
            }
        }
    }
    if settings.terminal.verbosity >= 1 {
        let mut sentence = format!("{} read", several(read.documents.len(), "document"));
        if read.repeated > 0 {
            let files = several(read.repeated, "other file");
            sentence += &format!(" ({files} of the same documents passed over)");
        }
        if settings.to.is_some() {
            sentence += &format!(", {written} written below {}", settings.output.display());
        }
        if settings.check {
            sentence += &format!(", {} found", several(findings, "oddity"));
        }
        if failed > 0 {
            sentence += &format!(", {failed} failed");
        }
        // If standard error is gone, there is nowhere to report it.
        let _ = writeln!(std::io::stderr(), "{sentence}.");
    }
    Ok(if failed > 0 || findings > 0 { Exit::SomeFailed } else { Exit::Done })
}

fn report(path: &Path, error: &ConvertError) {
    let _ = writeln!(std::io::stderr(), "failed: {}: {error}", path.display());
}

fn several(number: usize, thing: &str) -> String {
    match (number, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {thing}s"),
    }
}
