//! The table of all settings. A new setting is one entry here, one line in `config/default.toml` and one
//! field in the typed settings; tests hold the three together.

mod common;
mod couchdb;
mod evaluate;
mod outdated;
mod predict;
mod run;
mod train;

use super::option::{Program, Setting};

pub(crate) use outdated::OUTDATED;

/// Every setting of every program, in the order of the documentation.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    [predict::TABLE, couchdb::TABLE, run::TABLE, train::TABLE, evaluate::TABLE, common::TABLE]
        .into_iter()
        .flatten()
}

/// The settings of one program.
pub(crate) fn of(program: Program) -> impl Iterator<Item = &'static Setting> {
    all().filter(move |setting| setting.is_for(program))
}

/// The setting with this name in the files.
pub(crate) fn by_key(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

/// The setting that this name in the environment belongs to.
pub(crate) fn by_env(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.env.contains(&name))
}

/// The known name nearest to a mistyped one, if there is one near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
