//! What comes back from a server, within limits: of length after unpacking, and of time.
//!
//! A few megabytes on the wire can unpack to many gigabytes, and one byte a second can hold a connection for ever.
//! So every answer, that of a login as well, is read here.

use super::Error;
use bytes::{Bytes, BytesMut};
use couch_rs::types::system::CouchResponse;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// The longest explanation of a failure, and the longest answer to a login, in bytes.
pub(super) const SHORT: usize = 64 << 10;
/// At what rate an answer must come on average once the patience with it is over, in bytes per second.
const LEAST_RATE: f64 = 1024.0;

/// The body of `answer`, unpacked, of at most `limit` bytes, and `expected` if that is known; it may come as slowly as it
/// likes for as long as `patience`.
pub(super) async fn read(
    mut answer: Response,
    limit: usize,
    expected: usize,
    patience: Duration,
) -> Result<Bytes, Error> {
    let begin = Instant::now();
    let announced = answer.content_length().unwrap_or(expected as u64);
    if announced > limit as u64 {
        return Err(Error::AnswerTooLarge { limit });
    }
    let mut body = BytesMut::with_capacity((announced as usize).min(16 << 20));
    while let Some(chunk) = answer.chunk().await.map_err(Error::no_answer)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::AnswerTooLarge { limit });
        }
        body.extend_from_slice(&chunk);
        let elapsed = begin.elapsed();
        if elapsed > patience && (body.len() as f64) < LEAST_RATE * elapsed.as_secs_f64() {
            return Err(Error::TooSlow { received: body.len(), elapsed });
        }
    }
    Ok(body.freeze())
}

/// The error that an answer with a failure status is.
pub(super) async fn failure(answer: Response, patience: Duration) -> Error {
    let (status, retry_after) = (answer.status(), retry_after(answer.headers()));
    if let Some(location) = location(status, answer.headers()) {
        return Error::Redirected { status, location };
    }
    // The reason is a help, not a must: a body that breaks off does not hide the status.
    let body = read(answer, SHORT, 0, patience).await.unwrap_or_default();
    let (error, reason) = match serde_json::from_slice::<CouchResponse>(&body) {
        Ok(explanation) => (explanation.error.unwrap_or_default(), explanation.reason.unwrap_or_default()),
        // Not CouchDB's own words: a page of a proxy.
        Err(_) => (String::new(), plain_text(&body)),
    };
    Error::Status { status, error, reason, retry_after }
}

/// Reads JSON; what is none counts as a truncated answer.
pub(super) fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|source| Error::Json { length: body.len(), source })
}

/// `Retry-After` in seconds; its other form, a date, falls back to the ordinary pauses.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if !status.is_redirection() {
        return None;
    }
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
    Some(match url::Url::parse(location) {
        Ok(mut url) => {
            // Both fail only for URLs without a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => location.to_owned(),
    })
}

/// The beginning of a page as text on one line, without its marks.
fn plain_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let mut plain = String::new();
    let mut in_mark = false;
    for character in text.chars() {
        match character {
            '<' => in_mark = true,
            '>' => {
                in_mark = false;
                plain.push(' ');
            }
            _ if in_mark => {}
            _ if character.is_control() => plain.push(' '),
            _ => plain.push(character),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_proxy_is_shown_as_its_text() {
        let page = b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\n<body>nginx</body>";
        assert_eq!(plain_text(page), "413 Request Entity Too Large nginx");
    }

    #[test]
    fn a_redirection_is_shown_without_a_password() {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, "https://u:geheim@h.example/db".parse().unwrap());
        assert_eq!(location(StatusCode::MOVED_PERMANENTLY, &headers).unwrap(), "https://h.example/db");
        assert_eq!(location(StatusCode::OK, &headers), None);
    }
}
