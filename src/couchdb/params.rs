//! What an operator captures of a CouchDB connection.

use super::{Error, Secret};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

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
        Self { connect_ms: 10_000, read_ms: 30_000, total_ms: 120_000 }
    }
}

impl Timeouts {
    pub(super) fn connect(self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(super) fn read(self) -> Duration {
        Duration::from_millis(self.read_ms)
    }

    /// After this long an answer that has begun must have come at a rate worth waiting for.
    pub(super) fn patience(self) -> Duration {
        self.total() / 6
    }

    pub(super) fn total(self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// Which login a worker elsewhere takes from its own environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// That for the server of the annotations.
    Main,
    /// That for the server of the documents.
    Ingest,
}

/// The logins of a worker's process, shared by its connections. Nothing of it travels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerCredentials {
    /// User and password for [`Login::Main`].
    pub main: Option<(String, Secret)>,
    /// User and password for [`Login::Ingest`].
    pub ingest: Option<(String, Secret)>,
}

impl WorkerCredentials {
    fn of(&self, login: Login) -> Option<(String, Secret)> {
        match login {
            Login::Main => self.main.clone(),
            Login::Ingest => self.ingest.clone(),
        }
    }

    /// `params` with the login that they ask for.
    ///
    /// # Errors
    /// [`Error::NoLogin`] where this process has none.
    pub(super) fn complete(&self, params: &ConnectionParams) -> Result<ConnectionParams, Error> {
        let Some(login) = params.login else { return Ok(params.clone()) };
        let (user, secret) = self.of(login).ok_or(Error::NoLogin { login })?;
        Ok(ConnectionParams { user: Some(user), secret: Some(secret), login: None, ..params.clone() })
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
    /// Which of its own logins a worker takes, where user and password do not travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// A PEM file with certificates to trust in addition to those of the system.
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
    pub(crate) fn is_local(&self) -> bool {
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
    /// When the URL is not an `http` or `https` URL with a host, or the database has no name.
    pub fn new(url: &str, database: &str) -> Result<Self, Error> {
        let mut parsed = Url::parse(url.trim()).map_err(Error::Url)?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            let host = parsed.host_str().unwrap_or_default().to_owned();
            return Err(Error::Scheme { scheme: parsed.scheme().to_owned(), host });
        }
        if database.is_empty() {
            return Err(Error::NoDatabaseName);
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
            login: None,
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

    /// The same without user and password, where there are any: a worker elsewhere takes its own.
    #[must_use]
    pub fn with_login_of_worker(mut self, login: Login) -> Self {
        let asked = self.user.take().is_some() | self.secret.take().is_some();
        self.login = asked.then_some(login);
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
    pub(crate) fn same_database(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// One name for the database, however its server is written: `localhost`, `127.0.0.1` and `[::1]` are the same
    /// machine, and a port that is left out is the usual one. For locks and records.
    #[must_use]
    pub(crate) fn canonical(&self) -> String {
        let Ok(url) = Url::parse(&self.url) else { return format!("{}/{}", self.url, self.database) };
        let host = if self.is_local() { "localhost" } else { url.host_str().unwrap_or_default() };
        let port = url.port_or_known_default().unwrap_or_default();
        let prefix = url.path().trim_end_matches('/');
        format!("{host}:{port}{prefix}/{}", self.database)
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
    fn a_login_of_the_worker_leaves_nothing_secret_in_what_travels() {
        let own = ConnectionParams::new("http://ann:geheim@db.example.org", "texts").unwrap();
        let sent = own.clone().with_login_of_worker(Login::Ingest);
        let encoded = serde_json::to_string(&sent).unwrap();
        assert!(!encoded.contains("geheim") && !encoded.contains("ann"), "{encoded}");
        let sent: ConnectionParams = serde_json::from_str(&encoded).unwrap();
        let login = Some(("ann".to_owned(), Secret::new("geheim")));
        let credentials = WorkerCredentials { main: None, ingest: login };
        assert_eq!(credentials.complete(&sent).unwrap(), own);
        let error = WorkerCredentials::default().complete(&sent).unwrap_err();
        assert!(error.to_string().contains("INGEST_USERNAME"), "{error}");
        // A database that is open to everybody stays so.
        let open = ConnectionParams::new("http://db.example.org", "texts").unwrap();
        assert_eq!(open.clone().with_login_of_worker(Login::Main), open);
        assert_eq!(WorkerCredentials::default().complete(&open).unwrap(), open);
    }

    #[test]
    fn what_is_no_server_is_refused_without_showing_it() {
        for url in ["", "couch", "ftp://h/", "http://", "file:///x", "http://u:geheim@:x"] {
            let error = ConnectionParams::new(url, "db").unwrap_err();
            assert_eq!(error.kind(), super::super::ErrorKind::Address, "{url}");
            assert!(!error.full().contains("geheim"));
        }
        assert!(ConnectionParams::new("http://localhost:5984", "").is_err());
    }

    #[test]
    fn one_database_has_one_name() {
        let name = |url: &str| ConnectionParams::new(url, "db").unwrap().canonical();
        for url in ["http://127.0.0.1:5984/", "http://[::1]:5984", "http://u:p@LOCALHOST:5984"] {
            assert_eq!(name(url), "localhost:5984/db", "{url}");
        }
        assert_eq!(name("https://h.example"), name("https://H.example:443/"));
        assert_ne!(name("http://h.example/a"), name("http://h.example/b"));
        assert_ne!(name("http://localhost:5984"), name("http://localhost:5985"));
    }
}
