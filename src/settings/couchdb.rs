//! Where the documents are: files, or a CouchDB database and how to get in. These settings only make sense together.

use super::SettingsError;
use super::definition::{Group, Kind, Setting, settings};
use super::layers::Rank;
use super::permissions;
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

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// User name.
    pub(crate) username: String,
    /// Password, which never shows.
    pub(crate) password: Secret,
}

settings! {
    /// Who logs in at the server of the annotations.
    struct MainLogin in "" {
        /// User at the CouchDB server
        couchdb_username: Option<Found> =>
            CouchDb "NAME" { env: &["COUCHDB_USER"], aliases: &["couchdb-user"] };
        /// Password of that user; better kept in a file
        ///
        /// What stands on a command line can be read by every user of the machine: prefer --couchdb-password-file or
        /// env_config.
        couchdb_password: Option<Found> => CouchDb "PASSWORD" { env: &["COUCHDB_PASSWORD"], secret: true };
        /// File that holds the password; white space around it is dropped
        couchdb_password_file: Option<Found> =>
            CouchDb "FILE" { env: &["COUCHDB_PASSWORD_FILE"], aliases: &["password-file"], kind: Kind::Path };
    }
}

settings! {
    /// Who logs in at the server of the documents, where that is another one.
    struct IngestLogin in "" {
        /// User at that server
        ingest_username: Option<Found> => CouchDb "NAME" { env: &["INGEST_USERNAME"] };
        /// Password of that user
        ingest_password: Option<Found> => CouchDb "PASSWORD" { env: &["INGEST_PASSWORD"], secret: true };
    }
}

/// The logins of an executor: plans name databases, and each executor has its own way in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "executors are not built"))]
pub(crate) struct ExecutorCredentials {
    /// For the server of the annotations, and where no other is given that of the documents.
    pub(crate) main: Option<Credentials>,
    /// For the server of the documents.
    pub(crate) ingest: Option<Credentials>,
}

impl Group for ExecutorCredentials {
    fn define(table: &mut Vec<Setting>) {
        MainLogin::define(table);
        IngestLogin::define(table);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let main = MainLogin::read(reader)?;
        let ingest = IngestLogin::read(reader)?;
        let user = |found: &Option<Found>| found.as_ref().map(|user| user.text().to_owned());
        let secret = password(main.couchdb_password, main.couchdb_password_file, reader)?;
        let login = |username: Option<String>, password: Option<Secret>| {
            Some(Credentials { username: username?, password: password? })
        };
        let username = user(&main.couchdb_username);
        let documents = ingest.ingest_password.as_ref().map(|found| Secret::new(found.verbatim()));
        Ok(Self {
            ingest: login(user(&ingest.ingest_username).or(username.clone()), documents.or(secret.clone())),
            main: login(username, secret),
        })
    }
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
        let mut given = Given::read(reader)?;
        let servers = Servers::of(&given, reader)?;
        let paths = std::mem::take(&mut given.input);
        let names = [&given.ingest_db_name, &given.ingest_database, &given.couchdb_database];
        match (strongest(names), reader.find("input")) {
            (None, Some(_)) => Ok(Input::Paths(paths)),
            (None, None) => Ok(Input::Samples),
            (Some(ingest), Some(input)) if input.rank == ingest.rank => Err(SettingsError::Contradiction {
                problem: format!(
                    "both files to label ('{}') and a database ('{}', {}) are given",
                    paths.join("', '"),
                    ingest.text(),
                    ingest.origin
                ),
                remedy: "leave out one of them",
            }),
            (Some(ingest), Some(input)) if input.rank > ingest.rank => {
                reader.notices.push(format!(
                    "files are named, so the database '{}' ({}) is not used",
                    ingest.text(),
                    ingest.origin
                ));
                Ok(Input::Paths(paths))
            }
            (Some(ingest), _) => Ok(Input::CouchDb(Box::new(servers.couchdb(given, &ingest, reader)?))),
        }
    }
}

/// Whether nothing shows that other documents are meant than the shipped samples.
pub(super) fn samples_are_meant(reader: &Reader<'_>) -> Result<(), SettingsError> {
    let server = ["couchdb_url", "couchdb_host", "ingest_url"].map(|key| reader.find(key));
    if let Some(url) = strongest(&server) {
        return Err(SettingsError::Contradiction {
            problem: format!("a CouchDB server is given ({}), but no database and no INPUT", url.origin),
            remedy: "add --ingest-db-name or INGEST_DB_NAME, or name files to label",
        });
    }
    let mut hints = reader.hints();
    hints.dedup();
    if hints.is_empty() {
        return Ok(());
    }
    let more = hints.len().saturating_sub(5);
    hints.truncate(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(SettingsError::Contradiction {
        problem: format!(
            "no documents are named, and the shipped samples cannot be meant ({}{more})",
            hints.join(", ")
        ),
        remedy: "set COUCHDB_URL and INGEST_DB_NAME (in ~/.skol_env, ./env_config or the environment; is HOME right?), \
                 or name files to label",
    })
}

/// The one of several settings for the same thing that counts: of those in the strongest layer, the first.
fn strongest<'a>(candidates: impl IntoIterator<Item = &'a Option<Found>>) -> Option<Found> {
    let better = |best: Option<&'a Found>, next: &'a Found| match best {
        Some(best) if best.rank.class() >= next.rank.class() => Some(best),
        _ => Some(next),
    };
    candidates.into_iter().flatten().fold(None, better).cloned()
}

/// User and password as they stand in a URL, still percent-encoded, and the URL without them.
pub(super) struct UserInfo<'a> {
    user: &'a str,
    password: &'a str,
    bare: String,
}

/// The user information of a URL that may not even be valid otherwise.
pub(super) fn userinfo(url: &str) -> Option<UserInfo<'_>> {
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None => ("", url),
    };
    // Up to the last `@`, also past a `/`: a password that was not percent-encoded must not show either.
    let at = rest.rfind('@')?;
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    Some(UserInfo { user, password, bare: format!("{scheme}{}", &rest[at + 1..]) })
}

/// How a server is reached, as far as it was given.
#[derive(Clone)]
struct Login {
    url: Option<Found>,
    username: Option<Found>,
    password: Option<Found>,
}

impl Login {
    /// Takes user and password out of the URL, and warns of a password that others may see. `keys` are the names of
    /// the settings for user and password.
    fn take_apart(mut self, keys: [&'static str; 2], reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        if let Some(found) = self.url.clone()
            && let Some(info) = userinfo(found.verbatim())
        {
            let (url, slashes) = (found.verbatim(), |text: &str| text.matches('/').count());
            if url.contains(['?', '#']) || slashes(url) > slashes(&info.bare) {
                return Err(SettingsError::Contradiction {
                    problem: format!(
                        "user or password in {}, from {}, hold one of / ? #",
                        found.key, found.origin
                    ),
                    remedy: "write it percent-encoded (%2F %3F %23), or give them as COUCHDB_USER and \
                             COUCHDB_PASSWORD",
                });
            }
            let origin = format!("{}, {}", found.key, found.origin);
            let weaker = |other: &Option<Found>| other.as_ref().is_none_or(|other| other.rank < found.rank);
            let parts = [(&mut self.username, info.user), (&mut self.password, info.password)];
            for ((part, text), key) in parts.into_iter().zip(keys) {
                if !text.is_empty() && weaker(part) {
                    let text = decode(text);
                    reader.show(key, text.as_str(), &origin);
                    *part = Some(Found::new(key, vec![text], origin.clone(), found.rank));
                }
            }
            reader.show(found.key, info.bare.as_str(), &found.origin);
            self.url = Some(Found::new(found.key, vec![info.bare], found.origin.clone(), found.rank));
        }
        if self.password.as_ref().is_some_and(|found| found.rank == Rank::CommandLine) {
            reader.notices.push(
                "the CouchDB password on the command line can be read by every user of this machine; use \
                 --couchdb-password-file or env_config"
                    .to_owned(),
            );
        }
        Ok(self)
    }
}

/// The server of the annotations, and what is different for that of the documents.
struct Servers {
    main: Login,
    ingest: Login,
    password_file: Option<Found>,
}

impl Servers {
    fn of(given: &Given, reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let host = given.couchdb_host.as_ref().map(|found| {
            let scheme = if found.text().contains("://") { "" } else { "http://" };
            let url = format!("{scheme}{}", found.text());
            Found::new(found.key, vec![url], found.origin.clone(), found.rank)
        });
        let main = Login {
            url: strongest([&given.couchdb_url, &host]),
            username: given.main_login.couchdb_username.clone(),
            password: given.main_login.couchdb_password.clone(),
        };
        let ingest = Login {
            url: given.ingest_url.clone(),
            username: given.ingest_login.ingest_username.clone(),
            password: given.ingest_login.ingest_password.clone(),
        };
        Ok(Self {
            main: main.take_apart(["couchdb_username", "couchdb_password"], reader)?,
            ingest: ingest.take_apart(["ingest_username", "ingest_password"], reader)?,
            password_file: given.main_login.couchdb_password_file.clone(),
        })
    }

    /// A database on the server of the annotations.
    fn main(&self, database: &Found, reader: &mut Reader<'_>) -> Result<Endpoint, SettingsError> {
        let url = strongest([&self.main.url, &self.ingest.url]);
        self.endpoint(url, &self.main.username, None, database, reader)
    }

    /// A database on the server of the documents.
    fn ingest(&self, database: &Found, reader: &mut Reader<'_>) -> Result<Endpoint, SettingsError> {
        let url = strongest([&self.ingest.url, &self.main.url]);
        let username = strongest([&self.ingest.username, &self.main.username]);
        self.endpoint(url, &username, self.ingest.password.clone(), database, reader)
    }

    /// A password file is read only here, where a database is used.
    fn endpoint(
        &self,
        url: Option<Found>,
        username: &Option<Found>,
        own_password: Option<Found>,
        database: &Found,
        reader: &mut Reader<'_>,
    ) -> Result<Endpoint, SettingsError> {
        let Some(url) = url else {
            return Err(SettingsError::Contradiction {
                problem: format!(
                    "the ingest database '{}' is given ({}), but no server",
                    database.text(),
                    database.origin
                ),
                remedy: "add --couchdb-url or COUCHDB_URL, like http://localhost:5984",
            });
        };
        let url = parse_url(&url)?;
        let password = match strongest([&own_password, &self.main.password, &self.password_file]) {
            Some(own) if own_password.is_some_and(|password| password.key == own.key) => {
                Some(Secret::new(own.verbatim()))
            }
            _ => password(self.main.password.clone(), self.password_file.clone(), reader)?,
        };
        let credentials = match (username, password) {
            (Some(user), Some(password)) => Some(Credentials { username: user.text().to_owned(), password }),
            (None, None) => None,
            (Some(user), None) => {
                return Err(SettingsError::Contradiction {
                    problem: format!(
                        "the CouchDB user '{}' is given ({}), but no password",
                        user.text(),
                        user.origin
                    ),
                    remedy: "add --couchdb-password-file or COUCHDB_PASSWORD",
                });
            }
            (None, Some(_)) => {
                return Err(SettingsError::Contradiction {
                    problem: "a CouchDB password is given, but no user".to_owned(),
                    remedy: "add --couchdb-username or COUCHDB_USER",
                });
            }
        };
        Ok(Endpoint { url, credentials, database: database.text().to_owned() })
    }

    /// The databases to use, checked.
    fn couchdb(
        &self,
        given: Given,
        ingest: &Found,
        reader: &mut Reader<'_>,
    ) -> Result<CouchDb, SettingsError> {
        let documents = self.ingest(ingest, reader)?;
        let output = match reader.find("output_database") {
            Some(found) => self.main(&found, reader)?,
            None => {
                reader.show("output_database", ingest.text(), ingest.key);
                documents.clone()
            }
        };
        let golden = given.golden_db.as_ref().map(|found| self.main(found, reader)).transpose()?;
        check_ca_file(given.couchdb_ca_file.as_deref(), reader)?;
        Ok(CouchDb {
            ingest: documents,
            output,
            output_is_named: given.output_database.is_some(),
            golden,
            golden_is_required: given.golden_db.is_some_and(|found| found.rank == Rank::CommandLine),
            ca_file: given.couchdb_ca_file,
            patience: given.couchdb_patience,
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
        let given = Given::read(reader)?;
        let (Some(name), Some(found)) = (given.experiment.clone(), reader.find("experiment")) else {
            return Ok(None);
        };
        let servers = Servers::of(&given, reader)?;
        if servers.main.url.is_none() && servers.ingest.url.is_none() {
            return Err(SettingsError::Contradiction {
                problem: format!("the experiment '{name}' is given ({}), but no server", found.origin),
                remedy: "add --couchdb-url or COUCHDB_URL, like http://localhost:5984",
            });
        }
        let Some(database) = &given.experiments_database else { return Ok(None) };
        let database = servers.main(database, reader)?;
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

/// The password, given directly or in a file: the stronger layer wins, in one layer they contradict.
fn password(
    direct: Option<Found>,
    file: Option<Found>,
    reader: &mut Reader<'_>,
) -> Result<Option<Secret>, SettingsError> {
    let named = match (direct, file) {
        (None, None) => return Ok(None),
        (Some(password), Some(named)) if password.rank == named.rank => {
            return Err(SettingsError::Contradiction {
                problem: format!(
                    "both a CouchDB password ({}) and a password file ({}) are given",
                    password.origin, named.origin
                ),
                remedy: "remove one of them",
            });
        }
        (None, Some(named)) => named,
        (Some(password), Some(named)) if named.rank > password.rank => named,
        (Some(password), _) => return Ok(Some(Secret::new(password.verbatim()))),
    };
    let file = &reader.environment.expand(named.verbatim());
    let path = reader.environment.resolve(file);
    let text = std::fs::read_to_string(&path).map_err(|source| SettingsError::Unreadable {
        what: "the password file",
        file: file.to_owned(),
        from: format!(" ({})", named.origin),
        source,
        remedy: "; name a readable file that holds the password alone",
    })?;
    if text.trim().is_empty() {
        return Err(SettingsError::Contradiction {
            problem: format!("the password file {} ({}) is empty", file.display(), named.origin),
            remedy: "write the password into it, alone",
        });
    }
    if permissions::others_can_read(&path) {
        reader.notices.push(permissions::warning(file));
    }
    reader.show("couchdb_password", "", &format!("file {}", file.display()));
    Ok(Some(Secret::new(text.trim())))
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

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
