//! What the connections of one run share: one HTTP client, session and outage for each server, and the counts.
//!
//! It is made where a run begins and handed to whoever opens a connection. Nothing of it is global, and nothing of
//! it travels to another process: an executor elsewhere makes its own.

use super::retry::Outage;
use super::session::Session;
use super::{ConnectionParams, Error, WorkerCredentials, tls};
use crate::worker::{RequestMetrics, WorkerContext};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The connections of one run.
#[derive(Debug)]
pub struct Connections {
    requests: Arc<RequestMetrics>,
    credentials: Arc<WorkerCredentials>,
    servers: Mutex<HashMap<String, Arc<Server>>>,
    notes: Mutex<Vec<String>>,
    saved: AtomicU64,
    refused: AtomicU64,
}

/// How many documents may be refused, with none written, before a run ends.
const REFUSALS: u64 = 8;

/// How many warnings are kept.
const MOST_NOTES: usize = 20;

/// One server, as one user reaches it.
#[derive(Debug)]
pub(super) struct Server {
    pub http: reqwest::Client,
    pub session: Session,
    pub outage: Outage,
}

impl Connections {
    /// Those that the workers of `context` share; made when they are asked for the first time.
    #[must_use]
    pub fn of(context: &WorkerContext) -> Arc<Self> {
        let requests = &context.requests;
        let credentials = context.shared(WorkerCredentials::default);
        context.shared(|| Self {
            requests: Arc::clone(requests),
            credentials,
            servers: Mutex::default(),
            notes: Mutex::default(),
            saved: AtomicU64::default(),
            refused: AtomicU64::default(),
        })
    }

    /// The logins of this process.
    pub(super) fn credentials(&self) -> &WorkerCredentials {
        &self.credentials
    }

    /// Where their requests are counted.
    pub(crate) fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// What is worth a warning, once each, since this was asked last.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MOST_NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// A document was written.
    pub(crate) fn saved(&self) {
        self.saved.fetch_add(1, Ordering::Relaxed);
    }

    /// A document was refused.
    ///
    /// # Errors
    /// When every one is: then nobody has to wait for the others.
    pub(crate) fn refused(&self, reason: &str) -> Result<(), Error> {
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if count >= REFUSALS && self.saved.load(Ordering::Relaxed) == 0 {
            return Err(Error::AllRefused { count, reason: reason.to_owned() });
        }
        Ok(())
    }

    pub(super) fn server(&self, params: &ConnectionParams) -> Result<Arc<Server>, Error> {
        let key = format!("{:?}", (params.url(), &params.user, &params.ca_file, &params.timeouts));
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        // Another password is another session, and is not kept as a key.
        if let Some(server) = servers.get(&key).filter(|server| server.session.is_for(params)) {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(Server {
            http: http_client(params)?,
            session: Session::new(params),
            outage: Outage::default(),
        });
        servers.insert(key, Arc::clone(&server));
        Ok(server)
    }
}

fn http_client(params: &ConnectionParams) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
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
        .map_err(Error::Client)
}
