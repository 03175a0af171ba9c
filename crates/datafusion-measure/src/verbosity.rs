//! How much is measured and reported.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

/// How much is measured and reported. Each level includes the ones below it.
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
    type Error = Error;

    /// The level with this number.
    ///
    /// # Errors
    /// [`Error::Verbosity`] when the number is above 3.
    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level {
            0 => Ok(Self::Silent),
            1 => Ok(Self::Warnings),
            2 => Ok(Self::Info),
            3 => Ok(Self::Debug),
            other => Err(Error::Verbosity(other.to_string())),
        }
    }
}

impl FromStr for Verbosity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = text.trim().parse::<u8>().map_err(|_| Error::Verbosity(text.trim().to_owned()))?;
        Self::try_from(level)
    }
}

impl fmt::Display for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.level().fmt(f)
    }
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
        assert!(Verbosity::try_from(4).unwrap_err().to_string().contains("use 0 (silent)"));
        assert!("loud".parse::<Verbosity>().unwrap_err().to_string().contains("'loud'"));
    }
}
