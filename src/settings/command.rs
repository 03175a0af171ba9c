//! The command line of each program, made from the definitions of its settings: options, help, and what was typed.

use super::definition::{Kind, Program, Setting};
use super::environment::Environment;
use super::layers::{Layer, Notices, Rank, split_list};
use super::{SettingsError, documents, skol, text};
use clap::builder::{PossibleValuesParser, Resettable, Str};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use clap_complete::Shell;
use std::ffi::OsString;

/// What was typed.
pub(super) enum Typed {
    /// Print this and exit: help, version, man page, completions.
    Print(String),
    /// Values for settings, and what is asked for instead of a run.
    Values { layer: Layer, notices: Notices, asked: Asked },
}

/// What is asked for instead of a run, and depends on settings.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(super) show_config: bool,
    pub(super) list_models: bool,
    pub(super) explain: Option<String>,
}

/// The command of `program`.
pub(super) fn command(program: Program) -> Command {
    let mut command = Command::new(program.name())
        .version(env!("CARGO_PKG_VERSION"))
        .about(text::about(program))
        .long_about(text::long_about(program))
        .after_help("See --help for more about each option, examples and exit codes.")
        .after_long_help(text::after_help(program))
        .max_term_width(100)
        .args_override_self(true)
        .arg_required_else_help(false)
        .args(program.settings().iter().map(argument))
        .args(requests(program));
    if program == Program::Predict {
        for former in skol::OPTIONS {
            let arg = Arg::new(*former).long(*former).hide(true);
            command = command.arg(if skol::FLAGS.contains(former) {
                bare(arg)
            } else {
                // Like a secret: what is not ours must not be taken, and shown, as an unknown option.
                arg.num_args(1).allow_hyphen_values(true)
            });
        }
    }
    command
}

/// Without a value it means yes.
fn bare(arg: Arg) -> Arg {
    arg.num_args(0..=1).require_equals(true).default_missing_value("true")
}

fn argument(setting: &Setting) -> Arg {
    let default = setting.default;
    let shown = if default.is_empty() || default == "false" {
        String::new()
    } else {
        format!("[default: {default}]")
    };
    let notes = format!("[environment: {}] {shown}", setting.documented().join(", "));
    let mut long_help = vec![setting.help().to_owned()];
    long_help.extend(setting.more());
    long_help.push(notes.trim_end().to_owned());
    let short_help = if shown.is_empty() || shown.len() >= 30 {
        setting.help().to_owned()
    } else {
        format!("{} {shown}", setting.help())
    };

    let arg = Arg::new(setting.key)
        .value_name(setting.value_name)
        .help(short_help)
        .long_help(long_help.join("\n\n"))
        .help_heading(<&str>::from(setting.heading))
        .visible_aliases(setting.aliases.to_vec())
        .long(Resettable::from(setting.option().map(Str::from)))
        .short(setting.short);
    match setting.kind {
        Kind::Flag => bare(arg),
        // A secret that starts with a dash must not be taken, and shown, as an unknown option.
        Kind::Text => arg.num_args(1).allow_hyphen_values(setting.secret),
        Kind::Path if setting.value_name == "DIR" => arg.num_args(1).value_hint(ValueHint::DirPath),
        Kind::Path => arg.num_args(1).value_hint(ValueHint::FilePath),
        Kind::Choice(words) => {
            arg.num_args(1).value_parser(PossibleValuesParser::new(words)).ignore_case(true)
        }
        Kind::List => arg.num_args(1).action(ArgAction::Append),
        Kind::Positional => arg.num_args(0..).action(ArgAction::Append).value_hint(ValueHint::AnyPath),
    }
}

fn requests(program: Program) -> Vec<Arg> {
    let request = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).help_heading("Instead of a run")
    };
    let flag = |name, help| request(name, help).action(ArgAction::SetTrue);
    let mut requests = Vec::new();
    if program == Program::Predict {
        requests.push(flag("list-models", "List the shipped models and those you trained, and exit"));
        let help = "Show which features made the label of the paragraph at this line, and exit";
        requests.push(request("explain", help).value_name("DOC:LINE").num_args(1));
    }
    requests.push(flag("show-config", "Print every effective setting with where it came from, and exit").long_help(
        "Print every effective setting with where it came from, secrets masked, and exit. The output is a valid \
         config file.",
    ));
    requests.push(
        request("completions", "Print a completion script and exit")
            .value_name("SHELL")
            .num_args(1)
            .value_parser(clap::value_parser!(Shell)),
    );
    requests.push(flag("man", "Print the man page and exit"));
    requests
}

/// The command as this build can do it; documents are the same for every build.
fn as_built(program: Program, command: Command) -> Command {
    if program != Program::Predict || cfg!(feature = "cluster") {
        return command;
    }
    command.mut_arg("cluster", |arg| {
        let help = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
        arg.long_help(format!("{help}\n\n{NOT_BUILT_IN}"))
    })
}

/// What the help says of an option that this build does not have.
const NOT_BUILT_IN: &str = "[not built in]";

/// Reads what was typed; the first of `arguments` is the name of the program.
pub(super) fn parse(
    program: Program,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Typed, SettingsError> {
    let (mut layer, mut notices) = (Layer::new(Rank::CommandLine), Notices::default());
    let arguments = without_redis(program, arguments, &mut notices);
    let matches = match as_built(program, command(program)).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let rendered = error.render().to_string();
            let message = rendered.strip_prefix("error: ").unwrap_or(&rendered).trim_end();
            return Err(SettingsError::CommandLine(message.to_owned()));
        }
        Err(help) => {
            let help = help.render();
            let styled = environment.styled();
            return Ok(Typed::Print(if styled { help.ansi().to_string() } else { help.to_string() }));
        }
    };
    if matches.get_flag("man") {
        return Ok(Typed::Print(documents::man_page(program)));
    }
    if let Some(shell) = matches.get_one("completions") {
        return Ok(Typed::Print(documents::completions(program, *shell)));
    }
    for setting in program.settings() {
        if let Some(items) = typed(setting, &matches) {
            let name = setting.option().map(|option| format!("--{option}"));
            let name = name.unwrap_or_else(|| setting.value_name.to_owned());
            layer.set(setting, items, format!("command line {name}"));
        }
    }
    let mut asked = Asked { show_config: matches.get_flag("show-config"), ..Asked::default() };
    if program == Program::Predict {
        asked.list_models = matches.get_flag("list-models");
        asked.explain = matches.get_one::<String>("explain").cloned();
        for former in skol::OPTIONS {
            let Some(value) = matches.get_one::<String>(former) else { continue };
            let name = format!("--{former}");
            match skol::successor(former) {
                Some(successor) => {
                    layer.set_former(successor, value, format!("command line {name}"));
                    notices.former(&name, successor);
                }
                None => notices.without_effect(name),
            }
        }
    }
    Ok(Typed::Values { layer, notices, asked })
}

/// Takes out the options for Redis, of which there are more than anybody has listed, with their values.
fn without_redis(
    program: Program,
    arguments: impl IntoIterator<Item = OsString>,
    notices: &mut Notices,
) -> Vec<OsString> {
    let mut left = Vec::new();
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if program != Program::Predict || !skol::is_redis_option(&text) {
            let ends = text == "--";
            left.push(argument);
            if ends {
                left.extend(arguments);
                break;
            }
            continue;
        }
        match text.split_once('=') {
            Some((name, _)) => notices.without_effect(name.to_owned()),
            None => {
                notices.without_effect(text.into_owned());
                arguments.next_if(|value| !value.to_string_lossy().starts_with('-'));
            }
        }
    }
    left
}

fn typed(setting: &Setting, matches: &ArgMatches) -> Option<Vec<String>> {
    let values: Vec<&String> = matches.get_many::<String>(setting.key)?.collect();
    Some(match setting.kind {
        Kind::Positional => values.into_iter().cloned().collect(),
        Kind::List => values.into_iter().flat_map(|value| split_list(value)).collect(),
        _ => vec![values.last()?.to_string()],
    })
}
