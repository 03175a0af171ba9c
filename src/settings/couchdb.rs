//! Where the documents are: files, or a CouchDB database and how to get in. These settings only make sense together.

use super::SettingsError;
use super::definition::{Group, Heading, Setting, setting, settings};
use super::layers::Rank;
use super::permissions;
use super::reader::{Found, Reader};
use crate::couchdb::Secret;
use std::path::PathBuf;
use url::Url;

/// Where the documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The shipped sample documents.
    Samples,
    /// Files, folders, globs, `-` for standard input.
    Paths(Vec<String>),
    /// A database.
    CouchDb(CouchDb),
}

/// A CouchDB database to read from, and one to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CouchDb {
    /// The server, without user and password.
    pub(crate) url: Url,
    /// User and password, or neither.
    pub(crate) credentials: Option<Credentials>,
    /// A certificate authority (PEM) to trust in addition to the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Database with the documents.
    pub(crate) ingest_database: String,
    /// Database for the annotations; often the same.
    pub(crate) output_database: String,
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
    struct Given in "" {
        /// Files, folders, globs, or - for standard input
        ///
        /// Folders are read recursively; a glob that the shell left alone is expanded here. Without any INPUT, and
        /// without a CouchDB database, the shipped sample documents are labelled.
        ///
        /// In the environment several inputs are separated like PATH, by a colon (a semicolon on Windows); in
        /// config files they are a list.
        input: Vec<String> => setting(Heading::Input, "INPUT").positional();
        /// CouchDB server, like http://localhost:5984
        ///
        /// Read from and write to CouchDB instead of folders, when --ingest-db-name is given too.
        couchdb_url: Option<Found> => setting(Heading::CouchDb, "URL").env(&["COUCHDB_URL"]);
        /// User at the CouchDB server
        couchdb_username: Option<Found> =>
            setting(Heading::CouchDb, "NAME").env(&["COUCHDB_USER"]).aliases(&["couchdb-user"]);
        /// Password of that user; better kept in a file
        ///
        /// What stands on a command line can be read by every user of the machine: prefer --couchdb-password-file or
        /// env_config.
        couchdb_password: Option<Found> =>
            setting(Heading::CouchDb, "PASSWORD").env(&["COUCHDB_PASSWORD"]).secret();
        /// File that holds the password; white space around it is dropped
        couchdb_password_file: Option<Found> => setting(Heading::CouchDb, "FILE")
            .env(&["COUCHDB_PASSWORD_FILE"]).aliases(&["password-file"]).file();
        /// Certificate authority (PEM) to trust in addition to the system's
        couchdb_ca_file: Option<PathBuf> =>
            setting(Heading::CouchDb, "FILE").env(&["COUCHDB_CA_FILE"]);
        /// Database with the documents
        ingest_db_name: Option<Found> =>
            setting(Heading::CouchDb, "DB").env(&["INGEST_DATABASE"]).aliases(&["ingest-database"]);
        /// Database for the annotations; without it the ingest database
        ///
        /// Created if missing; the documents' metadata is copied.
        output_database: Option<String> => setting(Heading::CouchDb, "DB").env(&["ANNOTATIONS_DB_NAME"]);
    }
}

impl Group for Input {
    fn define(table: &mut Vec<Setting>) {
        Given::define(table);
    }

    /// CouchDB when an ingest database is given, unless a stronger layer names files.
    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let mut given = Given::read(reader)?;
        take_apart(&mut given, reader)?;
        let paths = std::mem::take(&mut given.input);
        let Some(ingest) = given.ingest_db_name.clone() else {
            return match (paths.is_empty(), given.couchdb_url) {
                (false, _) => Ok(Input::Paths(paths)),
                (true, None) => Ok(Input::Samples),
                (true, Some(url)) => Err(SettingsError::Contradiction {
                    problem: format!(
                        "a CouchDB server is given ({}), but no database and no INPUT",
                        url.origin
                    ),
                    remedy: "add --ingest-db-name or INGEST_DATABASE, or name files to label",
                }),
            };
        };
        match reader.find("input") {
            Some(input) if input.rank == ingest.rank => Err(SettingsError::Contradiction {
                problem: format!(
                    "both files to label ('{}') and a database ('{}', {}) are given",
                    paths.join("', '"),
                    ingest.text(),
                    ingest.origin
                ),
                remedy: "leave out one of them",
            }),
            Some(input) if input.rank > ingest.rank => {
                reader.notices.push(format!(
                    "files are named, so the database '{}' ({}) is not used",
                    ingest.text(),
                    ingest.origin
                ));
                Ok(Input::Paths(paths))
            }
            _ => Ok(Input::CouchDb(given.into_couchdb(&ingest, reader)?)),
        }
    }
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

/// Takes user and password out of the URL, and warns of a password that others may see.
fn take_apart(given: &mut Given, reader: &mut Reader<'_>) -> Result<(), SettingsError> {
    if let Some(found) = given.couchdb_url.clone()
        && let Some(info) = userinfo(found.verbatim())
    {
        let (url, slashes) = (found.verbatim(), |text: &str| text.matches('/').count());
        if url.contains(['?', '#']) || slashes(url) > slashes(&info.bare) {
            return Err(SettingsError::Contradiction {
                problem: format!("user or password in couchdb_url, from {}, hold one of / ? #", found.origin),
                remedy: "write it percent-encoded (%2F %3F %23), or give them as COUCHDB_USER and COUCHDB_PASSWORD",
            });
        }
        let origin = format!("couchdb_url, {}", found.origin);
        let part = |key, text: &str| Found::new(key, vec![decode(text)], origin.clone(), found.rank);
        let weaker = |other: &Option<Found>| other.as_ref().is_none_or(|other| other.rank < found.rank);
        if !info.password.is_empty() && weaker(&given.couchdb_password) {
            reader.show("couchdb_password", "", &origin);
            given.couchdb_password = Some(part("couchdb_password", info.password));
        }
        if !info.user.is_empty() && weaker(&given.couchdb_username) {
            reader.show("couchdb_username", decode(info.user), &origin);
            given.couchdb_username = Some(part("couchdb_username", info.user));
        }
        reader.show("couchdb_url", info.bare.as_str(), &found.origin);
        given.couchdb_url =
            Some(Found::new("couchdb_url", vec![info.bare], found.origin.clone(), found.rank));
    }
    if given.couchdb_password.as_ref().is_some_and(|found| found.rank == Rank::CommandLine) {
        reader.notices.push(
            "the CouchDB password on the command line can be read by every user of this machine; use \
             --couchdb-password-file or env_config"
                .to_owned(),
        );
    }
    Ok(())
}

impl Given {
    /// The database to use, checked. A password file is read only here, where the database is used.
    fn into_couchdb(self, ingest: &Found, reader: &mut Reader<'_>) -> Result<CouchDb, SettingsError> {
        let Some(url) = self.couchdb_url else {
            return Err(SettingsError::Contradiction {
                problem: format!(
                    "the ingest database '{}' is given ({}), but no server",
                    ingest.text(),
                    ingest.origin
                ),
                remedy: "add --couchdb-url or COUCHDB_URL, like http://localhost:5984",
            });
        };
        let url = parse_url(&url)?;
        let password = password(self.couchdb_password, self.couchdb_password_file, reader)?;
        let credentials = match (self.couchdb_username, password) {
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
        let ingest_database = ingest.text().to_owned();
        let output_database = self.output_database.unwrap_or_else(|| {
            reader.show("output_database", ingest_database.as_str(), "ingest_db_name");
            ingest_database.clone()
        });
        if let Some(file) = &self.couchdb_ca_file {
            std::fs::File::open(reader.environment.resolve(file)).map_err(|source| {
                SettingsError::Unreadable {
                    what: "couchdb_ca_file",
                    file: file.clone(),
                    from: String::new(),
                    source,
                    remedy: "; name a PEM file",
                }
            })?;
        }
        Ok(CouchDb { url, credentials, ca_file: self.couchdb_ca_file, ingest_database, output_database })
    }
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
