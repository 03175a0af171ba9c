//! From the merged layers to typed values: each value is read once, checked, and noted for `--show-config`.

use super::SettingsError;
use super::command::Asked;
use super::definition;
use super::environment::Environment;
use super::layers::{Layers, Rank};
use super::value::{Allowed, Value};
use std::collections::BTreeMap;

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

/// A value as it was written, and where.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) key: &'static str,
    pub(crate) items: Vec<String>,
    text: String,
    pub(crate) origin: String,
    pub(crate) rank: Rank,
}

impl Found {
    pub(crate) fn new(key: &'static str, items: Vec<String>, origin: String, rank: Rank) -> Self {
        Self { key, text: items.join(","), items, origin, rank }
    }

    /// Another text from the same place.
    pub(crate) fn with_text(&self, text: String) -> Self {
        Self::new(self.key, vec![text], self.origin.clone(), self.rank)
    }

    /// The text without white space around it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The text to the letter.
    pub(crate) fn verbatim(&self) -> &str {
        &self.text
    }

    /// The error for a value that cannot be.
    pub(crate) fn wrong(&self, allowed: impl Into<Allowed>) -> SettingsError {
        let secret = definition::by_key(self.key).is_some_and(|setting| setting.secret);
        let value = if secret { "********".to_owned() } else { self.text.clone() };
        SettingsError::Invalid {
            setting: self.key,
            value,
            origin: self.origin.clone(),
            allowed: allowed.into(),
            rank: Some(self.rank),
        }
    }
}

/// Reads typed values from the layers.
pub(crate) struct Reader<'a> {
    layers: &'a Layers,
    pub(crate) environment: &'a Environment,
    pub(crate) asked: &'a Asked,
    pub(crate) shown: BTreeMap<&'static str, Shown>,
    pub(crate) notices: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers, environment: &'a Environment, asked: &'a Asked) -> Self {
        Self { layers, environment, asked, shown: BTreeMap::new(), notices: layers.notices.lines() }
    }

    /// What was given for a setting; `None` where nothing was.
    pub(crate) fn find(&self, key: &'static str) -> Option<Found> {
        self.layers.get(key)
    }

    /// Where the value of a setting is from.
    pub(crate) fn origin(&self, key: &'static str) -> String {
        self.find(key).map(|found| found.origin).unwrap_or_default()
    }

    /// What shows that the shipped samples are not what is meant, such as an option that needs a database.
    pub(crate) fn hints(&self) -> Vec<String> {
        let given = self.layers.given().filter(|(key, rank, _)| {
            *rank > Rank::Default && definition::by_key(key).is_some_and(|setting| setting.hints_at_a_source)
        });
        given.map(|(_, _, origin)| origin).chain(self.layers.notices.hints.iter().cloned()).collect()
    }

    /// Notes the effective value of a setting.
    pub(crate) fn show(&mut self, key: &'static str, value: impl Into<toml::Value>, origin: &str) {
        let masked = definition::by_key(key).is_some_and(|setting| setting.secret) && origin != "not set";
        let value = if masked { "\"********\"".to_owned() } else { value.into().to_string() };
        self.shown.insert(key, Shown { value, origin: origin.to_owned(), masked });
    }

    /// The value of a setting.
    pub(crate) fn read<T: Value>(&mut self, key: &'static str) -> Result<T, SettingsError> {
        self.read_by(key, T::parse)
    }

    /// The value of a setting that is checked by `parse`.
    pub(crate) fn read_by<T: Value>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Found, &Environment) -> Result<T, Allowed>,
    ) -> Result<T, SettingsError> {
        let Some(found) = self.find(key) else {
            let value = T::absent().ok_or_else(|| missing(key))?;
            self.show(key, value.shown(), "not set");
            return Ok(value);
        };
        let value = parse(&found, self.environment).map_err(|allowed| found.wrong(allowed))?;
        let shown = value.shown();
        // `all` cores are a number here, and `80%` of memory are bytes.
        let origin = match &shown {
            toml::Value::Integer(number) if number.to_string() != found.text() => {
                format!("{} ({})", found.origin, found.text())
            }
            _ => found.origin,
        };
        self.show(key, shown, &origin);
        Ok(value)
    }
}

/// The error for a setting that must be given.
fn missing(key: &'static str) -> SettingsError {
    let setting = definition::by_key(key);
    let option = setting.and_then(|setting| Some(format!("--{} {}", setting.option()?, setting.value_name)));
    let variable = setting.and_then(|setting| setting.variables().into_iter().next());
    SettingsError::Missing {
        setting: key,
        meaning: setting.map(|setting| setting.help()).unwrap_or_default(),
        option: option.unwrap_or_default(),
        variable: variable.unwrap_or_default().into_owned(),
    }
}
