//! What a setting is: one entry of a [`settings!`] struct, from which the command line, the help, the man page, the
//! environment, the files and the typed field are all made, so that they cannot disagree.
//!
//! # Adding a setting
//! Add one entry to the struct of the program that needs it:
//!
//! ```text
//! /// Documents per batch                     <- help, comment in the files; no full stop
//! ///
//! /// Memory follows this number.             <- more, for --help and the man page
//! prediction_batch_size: usize => setting(Batches, "N").default("24").env(&["PREDICTION_BATCH_SIZE"]);
//! ```
//!
//! That is all: `settings.prediction_batch_size` is there, `--prediction-batch-size` too, `SKOL_PREDICTION_BATCH_SIZE`
//! counts in the environment in addition to the names of `.env(..)`. A type without a default is `Option<T>`, `bool` or
//! `Vec<String>`; an enumeration implements [`Choice`](super::value::Choice). A value that needs a check of its own
//! names a function after the definition: `cores: usize => setting(..), cores;`. A field without a definition is a
//! group: another such struct. Then write the generated files:
//! `SKOL_WRITE_DOCS=1 cargo test --lib settings::tests::documentation` and `cargo insta accept`, or
//! `INSTA_UPDATE=always cargo test --test it cli::help_teaches`.

use super::cluster::{ExecutorSettings, SchedulerSettings};
use super::reader::Reader;
use super::{ConvertSettings, EvaluateSettings, Settings, SettingsError, TrainSettings};
use std::borrow::Cow;
use std::sync::LazyLock;

/// One of the programs of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
pub(crate) enum Program {
    /// `predict_classifier`: labels documents.
    #[strum(serialize = "predict_classifier")]
    Predict,
    /// `train_classifier`: fits a model.
    #[strum(serialize = "train_classifier")]
    Train,
    /// `evaluate_classifier`: scores a model.
    #[strum(serialize = "evaluate_classifier")]
    Evaluate,
    /// `convert_annotations`: converts and checks annotations.
    #[strum(serialize = "convert_annotations")]
    Convert,
    /// `classifier_scheduler`: gives out the work of a cluster.
    #[strum(serialize = "classifier_scheduler")]
    Scheduler,
    /// `classifier_executor`: does the work of a cluster.
    #[strum(serialize = "classifier_executor")]
    Executor,
}

impl Program {
    /// The name of the executable.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }

    /// The settings of this program, in the order of the documentation.
    pub(crate) fn settings(self) -> &'static [Setting] {
        static TABLES: LazyLock<[Vec<Setting>; 6]> = LazyLock::new(|| {
            [
                Settings::definitions(),
                TrainSettings::definitions(),
                EvaluateSettings::definitions(),
                ConvertSettings::definitions(),
                SchedulerSettings::definitions(),
                ExecutorSettings::definitions(),
            ]
        });
        &TABLES[self as usize]
    }
}

/// Every setting of every program, in the order of the documentation.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    use strum::VariantArray;
    let mut seen = std::collections::HashSet::new();
    Program::VARIANTS
        .iter()
        .flat_map(|program| program.settings())
        .filter(move |setting| seen.insert(setting.key))
}

/// The setting with this name in the files.
pub(crate) fn by_key(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

/// The known name nearest to a mistyped one, if there is one near enough to be meant.
pub(crate) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, &candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Yes or no; on the command line the bare option means yes.
    Flag,
    /// Any text; checked when the settings are put together.
    Text,
    /// A file or folder.
    Path,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Several values, separated by commas.
    List,
    /// Positional files; separated like `PATH` where only one text can be given.
    Positional,
}

/// Where the option stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(crate) enum Heading {
    Input,
    Output,
    Model,
    #[strum(serialize = "CouchDB")]
    CouchDb,
    #[strum(serialize = "Which documents")]
    Selection,
    Engine,
    Batches,
    Reports,
    #[strum(serialize = "Settings")]
    Files,
    #[strum(serialize = "Terminal and log")]
    Terminal,
}

/// One setting: its names and what it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Name in the files, dotted where it belongs to one program: `output_format`, `train.seed`.
    pub(crate) key: &'static str,
    /// One line without a full stop, then a blank line and more paragraphs for `--help` and the man page.
    doc: &'static str,
    pub(crate) kind: Option<Kind>,
    pub(crate) value_name: &'static str,
    pub(crate) heading: Heading,
    long: Option<&'static str>,
    pub(crate) short: Option<char>,
    pub(crate) aliases: &'static [&'static str],
    /// Names in the environment and in `env_config` beside the one that is made of the key.
    env: &'static [&'static str],
    /// As it would be written in the environment; empty: not set.
    pub(crate) default: &'static str,
    /// Never shown, not even in an error.
    pub(crate) secret: bool,
    /// Whether somebody who sets it has documents of their own in mind.
    pub(crate) hints_at_a_source: bool,
}

/// The definition of a setting; key, meaning and kind come from the field that it defines.
pub(crate) const fn setting(heading: Heading, value_name: &'static str) -> Setting {
    Setting {
        key: "",
        doc: "",
        kind: None,
        value_name,
        heading,
        long: None,
        short: None,
        aliases: &[],
        env: &[],
        default: "",
        secret: false,
        hints_at_a_source: matches!(heading, Heading::CouchDb | Heading::Selection),
    }
}

impl Setting {
    pub(crate) const fn default(mut self, value: &'static str) -> Self {
        self.default = value;
        self
    }

    pub(crate) const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    pub(crate) const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    pub(crate) const fn long(mut self, name: &'static str) -> Self {
        self.long = Some(name);
        self
    }

    pub(crate) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(crate) const fn positional(mut self) -> Self {
        self.kind = Some(Kind::Positional);
        self
    }

    pub(crate) const fn file(mut self) -> Self {
        self.kind = Some(Kind::Path);
        self
    }

    pub(crate) const fn hints_at_a_source(mut self, hints: bool) -> Self {
        self.hints_at_a_source = hints;
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The setting of the field `key`.
    pub(crate) const fn of(mut self, key: &'static str, doc: &'static str, kind: Kind) -> Self {
        self.key = key;
        self.doc = doc;
        if self.kind.is_none() {
            self.kind = Some(kind);
        }
        if matches!(kind, Kind::Flag) && self.default.is_empty() {
            self.default = "false";
        }
        self
    }

    /// What it takes.
    pub(crate) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Text)
    }

    /// One line, without a full stop.
    pub(crate) fn help(&self) -> &'static str {
        self.doc.split("\n\n").next().unwrap_or_default().trim()
    }

    /// The paragraphs after the first line, each on one line.
    pub(crate) fn more(&self) -> Vec<String> {
        let paragraphs = self.doc.split("\n\n").skip(1);
        paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The name on the command line, without the dashes; `None` for the positional ones.
    pub(crate) fn option(&self) -> Option<String> {
        if self.kind() == Kind::Positional {
            return None;
        }
        let own = self.key.rsplit('.').next().unwrap_or(self.key);
        Some(self.long.map_or_else(|| own.replace('_', "-"), str::to_owned))
    }

    /// The names in the environment that help and files recommend.
    pub(crate) fn documented(&self) -> Vec<Cow<'static, str>> {
        let names = self.variables();
        let own = if self.env.is_empty() { 1 } else { self.env.len() };
        names.into_iter().take(own).collect()
    }

    /// The names that count in the environment of the process.
    pub(crate) fn variables(&self) -> Vec<Cow<'static, str>> {
        let own = format!("SKOL_{}", self.upper());
        let names = self.env.iter().copied().map(Cow::Borrowed).filter(|name| *name != own);
        names.chain([Cow::Owned(own.clone())]).collect()
    }

    /// The names that count in `env_config`: the key in capitals is safe there.
    pub(crate) fn assignments(&self) -> Vec<Cow<'static, str>> {
        let mut names = self.variables();
        if !self.env.contains(&self.upper().as_str()) {
            names.push(Cow::Owned(self.upper()));
        }
        names
    }

    fn upper(&self) -> String {
        self.key.replace('.', "_").to_ascii_uppercase()
    }
}

/// Settings that are read together.
pub(crate) trait Group: Sized {
    /// Adds the definitions of its settings to `table`.
    fn define(table: &mut Vec<Setting>);

    /// Reads and checks its settings.
    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError>;

    /// The definitions of its settings, in the order of the documentation.
    fn definitions() -> Vec<Setting> {
        let mut table = Vec::new();
        Self::define(&mut table);
        table
    }
}

/// A struct of settings, its definitions and its reader; see the module for how an entry looks. `in` is what stands
/// before the names of the fields in the files; `then` names a function that checks the fields against each other.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $prefix:literal $(then $then:path)? {
            $( $(#[doc = $doc:literal])* $field:ident : $ty:ty $(=> $definition:expr $(, $parse:expr)?)? ;)*
        }
    ) => {
        $(#[$meta])*
        $vis struct $name { $( $(#[doc = $doc])* pub(crate) $field: $ty ),* }

        impl $crate::settings::definition::Group for $name {
            fn define(table: &mut Vec<$crate::settings::definition::Setting>) {
                $( settings!(@define table, concat!($prefix, stringify!($field)), concat!($($doc, "\n",)*), $ty
                    $(=> $definition)?); )*
            }

            fn read(
                reader: &mut $crate::settings::reader::Reader<'_>,
            ) -> Result<Self, $crate::settings::SettingsError> {
                let this = Self {
                    $( $field: settings!(@read reader, concat!($prefix, stringify!($field)), $ty
                        $(=> $definition $(, $parse)?)?) ),*
                };
                $( let this = $then(this, reader)?; )?
                Ok(this)
            }
        }
    };
    (@define $table:ident, $key:expr, $doc:expr, $ty:ty => $definition:expr) => {
        $table.push($definition.of($key, $doc, <$ty as $crate::settings::value::Value>::KIND))
    };
    (@define $table:ident, $key:expr, $doc:expr, $ty:ty) => {
        <$ty as $crate::settings::definition::Group>::define($table)
    };
    (@read $reader:ident, $key:expr, $ty:ty => $definition:expr, $parse:expr) => {
        $reader.read_by($key, $parse)?
    };
    (@read $reader:ident, $key:expr, $ty:ty => $definition:expr) => {
        $reader.read($key)?
    };
    (@read $reader:ident, $key:expr, $ty:ty) => {
        <$ty as $crate::settings::definition::Group>::read($reader)?
    };
}
pub(crate) use settings;
