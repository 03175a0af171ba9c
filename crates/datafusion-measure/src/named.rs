//! Values by name, in the order of their first entry, and no more of them than a limit.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

/// Values by name, in the order of their first entry.
#[derive(Debug, Clone)]
pub struct Named<T>(IndexMap<String, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Named<T> {
    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    /// Names and values, in the order of their first entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the value of a name; of more names than `limit`, the oldest go.
    pub(crate) fn set(&mut self, name: &str, value: T, limit: usize) {
        match self.0.get_mut(name) {
            Some(known) => *known = value,
            None => {
                self.0.insert(name.to_owned(), value);
                self.trim(limit);
            }
        }
    }

    /// The value of a name, made if it is new; of more names than `limit`, the oldest go.
    pub(crate) fn entry(&mut self, name: &str, limit: usize) -> &mut T
    where
        T: Default,
    {
        if !self.0.contains_key(name) {
            self.trim(limit.saturating_sub(1));
        }
        self.0.entry(name.to_owned()).or_default()
    }

    /// Removes the oldest beyond `limit`: an eighth more than needed, since moving up all others takes its time.
    fn trim(&mut self, limit: usize) {
        if self.0.len() > limit {
            let excess = (self.0.len() - limit + limit / 8).min(self.0.len());
            self.0.drain(..excess);
        }
    }
}

impl<T> FromIterator<(String, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_names_go_first_and_the_latest_stay() {
        let mut named = Named::default();
        for step in 0..10_000usize {
            named.set(&format!("step {step}"), step, 100);
            assert!(named.len() <= 100);
            *named.entry(&format!("entry {step}"), 100) += 1;
            assert!(named.len() <= 100);
        }
        assert_eq!(named.get("step 9999"), Some(&9999));
        assert_eq!(named.get("entry 9999"), Some(&1));
        assert_eq!(named.get("step 0"), None);
        let names: Vec<_> = named.iter().map(|(name, _)| name.to_owned()).collect();
        assert!(names.is_sorted_by_key(|name| name.split(' ').nth(1).unwrap().parse::<usize>().unwrap()));
    }
}
