//! `--experiment NAME`: what a document of the experiments database says about databases and model.

use serde::Deserialize;

use crate::couchdb::{Client, Connections, Database, ErrorKind, FIRST_CONTACT, Step, Unusable};
use crate::error::Result;
use crate::run::ProgramError;
use crate::run::connection;
use crate::settings::Experiment;
use crate::worker::WorkerContext;

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
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ProgramError::Threads)?;
    let connections = Connections::of(&WorkerContext::default());
    let client = Client::open(&connection, &connections)
        .map_err(|error| Unusable::new(&connection, Step::Connect, error))?;
    let database = Database::new(client);
    let (name, origin) = (&experiment.name, &experiment.origin);
    // Somebody may be looking on: this is the first contact with the server.
    let reading =
        async { tokio::time::timeout(FIRST_CONTACT, database.rows::<serde_json::Value>(&[name])).await };
    let (name, origin, database) = (name.clone(), origin.clone(), connection.to_string());
    let rows = match runtime.block_on(reading) {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            return Err(ProgramError::NoExperimentsDatabase { name, origin, database }.into());
        }
        Ok(Err(error)) => return Err(Unusable::new(&connection, Step::Read, error).into()),
        Err(_) => {
            let seconds = FIRST_CONTACT.as_secs();
            return Err(ProgramError::SilentExperiments { name, origin, database, seconds }.into());
        }
    };
    let Some(document) = rows.into_iter().find_map(|row| row.doc) else {
        return Err(ProgramError::NoExperiment { name, origin, database }.into());
    };
    let document: Document = serde_json::from_value(document).map_err(|source| ProgramError::Experiment {
        name,
        database,
        source,
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
