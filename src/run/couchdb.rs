//! Source and sink of a run that are databases, and what a user can do when they cannot be used.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::error::ProgramError;
use crate::couchdb::{
    ConnectionParams, Connections, ErrorKind, FIRST_CONTACT, Intent, Login, Producer, Step, Unusable,
    plain_http_warning, preflight, timestamp,
};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::settings::{CouchDb, Endpoint, Settings};
use crate::sink::couchdb::{CouchSaveParams, CouchSink};
use crate::source::couchdb::{Checkpoint, CouchSelection, CouchSource};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::WorkerContext;

/// Databases made ready: they are there, and may be read and written.
pub(super) struct Databases {
    pub(super) source: CouchSource,
    pub(super) sink: CouchSink,
    /// What a run that ends well keeps for the next.
    pub(super) checkpoint: Option<Checkpoint>,
    /// One name for the output, however its server is written.
    pub(super) name: String,
    /// The output, for people.
    pub(super) output: String,
    pub(super) warnings: Vec<String>,
}

pub(super) async fn open(
    settings: &Settings,
    couch: &CouchDb,
    model: &Model,
    context: &WorkerContext,
) -> Result<Databases> {
    let input = connection_of(couch, &couch.ingest)?;
    let output = connection_of(couch, &couch.output)?;
    let connections = Connections::of(context);
    let deadline = Instant::now() + FIRST_CONTACT;
    let same = output.same_database(&input);
    let reading = if same && !settings.dry_run { Intent::Write } else { Intent::Read };
    let mut info = preflight(&input, reading, &connections, deadline).await?;
    if !same {
        let writing = if settings.dry_run { Intent::Pretend } else { Intent::Create };
        info = preflight(&output, writing, &connections, deadline).await?;
    }
    let mut warnings: Vec<String> = plain_http_warning(&input).into_iter().collect();
    let golden = golden(couch, &connections, deadline, &mut warnings).await?;
    let selection = &settings.selection;
    let taxonomy =
        selection.taxonomy_filter.then(|| TaxonomyFilter::from_list(&selection.taxonomy_abbrevs.join(",")));
    let producer = Producer {
        // The one that learns from a run's documents is nowhere to be found again: what it was made of says more.
        model: if settings.self_train {
            format!("{}, self-trained", model.name())
        } else {
            model.name().to_string()
        },
        model_sha256: model.sha256().to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let mut source = CouchSource::new(
        input.clone(),
        output.clone(),
        CouchSelection {
            pattern: selection.attachment_pattern.clone(),
            doc_ids: selection.doc_ids.clone(),
            limit: selection.limit.map(|limit| limit as u64),
            skip_existing: selection.skip_existing,
            skip_golden: selection.skip_golden,
            golden,
            include_taxpub: selection.include_taxpub,
            suffix: settings.output_format.attachment_name(""),
            taxonomy,
            partitioned_output: info.partitioned,
            max_document_size: settings.max_document_size.0,
            text: settings.text(),
        },
        context,
    )?;
    let mut checkpoint = None;
    if selection.since.is_some() {
        let (since, kept) = source.since_last(&producer).await?;
        source = since;
        let whole = selection.doc_ids.is_empty() && selection.limit.is_none() && !settings.dry_run;
        checkpoint = whole.then_some(kept);
    }
    let mut save = CouchSaveParams {
        dry_run: settings.dry_run,
        force: selection.force,
        ..CouchSaveParams::new(output.clone(), &input, producer)
    };
    save.run_began = settings.cluster.as_ref().map(|_| timestamp(SystemTime::now()));
    if settings.cluster.is_some() && !settings.send_credentials {
        source = source.loading_by(input.with_login_of_worker(Login::Ingest));
        save.connection =
            save.connection.with_login_of_worker(if same { Login::Ingest } else { Login::Main });
    }
    Ok(Databases {
        source,
        sink: CouchSink::new(save, settings.output_format),
        checkpoint,
        name: output.canonical(),
        output: output.to_string(),
        warnings,
    })
}

/// The database whose documents are left out. One that only a shared file or an experiment names may be missing.
async fn golden(
    couch: &CouchDb,
    connections: &Arc<Connections>,
    deadline: Instant,
    warnings: &mut Vec<String>,
) -> Result<Option<ConnectionParams>> {
    let Some(endpoint) = &couch.golden else { return Ok(None) };
    let golden = connection_of(couch, endpoint)?;
    match preflight(&golden, Intent::Read, connections, deadline).await {
        Ok(_) => Ok(Some(golden)),
        Err(error) if couch.golden_is_required => Err(error.into()),
        Err(error) => {
            warnings.push(format!("no golden documents are left out: {}", message(&error.into())));
            Ok(None)
        }
    }
}

/// How a run reaches a database of `couch`.
pub(super) fn connection_of(couch: &CouchDb, endpoint: &Endpoint) -> Result<ConnectionParams> {
    let mut connection = connection(endpoint, couch.ca_file.as_deref())?;
    connection.retry.budget_ms = couch.patience.saturating_mul(1_000);
    Ok(connection)
}

/// How to reach a database; `ca_file` is a certificate authority to trust in addition to the system's.
pub(crate) fn connection(endpoint: &Endpoint, ca_file: Option<&Path>) -> Result<ConnectionParams> {
    let connection =
        ConnectionParams::new(endpoint.url.as_str(), &endpoint.database).map_err(ProgramError::Address)?;
    let mut connection = match &endpoint.credentials {
        Some(credentials) => connection
            .with_credentials(Some(credentials.username.clone()), Some(credentials.password.clone())),
        None => connection,
    };
    connection.ca_file = ca_file.map(Path::to_owned);
    Ok(connection)
}

/// The message of an error, with what a user of the program can do about it.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::CouchDb(unusable) => format!("{error}; {}", remedy(unusable)),
        _ => error.to_string(),
    }
}

/// What a user of the program can do about a database that cannot be used.
pub(crate) fn remedy(error: &Unusable) -> String {
    let Unusable { user, step, source, database_name, .. } = error;
    let user = user.as_deref();
    let who = || user.map_or_else(|| "nobody".to_owned(), |user| format!("user '{user}'"));
    match (source.kind(), step) {
        (ErrorKind::Unauthorized | ErrorKind::Forbidden, Step::Create) => format!(
            "there is no such database, and {} may not create one; an administrator must create it (PUT /{database_name}), \
             or give one that exists with --output-database",
            who()
        ),
        // It says itself what to do, where it happens.
        _ if matches!(source, crate::couchdb::Error::NoLogin { .. }) => "then run again".to_owned(),
        (ErrorKind::Unauthorized, _) if user.is_none() => {
            "set --couchdb-username and --couchdb-password-file (environment COUCHDB_USER, COUCHDB_PASSWORD)".to_owned()
        }
        (ErrorKind::Unauthorized, _) => {
            format!("check the password of {} (--couchdb-password-file); it was tried once", who())
        }
        (ErrorKind::AccountLocked, _) => format!(
            "wait some minutes until the server lets {} in again (five by default), and check what else logs in with a wrong \
             password",
            who()
        ),
        (ErrorKind::Forbidden, Step::Write | Step::CheckWriting) => format!(
            "{} may read it but not write; an administrator must allow it (PUT /{database_name}/_security, a validate_doc_update \
             function or a proxy in between may forbid it), or give another database with --output-database",
            who()
        ),
        (ErrorKind::Forbidden, _) => format!(
            "an administrator must make {} a member of it (PUT /{database_name}/_security)",
            who()
        ),
        (ErrorKind::NotFound, _) => {
            "check --ingest-db-name and --couchdb-url; GET /_all_dbs lists the databases".to_owned()
        }
        (ErrorKind::Certificate, _) => {
            "give the certificate of the authority that vouches for it with --couchdb-ca-file".to_owned()
        }
        (ErrorKind::Tls, _) => "--couchdb-ca-file takes a file with certificates in PEM form".to_owned(),
        (ErrorKind::NotTls, _) => {
            "the server does not speak TLS there; give --couchdb-url with http: or with the port for https".to_owned()
        }
        (ErrorKind::Redirected, _) => "give that address with --couchdb-url".to_owned(),
        (ErrorKind::Gone, Step::FirstContact) | (ErrorKind::Unreachable, _) => {
            "check --couchdb-url, and that the server runs".to_owned()
        }
        (ErrorKind::Gone, _) => {
            "what was saved is complete; run again when the server is back, and the rest is done (--couchdb-patience says \
             how long a run waits)"
                .to_owned()
        }
        (ErrorKind::RequestTooLarge, _) => {
            "raise the limit of the server or of the proxy before it (client_max_body_size of nginx)".to_owned()
        }
        _ => "see the server's log".to_owned(),
    }
}
