//! Which of the listed documents are worked on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Decision, DocumentError, LeftOut, Reason, Selected};
use crate::document::DocumentRef;
use crate::sink::OutputFormat;
use crate::taxonomy::TaxonomyFilter;

/// Which of the listed documents are worked on, where a listing knows no more of them than a name and a text.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only these, by name or by path; empty: all.
    pub doc_ids: Vec<String>,
    /// The most documents to select. What is skipped does not count.
    pub limit: Option<u64>,
    /// Skip documents whose annotation in this format exists below this folder.
    pub existing: Option<(PathBuf, OutputFormat)>,
    /// Only documents that have a taxonomic abbreviation.
    pub taxonomy: Option<TaxonomyFilter>,
}

impl Choice {
    /// Decides on each document of `listing`; `text` reads one. A document of [`doc_ids`](Self::doc_ids) that is not
    /// in the listing, nor left out by it, fails at the end.
    pub(super) fn of<'a>(
        &self,
        listing: impl Iterator<Item = Selected> + Send + 'a,
        text: impl Fn(&DocumentRef) -> Option<String> + Send + 'a,
        left_out: Arc<LeftOut>,
    ) -> Box<dyn Iterator<Item = Selected> + Send + 'a> {
        Box::new(Choosing {
            missing: self.doc_ids.iter().cloned().collect(),
            choice: self.clone(),
            listing: Box::new(listing),
            text: Box::new(text),
            left_out,
            worked_on: 0,
        })
    }
}

/// Reads a document's text.
type Text<'a> = Box<dyn Fn(&DocumentRef) -> Option<String> + Send + 'a>;

struct Choosing<'a> {
    choice: Choice,
    listing: Box<dyn Iterator<Item = Selected> + Send + 'a>,
    text: Text<'a>,
    left_out: Arc<LeftOut>,
    /// Documents that were asked for and did not come yet.
    missing: BTreeSet<String>,
    worked_on: u64,
}

impl Choosing<'_> {
    /// Whether `reference` is asked for.
    fn is_chosen(&mut self, reference: &DocumentRef) -> bool {
        if self.choice.doc_ids.is_empty() {
            return true;
        }
        let DocumentRef { doc_id, attachment_name } = reference;
        let ids = [doc_id.as_str(), doc_id.strip_prefix("./").unwrap_or(doc_id), attachment_name];
        let chosen = self.choice.doc_ids.iter().any(|wanted| ids.contains(&wanted.as_str()));
        for id in ids {
            self.missing.remove(id);
        }
        chosen
    }

    /// What is to be done with a document that would be worked on; `None` where it is left out.
    fn decide(&self, reference: &DocumentRef) -> Option<Decision> {
        if let Some((folder, format)) = &self.choice.existing
            && std::fs::symlink_metadata(folder.join(format.annotation_name(&reference.attachment_name)))
                .is_ok()
        {
            return Some(Decision::Skip);
        }
        if let Some(filter) = &self.choice.taxonomy
            // One that cannot be read fails where it is read again.
            && let Some(text) = (self.text)(reference)
            && !filter.matches(&text)
        {
            let DocumentRef { doc_id, attachment_name } = reference;
            self.left_out.pass(Reason::NotTaxonomic, Path::new(doc_id), Path::new(attachment_name));
            return None;
        }
        Some(Decision::Process)
    }
}

impl Iterator for Choosing<'_> {
    type Item = Selected;

    fn next(&mut self) -> Option<Selected> {
        while self.choice.limit.is_none_or(|limit| self.worked_on < limit) {
            let Some(mut selected) = self.listing.next() else {
                let id = self.missing.pop_first()?;
                if self.left_out.names().iter().any(|passed| passed.asked_for && passed.is(&id)) {
                    continue;
                }
                let reason = "there is no such document among the inputs; give its path, or its name below the input folder";
                return Some(Selected::fail(&*id, &*id, DocumentError::Reason(reason.to_owned())));
            };
            if !self.is_chosen(&selected.reference) {
                continue;
            }
            if matches!(selected.decision, Decision::Process) {
                match self.decide(&selected.reference) {
                    Some(decision) => selected.decision = decision,
                    None => continue,
                }
            }
            if matches!(selected.decision, Decision::Process) {
                self.worked_on += 1;
            }
            return Some(selected);
        }
        None
    }
}
