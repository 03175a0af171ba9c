//! What every program has: how much it reports, and which files its settings come from.

use super::definition::settings;
use super::value::{ColorChoice, LogFormat};
use std::path::PathBuf;

settings! {
    /// How a program reports to people and machines.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Terminal in "" {
        /// How much is reported: 0 nothing, 1 warnings, 2 every stage and a summary, 3 details
        verbosity: u8 => Terminal "0..3" { default: "1", env: &["VERBOSITY"] };
        /// When to use colours
        ///
        /// auto: on a terminal. NO_COLOR set to anything means never (https://no-color.org).
        color: ColorChoice => Terminal "WHEN" { default: "auto", env: &["NO_COLOR"] };
        /// Show no progress
        no_progress: bool => Terminal "BOOL" { env: &["NO_PROGRESS"] };
        /// Messages for people, or one JSON object a line
        log_format: LogFormat => Terminal "FORMAT" { default: "text", env: &["LOG_FORMAT"] };
    }
}

impl Terminal {
    /// Whether progress is shown.
    pub(crate) fn progress(&self) -> bool {
        self.verbosity >= 1 && !self.no_progress
    }
}

settings! {
    /// Files with settings. They are read before all others, by name; here they are only noted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Files in "" {
        /// One more config file (TOML), stronger than the others
        config: Option<PathBuf> => Files "FILE";
        /// File with NAME=value lines, instead of ./env_config and ~/.skol_env
        env_config: Option<PathBuf> => Files "FILE" { env: &["ENV_CONFIG"] };
    }
}
