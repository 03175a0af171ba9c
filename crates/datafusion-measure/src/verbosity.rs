//! How much is said, and from which size on something deserves a warning.
//!
//! Plain values; nothing here measures or prints.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much the instrumentation does and says. Each level includes the ones below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Verbosity {
    /// 0: nothing is measured and no line is written.
    Silent,
    /// 1: warnings only, and the checkpoints that were made.
    #[default]
    Warnings,
    /// 2: every operation, with the summary at the end.
    Info,
    /// 3: step by step, with each operator's rows, time and memory.
    Debug,
}

impl Verbosity {
    /// The level as the number a user types: 0 to 3.
    #[must_use]
    pub fn level(self) -> u8 {
        self as u8
    }
}

impl From<Verbosity> for u8 {
    fn from(verbosity: Verbosity) -> Self {
        verbosity.level()
    }
}

impl TryFrom<u8> for Verbosity {
    type Error = String;

    /// The level with this number.
    ///
    /// # Errors
    /// Says which levels there are when the number is above 3.
    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level {
            0 => Ok(Self::Silent),
            1 => Ok(Self::Warnings),
            2 => Ok(Self::Info),
            3 => Ok(Self::Debug),
            other => Err(format!(
                "verbosity {other} is unknown: use 0 (silent), 1 (warnings), 2 (info) or 3 (debug)"
            )),
        }
    }
}

impl FromStr for Verbosity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim()
            .parse::<u8>()
            .map_err(|_| {
                format!(
                    "verbosity '{text}' is not a number: use 0 (silent), 1 (warnings), 2 (info) or 3 (debug)"
                )
            })
            .and_then(Self::try_from)
    }
}

impl fmt::Display for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.level().fmt(f)
    }
}

/// From which value on something is worth a warning or a piece of advice.
///
/// [`Limits::default`] has the values of the guide: 1000 KiB for closures and tasks, 4 MiB for broadcasts, a
/// warning above 50 stages, a checkpoint above 30.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Largest closure, in bytes, that goes without a warning.
    pub closure_bytes: usize,
    /// Largest task, in bytes, that goes without a warning.
    pub task_bytes: usize,
    /// Largest broadcast, in bytes, that goes without a warning.
    pub broadcast_bytes: usize,
    /// Deepest lineage, in operators, that goes without a warning.
    pub lineage_warning: usize,
    /// Deepest lineage, in operators, that is not checkpointed, and not marked in the summary.
    pub lineage_checkpoint: usize,
    /// Most expression nodes, as written or after predicates were pushed down, that go without a checkpoint.
    pub expression_nodes: usize,
    /// Fewer rows than this in an average partition, with more than one partition, is advised against.
    pub rows_per_partition: usize,
    /// Unless an average partition of an executed plan computed for so long: then its few rows are much work.
    pub compute_per_partition: Duration,
    /// From so many rows on, a single partition is advised against.
    pub single_partition_rows: usize,
    /// A largest partition this many times the average is called skewed.
    pub skew: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            closure_bytes: 1000 * 1024,
            task_bytes: 1000 * 1024,
            broadcast_bytes: 4 * 1024 * 1024,
            lineage_warning: 50,
            lineage_checkpoint: 30,
            expression_nodes: 10_000,
            rows_per_partition: 100,
            compute_per_partition: Duration::from_millis(1),
            single_partition_rows: 10_000,
            skew: 4.0,
        }
    }
}

/// A size as the guide writes it: `900 bytes`, `2.3 KiB`, `1159.0 KiB`, `4.6 MiB`: in the next unit from two of it on.
#[must_use]
pub fn format_bytes(bytes: usize) -> String {
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut units = ["KiB", "MiB", "GiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value >= 2048.0 {
        let Some(next) = units.next() else { break };
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_the_four_of_the_guide() {
        for level in 0..=3u8 {
            let verbosity = Verbosity::try_from(level).unwrap();
            assert_eq!(verbosity.level(), level);
            assert_eq!(level.to_string().parse::<Verbosity>().unwrap(), verbosity);
        }
        assert!(Verbosity::Silent < Verbosity::Warnings && Verbosity::Info < Verbosity::Debug);
        assert!(Verbosity::try_from(4).unwrap_err().contains("use 0 (silent)"));
        assert!("loud".parse::<Verbosity>().unwrap_err().contains("'loud'"));
    }

    #[test]
    fn sizes_read_like_the_guide() {
        assert_eq!(format_bytes(0), "0 bytes");
        assert_eq!(format_bytes(1023), "1023 bytes");
        assert_eq!(format_bytes(2355), "2.3 KiB");
        assert_eq!(format_bytes(1159 * 1024), "1159.0 KiB");
        assert_eq!(format_bytes(4_823_450), "4.6 MiB");
        assert_eq!(format_bytes(3 << 30), "3.0 GiB");
    }
}
