//! Documents that came with their attachments: as JSON with base64 inside, or in parts (`multipart/mixed`).
//!
//! CouchDB sends parts when it is asked for nothing else; they are as they are stored, mostly gzip-compressed, so that
//! they cost it neither unpacking nor base64: half of its own time, and a third of the bytes. Each document
//! with attachments is a `multipart/related` of its own: the JSON, then the attachments in the order in which the JSON
//! has them (<https://docs.couchdb.org/en/stable/api/document/common.html#efficient-multiple-attachments-retrieving>).

use super::document::as_stub;
use super::{CouchDocument, Error, answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use std::io::Read as _;

/// Names and contents of attachments, or why a content cannot be had.
pub(crate) type Bodies = Vec<(String, Result<Vec<u8>, BodyError>)>;

/// Why the content of an attachment cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is longer than the caller takes.
    #[error("has {bytes} bytes or more, which is too much")]
    TooLarge { bytes: u64 },
    /// It is not what it should be.
    #[error("{0}")]
    Unreadable(String),
}

/// A document, attachments as stubs, and the attachments as they came.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) document: CouchDocument,
    attachments: Vec<(String, Payload)>,
}

#[derive(Debug)]
enum Payload {
    Base64(String),
    Part { bytes: Bytes, gzip: bool, length: u64 },
}

/// One result of a bulk read.
#[derive(Debug)]
pub(super) enum Delivered {
    Document(Delivery),
    /// The server's reason, and the id that it gives.
    Missing(Option<String>, String),
}

#[derive(Deserialize)]
struct MissingPart {
    id: Option<String>,
    error: Option<String>,
    reason: Option<String>,
}

impl Delivery {
    /// From JSON with the attachments inline.
    pub(super) fn from_inline(mut document: CouchDocument) -> Self {
        let mut attachments = document.attachments();
        let names: Vec<String> = attachments.iter().map(|(name, _)| name.to_owned()).collect();
        let mut payloads = Vec::new();
        for name in names {
            let Some(entry) = attachments.object(&name) else { continue };
            let Some(data) = entry.read::<String>("data") else { continue };
            attachments.set(&name, as_stub(&entry, Some(plain_length(&data))));
            payloads.push((name, Payload::Base64(data)));
        }
        if !payloads.is_empty() {
            document.set_attachments(&attachments);
        }
        Self { document, attachments: payloads }
    }

    /// Bytes on the wire of all attachments.
    pub(crate) fn weight(&self) -> usize {
        self.attachments.iter().map(|(_, payload)| payload.weight()).sum()
    }

    /// The contents of those attachments that are `wanted`, of at most `most` bytes each, and their bytes on the wire.
    pub(crate) fn take(&mut self, wanted: impl Fn(&str) -> bool, most: u64) -> (Bodies, usize) {
        let mut weight = 0;
        let attachments = std::mem::take(&mut self.attachments);
        let bodies = attachments.into_iter().filter(|(name, _)| wanted(name)).map(|(name, payload)| {
            weight += payload.weight();
            (name, payload.open(most))
        });
        (bodies.collect(), weight)
    }
}

impl Payload {
    fn weight(&self) -> usize {
        match self {
            Self::Base64(data) => data.len(),
            Self::Part { bytes, .. } => bytes.len(),
        }
    }

    /// How many bytes it has when it is open. For a compressed one that is what the server states, and is not believed:
    /// the bytes are counted as they are unpacked.
    fn length(&self) -> u64 {
        match self {
            Self::Base64(data) => plain_length(data),
            Self::Part { bytes, gzip: false, .. } => bytes.len() as u64,
            Self::Part { gzip: true, length, .. } => *length,
        }
    }

    fn open(self, most: u64) -> Result<Vec<u8>, BodyError> {
        let bytes = self.length();
        if bytes > most {
            return Err(BodyError::TooLarge { bytes });
        }
        let unreadable = |reason: String| Err(BodyError::Unreadable(reason));
        match self {
            Self::Base64(data) => {
                STANDARD.decode(data).or_else(|error| unreadable(format!("is not base64: {error}")))
            }
            Self::Part { bytes, gzip: false, .. } => Ok(bytes.into()),
            Self::Part { bytes, gzip: true, length } => {
                // One byte more than it should have is enough to know that it is wrong.
                let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(64 << 20));
                let mut reader = flate2::read::GzDecoder::new(&bytes[..]).take(length.saturating_add(1));
                match reader.read_to_end(&mut content) {
                    Ok(read) if read as u64 == length => Ok(content),
                    Ok(_) => unreadable(format!(
                        "has another length than the {length} bytes that its document says"
                    )),
                    Err(error) => unreadable(format!("cannot be unpacked: {error}")),
                }
            }
        }
    }
}

/// How many bytes `data` stands for in base64.
fn plain_length(data: &str) -> u64 {
    let padding = data.bytes().rev().take(2).filter(|&byte| byte == b'=').count();
    (data.len() / 4 * 3).saturating_sub(padding) as u64
}

/// The documents of a `multipart/mixed` body with this `Content-Type`.
pub(super) fn from_parts(content_type: &str, body: &Bytes) -> Result<Vec<Delivered>, Error> {
    let boundary = boundary(content_type).ok_or_else(|| broken("there is no boundary"))?;
    let mut parts = Parts::new(body, &boundary)?;
    let mut documents = Vec::new();
    while let Some(head) = parts.head()? {
        let kind = head.content_type.clone().unwrap_or_default();
        if kind.starts_with("multipart/") {
            let inner = boundary_of(&kind)?;
            documents.push(Delivered::Document(related(&mut parts, &inner)?));
        } else {
            let json = parts.until_boundary()?;
            documents.push(if kind.contains("error=") {
                let missing: MissingPart = answer::parse(&json)?;
                let words = [missing.error, missing.reason].into_iter().flatten().collect::<Vec<_>>();
                Delivered::Missing(missing.id, words.join(", "))
            } else {
                Delivered::Document(Delivery::from_inline(answer::parse(&json)?))
            });
        }
    }
    Ok(documents)
}

/// One `multipart/related` within the body that `outer` reads.
fn related(outer: &mut Parts<'_>, boundary: &str) -> Result<Delivery, Error> {
    let mut parts = Parts { body: outer.body, at: outer.at, boundary: format!("--{boundary}") };
    parts.begin()?;
    parts.head()?.ok_or_else(|| broken("a document is missing"))?;
    let mut document: CouchDocument = answer::parse(&parts.until_boundary()?)?;
    let mut attachments = document.attachments();
    let names: Vec<String> = attachments.iter().map(|(name, _)| name.to_owned()).collect();
    let mut payloads = Vec::new();
    for name in names {
        let Some(entry) = attachments.object(&name) else { continue };
        if entry.get("follows") != Some("true") {
            continue;
        }
        let head = parts.head()?.ok_or_else(|| broken("an attachment is missing"))?;
        let length = entry.read("length").unwrap_or(0);
        let gzip = match entry.read::<String>("encoding").or(head.encoding).as_deref() {
            None | Some("identity") => false,
            Some("gzip") => true,
            Some(other) => return Err(broken(&format!("an attachment is encoded as '{other}'"))),
        };
        let stored = entry.read::<u64>("encoded_length").filter(|_| gzip).unwrap_or(length);
        let bytes = parts.exactly(head.length.unwrap_or(stored))?;
        attachments.set(&name, as_stub(&entry, None));
        payloads.push((name, Payload::Part { bytes, gzip, length }));
    }
    if parts.head()?.is_some() {
        return Err(broken("there are more parts than attachments"));
    }
    document.set_attachments(&attachments);
    outer.at = parts.at;
    outer.skip_to_boundary()?;
    Ok(Delivery { document, attachments: payloads })
}

/// A body, read from boundary to boundary.
struct Parts<'a> {
    body: &'a Bytes,
    at: usize,
    /// With its leading dashes.
    boundary: String,
}

#[derive(Debug, Default)]
struct Head {
    content_type: Option<String>,
    encoding: Option<String>,
    length: Option<u64>,
}

impl<'a> Parts<'a> {
    fn new(body: &'a Bytes, boundary: &str) -> Result<Self, Error> {
        let mut parts = Self { body, at: 0, boundary: format!("--{boundary}") };
        parts.begin()?;
        Ok(parts)
    }

    fn rest(&self) -> &'a [u8] {
        &self.body[self.at..]
    }

    /// Goes behind the first boundary.
    fn begin(&mut self) -> Result<(), Error> {
        let found = memchr::memmem::find(self.rest(), self.boundary.as_bytes());
        let found = found.ok_or_else(|| broken("it ends before its first part"))?;
        self.at += found + self.boundary.len();
        Ok(())
    }

    /// The head of the next part, behind a boundary; `None` behind the last.
    fn head(&mut self) -> Result<Option<Head>, Error> {
        if self.rest().starts_with(b"--") {
            self.at += 2;
            return Ok(None);
        }
        let end = memchr::memmem::find(self.rest(), b"\r\n\r\n")
            .ok_or_else(|| broken("it ends within the head of a part"))?;
        let mut head = Head::default();
        for line in String::from_utf8_lossy(&self.rest()[..end]).lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "content-type" => head.content_type = Some(value.to_owned()),
                "content-encoding" => head.encoding = Some(value.to_ascii_lowercase()),
                "content-length" => head.length = value.parse().ok(),
                _ => {}
            }
        }
        self.at += end + 4;
        Ok(Some(head))
    }

    /// What comes before the next boundary, and goes behind that.
    fn until_boundary(&mut self) -> Result<Bytes, Error> {
        let mark = format!("\r\n{}", self.boundary);
        let found = memchr::memmem::find(self.rest(), mark.as_bytes());
        let found = found.ok_or_else(|| broken("it ends within a part"))?;
        let part = self.body.slice(self.at..self.at + found);
        self.at += found + mark.len();
        Ok(part)
    }

    /// The next `length` bytes, and goes behind the boundary that has to follow: nothing in them is looked at.
    fn exactly(&mut self, length: u64) -> Result<Bytes, Error> {
        let mark = format!("\r\n{}", self.boundary);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let rest = self.rest();
        if rest.len() < length || !rest[length..].starts_with(mark.as_bytes()) {
            return Err(broken("an attachment has another length than announced"));
        }
        let part = self.body.slice(self.at..self.at + length);
        self.at += length + mark.len();
        Ok(part)
    }

    fn skip_to_boundary(&mut self) -> Result<(), Error> {
        self.until_boundary().map(drop)
    }
}

fn boundary_of(content_type: &str) -> Result<String, Error> {
    boundary(content_type).ok_or_else(|| broken("there is no boundary"))
}

fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let value = parameters.filter_map(|parameter| parameter.trim().strip_prefix("boundary=")).next()?;
    Some(value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

fn broken(what: &str) -> Error {
    Error::Answer(format!("in the parts of a bulk answer: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// As CouchDB 3.5 wrote it.
    fn body(text: &[u8], stated: usize) -> Vec<u8> {
        let packed = gzip(text);
        let mut body =
            b"\r\n----out\r\nX-Doc-Id: a\r\nContent-Type: multipart/related; boundary=--in\r\n\r\n".to_vec();
        body.extend_from_slice(b"----in\r\nContent-Type: application/json\r\n\r\n");
        let json = format!(
            r#"{{"_id":"a","n":0.10,"_attachments":{{"t.txt":{{"content_type":"text/plain","revpos":1,"digest":"md5-x","length":{stated},"follows":true,"encoding":"gzip","encoded_length":{}}},"p":{{"length":8,"follows":true}}}}}}"#,
            packed.len()
        );
        body.extend_from_slice(json.as_bytes());
        body.extend_from_slice(b"\r\n----in\r\nContent-Disposition: attachment; filename=\"t.txt\"\r\n");
        body.extend_from_slice(
            format!("Content-Length: {}\r\nContent-Encoding: gzip\r\n\r\n", packed.len()).as_bytes(),
        );
        body.extend_from_slice(&packed);
        // A body that looks like a boundary.
        body.extend_from_slice(b"\r\n----in\r\nContent-Length: 8\r\n\r\n\r\n----in\r\n----in--");
        body.extend_from_slice(b"\r\n----out\r\nContent-Type: application/json; error=\"true\"\r\n\r\n");
        body.extend_from_slice(br#"{"rev":"undefined","reason":"missing","id":"zz","error":"not_found"}"#);
        body.extend_from_slice(
            b"\r\n----out\r\nContent-Type: application/json\r\n\r\n{\"_id\":\"b\"}\r\n----out--",
        );
        body
    }

    const KIND: &str = "multipart/mixed; boundary=\"--out\"";

    #[test]
    fn parts_become_documents_with_stubs_and_contents() {
        let text = b"Amanita ".repeat(500);
        let mut documents = from_parts(KIND, &body(&text, text.len()).into()).unwrap();
        assert_eq!(documents.len(), 3);
        assert!(matches!(&documents[1], Delivered::Missing(Some(id), reason)
            if id == "zz" && reason == "not_found, missing"));
        let Delivered::Document(last) = &documents[2] else { panic!("{documents:?}") };
        assert_eq!(last.document.to_json(), r#"{"_id":"b"}"#);
        let Delivered::Document(first) = &mut documents[0] else { panic!("{documents:?}") };
        let json = r#"{"_id":"a","n":0.10,"_attachments":{"t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-x","length":4000,"stub":true},"p":{"length":8,"stub":true}}}"#;
        assert_eq!(first.document.to_json(), json);
        let (bodies, _) = first.take(|_| true, 4_000);
        assert_eq!(bodies, [("t.txt".to_owned(), Ok(text)), ("p".to_owned(), Ok(b"\r\n----in".to_vec()))]);
    }

    #[test]
    fn a_text_that_unpacks_to_more_than_was_announced_is_not_unpacked() {
        let bomb = vec![0; 64 << 20];
        let mut documents = from_parts(KIND, &body(&bomb, 10).into()).unwrap();
        let Delivered::Document(first) = &mut documents[0] else { panic!("{documents:?}") };
        let (bodies, _) = first.take(|name| name == "t.txt", 1 << 20);
        let error = bodies[0].1.as_ref().unwrap_err().to_string();
        assert!(error.contains("another length"), "{error}");
        // The server may say how long it is, and mean it.
        let mut documents = from_parts(KIND, &body(&bomb, bomb.len()).into()).unwrap();
        let Delivered::Document(first) = &mut documents[0] else { panic!("{documents:?}") };
        let (bodies, _) = first.take(|_| true, 1 << 20);
        assert_eq!(bodies[0].1, Err(BodyError::TooLarge { bytes: 64 << 20 }));
        assert!(bodies[1].1.is_ok());
    }

    #[test]
    fn an_answer_that_breaks_off_is_an_error_wherever_it_does() {
        let whole = body(b"Amanita", 7);
        for length in 0..whole.len() {
            assert!(from_parts(KIND, &Bytes::copy_from_slice(&whole[..length])).is_err(), "{length}");
        }
    }

    #[test]
    fn inline_bodies_become_stubs_that_can_be_sent_back() {
        let json = r#"{"_id":"a","_attachments":{"t.txt":{"content_type":"text/plain","data":"QW1hbml0YQ=="},"p":{"data":"AQID"}}}"#;
        let mut delivery = Delivery::from_inline(CouchDocument::from_json(json).unwrap());
        assert_eq!(delivery.weight(), 12 + 4);
        let (bodies, taken) = delivery.take(|name| name == "t.txt", 7);
        assert_eq!((bodies, taken), (vec![("t.txt".to_owned(), Ok(b"Amanita".to_vec()))], 12));
        let expected = r#"{"_id":"a","_attachments":{"t.txt":{"content_type":"text/plain","stub":true,"length":7},"p":{"stub":true,"length":3}}}"#;
        assert_eq!(delivery.document.to_json(), expected);
    }
}
