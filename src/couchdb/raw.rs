//! JSON objects of others, to the letter.
//!
//! CouchDB keeps numbers of any size, and what is read into numbers and written again is another text:
//! `36893488147419103233` becomes a float. So an object stays a list of keys and values as they were written; only
//! what is set anew is rendered anew. Order, keys that occur twice and unicode escapes stay as well, and how deep
//! a value nests plays no part, because it is not looked into.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The entries of a JSON object, each as it was written.
#[derive(Debug, Clone, Default)]
pub struct RawObject {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The key as text.
    name: String,
    /// The key as it was written, quotes and escapes included; `None` where [`name`](Self::name) renders to it.
    written: Option<Box<RawValue>>,
    value: Box<RawValue>,
}

impl RawObject {
    /// Reads an object.
    ///
    /// # Errors
    /// When `json` is no JSON object.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The value of `name` as it was written; the last one where the key occurs twice, as CouchDB has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().rev().find(|entry| entry.name == name).map(|entry| entry.value.get())
    }

    /// The value of `name` read as a `T`; `None` where there is none, or none of that type.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// The object below `name`.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        self.read(name)
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.value.get()))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets `name` to the JSON text `value`, where it stands if it is there, else at the end.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.entries.iter_mut().rev().find(|entry| entry.name == name) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Entry { name: name.to_owned(), written: None, value }),
        }
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }

    /// Keeps the entries for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.entries.retain(|entry| keep(&entry.name));
    }

    /// Appends the object's text to `json`.
    pub fn write(&self, json: &mut String) {
        json.push('{');
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            match &entry.written {
                Some(written) => json.push_str(written.get()),
                None => push_quoted(json, &entry.name),
            }
            json.push(':');
            json.push_str(entry.value.get());
        }
        json.push('}');
    }

    /// The object's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let length = self.entries.iter().map(|entry| entry.name.len() + entry.value.get().len() + 8).sum();
        let mut json = String::with_capacity(length);
        self.write(&mut json);
        json
    }

    /// The object as a value of another.
    #[must_use]
    pub fn to_raw(&self) -> Box<RawValue> {
        raw(self.to_json())
    }
}

/// `text` as a JSON string, appended to `json`.
pub(super) fn push_quoted(json: &mut String, text: &str) {
    // A string always renders.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// `json`, which is JSON because it was rendered here, as a value.
pub(super) fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// `value` rendered.
pub(super) fn render(value: &impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut entries = Vec::new();
                while let Some((written, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                    let name: String =
                        serde_json::from_str(written.get()).map_err(serde::de::Error::custom)?;
                    // An ordinary key has no escapes, and renders to itself.
                    let written = written.get().contains('\\').then_some(written);
                    entries.push(Entry { name, written, value });
                }
                Ok(RawObject { entries })
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ODD: &str = r#"{"barcode":36893488147419103233,"f":0.10,"e":1E400,"n":-0,"\u00e9":"\u00e9","é":"é","a":1,"a":2,"deep":[[[{}]]],"_id":"x"}"#;

    #[test]
    fn what_is_not_set_stays_to_the_letter() {
        let mut object = RawObject::parse(ODD).unwrap();
        assert_eq!(object.to_json(), ODD);
        assert_eq!((object.get("a"), object.get("é")), (Some("2"), Some("\"é\"")));
        object.set("n", raw("7".into()));
        object.set("new\n", raw("true".into()));
        let expected = ODD.replace("-0", "7").replace("\"_id\":\"x\"}", "\"_id\":\"x\",\"new\\n\":true}");
        assert_eq!(object.to_json(), expected);
        object.remove("a");
        assert_eq!(object.get("a"), None);
    }

    #[test]
    fn depth_plays_no_part() {
        let deep = format!("{{\"deep\":{}{},\"x\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        let object = RawObject::parse(&deep).unwrap();
        assert_eq!((object.to_json(), object.get("x")), (deep, Some("1")));
        assert!(object.read::<serde_json::Value>("deep").is_none(), "too deep to be looked into");
    }

    proptest! {
        #[test]
        fn any_object_comes_back(entries in prop::collection::vec((".*", any::<f64>()), 0..8)) {
            let mut json = String::from("{");
            for (index, (name, number)) in entries.iter().enumerate() {
                if index > 0 { json.push(','); }
                push_quoted(&mut json, name);
                json.push(':');
                json.push_str(&serde_json::to_string(number).unwrap());
            }
            json.push('}');
            let object = RawObject::parse(&json).unwrap();
            prop_assert_eq!(object.to_json(), json);
            for (name, _) in &entries {
                prop_assert!(object.get(name).is_some());
            }
        }
    }
}
