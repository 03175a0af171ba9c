//! What every program has: how much it says, and where its settings come from.

use crate::settings::option::{Heading, Kind, Program, Setting};

const EVERY: &[Program] = &Program::ALL;

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "verbosity",
        "verbosity",
        Kind::Text,
        "0..3",
        Heading::Terminal,
        "How much is told: 0 nothing, 1 warnings, 2 every stage and a summary, 3 details",
    )
    .env(&["VERBOSITY"])
    .of(EVERY),
    Setting::new(
        "color",
        "color",
        Kind::Choice(&["auto", "always", "never"]),
        "WHEN",
        Heading::Terminal,
        "When to use colours",
    )
    .env(&["NO_COLOR"])
    .more("auto: on a terminal. NO_COLOR set to anything means never (https://no-color.org).")
    .of(EVERY),
    Setting::new("no_progress", "no-progress", Kind::Flag, "BOOL", Heading::Terminal, "Show no progress")
        .env(&["NO_PROGRESS"])
        .of(EVERY),
    Setting::new(
        "log_format",
        "log-format",
        Kind::Choice(&["text", "json"]),
        "FORMAT",
        Heading::Terminal,
        "Messages for people, or one JSON object a line",
    )
    .env(&["LOG_FORMAT"])
    .of(EVERY),
    Setting::new(
        "config",
        "config",
        Kind::File,
        "FILE",
        Heading::Settings,
        "One more config file (TOML), stronger than the others",
    )
    .env(&["SKOL_CONFIG"])
    .of(EVERY),
    Setting::new(
        "env_config",
        "env-config",
        Kind::File,
        "FILE",
        Heading::Settings,
        "File with NAME=value lines; without it ./env_config, then ~/.skol_env",
    )
    .env(&["ENV_CONFIG"])
    .of(EVERY),
];
