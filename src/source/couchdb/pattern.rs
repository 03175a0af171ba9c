//! Which attachments are inputs.

use crate::Result;
use crate::source::SourceError;
use globset::{GlobBuilder, GlobMatcher};

/// What the name of a copy of a person's annotation has behind the annotation's own, before the time.
pub(crate) const KEPT_COPY: &str = ".kept-";

/// Tells attachments that are inputs from others.
#[derive(Debug, Clone)]
pub(crate) struct AttachmentPattern {
    glob: GlobMatcher,
    /// Whether annotations were asked for by name.
    annotations: bool,
}

impl AttachmentPattern {
    pub(crate) fn new(pattern: &str) -> Result<Self> {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(false)
            .build()
            .map_err(|error| SourceError::Pattern { pattern: pattern.to_owned(), source: error })?;
        Ok(Self { glob: glob.compile_matcher(), annotations: pattern.ends_with(".ann") })
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let is_annotation = name.ends_with(".ann") || name.contains(&format!(".ann{KEPT_COPY}"));
        (self.annotations || !is_annotation) && self.glob.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn annotations_are_inputs_only_when_asked_for() {
        let matches = |pattern: &str, name: &str| AttachmentPattern::new(pattern).unwrap().matches(name);
        assert!(matches("*.txt", "article.txt") && matches("*.txt", "vol 1/article.txt"));
        assert!(!matches("*.txt", "article.txt.ann") && !matches("*.txt", "article.pdf"));
        assert!(!matches("*", "article.txt.ann") && matches("*", "article.pdf"));
        assert!(!matches("*", "article.txt.ann.kept-20260131T020000Z"));
        assert!(matches("*.ann", "article.txt.ann") && !matches("*.ann", "article.txt"));
        assert!(matches("{a,b}.txt", "b.txt") && matches("art?cle.txt", "article.txt"));
        assert_eq!(AttachmentPattern::new("[").unwrap_err().kind(), ErrorKind::Usage);
    }
}
