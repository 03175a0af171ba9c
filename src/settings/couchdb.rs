//! Which CouchDB database is meant, and how to get in: the settings that only make sense together.

use super::layers::Rank;
use super::permissions;
use super::reader::{Found, Reader};
use super::values::Secret;
use crate::{Error, Result};
use globset::Glob;
use std::path::PathBuf;
use url::Url;

/// A CouchDB database to read from, and one to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouchDb {
    /// The server, without user and password.
    pub url: Url,
    /// User and password, or neither.
    pub credentials: Option<Credentials>,
    /// A certificate authority (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Database with the documents.
    pub ingest_database: String,
    /// Database for the annotations; often the same.
    pub output_database: String,
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password, which never shows.
    pub password: Secret,
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

/// Everything that was said about CouchDB, used or not.
pub(super) struct Said {
    url: Option<Found>,
    username: Option<Found>,
    password: Option<(Secret, Found)>,
    ca_file: Option<PathBuf>,
    pub(super) ingest: Option<Found>,
    output: Option<Found>,
}

impl Said {
    /// Reads the settings and warns of a password that others may see. A password file is read only if the
    /// database is used.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut url = reader.find("couchdb_url");
        let mut username = reader.find("couchdb_username");
        let direct = reader.find("couchdb_password");
        let mut password = direct.map(|found| (Secret::new(found.text.as_str()), found));
        if let Some(found) = &mut url {
            let from_url =
                userinfo(&found.text).map(|info| (decode(info.user), decode(info.password), info.bare));
            if let Some((user, secret, bare)) = from_url {
                if found.text.find(['?', '#']).is_some()
                    || found.text.matches('/').count() > bare.matches('/').count()
                {
                    return Err(Error::usage(format!(
                        "user or password in couchdb_url, from {}, hold one of / ? #; write it percent-encoded (%2F \
                         %3F %23), or give them as COUCHDB_USER and COUCHDB_PASSWORD",
                        found.origin
                    )));
                }
                if !secret.is_empty() && password.as_ref().is_none_or(|(_, other)| other.rank < found.rank) {
                    reader.mask("couchdb_password", &format!("couchdb_url, {}", found.origin));
                    password = Some((Secret::new(secret), found.clone()));
                }
                if !user.is_empty() && username.as_ref().is_none_or(|other| other.rank < found.rank) {
                    reader.show("couchdb_username", user.as_str(), &format!("couchdb_url, {}", found.origin));
                    username = Some(Found { key: "couchdb_username", text: user, ..found.clone() });
                }
                found.text = bare;
                reader.show("couchdb_url", found.text.as_str(), &found.origin);
            }
        }
        if let Some((_, found)) = &password
            && found.rank == Rank::CommandLine
        {
            reader.notices.push(
                "the CouchDB password on the command line can be read by every user of this machine; use \
                 --couchdb-password-file or env_config"
                    .to_owned(),
            );
        }
        if let Some((_, found)) = &mut password {
            found.text.clear();
        }
        let ca_file = reader.path("couchdb_ca_file");
        let ingest = reader.find("ingest_db_name");
        let output = reader.find("output_database");
        Ok(Self { url, username, password, ca_file, ingest, output })
    }

    /// Where the server's URL came from, if one was given.
    pub(super) fn url_origin(&self) -> Option<&str> {
        self.url.as_ref().map(|found| found.origin.as_str())
    }

    /// The database to use, checked.
    pub(super) fn into_couchdb(self, ingest: Found, reader: &mut Reader<'_>) -> Result<CouchDb> {
        let Some(url) = self.url else {
            return Err(Error::usage(format!(
                "the ingest database '{}' is given ({}), but no server; add --couchdb-url or COUCHDB_URL, like \
                 http://localhost:5984",
                ingest.text, ingest.origin
            )));
        };
        let parsed = parse_url(&url)?;
        let password = password(self.password, reader)?;
        let credentials = match (self.username, password) {
            (Some(user), Some(password)) => {
                Some(Credentials { username: user.text.trim().to_owned(), password })
            }
            (None, None) => None,
            (Some(user), None) => {
                return Err(Error::usage(format!(
                    "the CouchDB user '{}' is given ({}), but no password; add --couchdb-password-file or \
                     COUCHDB_PASSWORD",
                    user.text, user.origin
                )));
            }
            (None, Some(_)) => {
                return Err(Error::usage(
                    "a CouchDB password is given, but no user; add --couchdb-username or COUCHDB_USER",
                ));
            }
        };
        let ingest_database = ingest.text.trim().to_owned();
        let output_database = match self.output {
            Some(found) => found.text.trim().to_owned(),
            None => {
                reader.show("output_database", ingest_database.as_str(), "ingest_db_name");
                ingest_database.clone()
            }
        };
        if let Some(file) = &self.ca_file {
            let path = reader.environment.resolve(file);
            std::fs::File::open(&path).map_err(|error| {
                Error::usage(format!(
                    "cannot read couchdb_ca_file {}: {error}; name a PEM file",
                    file.display()
                ))
            })?;
        }
        Ok(CouchDb { url: parsed, credentials, ca_file: self.ca_file, ingest_database, output_database })
    }
}

/// The attachment pattern, which must be a glob.
pub(super) fn pattern(reader: &mut Reader<'_>) -> Result<String> {
    let found = reader.required("attachment_pattern")?;
    Glob::new(&found.text).map_err(|error| found.wrong(&format!("a glob like *.txt ({})", error.kind())))?;
    Ok(found.text)
}

/// The password, given directly or in a file: the stronger layer wins, in one layer they contradict.
fn password(direct: Option<(Secret, Found)>, reader: &mut Reader<'_>) -> Result<Option<Secret>> {
    let file = reader.find("couchdb_password_file");
    let (file, rank) = match (&direct, file) {
        (None, None) => return Ok(None),
        (Some((_, password)), Some(file)) if password.rank == file.rank => {
            return Err(Error::usage(format!(
                "both a CouchDB password ({}) and a password file ({}) are given; remove one of them",
                password.origin, file.origin
            )));
        }
        (Some((secret, password)), file) if file.as_ref().is_none_or(|file| file.rank < password.rank) => {
            return Ok(Some(secret.clone()));
        }
        (_, Some(file)) => (reader.environment.expand(&file.text), file),
        (Some((secret, _)), None) => return Ok(Some(secret.clone())),
    };
    let path = reader.environment.resolve(&file);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::usage(format!(
            "cannot read the password file {} ({}): {error}; name a readable file that holds the password alone",
            file.display(),
            rank.origin
        ))
    })?;
    if text.trim().is_empty() {
        return Err(Error::usage(format!("the password file {} ({}) is empty", file.display(), rank.origin)));
    }
    if permissions::others_can_read(&path) {
        reader.notices.push(permissions::warning(&file));
    }
    reader.mask("couchdb_password", &format!("file {}", file.display()));
    Ok(Some(Secret::new(text.trim())))
}

fn parse_url(found: &Found) -> Result<Url> {
    let allowed = "a server's address like http://localhost:5984 or https://couch.example.org";
    let url = Url::parse(found.text.trim()).map_err(|_| found.wrong(allowed))?;
    if matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
    {
        Ok(url)
    } else {
        Err(found.wrong(allowed))
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
