//! From the merged layers to typed values: each value is read once, checked, and noted for `--show-config`.

use super::environment::Environment;
use super::layers::{Layers, Rank, Raw};
use super::values::parse_flag;
use super::{option::Setting, table};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What `--show-config` says of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The effective value, written as TOML.
    pub(crate) value: String,
    /// Where it came from.
    pub(crate) origin: String,
    /// A secret: the line is commented out.
    pub(crate) masked: bool,
}

/// A text with the place it was written at.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) key: &'static str,
    pub(crate) text: String,
    pub(crate) origin: String,
    pub(crate) rank: Rank,
}

impl Found {
    /// The error for a value that cannot be: it names setting, value, place and what is allowed.
    pub(crate) fn wrong(&self, allowed: &str) -> Error {
        let value = match table::by_key(self.key) {
            Some(setting) if setting.secret => "********",
            _ => &self.text,
        };
        Error::usage(format!(
            "invalid value '{value}' for {}, from {}; allowed: {allowed}",
            self.key, self.origin
        ))
    }
}

/// Reads typed values from the layers.
pub(crate) struct Reader<'a> {
    pub(crate) layers: &'a Layers,
    pub(crate) environment: &'a Environment,
    pub(crate) shown: BTreeMap<&'static str, Shown>,
    pub(crate) notices: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers, environment: &'a Environment) -> Self {
        Self { layers, environment, shown: BTreeMap::new(), notices: layers.notices.clone() }
    }

    /// Notes the effective value of a setting, where it is not what was written.
    pub(crate) fn show(&mut self, key: &'static str, value: impl Into<toml::Value>, origin: &str) {
        let value = value.into().to_string();
        self.shown.insert(key, Shown { value, origin: origin.to_owned(), masked: false });
    }

    /// Notes that a secret is set.
    pub(crate) fn mask(&mut self, key: &'static str, origin: &str) {
        self.shown
            .insert(key, Shown { value: "\"********\"".to_owned(), origin: origin.to_owned(), masked: true });
    }

    /// The text of a setting; `None` where it is not set.
    pub(crate) fn find(&mut self, key: &'static str) -> Option<Found> {
        match self.layers.get(key) {
            Some((raw, origin, rank)) => {
                let text = match raw {
                    Raw::Text(text) => text,
                    Raw::List(items) => items.join(","),
                };
                let found = Found { key, text, origin: origin.to_owned(), rank };
                if table::by_key(key).is_some_and(|setting| setting.secret) {
                    self.mask(key, &found.origin);
                } else {
                    self.show(key, found.text.as_str(), &found.origin);
                }
                Some(found)
            }
            None => {
                self.show(key, "", "not set");
                None
            }
        }
    }

    /// The text of a setting that is a plain word or name.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.find(key).map(|found| found.text.trim().to_owned())
    }

    /// A path; `~/` is the home folder.
    pub(crate) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.find(key).map(|found| self.environment.expand(&found.text))
    }

    /// A path to a file whose name must end in one of `endings`.
    pub(crate) fn file(&mut self, key: &'static str, endings: &[&str]) -> Result<Option<PathBuf>> {
        let Some(found) = self.find(key) else { return Ok(None) };
        let path = self.environment.expand(&found.text);
        let ending =
            path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if endings.contains(&ending.as_str()) {
            Ok(Some(path))
        } else {
            let endings: Vec<_> = endings.iter().map(|ending| format!(".{ending}")).collect();
            Err(found.wrong(&format!("a file name that ends in {}", endings.join(" or "))))
        }
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<bool> {
        let Some(found) = self.find(key) else {
            self.show(key, false, "not set");
            return Ok(false);
        };
        let flag = parse_flag(&found.text)
            .ok_or_else(|| found.wrong("true or false (also 1 or 0, yes or no, on or off)"))?;
        self.show(key, flag, &found.origin);
        Ok(flag)
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy + std::fmt::Display>(
        &mut self,
        key: &'static str,
        all: &[T],
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let found = self.required(key)?;
        let value = from_word(found.text.trim()).ok_or_else(|| {
            let words: Vec<_> = all.iter().map(ToString::to_string).collect();
            found.wrong(&words.join(", "))
        })?;
        self.show(key, value.to_string(), &found.origin);
        Ok(value)
    }

    /// A whole number within `range`; `None` where it is not set.
    pub(crate) fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(found) = self.find(key) else { return Ok(None) };
        let number = found.text.trim().parse::<u64>().ok().filter(|number| range.contains(number));
        let number = number.ok_or_else(|| found.wrong(&whole_number(&range)))?;
        self.show(key, i64::try_from(number).unwrap_or(i64::MAX), &found.origin);
        Ok(Some(number))
    }

    /// A whole number that has a default.
    pub(crate) fn count(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<usize> {
        let found = self.required(key)?;
        let number = self.number(key, range.clone())?.ok_or_else(|| found.wrong(&whole_number(&range)))?;
        usize::try_from(number).map_err(|_| found.wrong(&whole_number(&range)))
    }

    /// A setting that has a default, so that it is always there.
    pub(crate) fn required(&mut self, key: &'static str) -> Result<Found> {
        self.find(key).ok_or_else(|| Error::usage(format!("the setting {key} has no value")))
    }

    /// A list; empty where it is not set.
    pub(crate) fn list(&mut self, key: &'static str) -> (Vec<String>, Rank) {
        let Some((raw, origin, rank)) = self.layers.get(key) else {
            self.show(key, Vec::<String>::new(), "not set");
            return (Vec::new(), Rank::Default);
        };
        let items = match raw {
            Raw::Text(text) if table::by_key(key).is_some_and(Setting::is_positional) => vec![text],
            Raw::Text(text) => super::layers::split_list(&text),
            Raw::List(items) => items,
        };
        let origin = origin.to_owned();
        self.show(key, items.clone(), &origin);
        (items, rank)
    }
}

fn whole_number(range: &RangeInclusive<u64>) -> String {
    match (*range.start(), *range.end()) {
        (start, u64::MAX) => format!("a whole number from {start}"),
        (start, end) => format!("a whole number from {start} to {end}"),
    }
}
