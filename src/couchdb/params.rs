//! What an operator captures of a CouchDB connection, and the secret that is never shown.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// A password. `Debug` and `Display` show `***`; only [`Secret::expose`] gives it away.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The password itself, for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How long a request may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Until the connection stands (TCP and TLS).
    pub connect_ms: u64,
    /// Between two pieces of an answer.
    pub read_ms: u64,
    /// For a whole request, from the first byte sent to the last byte read.
    pub total_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 10_000, read_ms: 60_000, total_ms: 300_000 }
    }
}

impl Timeouts {
    pub(super) fn connect(self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(super) fn read(self) -> Duration {
        Duration::from_millis(self.read_ms)
    }

    pub(super) fn total(self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// Everything a worker needs to open its own connection to one database.
///
/// It is serialized into the plan's operators, so it stays small (an ordinary one takes some 200
/// bytes of JSON) and holds no client, pool or session.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConnectionParams {
    url: String,
    /// The database's name, as people write it (not percent-encoded).
    pub database: String,
    /// The user's name, where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A PEM file with certificates to trust beside those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Time limits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often and how long a failed request is tried again.
    #[serde(default)]
    pub retry: super::RetryPolicy,
}

impl ConnectionParams {
    /// Whether the server is on this machine, as the URL has it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let Ok(url) = Url::parse(&self.url) else { return false };
        match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Checks `url` and `database`.
    ///
    /// A user and password inside the URL (`http://user:password@host`) are taken out of it, so that
    /// the URL can be shown. Anything in front of the databases (`https://host/couch`) is kept.
    ///
    /// # Errors
    /// A usage error (exit code 2) when the URL is not an `http` or `https` URL with a host, or the
    /// database has no name.
    pub fn new(url: &str, database: &str) -> Result<Self> {
        let way_out =
            "give it as http://host:5984 or https://host (option --couchdb-url, environment COUCHDB_URL)";
        // The text itself may hold a password: an error never shows it.
        let mut parsed = Url::parse(url.trim())
            .map_err(|error| Error::usage(format!("the CouchDB URL cannot be read ({error}); {way_out}")))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(Error::usage(format!(
                "the CouchDB URL has scheme '{}' and host '{}'; {way_out}",
                parsed.scheme(),
                parsed.host_str().unwrap_or("")
            )));
        }
        if database.is_empty() {
            return Err(Error::usage(
                "no CouchDB database is named; give one with --ingest-db-name (environment INGEST_DATABASE)",
            ));
        }
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = (!parsed.username().is_empty()).then(|| decoded(parsed.username()));
        let secret = parsed.password().map(|password| Secret::new(decoded(password)));
        // Both fail only for URLs without a host, which were refused above.
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        parsed.set_query(None);
        parsed.set_fragment(None);
        Ok(Self {
            url: parsed.as_str().trim_end_matches('/').to_owned(),
            database: database.to_owned(),
            user,
            secret,
            ca_file: None,
            timeouts: Timeouts::default(),
            retry: super::RetryPolicy::default(),
        })
    }

    /// Sets user and password; `None` leaves what the URL gave.
    #[must_use]
    pub fn with_credentials(mut self, user: Option<String>, secret: Option<Secret>) -> Self {
        self.user = user.or(self.user);
        self.secret = secret.or(self.secret);
        self
    }

    /// The same server, another database.
    #[must_use]
    pub fn for_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The server's address without user, password and trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether both lie in the same database of the same server.
    #[must_use]
    pub fn same_database(&self, other: &Self) -> bool {
        self.url == other.url && self.database == other.database
    }
}

impl fmt::Debug for ConnectionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionParams")
            .field("url", &self.url)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("secret", &self.secret)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ConnectionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database '{}' at {}", self.database, self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_moves_out_of_it_and_is_never_shown() {
        let params =
            ConnectionParams::new("https://ann:s%40crEt@db.example.org:6984/couch/", "texts").unwrap();
        assert_eq!(params.url(), "https://db.example.org:6984/couch");
        assert_eq!(params.user.as_deref(), Some("ann"));
        assert_eq!(params.secret.as_ref().unwrap().expose(), "s@crEt");
        for shown in [format!("{params:?}"), format!("{params}"), format!("{params:#?}")] {
            assert!(!shown.contains("crEt"), "{shown}");
        }
    }

    #[test]
    fn an_ordinary_connection_takes_less_than_a_kilobyte_and_comes_back_equal() {
        let params = ConnectionParams::new("https://couchdb.some-institute.example.org:6984", "skol_dev")
            .unwrap()
            .with_credentials(Some("nightly".into()), Some(Secret::new("correct horse battery staple")));
        let encoded = serde_json::to_vec(&params).unwrap();
        assert!(encoded.len() < 500, "{} bytes", encoded.len());
        assert_eq!(serde_json::from_slice::<ConnectionParams>(&encoded).unwrap(), params);
    }

    #[test]
    fn what_is_no_server_is_refused_without_showing_it() {
        for url in ["", "couch", "ftp://h/", "http://", "file:///x", "http://u:geheim@:x"] {
            let error = ConnectionParams::new(url, "db").unwrap_err();
            assert_eq!(error.exit_code(), 2, "{url}");
            assert!(!error.to_string().contains("geheim"));
        }
        assert!(ConnectionParams::new("http://localhost:5984", "").is_err());
    }
}
