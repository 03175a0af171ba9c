//! `--experiment NAME`: what a document of the experiments database says about databases and model.

use std::sync::Arc;

use serde::Deserialize;

use crate::couchdb::{Client, Database, FaultKind};
use crate::error::{Error, Result};
use crate::run::connection;
use crate::settings::Experiment;

/// What an experiment may set; everything else in its document is for other programs.
#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    databases: Databases,
    #[serde(default)]
    model_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Databases {
    #[serde(default)]
    ingest: Option<String>,
    #[serde(default)]
    annotations: Option<String>,
    #[serde(default)]
    golden: Option<String>,
}

/// Reads what `experiment` sets.
///
/// # Errors
/// Usage, when there is no such experiment or it cannot be understood; unusable, when its database cannot be read.
pub(super) fn fetch(experiment: &Experiment) -> Result<Vec<(&'static str, String)>> {
    let connection = connection(&experiment.database, experiment.ca_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unusable(format!("the program cannot start: {error}")))?;
    let database = Database::new(Client::open(&connection, Arc::default())?);
    let (name, origin) = (&experiment.name, &experiment.origin);
    let rows = runtime.block_on(database.rows::<serde_json::Value>(&[name])).map_err(|fault| {
        if fault.kind == FaultKind::NotFound {
            return Error::usage(format!(
                "the experiment '{name}' ({origin}) cannot be read: there is no {connection}; name the database with \
                 --experiments-database or EXPERIMENTS_DATABASE"
            ));
        }
        Error::unusable(format!("the experiment '{name}' ({origin}) cannot be read: {fault}"))
    })?;
    let document = rows.into_iter().find_map(|row| row.doc).ok_or_else(|| {
        Error::usage(format!(
            "there is no experiment '{name}' ({origin}) in {connection}; check --experiment"
        ))
    })?;
    let document: Document = serde_json::from_value(document).map_err(|error| {
        Error::usage(format!("the experiment '{name}' in {connection} cannot be understood: {error}"))
    })?;
    let Databases { ingest, annotations, golden } = document.databases;
    let set = [
        ("ingest_db_name", ingest),
        ("output_database", annotations),
        ("golden_db", golden),
        ("model", document.model_name),
    ];
    Ok(set.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}
