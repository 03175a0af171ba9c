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
//! prediction_batch_size: usize => Batches "N" { default: "24", env: &["PREDICTION_BATCH_SIZE"] };
//! ```
//!
//! That is all: `settings.prediction_batch_size` is there, `--prediction-batch-size` too, under the [`Heading`]
//! `Batches`; `SKOL_PREDICTION_BATCH_SIZE` counts in the environment in addition to the names of `env`. In the braces
//! stands what differs from [`Setting::new`]. A type without a default is `Option<T>`, `bool` or `Vec<String>`; an
//! enumeration implements [`Choice`](super::value::Choice). A value that needs a check of its own names a function after
//! the definition: `cores: usize => Engine "N", cores;`. A field without a definition is a group: another such struct.
//! One that follows from the surroundings names the function that says how: `state_folder: Option<PathBuf> = folder;`.
//! Then write the generated files:
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
    pub(super) key: &'static str,
    /// One line without a full stop, then a blank line and more paragraphs for `--help` and the man page.
    pub(super) doc: &'static str,
    pub(super) kind: Kind,
    pub(super) value_name: &'static str,
    pub(super) heading: Heading,
    /// Name on the command line, where it is not that of the key.
    pub(super) long: Option<&'static str>,
    pub(super) short: Option<char>,
    pub(super) aliases: &'static [&'static str],
    /// Names in the environment and in `env_config` beside the one that is made of the key.
    pub(super) env: &'static [&'static str],
    /// As it would be written in the environment; empty: not set.
    pub(super) default: &'static str,
    /// Never shown, not even in an error.
    pub(super) secret: bool,
    /// Whether somebody who sets it has documents of their own in mind.
    pub(super) hints_at_a_source: bool,
}

impl Setting {
    /// A setting of which no more is said than what each must have.
    pub(super) const fn new(
        key: &'static str,
        doc: &'static str,
        kind: Kind,
        heading: Heading,
        value_name: &'static str,
    ) -> Self {
        Self {
            key,
            doc,
            kind,
            value_name,
            heading,
            long: None,
            short: None,
            aliases: &[],
            env: &[],
            default: if matches!(kind, Kind::Flag) { "false" } else { "" },
            secret: false,
            hints_at_a_source: matches!(heading, Heading::CouchDb | Heading::Selection),
        }
    }

    /// One line, without a full stop.
    pub(super) fn help(&self) -> &'static str {
        self.doc.split("\n\n").next().unwrap_or_default().trim()
    }

    /// The paragraphs after the first line, each on one line.
    pub(super) fn more(&self) -> Vec<String> {
        let paragraphs = self.doc.split("\n\n").skip(1);
        paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The name on the command line, without the dashes; `None` for the positional ones.
    pub(super) fn option(&self) -> Option<String> {
        if self.kind == Kind::Positional {
            return None;
        }
        let own = self.key.rsplit('.').next().unwrap_or(self.key);
        Some(self.long.map_or_else(|| own.replace('_', "-"), str::to_owned))
    }

    /// The names in the environment that help and files recommend.
    pub(super) fn documented(&self) -> Vec<Cow<'static, str>> {
        let names = self.variables();
        let own = if self.env.is_empty() { 1 } else { self.env.len() };
        names.into_iter().take(own).collect()
    }

    /// The names that count in the environment of the process.
    pub(super) fn variables(&self) -> Vec<Cow<'static, str>> {
        let own = format!("SKOL_{}", self.upper());
        let names = self.env.iter().copied().map(Cow::Borrowed).filter(|name| *name != own);
        names.chain([Cow::Owned(own.clone())]).collect()
    }

    /// The names that count in `env_config`: the key in capitals is safe there.
    pub(super) fn assignments(&self) -> Vec<Cow<'static, str>> {
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
/// before the names of the fields in the files; `for` names the program whose settings they all are, and `then` a
/// function that checks the fields against each other.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $prefix:literal $(for $program:ident)? $(then $then:path)? {
            $(
                $(#[doc = $doc:literal])*
                $field:ident : $ty:ty
                    $(=> $heading:ident $value_name:literal $({ $($option:ident : $value:expr),+ })? $(, $parse:path)?)?
                    $(= $follows:path)? ;
            )*
        }
    ) => {
        $(#[$meta])*
        $vis struct $name { $( $(#[doc = $doc])* pub(crate) $field: $ty ),* }

        impl $crate::settings::definition::Group for $name {
            fn define(table: &mut Vec<$crate::settings::definition::Setting>) {
                $( settings!(@define table, concat!($prefix, stringify!($field)), concat!($($doc, "\n",)*), $ty
                    $(=> $heading $value_name { $($($option: $value),+)? })? $(= $follows)?); )*
            }

            fn read(
                reader: &mut $crate::settings::reader::Reader<'_>,
            ) -> Result<Self, $crate::settings::SettingsError> {
                let this = Self {
                    $( $field: settings!(@read reader, concat!($prefix, stringify!($field)), $ty
                        $(=> $heading $($parse)?)? $(= $follows)?) ),*
                };
                $( let this = $then(this, reader)?; )?
                Ok(this)
            }
        }

        $( impl $crate::settings::ProgramSettings for $name {
            const PROGRAM: $crate::settings::Program = $crate::settings::Program::$program;
        } )?
    };
    (@define $table:ident, $key:expr, $doc:expr, $ty:ty
        => $heading:ident $value_name:literal { $($option:ident : $value:expr),* }) => {{
        use $crate::settings::definition::{Heading, Setting};
        let kind = <$ty as $crate::settings::value::Value>::KIND;
        $table.push(Setting { $($option: $value,)* ..Setting::new($key, $doc, kind, Heading::$heading, $value_name) });
    }};
    (@define $table:ident, $key:expr, $doc:expr, $ty:ty) => {
        <$ty as $crate::settings::definition::Group>::define($table)
    };
    (@define $table:ident, $key:expr, $doc:expr, $ty:ty = $follows:path) => {};
    (@read $reader:ident, $key:expr, $ty:ty => $heading:ident $parse:path) => { $reader.read_by($key, $parse)? };
    (@read $reader:ident, $key:expr, $ty:ty => $heading:ident) => { $reader.read($key)? };
    (@read $reader:ident, $key:expr, $ty:ty) => { <$ty as $crate::settings::definition::Group>::read($reader)? };
    (@read $reader:ident, $key:expr, $ty:ty = $follows:path) => { $follows($reader)? };
}
pub(crate) use settings;
