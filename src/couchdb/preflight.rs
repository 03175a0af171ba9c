//! The checks before a run: is the server there, is there a database, may we use it.

use super::{
    Client, ConnectionParams, Connections, Database, DatabaseInfo, Error, ErrorKind, Step, Unusable,
};
use reqwest::Method;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the first contact may take, whatever the server does: somebody may be looking on.
pub const FIRST_CONTACT: Duration = Duration::from_secs(20);

/// What a server answered about itself and a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// `CouchDB 3.5.0`, or the name of a server that speaks the same protocol.
    pub server: String,
    /// How many documents the database holds.
    pub documents: u64,
    /// Whether the database was made just now.
    pub created: bool,
    /// Whether ids name a partition there (`partition:id`); others are refused.
    pub partitioned: bool,
}

/// What a run wants of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// To read it: it must be there.
    Read,
    /// To write into it: it must be there.
    Write,
    /// To write into it: it is made when it is not there.
    Create,
    /// To do as if it wrote: what is not there counts as empty.
    Pretend,
}

/// Asks for the server and for the database of `params`, until `deadline` at the latest.
///
/// # Errors
/// The server cannot be reached in time, the password is wrong (401) or the account locked, the user may not use
/// the database (403), there is none (404) and it may not be made, or nothing may be written into it.
pub async fn preflight(
    params: &ConnectionParams,
    intent: Intent,
    connections: &Arc<Connections>,
    deadline: Instant,
) -> Result<ServerInfo, Unusable> {
    let unusable = |step, error| Unusable::new(params, step, error);
    let client = Client::open(params, connections).map_err(|error| unusable(Step::Connect, error))?;
    let checks = check(Database::new(client.clone()), intent);
    let result = timeout_at(deadline, checks).await.unwrap_or_else(|_| {
        let last = client.trouble().unwrap_or_else(|| "no answer came".to_owned());
        Err((Step::FirstContact, Error::Gone { waited: FIRST_CONTACT, last }))
    });
    result.map_err(|(step, error)| unusable(step, error))
}

async fn check(database: Database, intent: Intent) -> Result<ServerInfo, (Step, Error)> {
    let client = database.client();
    let root: serde_json::Value = match client.json(&client.call(Method::GET, &[])).await {
        Ok((root, _)) => root,
        // A reverse proxy may show only the databases.
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
            serde_json::Value::Null
        }
        Err(error) => return Err((Step::FirstContact, error)),
    };
    let mut created = false;
    let info = match database.info().await {
        Err(error) if error.kind() == ErrorKind::NotFound && intent == Intent::Create => {
            created = database.create().await.map_err(|error| (Step::Create, error))?;
            database.info().await
        }
        Err(error) if error.kind() == ErrorKind::NotFound && intent == Intent::Pretend => {
            Ok(DatabaseInfo::default())
        }
        other => other,
    }
    .map_err(|error| (Step::Open, error))?;
    if matches!(intent, Intent::Write | Intent::Create) {
        database.check_writing().await.map_err(|error| (Step::CheckWriting, error))?;
    }
    let text = |pointer: &str| root.pointer(pointer).and_then(serde_json::Value::as_str);
    let name =
        if root.get("couchdb").is_some() { "CouchDB" } else { text("/vendor/name").unwrap_or("server") };
    Ok(ServerInfo {
        server: format!("{name} {}", text("/version").unwrap_or("of unknown version")),
        documents: info.doc_count,
        created,
        partitioned: info.props.partitioned,
    })
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
