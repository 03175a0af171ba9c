//! Who we are: a session cookie where the server gives one, else the password with every request.
//!
//! CouchDB hashes a basic password with PBKDF2 (hundreds of thousands of rounds), a cookie costs one
//! HMAC. So the first request of a connection is `POST /_session`; a server that refuses it gets the
//! password as basic authentication. See <https://docs.couchdb.org/en/stable/api/server/authn.html>.

use super::{ConnectionParams, Fault, FaultKind};
use reqwest::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// How the requests of one connection say who sends them.
#[derive(Clone)]
pub(super) enum Identity {
    /// Not asked yet.
    Unknown,
    /// No user is set.
    Nobody,
    /// `AuthSession=...`, as the server set it.
    Cookie(HeaderValue),
    /// User and password with every request.
    Basic,
}

/// Puts `identity` on a request.
pub(super) fn sign(
    request: reqwest::RequestBuilder,
    identity: &Identity,
    params: &ConnectionParams,
) -> reqwest::RequestBuilder {
    match (identity, &params.user) {
        (Identity::Cookie(cookie), _) => request.header(COOKIE, cookie.clone()),
        (Identity::Basic, Some(user)) => {
            request.basic_auth(user, params.secret.as_ref().map(super::Secret::expose))
        }
        _ => request,
    }
}

/// Asks the server for a session. An answer other than a session means basic authentication; only a
/// server that cannot be reached, or cannot answer now, is a fault.
pub(super) async fn open_session(
    http: &reqwest::Client,
    params: &ConnectionParams,
) -> Result<Identity, Fault> {
    let Some(user) = &params.user else { return Ok(Identity::Nobody) };
    let Some(secret) = &params.secret else { return Ok(Identity::Basic) };
    let answer = http
        .post(format!("{}/_session", params.url()))
        .json(&serde_json::json!({ "name": user, "password": secret.expose() }))
        .send()
        .await
        .map_err(Fault::from_reqwest)?;
    let status = answer.status();
    if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        return Err(Fault::from_status(
            status,
            "the session could not be opened",
            super::client::retry_after(answer.headers()),
        ));
    }
    let cookie = session_cookie(answer.headers());
    // The rest of the answer is read so that the connection can be used again.
    let body = answer.bytes().await.map_err(Fault::from_reqwest)?;
    match (status.is_success(), cookie) {
        (true, Some(cookie)) => Ok(Identity::Cookie(cookie)),
        (true, None) if body.is_empty() => Err(Fault::new(FaultKind::Server, "the session answer is empty")),
        _ => Ok(Identity::Basic),
    }
}

/// The session cookie that an answer sets, as the next request sends it back. CouchDB renews it in
/// ordinary answers too, some time before it runs out.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
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
