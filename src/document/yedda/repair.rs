//! What the reader had to repair.

use std::fmt;

/// One repair, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Line of the annotation file, from 1.
    pub line: usize,
    /// What was found there, and what was made of it.
    pub kind: RepairKind,
}

/// What the reader found, and what it made of it. No kind loses text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairKind {
    /// `[@` without a closer. Its text has no label.
    Unclosed,
    /// `[@` with nothing but white space up to the next `[@`.
    StrayOpener,
    /// `text#Label*]` without `[@`: the text since the block before gets the label.
    MissingOpener {
        /// The label that was given.
        label: String,
    },
    /// `#Label]`, `#Label*` or the like: read as `#Label*]`.
    DamagedCloser {
        /// The closer as it stands in the file.
        found: String,
        /// The label that was read from it.
        label: String,
    },
    /// A block within a block: the outer one is cut in two around it.
    Nested,
    /// A block without text. There is nothing to label.
    EmptyBlock,
    /// Text outside of all blocks, which has no label.
    TextBetween,
    /// A label in another spelling than usual (`page_header`): read as the usual one.
    Spelling {
        /// The label as it stands in the file.
        found: String,
        /// The usual spelling.
        label: &'static str,
    },
    /// A line of a standoff file that is no entity, or one with offsets beyond the text: left out.
    Standoff {
        /// Its id.
        id: String,
    },
    /// An entity of a standoff file that overlaps one before it: left out.
    Overlap,
    /// A label that is not among [`KNOWN_LABELS`](crate::document::labels::KNOWN_LABELS), kept as it is;
    /// reported where it is met first.
    UnknownLabel {
        /// The label.
        label: String,
    },
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for RepairKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str("'[@' without '#Label*]': its text is left without a label"),
            Self::StrayOpener => f.write_str("'[@' without text before the next '[@': left out"),
            Self::MissingOpener { label } => {
                write!(f, "'#{label}*]' without '[@': the text since the block before is taken for its block")
            }
            Self::DamagedCloser { found, label } => write!(f, "'{found}' read as '#{label}*]'"),
            Self::Nested => f.write_str("block within a block: the outer one is cut in two around it"),
            Self::EmptyBlock => f.write_str("block without text: left out"),
            Self::TextBetween => f.write_str("text outside of all blocks: left without a label"),
            Self::Spelling { found, label } => write!(f, "label '{found}' read as '{label}'"),
            Self::Standoff { id } => {
                write!(f, "'{id}' is no 'Label start end', or its offsets lie outside of the text: left out")
            }
            Self::Overlap => f.write_str("overlaps an entity before it: left out"),
            Self::UnknownLabel { label } => write!(f, "label '{label}' is not a known one: kept as it is"),
        }
    }
}
