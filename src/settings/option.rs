//! What a setting is: one record that the command line, the help, the man page, the environment and the
//! files are all made from, so that they cannot disagree.

/// One of the programs of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    /// `predict_classifier`: labels documents.
    Predict,
    /// `train_classifier`: fits a model.
    Train,
    /// `evaluate_classifier`: scores a model.
    Evaluate,
}

impl Program {
    /// Every program, in the order of the documentation.
    pub const ALL: [Program; 3] = [Program::Predict, Program::Train, Program::Evaluate];

    /// The name of the executable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Program::Predict => "predict_classifier",
            Program::Train => "train_classifier",
            Program::Evaluate => "evaluate_classifier",
        }
    }
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Yes or no; on the command line the bare option means yes.
    Flag,
    /// Any text; checked when the settings are put together.
    Text,
    /// A file or folder, for the shell's completion.
    File,
    /// A folder, for the shell's completion.
    Folder,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Several values, separated by commas.
    List,
    /// Positional files; separated like `PATH` where only one text can be given.
    Positional,
}

/// Where the option stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heading {
    Input,
    Output,
    Model,
    CouchDb,
    Selection,
    Engine,
    Batches,
    Reports,
    Settings,
    Terminal,
}

impl Heading {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Heading::Input => "Input",
            Heading::Output => "Output",
            Heading::Model => "Model",
            Heading::CouchDb => "CouchDB",
            Heading::Selection => "Which documents",
            Heading::Engine => "Engine",
            Heading::Batches => "Batches",
            Heading::Reports => "Reports",
            Heading::Settings => "Settings",
            Heading::Terminal => "Terminal and log",
        }
    }
}

/// One setting: its names and what it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Name in the files, dotted where it belongs to one program: `output_format`, `train.seed`.
    pub(crate) key: &'static str,
    /// Name on the command line, without the dashes; empty where there is none.
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) aliases: &'static [&'static str],
    /// Names in the environment and in `env_config`; the first one that is set counts.
    pub(crate) env: &'static [&'static str],
    pub(crate) kind: Kind,
    pub(crate) value_name: &'static str,
    pub(crate) heading: Heading,
    /// One line, without a full stop: help, comment in the files.
    pub(crate) help: &'static str,
    /// More paragraphs for `--help` and the man page.
    pub(crate) more: &'static str,
    /// Never shown, not even in an error.
    pub(crate) secret: bool,
    pub(crate) programs: &'static [Program],
}

impl Setting {
    pub(crate) const fn new(
        key: &'static str,
        long: &'static str,
        kind: Kind,
        value_name: &'static str,
        heading: Heading,
        help: &'static str,
    ) -> Self {
        Self {
            key,
            long,
            short: None,
            aliases: &[],
            env: &[],
            kind,
            value_name,
            heading,
            help,
            more: "",
            secret: false,
            programs: &[Program::Predict],
        }
    }

    pub(crate) const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    pub(crate) const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    pub(crate) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(crate) const fn more(mut self, text: &'static str) -> Self {
        self.more = text;
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(crate) const fn of(mut self, programs: &'static [Program]) -> Self {
        self.programs = programs;
        self
    }

    /// Whether `program` has this setting.
    pub(crate) fn is_for(&self, program: Program) -> bool {
        self.programs.contains(&program)
    }

    /// Whether the values are positional: never split at commas.
    pub(crate) fn is_positional(&self) -> bool {
        self.kind == Kind::Positional
    }

    /// What a name in the environment says about this setting: its value, or for `NO_COLOR` that it is there.
    pub(crate) fn environment_value(&self, name: &str, value: &str) -> String {
        if name == "NO_COLOR" { "never".to_owned() } else { value.to_owned() }
    }
}

/// A name of the former Spark program that old cron lines and files still use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outdated {
    /// Name on the command line, or empty.
    pub(crate) long: &'static str,
    /// Name in the environment and in `env_config`, or empty.
    pub(crate) env: &'static str,
    /// The setting that took its place, if there is one.
    pub(crate) key: Option<&'static str>,
    /// What to write before the old value to make it the new one.
    pub(crate) prefix: &'static str,
    /// What to do instead.
    pub(crate) advice: &'static str,
}
