//! What is made from the table for readers: man pages, completions, the example of `env_config`. The files in
//! the repository are these texts; a test holds them equal.

use super::command::command;
use super::layers::{DEFAULTS, Raw};
use super::option::{Kind, Program, Setting};
use super::{table, text, toml_file};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::collections::BTreeMap;

/// The man page of `program`, in roff.
#[must_use]
pub fn man_page(program: Program) -> String {
    let command = command(program).after_help("").after_long_help("");
    let mut page = Vec::new();
    let mut roff = Roff::default();
    for (title, lines) in text::sections(program) {
        let title = if title.starts_with("Exit") { "EXIT STATUS".to_owned() } else { title.to_uppercase() };
        roff.control("SH", [title.as_str()]);
        for (term, meaning) in lines {
            if term.is_empty() {
                roff.text([roman(*meaning)]);
            } else {
                roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
            }
        }
    }
    let man = Man::new(command).manual("skol_classifier");
    // Writing to a vector does not fail.
    let written = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| roff.to_writer(&mut page))
        .and_then(|()| man.render_version_section(&mut page));
    debug_assert!(written.is_ok());
    // Every section brings the same definition of the apostrophe along; once is enough.
    let page = String::from_utf8_lossy(&page).into_owned();
    let (definition, rest) = match page.find(".TH") {
        Some(end) => page.split_at(end),
        None => return page,
    };
    format!("{definition}{}", rest.replace(definition, ""))
}

/// The completion script of `program` for a shell: `bash`, `zsh`, `fish`, `elvish`, `powershell`. `None` for
/// any other name.
#[must_use]
pub fn completions(program: Program, shell: &str) -> Option<String> {
    shell.parse().ok().map(|shell| completions_for(program, shell))
}

pub(super) fn completions_for(program: Program, shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(program), program.name(), &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The file `env_config.example`: every name of the environment, commented out, with its default.
#[must_use]
pub fn env_config_example() -> String {
    let defaults: BTreeMap<String, Raw> =
        toml_file::read(DEFAULTS).unwrap_or_default().into_iter().map(|item| (item.key, item.raw)).collect();
    let mut text = String::from(
        "# Settings for skol_classifier, one NAME=value a line. Copy this file to ./env_config or ~/.skol_env, take\n\
         # away the `#` before a name to set it, and keep the file to yourself if it holds a password: chmod 600.\n\
         # A `#` after white space starts a comment, quotes are optional, `export` is allowed, nothing is expanded.\n\
         # An empty value counts as not set. The environment and the command line win over this file.\n",
    );
    let mut group = None;
    for setting in table::all().filter(|setting| !setting.env.is_empty() && setting.key != "env_config") {
        let program = match setting.programs {
            [only] => *only,
            _ => Program::Predict,
        };
        let next = (program, setting.heading.title());
        if group != Some(next) {
            group = Some(next);
            let of =
                if program == Program::Predict { String::new() } else { format!(" of {}", program.name()) };
            text.push_str(&format!("\n# --- {}{of} ---\n", next.1));
        }
        text.push_str(&format!("# {}", setting.help));
        if let Some((first, others)) = setting.env.split_first() {
            if !others.is_empty() {
                text.push_str(&format!(" (also {})", others.join(", ")));
            }
            text.push_str(&format!("\n#{first}={}\n", example(setting, defaults.get(setting.key))));
        }
    }
    text
}

/// The default as it would stand in the file.
fn example(setting: &Setting, default: Option<&Raw>) -> String {
    match (setting.kind, default) {
        (_, None) => String::new(),
        // NO_COLOR counts as soon as it is set to anything.
        (_, Some(_)) if setting.key == "color" => String::new(),
        (Kind::Positional, Some(Raw::List(items))) => items.join(":"),
        (_, Some(Raw::List(items))) => items.join(","),
        (_, Some(Raw::Text(text))) => text.clone(),
    }
}
