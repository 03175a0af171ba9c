//! Where the documents are: files, or a CouchDB database. These settings only make sense together.

use super::definition::{Group, Kind, Setting, settings};
use super::error::{SettingsError, contradiction};
use super::layers::Rank;
use super::login::{Credentials, IngestLogin, MainLogin, credentials, take_apart};
use super::reader::{Found, Reader};
use crate::couchdb::Secret;
use std::path::{Path, PathBuf};
use url::Url;

/// Where the documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The shipped sample documents.
    Samples,
    /// Files, folders, globs, `-` for standard input.
    Paths(Vec<String>),
    /// A database.
    CouchDb(Box<CouchDb>),
}

/// A CouchDB database to read from, and one to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CouchDb {
    /// The database with the documents.
    pub(crate) ingest: Endpoint,
    /// The database for the annotations; often the same.
    pub(crate) output: Endpoint,
    /// Whether the database for the annotations was named.
    pub(crate) output_is_named: bool,
    /// The database whose documents are left out.
    pub(crate) golden: Option<Endpoint>,
    /// Whether that one was named on the command line: then it must be there.
    pub(crate) golden_is_required: bool,
    /// A certificate authority (PEM) to trust in addition to the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long a server that does not answer is waited for, in seconds.
    pub(crate) patience: u64,
}

/// A database on a server, and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The server, without user and password.
    pub(crate) url: Url,
    /// User and password, or neither.
    pub(crate) credentials: Option<Credentials>,
    /// The database.
    pub(crate) database: String,
}

settings! {
    struct Given in "" {
        /// Files, folders, globs, or - for standard input
        ///
        /// Folders are read recursively; a glob that the shell left alone is expanded here. Without any INPUT, and
        /// without a CouchDB database, the shipped sample documents are labelled, unless an option such as --output
        /// shows that documents of your own are meant.
        ///
        /// In the environment several inputs are separated like PATH, by a colon (a semicolon on Windows); in
        /// config files they are a list.
        input: Vec<String> => Input "INPUT" { kind: Kind::Positional };
        /// CouchDB server, like http://localhost:5984
        ///
        /// Read from and write to CouchDB instead of folders, when --ingest-db-name is given too.
        couchdb_url: Option<Found> => CouchDb "URL" { env: &["COUCHDB_URL"] };
        /// The server as host and port, where no URL is given
        couchdb_host: Option<Found> => CouchDb "HOST:PORT" { env: &["COUCHDB_HOST"] };
        main_login: MainLogin;
        /// Certificate authority (PEM) to trust in addition to the system's
        couchdb_ca_file: Option<PathBuf> => CouchDb "FILE" { env: &["COUCHDB_CA_FILE"] };
        /// Seconds to wait for a server that is away
        ///
        /// When it does not come back in this time, the run ends with exit code 3.
        couchdb_patience: u64 => CouchDb "SECONDS" { default: "120", env: &["COUCHDB_PATIENCE"] };
        /// Database with the documents
        ingest_db_name: Option<Found> => CouchDb "DB" { env: &["INGEST_DB_NAME"] };
        /// Database with the documents, where --ingest-db-name is not given
        ingest_database: Option<Found> => CouchDb "DB" { env: &["INGEST_DATABASE"] };
        /// Database with the documents, where neither of those is given
        couchdb_database: Option<Found> => CouchDb "DB" { env: &["COUCHDB_DATABASE"] };
        /// Server with the documents, where it is another one than that of the annotations
        ingest_url: Option<Found> => CouchDb "URL" { env: &["INGEST_URL"] };
        ingest_login: IngestLogin;
        /// Database for the annotations; without it the ingest database
        ///
        /// Created if missing; the documents' metadata is copied.
        output_database: Option<String> =>
            CouchDb "DB" { env: &["ANNOTATIONS_DB_NAME"], aliases: &["annotations-db-name"] };
        /// Leave out the documents that are in this database too
        golden_db: Option<Found> => CouchDb "DB" { env: &["GOLDEN_DB_NAME"], aliases: &["golden-db-name"] };
        /// Take databases and model from this experiment, a document in --experiments-database
        ///
        /// Its `databases.ingest`, `databases.annotations`, `databases.golden` and `model_name` count below the command
        /// line and above everything else.
        experiment: Option<String> => CouchDb "NAME" { env: &["EXPERIMENT_NAME"] };
        /// Database with the experiments
        experiments_database: Option<Found> =>
            CouchDb "DB" { default: "skol_experiments", env: &["EXPERIMENTS_DATABASE"] };
    }
}

impl Group for Input {
    fn define(table: &mut Vec<Setting>) {
        Given::define(table);
    }

    /// CouchDB when an ingest database is given, unless a stronger layer names files.
    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let mut given = Given::apart(reader)?;
        let paths = std::mem::take(&mut given.input);
        let names = [&given.ingest_db_name, &given.ingest_database, &given.couchdb_database];
        match (strongest(names), reader.find("input")) {
            (None, Some(_)) => Ok(Input::Paths(paths)),
            (None, None) => Ok(Input::Samples),
            (Some(ingest), Some(input)) if input.rank == ingest.rank => contradiction(
                format!(
                    "both files to label ('{}') and a database ('{}', {}) are given",
                    paths.join("', '"),
                    ingest.text(),
                    ingest.origin
                ),
                "leave out one of them",
            ),
            (Some(ingest), Some(input)) if input.rank > ingest.rank => {
                reader.notices.push(format!(
                    "files are named, so the database '{}' ({}) is not used",
                    ingest.text(),
                    ingest.origin
                ));
                Ok(Input::Paths(paths))
            }
            (Some(ingest), _) => Ok(Input::CouchDb(Box::new(given.couchdb(&ingest, reader)?))),
        }
    }
}

/// Whether nothing shows that other documents are meant than the shipped samples.
pub(super) fn samples_are_meant(reader: &Reader<'_>) -> Result<(), SettingsError> {
    let server = ["couchdb_url", "couchdb_host", "ingest_url"].map(|key| reader.find(key));
    if let Some(url) = strongest(&server) {
        return contradiction(
            format!("a CouchDB server is given ({}), but no database and no INPUT", url.origin),
            "add --ingest-db-name or INGEST_DB_NAME, or name files to label",
        );
    }
    let mut hints = reader.hints();
    hints.dedup();
    if hints.is_empty() {
        return Ok(());
    }
    let more = hints.len().saturating_sub(5);
    hints.truncate(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    contradiction(
        format!(
            "no documents are named, and the shipped samples cannot be meant ({}{more})",
            hints.join(", ")
        ),
        "set COUCHDB_URL and INGEST_DB_NAME (in ~/.skol_env, ./env_config or the environment; is HOME right?), \
         or name files to label",
    )
}

/// The one of several settings for the same thing that counts: of those in the strongest layer, the first.
fn strongest<'a>(candidates: impl IntoIterator<Item = &'a Option<Found>>) -> Option<Found> {
    let better = |best: Option<&'a Found>, next: &'a Found| match best {
        Some(best) if best.rank.class() >= next.rank.class() => Some(best),
        _ => Some(next),
    };
    candidates.into_iter().flatten().fold(None, better).cloned()
}

impl Given {
    /// As given, with user and password taken out of the addresses.
    fn apart(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let mut given = Self::read(reader)?;
        let host = given.couchdb_host.as_ref().map(|found| {
            let scheme = if found.text().contains("://") { "" } else { "http://" };
            found.with_text(format!("{scheme}{}", found.text()))
        });
        given.couchdb_url = strongest([&given.couchdb_url, &host]);
        let MainLogin { couchdb_username, couchdb_password, .. } = &mut given.main_login;
        let main = [("couchdb_username", couchdb_username), ("couchdb_password", couchdb_password)];
        take_apart(&mut given.couchdb_url, main, reader)?;
        let IngestLogin { ingest_username, ingest_password } = &mut given.ingest_login;
        let ingest = [("ingest_username", ingest_username), ("ingest_password", ingest_password)];
        take_apart(&mut given.ingest_url, ingest, reader)?;
        Ok(given)
    }

    /// A database on the server of the annotations.
    fn main(&self, database: &Found, reader: &mut Reader<'_>) -> Result<Endpoint, SettingsError> {
        let url = strongest([&self.couchdb_url, &self.ingest_url]);
        self.endpoint(url, &self.main_login.couchdb_username, &None, database, reader)
    }

    /// A database on the server of the documents.
    fn ingest(&self, database: &Found, reader: &mut Reader<'_>) -> Result<Endpoint, SettingsError> {
        let url = strongest([&self.ingest_url, &self.couchdb_url]);
        let username = strongest([&self.ingest_login.ingest_username, &self.main_login.couchdb_username]);
        self.endpoint(url, &username, &self.ingest_login.ingest_password, database, reader)
    }

    /// A password file is read only here, where a database is used.
    fn endpoint(
        &self,
        url: Option<Found>,
        username: &Option<Found>,
        own_password: &Option<Found>,
        database: &Found,
        reader: &mut Reader<'_>,
    ) -> Result<Endpoint, SettingsError> {
        let Some(url) = url else {
            return contradiction(
                format!(
                    "the ingest database '{}' is given ({}), but no server",
                    database.text(),
                    database.origin
                ),
                "add --couchdb-url or COUCHDB_URL, like http://localhost:5984",
            );
        };
        let url = parse_url(&url)?;
        let main = &self.main_login;
        let password = match strongest([own_password, &main.couchdb_password, &main.couchdb_password_file]) {
            Some(own) if own_password.as_ref().is_some_and(|password| password.key == own.key) => {
                Some(Secret::new(own.verbatim()))
            }
            _ => main.password(reader)?,
        };
        let credentials = credentials(username.as_ref(), password)?;
        Ok(Endpoint { url, credentials, database: database.text().to_owned() })
    }

    /// The databases to use, checked.
    fn couchdb(self, ingest: &Found, reader: &mut Reader<'_>) -> Result<CouchDb, SettingsError> {
        let documents = self.ingest(ingest, reader)?;
        let output = match reader.find("output_database") {
            Some(found) => self.main(&found, reader)?,
            None => {
                reader.show("output_database", ingest.text(), ingest.key);
                documents.clone()
            }
        };
        let golden = self.golden_db.as_ref().map(|found| self.main(found, reader)).transpose()?;
        check_ca_file(self.couchdb_ca_file.as_deref(), reader)?;
        Ok(CouchDb {
            ingest: documents,
            output,
            output_is_named: self.output_database.is_some(),
            golden,
            golden_is_required: self.golden_db.is_some_and(|found| found.rank == Rank::CommandLine),
            ca_file: self.couchdb_ca_file,
            patience: self.couchdb_patience,
        })
    }
}

/// An experiment that settings are to be taken from.
#[derive(Debug)]
pub(crate) struct Experiment {
    /// Its name: the id of its document.
    pub(crate) name: String,
    /// Who named it.
    pub(crate) origin: String,
    /// The database with the experiments.
    pub(crate) database: Endpoint,
    /// A certificate authority (PEM) to trust in addition to the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Experiment {
    /// The experiment that is asked for, if one is.
    pub(super) fn asked_for(reader: &mut Reader<'_>) -> Result<Option<Self>, SettingsError> {
        let mut given = Given::apart(reader)?;
        let (Some(name), Some(found)) = (given.experiment.take(), reader.find("experiment")) else {
            return Ok(None);
        };
        if given.couchdb_url.is_none() && given.ingest_url.is_none() {
            return contradiction(
                format!("the experiment '{name}' is given ({}), but no server", found.origin),
                "add --couchdb-url or COUCHDB_URL, like http://localhost:5984",
            );
        }
        let Some(database) = &given.experiments_database else { return Ok(None) };
        let database = given.main(database, reader)?;
        check_ca_file(given.couchdb_ca_file.as_deref(), reader)?;
        Ok(Some(Self { name, origin: found.origin, database, ca_file: given.couchdb_ca_file }))
    }
}

fn check_ca_file(file: Option<&Path>, reader: &Reader<'_>) -> Result<(), SettingsError> {
    let Some(file) = file else { return Ok(()) };
    let opened = std::fs::File::open(reader.environment.resolve(file));
    opened.map(drop).map_err(|source| SettingsError::Unreadable {
        what: "couchdb_ca_file",
        file: file.to_owned(),
        from: String::new(),
        source,
        remedy: "; name a PEM file",
    })
}

fn parse_url(found: &Found) -> Result<Url, SettingsError> {
    let url = Url::parse(found.text()).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.ok_or_else(|| {
        found.wrong("a server's address like http://localhost:5984 or https://couch.example.org")
    })
}
