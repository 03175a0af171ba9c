//! The command line of each program, made from the table of settings: options, help, and what was typed.

use super::environment::Environment;
use super::layers::{DEFAULTS, Layer, Rank, Raw, split_list};
use super::option::{Kind, Outdated, Program, Setting};
use super::{table, text, toml_file};
use crate::{Error, Result};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use clap_complete::Shell;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What was typed.
pub(super) enum Typed {
    /// Print this and exit: help, version.
    Print(String),
    /// Values and requests.
    Values { layer: Layer, outdated: Vec<(&'static Outdated, String)>, asked: Asked },
}

/// What the user asks for instead of a run.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) show_config: bool,
    pub(super) man: bool,
    pub(super) completions: Option<Shell>,
    pub(super) list_models: bool,
    pub(super) explain: Option<String>,
}

/// The command of `program`.
pub(super) fn command(program: Program) -> Command {
    let defaults: BTreeMap<String, Raw> =
        toml_file::read(DEFAULTS).unwrap_or_default().into_iter().map(|item| (item.key, item.raw)).collect();
    let mut command = Command::new(program.name())
        .version(env!("CARGO_PKG_VERSION"))
        .about(text::about(program))
        .long_about(text::long_about(program))
        .after_help("See --help for more about each option, examples and exit codes.")
        .after_long_help(text::after_help(program))
        .max_term_width(100)
        .args_override_self(true)
        .arg_required_else_help(false);
    for setting in table::of(program) {
        command = command.arg(argument(setting, defaults.get(setting.key)));
    }
    for request in requests(program) {
        command = command.arg(request);
    }
    if program == Program::Predict {
        for old in table::OUTDATED {
            command = command.arg(Arg::new(old.long).long(old.long).num_args(1).hide(true));
        }
    }
    command
}

fn argument(setting: &Setting, default: Option<&Raw>) -> Arg {
    let mut notes = Vec::new();
    if !setting.env.is_empty() {
        notes.push(format!("[environment: {}]", setting.env.join(", ")));
    }
    let default = default.filter(|raw| !raw.is_empty()).map(|raw| match raw {
        Raw::Text(text) => text.clone(),
        Raw::List(items) => items.join(","),
    });
    let default = default.filter(|text| text != "false").map(|text| format!("[default: {text}]"));
    notes.extend(default.clone());
    let paragraphs = [setting.help, setting.more].into_iter().filter(|text| !text.is_empty());
    let long_help = paragraphs
        .map(str::to_owned)
        .chain([notes.join(" ")])
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>();
    let short_default =
        default.filter(|text| text.len() < 30).map(|text| format!(" {text}")).unwrap_or_default();

    let arg = Arg::new(setting.key)
        .value_name(setting.value_name)
        .help(format!("{}{short_default}", setting.help))
        .long_help(long_help.join("\n\n"))
        .help_heading(setting.heading.title());
    let arg = if setting.long.is_empty() { arg } else { arg.long(setting.long) };
    let arg = if let Some(short) = setting.short { arg.short(short) } else { arg };
    let arg = arg.visible_aliases(setting.aliases.to_vec());
    match setting.kind {
        Kind::Flag => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        // A secret that starts with a dash must not be taken, and shown, as an unknown option.
        Kind::Text => arg.num_args(1).allow_hyphen_values(setting.secret),
        Kind::File => arg.num_args(1).value_hint(ValueHint::FilePath),
        Kind::Folder => arg.num_args(1).value_hint(ValueHint::DirPath),
        Kind::Choice(words) => {
            arg.num_args(1).value_parser(PossibleValuesParser::new(words)).ignore_case(true)
        }
        Kind::List => arg.num_args(1).action(ArgAction::Append),
        Kind::Positional => arg.num_args(0..).action(ArgAction::Append).value_hint(ValueHint::AnyPath),
    }
}

fn requests(program: Program) -> Vec<Arg> {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help).help_heading("Instead of a run")
    };
    let mut requests = Vec::new();
    if program == Program::Predict {
        requests.push(flag("list-models", "List the shipped models and exit"));
        requests.push(
            Arg::new("explain")
                .long("explain")
                .value_name("DOC:LINE")
                .num_args(1)
                .help("Show which features made the label of the paragraph at this line, and exit")
                .help_heading("Instead of a run"),
        );
    }
    requests.push(flag("show-config", "Print every effective setting with where it came from, and exit").long_help(
        "Print every effective setting with where it came from, secrets masked, and exit. The output is a valid \
         config file.",
    ));
    requests.push(
        Arg::new("completions")
            .long("completions")
            .value_name("SHELL")
            .num_args(1)
            .value_parser(clap::value_parser!(Shell))
            .help("Print a completion script and exit")
            .help_heading("Instead of a run"),
    );
    requests.push(flag("man", "Print the man page and exit"));
    requests
}

/// Reads what was typed; the first of `arguments` is the name of the program.
pub(super) fn parse(
    program: Program,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Typed> {
    let matches = match command(program).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let rendered = error.render().to_string();
            let message = rendered.strip_prefix("error: ").unwrap_or(&rendered).trim_end();
            return Err(Error::usage(message));
        }
        Err(help) => {
            let help = help.render();
            return Ok(Typed::Print(if environment.styled() {
                help.ansi().to_string()
            } else {
                help.to_string()
            }));
        }
    };
    let mut layer = Layer::new(Rank::CommandLine);
    for setting in table::of(program) {
        if let Some(raw) = typed(setting, &matches) {
            let origin = if setting.long.is_empty() {
                format!("command line {}", setting.value_name)
            } else {
                format!("command line --{}", setting.long)
            };
            layer.set(setting.key, raw, origin);
        }
    }
    let mut outdated = Vec::new();
    let mut asked = Asked {
        show_config: matches.get_flag("show-config"),
        man: matches.get_flag("man"),
        completions: matches.get_one::<Shell>("completions").copied(),
        ..Asked::default()
    };
    if program == Program::Predict {
        asked.list_models = matches.get_flag("list-models");
        asked.explain = matches.get_one::<String>("explain").cloned();
        for old in table::OUTDATED {
            if let Some(value) = matches.get_one::<String>(old.long) {
                outdated.push((old, value.clone()));
            }
        }
    }
    Ok(Typed::Values { layer, outdated, asked })
}

fn typed(setting: &Setting, matches: &ArgMatches) -> Option<Raw> {
    let values: Vec<&String> = matches.get_many::<String>(setting.key)?.collect();
    Some(match setting.kind {
        Kind::Positional => Raw::List(values.into_iter().cloned().collect()),
        Kind::List => Raw::List(values.into_iter().flat_map(|value| split_list(value)).collect()),
        _ => Raw::Text(values.last()?.to_string()),
    })
}
