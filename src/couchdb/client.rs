//! One worker's connection: sends a request, reads the whole answer, tries again where that may help.

use super::auth::{self, Identity};
use super::{ConnectionParams, Fault, FaultKind, RetryPolicy, tls};
use crate::worker::RequestMetrics;
use crate::{Error, Result};
use bytes::{Bytes, BytesMut};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::Rng;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What may stand unencoded in one path segment (RFC 3986 `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest answer read into memory when the caller sets no limit of its own.
const ANSWER_LIMIT: usize = 512 << 20;

/// After so many failures of the server at a divisible request it is handed back to be divided.
const DIVISIBLE_ATTEMPTS: u32 = 3;

/// A connection to a server, with its pool, session and counts. Opened by the worker that uses it.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    params: Arc<ConnectionParams>,
    identity: Arc<tokio::sync::Mutex<Identity>>,
    tally: Arc<RequestMetrics>,
    /// Whether the last request spent its budget without reaching the server. Then the next ones do not wait as
    /// long, so that a run whose server is gone for good comes to its end.
    is_down: Arc<AtomicBool>,
}

/// One request, as often as it is sent.
pub(super) struct Call<'a> {
    pub method: Method,
    /// Path segments, not encoded.
    pub path: &'a [&'a str],
    pub query: Vec<(&'static str, String)>,
    pub body: Option<(Bytes, &'a str)>,
    /// The media type to ask for. CouchDB answers `_bulk_get` in parts when `multipart/*` would do.
    pub accept: &'static str,
    /// Whether the answer may come compressed.
    pub gzip: bool,
    /// The longest answer that the caller has room for, in bytes.
    pub limit: usize,
    /// Whether the caller can cut it into smaller ones when the server fails at it again and again.
    pub divisible: bool,
}

impl Client {
    /// Prepares a connection; nothing is sent yet. Its counts go to `tally`.
    ///
    /// # Errors
    /// Unusable (exit code 3) when TLS cannot be set up, for example because of the certificate file.
    pub fn open(params: &ConnectionParams, tally: Arc<RequestMetrics>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(params)?)
            .http1_only()
            .gzip(true)
            .connect_timeout(params.timeouts.connect())
            .read_timeout(params.timeouts.read())
            .timeout(params.timeouts.total())
            // Shorter than any server's own limit, so that no request meets a connection which the
            // server is just closing.
            .pool_idle_timeout(Duration::from_secs(4))
            .redirect(reqwest::redirect::Policy::none())
            // Only settings read the environment.
            .no_proxy()
            .user_agent(concat!("skol_classifier/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::unusable(format!("the HTTP client cannot be set up: {error}")))?;
        Ok(Self {
            http,
            params: Arc::new(params.clone()),
            identity: Arc::new(tokio::sync::Mutex::new(Identity::Unknown)),
            tally,
            is_down: Arc::new(AtomicBool::new(false)),
        })
    }

    /// What it was opened from.
    #[must_use]
    pub fn params(&self) -> &ConnectionParams {
        &self.params
    }

    /// Its counts.
    #[must_use]
    pub fn tally(&self) -> &Arc<RequestMetrics> {
        &self.tally
    }

    /// A call with the connection's retry policy and no limit of its own.
    pub(super) fn call<'a>(&self, method: Method, path: &'a [&'a str]) -> Call<'a> {
        Call {
            method,
            path,
            query: Vec::new(),
            body: None,
            accept: "application/json",
            // Within one machine it takes longer than it saves.
            gzip: !self.params.is_local(),
            limit: ANSWER_LIMIT,
            divisible: false,
        }
    }

    /// Sends `call` until it succeeds, cannot succeed, or its budget is spent. `read` turns the body of a
    /// success into the result; what it cannot read counts as a failure of the server. The result
    /// comes with the number of attempts.
    pub(super) async fn send<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(StatusCode, Bytes) -> Result<T, Fault>,
    ) -> Result<(T, u32), Fault> {
        let (mut attempt, mut waited, mut renewed) = (1, Duration::ZERO, false);
        loop {
            let mut fault = match self.attempt(call).await.and_then(|(status, body)| read(status, body)) {
                Ok(result) => {
                    self.is_down.store(false, Ordering::Relaxed);
                    return Ok((result, attempt));
                }
                Err(fault) => fault,
            };
            fault.attempts = attempt;
            if fault.kind == FaultKind::Unauthorized && !renewed && self.forget_session().await {
                renewed = true;
                continue;
            }
            if call.divisible && attempt >= DIVISIBLE_ATTEMPTS && fault.may_be_poison() {
                return Err(fault);
            }
            let policy =
                if self.is_down.load(Ordering::Relaxed) { RetryPolicy::LAST_TRY } else { self.params.retry };
            let Some(pause) = policy.pause(attempt, &fault, waited, rand::rng().random()) else {
                self.is_down.fetch_or(fault.kind == FaultKind::Transport, Ordering::Relaxed);
                return Err(fault);
            };
            tracing::debug!(%fault, attempt, pause_ms = pause.as_millis() as u64, "request is sent again");
            tokio::time::sleep(pause).await;
            self.tally.retry();
            waited += pause;
            attempt += 1;
        }
    }

    /// Sends `call` and reads the answer as JSON.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        call: &Call<'_>,
    ) -> Result<(T, u32), Fault> {
        self.send(call, |_, body| parse(&body)).await
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<(StatusCode, Bytes), Fault> {
        let identity = self.identity().await?;
        let mut url = self.params.url().to_owned();
        for segment in call.path {
            url.push('/');
            url.extend(utf8_percent_encode(segment, SEGMENT));
        }
        let mut request = self.http.request(call.method.clone(), url).header(ACCEPT, call.accept);
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
        self.tally.request(sent);
        let answer =
            auth::sign(request, &identity, &self.params).send().await.map_err(Fault::from_reqwest)?;
        self.keep_cookie(answer.headers()).await;
        let status = answer.status();
        if !status.is_success() {
            let wait = retry_after(answer.headers());
            // The reason is a help, not a must: a body that breaks off does not hide the status.
            let body = read_body(answer, 64 << 10).await.unwrap_or_default();
            return Err(Fault::from_status(status, &reason(&body), wait));
        }
        let body = read_body(answer, call.limit).await?;
        self.tally.receive(body.len());
        Ok((status, body))
    }

    async fn identity(&self) -> Result<Identity, Fault> {
        let mut identity = self.identity.lock().await;
        if matches!(*identity, Identity::Unknown) {
            *identity = auth::open_session(&self.http, &self.params).await?;
        }
        Ok(identity.clone())
    }

    async fn keep_cookie(&self, headers: &HeaderMap) {
        if let Some(cookie) = auth::session_cookie(headers) {
            let mut identity = self.identity.lock().await;
            if matches!(*identity, Identity::Cookie(_)) {
                *identity = Identity::Cookie(cookie);
            }
        }
    }

    /// Drops a session that the server refused; whether there was one.
    async fn forget_session(&self) -> bool {
        let mut identity = self.identity.lock().await;
        let had_session = matches!(*identity, Identity::Cookie(_));
        if had_session {
            *identity = Identity::Unknown;
        }
        had_session
    }
}

/// Reads JSON; what is none counts as a truncated answer.
pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        Fault::new(
            FaultKind::Server,
            format!("the answer of {} bytes is no JSON as expected: {error}", body.len()),
        )
    })
}

async fn read_body(mut answer: reqwest::Response, limit: usize) -> Result<Bytes, Fault> {
    let announced = answer.content_length().unwrap_or(0).min(limit as u64) as usize;
    let mut body = BytesMut::with_capacity(announced.min(16 << 20));
    while let Some(chunk) = answer.chunk().await.map_err(Fault::from_reqwest)? {
        if body.len() + chunk.len() > limit {
            return Err(Fault::new(FaultKind::TooLarge, format!("the answer is longer than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// `Retry-After` in seconds; its other form, a date, falls back to the ordinary pauses.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// The server's own words for a failure (`{"error": ..., "reason": ...}`).
fn reason(body: &[u8]) -> String {
    match serde_json::from_slice::<couch_rs::types::system::CouchResponse>(body) {
        Ok(answer) => [answer.error, answer.reason].into_iter().flatten().collect::<Vec<_>>().join(", "),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(200)]).trim().to_owned(),
    }
}
