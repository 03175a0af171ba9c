//! The types of single values: what each takes, and how it is shown.

use super::definition::Kind;
use super::environment::Environment;
use super::reader::Found;
use crate::convert::Target;
use crate::document::brat::BratSpans;
use crate::document::{SourceMarks, TextEncoding};
use crate::instrumentation::CheckpointPolicy;
use crate::sink::{LabelNames, OutputFormat};
use bytesize::ByteSize;
use std::net::IpAddr;
use std::path::PathBuf;

/// The values that are allowed, for people.
pub(crate) type Allowed = String;

/// A type that a setting can have.
pub(crate) trait Value: Sized {
    /// What it takes on the command line.
    const KIND: Kind = Kind::Text;

    /// Reads what was given.
    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed>;

    /// The effective value, for `--show-config`.
    fn shown(&self) -> toml::Value;

    /// What it is when nothing was given; `None` where something must be.
    fn absent() -> Option<Self> {
        None
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Flag;

    fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
        match found.text().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" | "y" => Ok(true),
            "0" | "false" | "no" | "off" | "n" => Ok(false),
            _ => Err("true or false (also 1 or 0, yes or no, on or off)".to_owned()),
        }
    }

    fn shown(&self) -> toml::Value {
        (*self).into()
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Value for String {
    fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
        Ok(found.text().to_owned())
    }

    fn shown(&self) -> toml::Value {
        self.as_str().into()
    }
}

/// For what is checked together with other settings: the text and where it is from.
impl Value for Found {
    fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
        Ok(found.clone())
    }

    fn shown(&self) -> toml::Value {
        self.verbatim().into()
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind::Path;

    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed> {
        Ok(environment.expand(found.verbatim()))
    }

    fn shown(&self) -> toml::Value {
        self.to_string_lossy().as_ref().into()
    }
}

/// Values that are read from a word: how, how they are shown, and what is allowed.
macro_rules! words {
    ($($(#[$meta:meta])* $type:ty: $parse:expr, $shown:expr, $allowed:expr;)+) => { $(
        $(#[$meta])*
        impl Value for $type {
            fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(found.text()).ok_or_else(|| $allowed.to_owned())
            }

            fn shown(&self) -> toml::Value {
                let shown: fn(&Self) -> toml::Value = $shown;
                shown(self)
            }
        }
    )+ };
}

words! {
    /// A count: from 1 to what 32 bits hold, so that it is one on every machine.
    usize: |text| text.parse::<u32>().ok().filter(|count| *count > 0).map(|count| count as usize),
        |count| number(*count), "a whole number from 1 to 4294967295";
    /// Any number that TOML can hold, such as a seed.
    u64: |text| text.parse::<i64>().ok()?.try_into().ok(),
        |any| number(*any), "a whole number from 0 to 9223372036854775807";
    /// A port.
    u16: |text| text.parse().ok().filter(|port| *port > 0),
        |port| number(*port), "a port from 1 to 65535; below 32768 no outgoing connection takes it";
    /// How much is reported.
    u8: |text| text.parse().ok().filter(|level| *level <= 3),
        |level| number(*level), "0 (nothing), 1 (warnings), 2 (every stage and a summary), 3 (details)";
    IpAddr: |text| text.parse().ok(),
        |address| address.to_string().into(), "an address like 127.0.0.1, 0.0.0.0 or 192.168.1.5";
    ByteSize: size,
        |size| number(size.0), "a size like 8g or 512m";
    TextEncoding: |text| text.parse().ok(),
        |encoding| encoding.to_string().into(),
        "utf-8, auto, or a name of the WHATWG standard such as windows-1252, iso-8859-2 or utf-16le";
}

/// A number of TOML.
fn number(number: impl TryInto<i64>) -> toml::Value {
    number.try_into().unwrap_or(i64::MAX).into()
}

/// Reads `8g`, `512m`, `1.5G`, `64 KiB`, `1000000`: k, m, g and t, with or without `b` or `ib`, are powers of 1024, as
/// they were for Spark. `None` for anything else, and for nothing at all.
pub(crate) fn size(text: &str) -> Option<ByteSize> {
    let text = text.trim().to_ascii_lowercase();
    let units = text.trim_end_matches('b').trim_end_matches('i');
    // To the crate `8g` is decimal and `8gi` is binary.
    let binary = if units.ends_with(['k', 'm', 'g', 't']) { format!("{units}i") } else { text.clone() };
    let size = binary.parse::<ByteSize>().ok()?;
    // The crate saturates.
    (size.0 > 0 && size.0 < u64::MAX).then_some(size)
}

/// A path to a file whose name must have one of these suffixes.
pub(crate) fn with_suffix(
    found: &Found,
    environment: &Environment,
    suffixes: &[&str],
) -> Result<Option<PathBuf>, Allowed> {
    let path = PathBuf::parse(found, environment)?;
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default().to_ascii_lowercase();
    if suffixes.contains(&suffix.as_str()) {
        return Ok(Some(path));
    }
    let suffixes: Vec<_> = suffixes.iter().map(|suffix| format!(".{suffix}")).collect();
    Err(format!("a file name that ends in {}", suffixes.join(" or ")))
}

/// A file for a page.
pub(crate) fn page(found: &Found, environment: &Environment) -> Result<Option<PathBuf>, Allowed> {
    with_suffix(found, environment, &["html", "htm"])
}

impl Value for Vec<String> {
    const KIND: Kind = Kind::List;

    fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
        Ok(found.items.clone())
    }

    fn shown(&self) -> toml::Value {
        self.clone().into()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// At least one file or folder.
impl Value for Vec<PathBuf> {
    const KIND: Kind = Kind::Positional;

    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed> {
        Ok(found.items.iter().map(|item| environment.expand(item)).collect())
    }

    fn shown(&self) -> toml::Value {
        self.iter().map(PathBuf::shown).collect::<Vec<_>>().into()
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: Kind = T::KIND;

    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed> {
        T::parse(found, environment).map(Some)
    }

    fn shown(&self) -> toml::Value {
        self.as_ref().map_or_else(|| "".into(), T::shown)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A type whose values have names.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// The names, in the order of [`ALL`](Choice::ALL).
    const NAMES: &'static [&'static str];

    /// Every value.
    const ALL: &'static [Self];
}

impl<T: Choice> Value for T {
    const KIND: Kind = Kind::Choice(T::NAMES);

    fn parse(found: &Found, _: &Environment) -> Result<Self, Allowed> {
        let named = T::NAMES.iter().zip(T::ALL).find(|(name, _)| name.eq_ignore_ascii_case(found.text()));
        named.map(|(_, value)| *value).ok_or_else(|| T::NAMES.join(", "))
    }

    fn shown(&self) -> toml::Value {
        let named = T::NAMES.iter().zip(T::ALL).find(|(_, value)| *value == self);
        named.map_or("", |(name, _)| name).into()
    }
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether to use colours on a stream that is, or is not, a terminal.
    pub(crate) fn on(self, is_terminal: bool) -> bool {
        match self {
            ColorChoice::Auto => is_terminal,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}

/// Which labels a trained model tells apart, where a preset is not to decide.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames, strum::VariantArray, strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum LabelChoice {
    /// Nomenclature, Description, and Misc-exposition for everything else.
    Three,
    /// Those with as many paragraphs as the preset asks for.
    Fine,
    /// Every label as it is in the training files.
    All,
}

impl LabelChoice {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// Who gives out the work of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum SchedulingChoice {
    /// The scheduler.
    Push,
    /// The executors.
    Pull,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Enumerations whose names strum knows.
macro_rules! choices {
    ($($type:ty),+) => { $(
        impl Choice for $type {
            const NAMES: &'static [&'static str] = <$type as strum::VariantNames>::VARIANTS;
            const ALL: &'static [Self] = <$type as strum::VariantArray>::VARIANTS;
        }
    )+ };
}
choices!(BratSpans, ColorChoice, LabelChoice, LogFormat, OutputFormat, SchedulingChoice, SourceMarks, Target);

impl Choice for CheckpointPolicy {
    const NAMES: &'static [&'static str] = &["auto", "never", "always"];
    const ALL: &'static [Self] = &[CheckpointPolicy::Auto, CheckpointPolicy::Never, CheckpointPolicy::Always];
}

impl Value for LabelNames {
    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed> {
        let name = found.verbatim();
        let path = environment.expand(name);
        LabelNames::load(if name == LabelNames::SKOL { name } else { path.to_str().unwrap_or(name) })
            .map_err(|error| error.to_string())
    }

    fn shown(&self) -> toml::Value {
        toml::Value::try_from(self).unwrap_or_else(|_| "".into())
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_spark_read_them() {
        for (text, bytes) in [
            ("8g", 8 << 30),
            ("8G", 8 << 30),
            ("8GiB", 8 << 30),
            ("512 mb", 512 << 20),
            ("1.5k", 1536),
            ("100", 100),
            ("100b", 100),
            ("2t", 2 << 40),
        ] {
            assert_eq!(size(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in [
            "",
            "g",
            "8x",
            "-8g",
            "0",
            "0.0001",
            "1e3",
            "8 g g",
            "99999999999g",
            "9.9.9g",
            "17592186044416.0m",
        ] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
