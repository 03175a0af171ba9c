//! One worker's connection: sends a request, reads the whole answer, tries again where that may help.

use super::connections::{Connections, Server};
use super::session::Identity;
use super::{ConnectionParams, Error, ErrorKind, answer};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::Rng;
use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Instant;

/// What may stand unencoded in one path segment (RFC 3986 `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest answer read into memory when the caller sets no limit of its own.
const ANSWER_LIMIT: usize = 64 << 20;

/// After so many failures of the server at a divisible request it is handed back to be divided.
const DIVISIBLE_ATTEMPTS: u32 = 3;

/// After so many failures of the server at one request it is asked whether it is well otherwise.
const SUSPECT_ATTEMPTS: u32 = 6;

/// A connection to a server. Opened by the worker that uses it; session and pool are those of the run.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
    params: Arc<ConnectionParams>,
    connections: Arc<Connections>,
}

/// One request, as often as it is sent.
pub(super) struct Call<'a> {
    pub method: Method,
    /// Path segments, not encoded; none of them is [`unaddressable`].
    pub path: &'a [&'a str],
    pub query: Vec<(&'static str, String)>,
    pub body: Option<(Bytes, &'a str)>,
    /// A body of several pieces that are not put together, and its media type.
    pub parts: Option<(Vec<Bytes>, String)>,
    /// The media types to ask for.
    pub accept: &'static str,
    /// Whether the answer may come compressed.
    pub gzip: bool,
    /// The longest answer that the caller can hold, in bytes.
    pub limit: usize,
    /// How long the answer will be, in bytes, unpacked; 0 where that is not known.
    pub expected: usize,
    /// Whether the caller can cut it into smaller ones when the server fails at it again and again.
    pub divisible: bool,
}

/// Whether no URL can hold `segment`: `.` and `..` are resolved away, also when they are percent-encoded
/// (<https://url.spec.whatwg.org/#double-dot-path-segment>).
pub(super) fn is_unaddressable(segment: &str) -> bool {
    matches!(segment, "." | ".." | "")
}

impl Client {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example because of the certificate file.
    pub fn open(params: &ConnectionParams, connections: &Arc<Connections>) -> Result<Self, Error> {
        let params = connections.credentials().complete(params)?;
        Ok(Self {
            server: connections.server(&params)?,
            params: Arc::new(params),
            connections: Arc::clone(connections),
        })
    }

    /// What it was opened from.
    #[must_use]
    pub fn params(&self) -> &ConnectionParams {
        &self.params
    }

    /// What it shares with the other connections of the run.
    #[must_use]
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// What the last attempt met, while the server does not answer.
    pub(super) fn trouble(&self) -> Option<String> {
        self.server.outage.last()
    }

    /// A call with no limit of its own.
    pub(super) fn call<'a>(&self, method: Method, path: &'a [&'a str]) -> Call<'a> {
        Call {
            method,
            path,
            query: Vec::new(),
            body: None,
            parts: None,
            accept: "application/json",
            // Within one machine it takes longer than it saves.
            gzip: !self.params.is_local(),
            limit: ANSWER_LIMIT,
            expected: 0,
            divisible: false,
        }
    }

    /// Sends `call` until it succeeds, cannot succeed, or the run's patience with the server is at its end. `read`
    /// turns the headers and body of a success into the result; what it cannot read counts as a failure
    /// of the server. The result comes with the number of attempts.
    pub(super) async fn send<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(&HeaderMap, Bytes) -> Result<T, Error>,
    ) -> Result<(T, u32), Error> {
        let outage = &self.server.outage;
        let (mut attempt, mut failing_since, mut renewed) = (1, None, false);
        loop {
            if let Some(gone) = outage.gone() {
                return Err(gone);
            }
            let mut identity = Identity::Unknown;
            let result = self.attempt(call, &mut identity).await;
            let error = match result.and_then(|(headers, body)| read(&headers, body)) {
                Ok(result) => {
                    outage.is_over();
                    return Ok((result, attempt));
                }
                Err(error) => error,
            };
            let kind = error.kind();
            if kind == ErrorKind::Unauthorized && !renewed && self.server.session.forget(&identity).await {
                renewed = true;
                continue;
            }
            if !error.is_transient() {
                if error.status().is_some() {
                    outage.is_over();
                }
                return Err(error);
            }
            let now = Instant::now();
            let failing_since = *failing_since.get_or_insert(now);
            let may_be_too_much = kind == ErrorKind::Server || error.status() == Some(504);
            if call.divisible && attempt >= DIVISIBLE_ATTEMPTS && may_be_too_much {
                return Err(error);
            }
            let waited = if kind == ErrorKind::Server {
                if attempt >= SUSPECT_ATTEMPTS {
                    if self.is_well().await {
                        outage.is_over();
                        return Err(error);
                    }
                    outage.goes_on(failing_since, &error);
                }
                failing_since.elapsed()
            } else {
                outage.goes_on(now, &error).elapsed()
            };
            let Some(pause) = self.params.retry.pause(attempt, &error, waited, rand::rng().random()) else {
                outage.give_up(waited);
                return Err(outage.gone().unwrap_or(error));
            };
            if failing_since.elapsed() > self.params.retry.budget() + pause {
                // The server was there for others in the meantime: it is this request that fails.
                return Err(error);
            }
            tracing::debug!(error = %error.full(), attempt, pause_ms = pause.as_millis() as u64, "request is sent again");
            tokio::time::sleep(pause).await;
            self.connections.requests().retry();
            attempt += 1;
        }
    }

    /// Sends `call` and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<(T, u32), Error> {
        self.send(call, |_, body| answer::parse(&body)).await
    }

    /// Whether the server answers something that no document can spoil.
    async fn is_well(&self) -> bool {
        let path = [self.params.database.as_str()];
        let answer = self.attempt(&self.call(Method::GET, &path), &mut Identity::Unknown).await;
        answer.is_ok_and(|(_, body)| answer::parse::<serde::de::IgnoredAny>(&body).is_ok())
    }

    async fn attempt(&self, call: &Call<'_>, identity: &mut Identity) -> Result<(HeaderMap, Bytes), Error> {
        let Server { http, session, .. } = &*self.server;
        let patience = self.params.timeouts.patience();
        *identity = session.identity(http, self.params.url(), &self.connections).await?;
        let mut url = self.params.url().to_owned();
        for segment in call.path {
            url.push('/');
            url.extend(utf8_percent_encode(segment, SEGMENT));
        }
        let mut request = http.request(call.method.clone(), url).header(ACCEPT, call.accept);
        if !call.gzip {
            request = request.header(ACCEPT_ENCODING, "identity");
        }
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        let mut sent = 0;
        if let Some((body, content_type)) = &call.body {
            sent = body.len();
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        if let Some((pieces, content_type)) = &call.parts {
            sent = pieces.iter().map(Bytes::len).sum();
            let pieces = pieces.clone().into_iter().map(Ok::<_, std::convert::Infallible>);
            request = request
                .header(CONTENT_TYPE, content_type)
                .header(CONTENT_LENGTH, sent)
                .body(reqwest::Body::wrap_stream(futures::stream::iter(pieces)));
        }
        self.connections.requests().request(sent);
        let answer = session.sign(request, identity).send().await.map_err(Error::no_answer)?;
        session.keep_cookie(answer.headers()).await;
        if !answer.status().is_success() {
            return Err(answer::failure(answer, patience).await);
        }
        let headers = answer.headers().clone();
        let body = answer::read(answer, call.limit, call.expected, patience).await?;
        self.connections.requests().receive(body.len());
        Ok((headers, body))
    }
}
