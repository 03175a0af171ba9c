//! Who we are: a session cookie where the server gives one, else the password with every request.
//!
//! CouchDB hashes a basic password with PBKDF2 (hundreds of thousands of rounds), a cookie costs one
//! HMAC. So the first request to a server is `POST /_session`
//! (<https://docs.couchdb.org/en/stable/api/server/authn.html>), once for all connections of a run. A wrong password is tried once:
//! CouchDB locks an account after five attempts. Only a server that knows no sessions gets the password as basic
//! authentication.

use super::connections::Connections;
use super::{ConnectionParams, Error, Secret, answer};
use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use std::time::Duration;
use tokio::sync::Mutex;

/// How the requests to one server say who sends them.
#[derive(Debug)]
pub(super) struct Session {
    user: Option<String>,
    secret: Option<Secret>,
    patience: Duration,
    identity: Mutex<Identity>,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// Not asked yet.
    Unknown,
    /// No user is set.
    Nobody,
    /// `AuthSession=...`, as the server set it.
    Cookie(HeaderValue),
    /// User and password with every request.
    Basic,
    /// The server refused the password, with this answer.
    Refused { status: StatusCode, error: String, reason: String },
}

impl Session {
    pub(super) fn new(params: &ConnectionParams) -> Self {
        let (user, secret) = (params.user.clone(), params.secret.clone());
        let patience = params.timeouts.patience();
        Self { user, secret, patience, identity: Mutex::new(Identity::Unknown) }
    }

    pub(super) fn is_for(&self, params: &ConnectionParams) -> bool {
        self.user == params.user && self.secret == params.secret
    }

    /// Puts `identity` on a request.
    pub(super) fn sign(
        &self,
        request: reqwest::RequestBuilder,
        identity: &Identity,
    ) -> reqwest::RequestBuilder {
        match (identity, &self.user) {
            (Identity::Cookie(cookie), _) => request.header(COOKIE, cookie.clone()),
            (Identity::Basic, Some(user)) => {
                request.basic_auth(user, self.secret.as_ref().map(Secret::expose))
            }
            _ => request,
        }
    }

    /// Who sends the next request; the server is asked for a session the first time.
    pub(super) async fn identity(
        &self,
        http: &reqwest::Client,
        url: &str,
        counts: &Connections,
    ) -> Result<Identity, Error> {
        let mut identity = self.identity.lock().await;
        if matches!(*identity, Identity::Unknown) {
            *identity = self.open(http, url, counts).await?;
        }
        match &*identity {
            Identity::Refused { status, error, reason } => Err(Error::Status {
                status: *status,
                error: error.clone(),
                reason: reason.clone(),
                retry_after: None,
            }),
            other => Ok(other.clone()),
        }
    }

    async fn open(&self, http: &reqwest::Client, url: &str, counts: &Connections) -> Result<Identity, Error> {
        let Some(user) = &self.user else { return Ok(Identity::Nobody) };
        let Some(secret) = &self.secret else { return Ok(Identity::Basic) };
        counts.requests().request(0);
        let answer = http
            .post(format!("{url}/_session"))
            .json(&serde_json::json!({ "name": user, "password": secret.expose() }))
            .send()
            .await
            .map_err(Error::no_answer)?;
        if answer.status().is_success() {
            let cookie = session_cookie(answer.headers());
            // The rest of the answer is read so that the connection can be used again.
            answer::read(answer, answer::SHORT, 0, self.patience).await?;
            return Ok(cookie.map_or(Identity::Basic, Identity::Cookie));
        }
        match answer::failure(answer, self.patience).await {
            // CouchDB's own refusal has a word for it; a page without is that of a proxy, which may want the
            // password itself.
            Error::Status { status, error, reason, .. }
                if matches!(status.as_u16(), 401 | 403) && !error.is_empty() =>
            {
                Ok(Identity::Refused { status, error, reason })
            }
            failure if failure.is_transient() || matches!(failure, Error::Redirected { .. }) => Err(failure),
            _ => Ok(Identity::Basic),
        }
    }

    /// Keeps the cookie that an answer brings: CouchDB renews it some time before it runs out.
    pub(super) async fn keep_cookie(&self, headers: &HeaderMap) {
        if let Some(cookie) = session_cookie(headers) {
            let mut identity = self.identity.lock().await;
            if matches!(*identity, Identity::Cookie(_)) {
                *identity = Identity::Cookie(cookie);
            }
        }
    }

    /// Drops the session `refused` that the server does not know any more; whether it was one. Another
    /// connection may have opened a new one in the meantime.
    pub(super) async fn forget(&self, refused: &Identity) -> bool {
        let Identity::Cookie(old) = refused else { return false };
        let mut identity = self.identity.lock().await;
        if matches!(&*identity, Identity::Cookie(cookie) if cookie == old) {
            *identity = Identity::Unknown;
        }
        true
    }
}

/// The session cookie that an answer sets, as the next request sends it back.
fn session_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get_all(SET_COOKIE).iter().find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?.trim();
        let (name, token) = pair.split_once('=')?;
        if name != "AuthSession" || token.is_empty() {
            return None;
        }
        let mut cookie = HeaderValue::from_str(pair).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_taken_without_its_attributes() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("other=1; Path=/"));
        headers.append(SET_COOKIE, HeaderValue::from_static("AuthSession=YWRt-x_; Version=1; HttpOnly"));
        let cookie = session_cookie(&headers).unwrap();
        assert_eq!(cookie, "AuthSession=YWRt-x_");
        assert!(!format!("{cookie:?}").contains("YWRt"), "a cookie is a secret too");
    }

    #[test]
    fn a_cookie_that_is_taken_away_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("AuthSession=; Version=1; HttpOnly"));
        assert!(session_cookie(&headers).is_none());
    }
}
