//! The checks before a run: is the server there, may we use it, is there a database.

use super::{Client, ConnectionParams, Database, Fault, FaultKind};
use crate::worker::RequestMetrics;
use crate::{Error, Result};
use reqwest::Method;
use std::sync::Arc;

/// What a server said about itself and a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// `CouchDB 3.5.0`, or the name of a server that speaks the same protocol.
    pub server: String,
    /// How many documents the database holds.
    pub documents: u64,
    /// Whether the database was made just now.
    pub created: bool,
}

/// What to do about a database that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// It is an error.
    Refuse,
    /// Make it.
    Create,
    /// Take it for an empty one (a dry run).
    Accept,
}

/// How long the server is waited for before a run, in milliseconds: somebody may be looking on.
const WAIT_MS: u64 = 20_000;

/// Asks for the server and for the database of `params`.
///
/// # Errors
/// Unusable (exit code 3), with the way out: the server cannot be reached within the retry budget, user or
/// password are wrong (401), the user may not use the database (403), or there is none (404).
pub async fn preflight(
    params: &ConnectionParams,
    if_missing: IfMissing,
    tally: Arc<RequestMetrics>,
) -> Result<ServerInfo> {
    let mut patient = params.clone();
    patient.retry.budget_ms = patient.retry.budget_ms.min(WAIT_MS);
    let client = Client::open(&patient, tally)?;
    let root: serde_json::Value = match client.json(&client.call(Method::GET, &[])).await {
        Ok((root, _)) => root,
        // A reverse proxy may show only the databases.
        Err(fault) if matches!(fault.kind, FaultKind::Forbidden | FaultKind::NotFound) => {
            serde_json::Value::Null
        }
        Err(fault) => return Err(unusable(params, &fault)),
    };
    let database = Database::new(client);
    let mut created = false;
    let info = match database.info().await {
        Err(fault) if fault.kind == FaultKind::NotFound && if_missing == IfMissing::Create => {
            created = database.create().await.map_err(|fault| unusable(params, &fault))?;
            database.info().await
        }
        Err(fault) if fault.kind == FaultKind::NotFound && if_missing == IfMissing::Accept => {
            Ok(serde_json::Value::Null)
        }
        other => other,
    }
    .map_err(|fault| unusable(params, &fault))?;
    let text = |pointer: &str| root.pointer(pointer).and_then(serde_json::Value::as_str);
    let name =
        if root.get("couchdb").is_some() { "CouchDB" } else { text("/vendor/name").unwrap_or("server") };
    Ok(ServerInfo {
        server: format!("{name} {}", text("/version").unwrap_or("of unknown version")),
        documents: info.get("doc_count").and_then(serde_json::Value::as_u64).unwrap_or(0),
        created,
    })
}

/// The error that ends a run because of `fault`.
pub(crate) fn unusable(params: &ConnectionParams, fault: &Fault) -> Error {
    let user = params.user.as_deref();
    let way_out = match fault.kind {
        FaultKind::Unauthorized if user.is_none() => {
            "set --couchdb-username and --couchdb-password-file (environment COUCHDB_USER, COUCHDB_PASSWORD)"
                .to_owned()
        }
        FaultKind::Unauthorized => {
            format!("check the password of user '{}' (--couchdb-password-file)", user.unwrap_or_default())
        }
        FaultKind::Forbidden => format!(
            "an administrator must make user '{}' a member of it (PUT /{}/_security)",
            user.unwrap_or("nobody"),
            params.database
        ),
        FaultKind::NotFound => {
            "check --ingest-db-name and --couchdb-url; GET /_all_dbs lists the databases".to_owned()
        }
        FaultKind::Refused if fault.message.contains("certificate") => {
            "give the certificate of the authority that vouches for it with --couchdb-ca-file".to_owned()
        }
        FaultKind::Transport => "check --couchdb-url, and that the server runs".to_owned(),
        _ => "see the server's log".to_owned(),
    };
    Error::unusable(format!("{params} cannot be used: {fault}; {way_out}"))
}

/// A warning when `params` sends a password unencrypted to another machine.
#[must_use]
pub fn plain_http_warning(params: &ConnectionParams) -> Option<String> {
    params.secret.as_ref()?;
    let is_plain = params.url().starts_with("http:");
    (is_plain && !params.is_local()).then(|| {
        format!(
            "the CouchDB password goes unencrypted over the network to {}; use an https URL",
            params.url()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    #[test]
    fn only_a_password_over_plain_http_to_another_machine_is_warned_about() {
        let warned = |url: &str, secret: bool| {
            let params = ConnectionParams::new(url, "db").unwrap();
            let secret = secret.then(|| Secret::new("geheim"));
            let warning = plain_http_warning(&params.with_credentials(Some("ann".into()), secret));
            assert!(warning.as_deref().is_none_or(|text| !text.contains("geheim")));
            warning.is_some()
        };
        assert!(warned("http://db.example.org:5984", true));
        assert!(warned("http://192.168.1.7:5984", true));
        assert!(!warned("http://db.example.org:5984", false));
        for url in
            ["https://db.example.org", "http://localhost:5984", "http://127.0.0.3", "http://[::1]:5984"]
        {
            assert!(!warned(url, true), "{url}");
        }
    }
}
