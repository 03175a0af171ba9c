//! What is made from the definitions for readers: man pages, completions, `config/default.toml`,
//! `env_config.example`, `docs/settings.md`. The files in the repository are these texts; a test holds them equal.

use super::command::command;
use super::definition::Program;
use super::text;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The man page of `program`, in roff.
pub(super) fn man_page(program: Program) -> String {
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

/// The completion script of `program` for a shell.
pub(super) fn completions(program: Program, shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(program), program.name(), &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The files in the repository that are made from the definitions.
#[cfg(test)]
pub(super) use files::{default_toml, env_config_example, reference};

#[cfg(test)]
mod files {
    use super::super::definition::{self, Kind, Program, Setting};
    use super::super::toml_file;
    use strum::VariantArray;

    /// The default as TOML.
    fn toml_value(setting: &Setting) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        match setting.kind {
            Kind::List | Kind::Positional => {
                let items: Vec<_> =
                    setting.default.split(',').filter(|item| !item.is_empty()).map(quoted).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Flag => setting.default.to_owned(),
            // A number may be written as one.
            _ if toml_file::read(&format!("a = {}", setting.default)).is_ok() => setting.default.to_owned(),
            _ => quoted(setting.default),
        }
    }

    /// The file `config/default.toml`.
    pub(in super::super) fn default_toml() -> String {
        let mut text = String::from(
            "# Every setting of the programs with its default. An empty text means: not set.\n\
             #\n\
             # The same names stand on the command line (--output-format), in the environment and in env_config\n\
             # (OUTPUT_FORMAT). Stronger layers win: these defaults < config files < env_config < environment < command line.\n",
        );
        let mut section = None;
        for setting in definition::all().filter(|setting| setting.key != "config") {
            let (table, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
            let next = (table, setting.heading);
            if section.is_none_or(|section: (&str, _)| section.0 != table) && !table.is_empty() {
                text.push_str(&format!("\n[{table}]\n"));
            } else if section != Some(next) && table.is_empty() {
                text.push('\n');
            }
            section = Some(next);
            text.push_str(&format!("# {}\n{name} = {}\n", setting.help(), toml_value(setting)));
        }
        text
    }

    /// The title of the group a setting belongs to.
    fn group(setting: &Setting) -> String {
        let heading: &str = setting.heading.into();
        match setting.key.split_once('.') {
            Some((program, _)) => {
                let named = Program::VARIANTS.iter().find(|named| named.name().contains(program));
                format!("{heading} of {}", named.map_or(program, |named| named.name()))
            }
            None => heading.to_owned(),
        }
    }

    /// The file `env_config.example`: every setting, commented out, with its default.
    pub(in super::super) fn env_config_example() -> String {
        let mut text = String::from(
            "# Settings for skol_classifier, one NAME=value a line. Copy this file to ./env_config or ~/.skol_env, take\n\
             # away the `#` before a name to set it, and keep the file to yourself if it holds a password: chmod 600.\n\
             # A `#` after white space starts a comment, quotes are optional, `export` is allowed, nothing is expanded.\n\
             # An empty value counts as not set. The environment and the command line win over this file.\n",
        );
        let mut last = String::new();
        for setting in definition::all().filter(|setting| !["config", "env_config"].contains(&setting.key)) {
            let next = group(setting);
            if last != next {
                text.push_str(&format!("\n# --- {next} ---\n"));
                last = next;
            }
            let names = setting.documented();
            let others =
                if names.len() > 1 { format!(" (also {})", names[1..].join(", ")) } else { String::new() };
            // NO_COLOR counts as soon as it is set to anything.
            let default = if setting.key == "color" { "" } else { setting.default };
            text.push_str(&format!("# {}{others}\n#{}={default}\n", setting.help(), names[0]));
        }
        text
    }

    /// The file `docs/settings.md`: every setting of every program.
    pub(in super::super) fn reference() -> String {
        let mut text = String::from(
            "# Settings\n\n\
             Every setting of the programs, made from their definitions in `src/settings`. A setting can be given on \
             the command line, in the environment, in `env_config` and in a config file (TOML). In the environment the \
             name in capitals after `SKOL_` always counts (`SKOL_OUTPUT_FORMAT`), in `env_config` also without it. `--show-config` prints the effective values and where each came from.\n",
        );
        for program in Program::VARIANTS {
            text.push_str(&format!(
                "\n## {}\n\n| option | environment | config file | meaning | default |\n|---|---|---|---|---|\n",
                program.name()
            ));
            for setting in program.settings() {
                let cell = |text: &str| text.replace('|', "\\|");
                let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
                let mut option = setting.option().map_or_else(
                    || format!("`{}`", setting.value_name),
                    |option| format!("`--{option} {}`", setting.value_name),
                );
                for alias in setting.aliases {
                    option.push_str(&format!(", `--{alias}`"));
                }
                if let Some(short) = setting.short {
                    option.push_str(&format!(", `-{short}`"));
                }
                let names = setting.documented().iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
                let mut meaning = vec![setting.help().to_owned()];
                meaning.extend(setting.more());
                let meaning =
                    meaning.iter().map(|text| text.trim_end_matches('.')).collect::<Vec<_>>().join(". ");
                text.push_str(&format!(
                    "| {option} | {names} | `{}` | {} | {} |\n",
                    setting.key,
                    cell(&meaning),
                    code(setting.default)
                ));
            }
        }
        text
    }
}
