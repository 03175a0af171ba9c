//! What can go wrong with CouchDB, sorted by what to do about it.
//!
//! A message here names the thing and the value. What a user can do about it depends on the program that is used,
//! so a caller that knows its options takes the remedy from [`Error::kind`] and, where it has one, [`Unusable::step`].

use super::params::Login;
use reqwest::StatusCode;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address or the name of the database is wrong.
    Address,
    /// The certificate file cannot be used, or TLS cannot be set up.
    Tls,
    /// Nobody whom we trust vouches for the server's certificate.
    Certificate,
    /// The server does not speak TLS at this port.
    NotTls,
    /// The server cannot be reached, hung up, or took too long: it may be restarting.
    Unreachable,
    /// The server did not come back for as long as a run waits, or not within the time for the first contact.
    Gone,
    /// The server, or a proxy before it, is not able to answer just now (408, 425, 429, 502, 503, 504).
    Busy,
    /// The server answered, but not usefully (500, a truncated body, bad JSON): when that persists, one of the
    /// documents in the request may be the reason.
    Server,
    /// 401: user or password are missing or wrong.
    Unauthorized,
    /// The account is locked for some minutes after too many wrong passwords.
    AccountLocked,
    /// 403: the user may not do this.
    Forbidden,
    /// 404: no such database, document or attachment.
    NotFound,
    /// 409 or 412: somebody else was faster.
    Conflict,
    /// The answer is longer than the caller can hold.
    AnswerTooLarge,
    /// 413: the server, or a proxy before it, takes no request of this size.
    RequestTooLarge,
    /// A redirection: the server is at another address.
    Redirected,
    /// Any other refusal (400, 405, 415, ...): trying again would not help.
    Refused,
}

/// What went wrong with one request, or with what is needed before one can be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is no URL. The text itself may hold a password, so it is not shown.
    #[error("the CouchDB URL cannot be read ({0})")]
    Url(#[source] url::ParseError),
    /// The address is a URL, but not that of a server.
    #[error("the CouchDB URL has scheme '{scheme}' and host '{host}'")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
        /// The host, which may be missing.
        host: String,
    },
    /// No database is named.
    #[error("no CouchDB database is named")]
    NoDatabaseName,
    /// The certificate file cannot be read.
    #[error("the certificate file {} cannot be read", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The certificate file is no PEM.
    #[error("the certificate file {} is not PEM", path.display())]
    CertificatePem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file holds no certificate.
    #[error("the certificate file {} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// No whole answer came.
    #[error("{}", Innermost(.0))]
    NoAnswer(#[source] reqwest::Error),
    /// An answer came too slowly.
    #[error("the answer is too slow: {received} bytes in {:.0} s", elapsed.as_secs_f64())]
    TooSlow {
        /// How much of it came.
        received: usize,
        /// In how much time.
        elapsed: Duration,
    },
    /// An answer is no JSON of the form that CouchDB documents.
    #[error("the answer of {length} bytes is not the JSON that was expected")]
    Json {
        /// Its length in bytes.
        length: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An answer has another form than CouchDB documents.
    #[error("the answer is not as expected: {0}")]
    Answer(String),
    /// An answer is longer than the caller can hold.
    #[error("the answer is longer than {limit} bytes")]
    AnswerTooLarge {
        /// What the caller can hold.
        limit: usize,
    },
    /// The server answered with a failure.
    #[error("{}", StatusText { status: *status, error, reason })]
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// CouchDB's word for it (`not_found`), where it gave one.
        error: String,
        /// The server's own explanation.
        reason: String,
        /// How long it asks to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The server is at another address.
    #[error("the server answers {status} and points to {location}")]
    Redirected {
        /// The HTTP status.
        status: StatusCode,
        /// Where it points to, without a password.
        location: String,
    },
    /// The server did not come back for as long as a run waits.
    #[error("the server did not answer for {:.0} s; the last attempt: {last}", waited.as_secs_f64())]
    Gone {
        /// How long it was waited for.
        waited: Duration,
        /// What the last attempt met. It was met by another connection, perhaps, so it is text.
        last: String,
    },
    /// Every document is refused.
    #[error("each of the first {count} documents is refused: {reason}")]
    AllRefused {
        /// How many were sent.
        count: u64,
        /// The server's explanation.
        reason: String,
    },
    /// A worker elsewhere has no login of its own.
    #[error(
        "this executor has no login for the database; set {} in its environment or env_config, or let the client send its \
         own (--send-credentials)",
        match login {
            Login::Main => "COUCHDB_USER and COUCHDB_PASSWORD",
            Login::Ingest => "INGEST_USERNAME and INGEST_PASSWORD, or COUCHDB_USER and COUCHDB_PASSWORD",
        }
    )]
    NoLogin {
        /// Which one it was asked for.
        login: Login,
    },
    /// A document cannot be rendered or read.
    #[error("a document is not JSON")]
    Document(#[source] serde_json::Error),
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Url(_) | Self::Scheme { .. } | Self::NoDatabaseName => ErrorKind::Address,
            Self::CertificateFile { .. }
            | Self::CertificatePem { .. }
            | Self::NoCertificate { .. }
            | Self::Tls(_)
            | Self::Client(_) => ErrorKind::Tls,
            Self::NoAnswer(error) => no_answer_kind(error),
            Self::TooSlow { .. } => ErrorKind::Unreachable,
            Self::Json { .. } | Self::Answer(_) => ErrorKind::Server,
            Self::AnswerTooLarge { .. } => ErrorKind::AnswerTooLarge,
            Self::Redirected { .. } => ErrorKind::Redirected,
            Self::Gone { .. } => ErrorKind::Gone,
            Self::AllRefused { .. } => ErrorKind::Forbidden,
            Self::NoLogin { .. } => ErrorKind::Unauthorized,
            Self::Document(_) => ErrorKind::Refused,
            Self::Status { status, reason, .. } => match status.as_u16() {
                401 => ErrorKind::Unauthorized,
                // CouchDB 3.4 and later, src/couch/src/couch_httpd_auth.erl, LOCKOUT_MSG.
                403 if reason.contains("temporarily locked") => ErrorKind::AccountLocked,
                403 => ErrorKind::Forbidden,
                404 => ErrorKind::NotFound,
                409 | 412 => ErrorKind::Conflict,
                413 => ErrorKind::RequestTooLarge,
                408 | 425 | 429 | 502..=504 => ErrorKind::Busy,
                500..=599 => ErrorKind::Server,
                _ => ErrorKind::Refused,
            },
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unreachable | ErrorKind::Busy | ErrorKind::Server)
    }

    /// The HTTP status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::Redirected { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Whether something before the server does not let this call pass, or the server does not offer it: another
    /// call may do the same. CouchDB's own refusals have a word for it, a proxy's have none.
    #[must_use]
    pub(crate) fn is_unsupported(&self) -> bool {
        match self {
            Self::Status { status, error, .. } => match status.as_u16() {
                405 | 501 => true,
                403 | 404 | 406 | 415 => error.is_empty(),
                _ => false,
            },
            _ => false,
        }
    }

    /// How long the server asks to wait.
    #[must_use]
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// From a request that got no whole answer.
    pub(super) fn no_answer(error: reqwest::Error) -> Self {
        Self::NoAnswer(error.without_url())
    }

    /// The message with those of its causes.
    #[must_use]
    pub fn full(&self) -> String {
        let mut text = self.to_string();
        // `NoAnswer` shows its innermost cause already.
        if !matches!(self, Self::NoAnswer(_)) {
            let mut cause = std::error::Error::source(self);
            while let Some(error) = cause {
                text += &format!(": {error}");
                cause = error.source();
            }
        }
        text
    }
}

fn no_answer_kind(error: &reqwest::Error) -> ErrorKind {
    let innermost = Innermost(error).to_string();
    if error.is_builder() {
        ErrorKind::Refused
    } else if innermost.contains("invalid peer certificate") {
        ErrorKind::Certificate
    } else if innermost.contains("corrupt message") || innermost.contains("InvalidContentType") {
        ErrorKind::NotTls
    } else if error.is_body() || error.is_decode() {
        // It came from a server that is there; everything else (refused, reset, timed out, no such host) means
        // that it cannot be reached.
        ErrorKind::Server
    } else {
        ErrorKind::Unreachable
    }
}

/// An error with its innermost cause, which is the reason proper: refused, reset, what is wrong with a certificate.
struct Innermost<'a>(&'a reqwest::Error);

impl fmt::Display for Innermost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let causes = std::iter::successors(std::error::Error::source(self.0), |cause| cause.source());
        match causes.last() {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

struct StatusText<'a> {
    status: StatusCode,
    error: &'a str,
    reason: &'a str,
}

impl fmt::Display for StatusText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        let mut separator = ": ";
        for text in [self.error, self.reason].into_iter().filter(|text| !text.is_empty()) {
            write!(f, "{separator}{text}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// What was about to be done with a database when it turned out to be unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A connection was prepared.
    Connect,
    /// The server was asked for the first time.
    FirstContact,
    /// The database was opened.
    Open,
    /// The database was made, because it was not there.
    Create,
    /// It was asked whether the user may write.
    CheckWriting,
    /// Documents were listed.
    List,
    /// Documents were read.
    Read,
    /// Documents were written.
    Write,
}

/// A database that cannot be used: the run ends.
#[derive(Debug, thiserror::Error)]
#[error("{database} cannot be used: {}", source.full())]
pub struct Unusable {
    /// The database and the server's address, without password.
    pub database: String,
    /// Its name alone.
    pub database_name: String,
    /// The user, where one is set.
    pub user: Option<String>,
    /// What was about to be done.
    pub step: Step,
    /// Why it cannot be done.
    pub source: Error,
}

impl Unusable {
    pub(crate) fn new(params: &super::ConnectionParams, step: Step, source: Error) -> Self {
        Self {
            database: params.to_string(),
            database_name: params.database.clone(),
            user: params.user.clone(),
            step,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, reason: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Error::Status { status, error: String::new(), reason: reason.into(), retry_after: None }
    }

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        for (code, kind, transient) in [
            (401, ErrorKind::Unauthorized, false),
            (403, ErrorKind::Forbidden, false),
            (404, ErrorKind::NotFound, false),
            (409, ErrorKind::Conflict, false),
            (412, ErrorKind::Conflict, false),
            (413, ErrorKind::RequestTooLarge, false),
            (429, ErrorKind::Busy, true),
            (500, ErrorKind::Server, true),
            (503, ErrorKind::Busy, true),
            (405, ErrorKind::Refused, false),
        ] {
            assert_eq!(
                (status(code, "").kind(), status(code, "").is_transient()),
                (kind, transient),
                "{code}"
            );
        }
        let locked = "Account is temporarily locked due to multiple authentication failures";
        assert_eq!(status(403, locked).kind(), ErrorKind::AccountLocked);
    }

    #[test]
    fn a_message_holds_what_the_server_said() {
        let error = Error::Status {
            status: StatusCode::FORBIDDEN,
            error: "forbidden".into(),
            reason: "closed".into(),
            retry_after: None,
        };
        assert_eq!(error.full(), "403 Forbidden: forbidden, closed");
    }
}
