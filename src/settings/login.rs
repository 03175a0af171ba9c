//! How to get in at a CouchDB server: user and password, given directly, in an address or in a file.

use super::definition::{Group, Kind, Setting, settings};
use super::error::{SettingsError, contradiction};
use super::layers::Rank;
use super::permissions;
use super::reader::{Found, Reader};
use crate::couchdb::Secret;

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
    pub(super) struct MainLogin in "" {
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
    pub(super) struct IngestLogin in "" {
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
        let secret = main.password(reader)?;
        let documents = ingest.ingest_password.map(|found| Secret::new(found.verbatim()));
        let login = |user: Option<&Found>, password: Option<Secret>| {
            Some(Credentials { username: user?.text().to_owned(), password: password? })
        };
        let username = main.couchdb_username.as_ref();
        Ok(Self {
            ingest: login(ingest.ingest_username.as_ref().or(username), documents.or(secret.clone())),
            main: login(username, secret),
        })
    }
}

/// User and password together, or neither.
pub(super) fn credentials(
    user: Option<&Found>,
    password: Option<Secret>,
) -> Result<Option<Credentials>, SettingsError> {
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some(Credentials { username: user.text().to_owned(), password })),
        (None, None) => Ok(None),
        (Some(user), None) => contradiction(
            format!("the CouchDB user '{}' is given ({}), but no password", user.text(), user.origin),
            "add --couchdb-password-file or COUCHDB_PASSWORD",
        ),
        (None, Some(_)) => contradiction(
            "a CouchDB password is given, but no user",
            "add --couchdb-username or COUCHDB_USER",
        ),
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

/// Takes user and password out of `url`, and warns of a password that others may see. `parts` are the settings for user
/// and password, each with its name.
pub(super) fn take_apart(
    url: &mut Option<Found>,
    mut parts: [(&'static str, &mut Option<Found>); 2],
    reader: &mut Reader<'_>,
) -> Result<(), SettingsError> {
    if let Some(found) = url.clone()
        && let Some(info) = userinfo(found.verbatim())
    {
        let (given, slashes) = (found.verbatim(), |text: &str| text.matches('/').count());
        if given.contains(['?', '#']) || slashes(given) > slashes(&info.bare) {
            return contradiction(
                format!("user or password in {}, from {}, hold one of / ? #", found.key, found.origin),
                "write it percent-encoded (%2F %3F %23), or give them as COUCHDB_USER and COUCHDB_PASSWORD",
            );
        }
        let origin = format!("{}, {}", found.key, found.origin);
        for ((key, part), text) in parts.iter_mut().zip([info.user, info.password]) {
            if !text.is_empty() && part.as_ref().is_none_or(|other| other.rank < found.rank) {
                let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
                reader.show(key, text.as_str(), &origin);
                **part = Some(Found::new(key, vec![text], origin.clone(), found.rank));
            }
        }
        reader.show(found.key, info.bare.as_str(), &found.origin);
        *url = Some(found.with_text(info.bare));
    }
    let [_, (_, password)] = parts;
    if password.as_ref().is_some_and(|found| found.rank == Rank::CommandLine) {
        reader.notices.push(
            "the CouchDB password on the command line can be read by every user of this machine; use \
             --couchdb-password-file or env_config"
                .to_owned(),
        );
    }
    Ok(())
}

impl MainLogin {
    /// The password, given directly or in a file: the stronger layer wins, in one layer they contradict.
    pub(super) fn password(&self, reader: &mut Reader<'_>) -> Result<Option<Secret>, SettingsError> {
        let named = match (&self.couchdb_password, &self.couchdb_password_file) {
            (None, None) => return Ok(None),
            (Some(password), Some(named)) if password.rank == named.rank => {
                return contradiction(
                    format!(
                        "both a CouchDB password ({}) and a password file ({}) are given",
                        password.origin, named.origin
                    ),
                    "remove one of them",
                );
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
            return contradiction(
                format!("the password file {} ({}) is empty", file.display(), named.origin),
                "write the password into it, alone",
            );
        }
        if permissions::others_can_read(&path) {
            reader.notices.push(permissions::warning(file));
        }
        reader.show("couchdb_password", "", &format!("file {}", file.display()));
        Ok(Some(Secret::new(text.trim())))
    }
}
