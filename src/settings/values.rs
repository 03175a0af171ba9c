//! The types of single values: small enumerations, sizes, and the password that never shows.

use std::fmt;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for this value in files and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The value a word stands for, in lower or upper case.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(word))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How annotations are written.
    OutputFormat {
        /// The whole text with `[@...#Label*]` markers.
        Yedda = "yedda",
        /// One JSON object per paragraph.
        Jsonl = "jsonl",
        /// One row per paragraph.
        Parquet = "parquet",
        /// Stand-off annotations beside a copy of the text.
        Brat = "brat",
    }
}

words! {
    /// When a stage is materialized so that its lineage starts anew.
    CheckpointPolicy {
        /// When verbosity is at least 1 and the lineage is deeper than the threshold.
        Auto = "auto",
        /// Never.
        Never = "never",
        /// After every stage that can be.
        Always = "always",
    }
}

words! {
    /// When colours are used.
    ColorChoice {
        /// On a terminal.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

impl ColorChoice {
    /// Whether to use colours on a stream that is, or is not, a terminal.
    #[must_use]
    pub fn on(self, is_terminal: bool) -> bool {
        match self {
            ColorChoice::Auto => is_terminal,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}

words! {
    /// How messages are written.
    LogFormat {
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// Reads `8g`, `512m`, `1.5G`, `64 KiB`, `1000000`: k, m, g and t, with or without `b` or `ib`, are powers
    /// of 1024. `None` for anything else, and for nothing at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return None,
        };
        let bytes = match number.parse::<u64>() {
            Ok(whole) => whole.checked_mul(1 << shift)?,
            Err(_) => {
                let value = number.parse::<f64>().ok()? * f64::from(2_u32).powi(shift);
                if !value.is_finite() || value >= u64::MAX as f64 {
                    return None;
                }
                value as u64
            }
        };
        (bytes > 0).then_some(Self(bytes))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = "B";
        for next in ["KiB", "MiB", "GiB", "TiB"] {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = next;
        }
        if unit == "B" { write!(f, "{} B", self.0) } else { write!(f, "{value:.1} {unit}") }
    }
}

/// A password. It can be used, and is never shown: `Debug` prints asterisks, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// Yes or no as people write it.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" => Some(true),
        "0" | "false" | "no" | "off" | "n" => Some(false),
        _ => None,
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
            ("2t", 2 << 40),
        ] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
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
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_for_people() {
        assert_eq!(ByteSize(100).to_string(), "100 B");
        assert_eq!(ByteSize(1536).to_string(), "1.5 KiB");
        assert_eq!(ByteSize(8 << 30).to_string(), "8.0 GiB");
    }

    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "******** Some(********)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!(OutputFormat::from_word("JSONL"), Some(OutputFormat::Jsonl));
        assert_eq!(OutputFormat::from_word("xml"), None);
        for format in OutputFormat::ALL {
            assert_eq!(OutputFormat::from_word(format.as_str()), Some(*format));
        }
    }
}
