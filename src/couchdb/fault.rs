//! What can go wrong with a request, sorted by what to do about it.

use reqwest::StatusCode;
use std::fmt;
use std::time::Duration;

/// What to do about a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The server could not be reached, hung up, or took too long: it may be restarting. Tried again.
    Transport,
    /// The server answered, but not usefully: 408, 425, 429, 5xx, a truncated body or bad JSON. Tried
    /// again; when it persists, one of the documents in the request may be the reason.
    Server,
    /// 401: user or password are missing or wrong, or the session has run out.
    Unauthorized,
    /// 403: the user may not do this.
    Forbidden,
    /// 404: no such database, document or attachment.
    NotFound,
    /// 409 or 412: somebody else was faster.
    Conflict,
    /// The answer is longer than the caller has room for.
    TooLarge,
    /// Any other refusal (400, 413, 415, ...): trying again would not help.
    Refused,
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What to do about it.
    pub kind: FaultKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// What happened, without secrets.
    pub message: String,
    /// How long the server asks to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// How often the request was sent.
    pub attempts: u32,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into(), retry_after: None, attempts: 1 }
    }

    /// From an answer with a failure status; `reason` is the server's own explanation.
    pub(super) fn from_status(status: StatusCode, reason: &str, retry_after: Option<Duration>) -> Self {
        let kind = match status.as_u16() {
            401 => FaultKind::Unauthorized,
            403 => FaultKind::Forbidden,
            404 => FaultKind::NotFound,
            409 | 412 => FaultKind::Conflict,
            408 | 425 | 429 | 500..=599 => FaultKind::Server,
            _ => FaultKind::Refused,
        };
        let message = if reason.is_empty() { status.to_string() } else { format!("{status}: {reason}") };
        Self { kind, status: Some(status.as_u16()), message, retry_after, attempts: 1 }
    }

    /// From a request that got no whole answer.
    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        // The reason proper (refused, reset, what is wrong with a certificate) is the innermost cause.
        let error = error.without_url();
        let mut message = error.to_string();
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        if let Some(cause) = causes.last() {
            message += &format!(": {cause}");
        }
        // A body that breaks off or cannot be unpacked came from a server that is there; everything
        // else (refused, reset, timed out, no such host, TLS) means that it cannot be reached.
        let kind = if error.is_builder() || message.contains("invalid peer certificate") {
            FaultKind::Refused
        } else if error.is_body() || error.is_decode() {
            FaultKind::Server
        } else {
            FaultKind::Transport
        };
        Self::new(kind, message)
    }

    /// Whether a document in the request may be the reason, rather than a server that is busy.
    pub(super) fn may_be_poison(&self) -> bool {
        self.kind == FaultKind::Server && !matches!(self.status, Some(408 | 425 | 429 | 503))
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, FaultKind::Transport | FaultKind::Server)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
