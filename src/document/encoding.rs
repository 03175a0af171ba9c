//! Bytes of a file or an attachment as the text they hold.

use super::pdf::{self, PdfError};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_8859_2, UTF_8, UTF_16LE, WINDOWS_1250, WINDOWS_1252};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How the bytes of documents are read.
///
/// UTF-8 is read as it is, and UTF-16 with a byte order mark is always recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum TextEncoding {
    /// UTF-8; anything else is refused.
    #[default]
    Utf8,
    /// What is no UTF-8 is guessed, per document.
    Auto,
    /// An encoding of the [WHATWG standard](https://encoding.spec.whatwg.org/). What is UTF-8 with a byte order mark is
    /// read as that.
    Named(&'static Encoding),
}

/// An encoding that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "'{0}' is not a known encoding: give utf-8, auto, or a name of the WHATWG standard such as windows-1252, iso-8859-2 or utf-16le"
)]
pub struct UnknownEncoding(String);

impl FromStr for TextEncoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let name = name.trim();
        if name.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        match Encoding::for_label_no_replacement(name.as_bytes()) {
            Some(encoding) if encoding == UTF_8 => Ok(Self::Utf8),
            Some(encoding) => Ok(Self::Named(encoding)),
            None => Err(UnknownEncoding(name.to_owned())),
        }
    }
}

impl TryFrom<String> for TextEncoding {
    type Error = UnknownEncoding;

    fn try_from(name: String) -> Result<Self, UnknownEncoding> {
        name.parse()
    }
}

impl From<TextEncoding> for String {
    fn from(encoding: TextEncoding) -> Self {
        encoding.to_string()
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 => f.write_str("utf-8"),
            Self::Auto => f.write_str("auto"),
            Self::Named(encoding) => f.write_str(&encoding.name().to_ascii_lowercase()),
        }
    }
}

/// Why bytes are not read as text, and what to do about it. A message goes on from the document's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are a file of another kind.
    #[error("is {kind}, not text; {remedy}")]
    OtherKind {
        /// What it is, with an article.
        kind: &'static str,
        /// How to make text of it.
        remedy: &'static str,
    },
    /// The bytes are a PDF, and no text can be had of it.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// UTF-16 without a byte order mark.
    #[error("looks like UTF-16 without a byte order mark; give --encoding {0}")]
    Utf16(&'static str),
    /// UTF-32, whose byte order mark begins as that of UTF-16 does.
    #[error("is UTF-32, which is not read; convert it, for example with: iconv -f UTF-32 -t UTF-8")]
    Utf32,
    /// Not UTF-8, and no other encoding was given.
    #[error(
        "is not UTF-8: byte 0x{byte:02X} at offset {offset} (line {line}); it looks like {guess}: give --encoding {guess}, or --encoding auto for files of different encodings"
    )]
    NotUtf8 {
        /// The first byte that is wrong.
        byte: u8,
        /// Its offset.
        offset: usize,
        /// Its line, from 1.
        line: usize,
        /// What the bytes look like: a name that [`TextEncoding`] knows.
        guess: String,
    },
    /// Not in the encoding that was given.
    #[error(
        "is not {encoding}, as --encoding says: there are bytes that mean nothing in it; give --encoding {guess}, which it looks like, or --encoding auto"
    )]
    Malformed {
        /// The encoding asked for.
        encoding: String,
        /// What the bytes look like.
        guess: String,
    },
}

/// Kinds of files that are met among texts: how they begin, what they are, what to do.
const OTHER_KINDS: [(&[u8], &str, &str); 6] = [
    (
        b"PK\x03\x04",
        "a ZIP archive (a DOCX or ODT is one, too)",
        "unpack it, or save the document as plain text (UTF-8)",
    ),
    (b"\xD0\xCF\x11\xE0", "an old Office document (DOC)", "save it as plain text (UTF-8)"),
    (b"{\\rtf", "a Rich Text document (RTF)", "save it as plain text (UTF-8)"),
    (b"\x1F\x8B", "a gzip file", "unpack it first, for example with: gunzip"),
    (b"\x89PNG", "a PNG image", "recognise its text first, for example with: tesseract"),
    (b"\xFF\xD8\xFF", "a JPEG image", "recognise its text first, for example with: tesseract"),
];

impl TextEncoding {
    /// The text of `bytes`, which are handed back without a copy where they are UTF-8. A byte order mark of UTF-8
    /// stays in the text; one of UTF-16 goes. Of a PDF it is the text in reading order, with a form feed after each page.
    ///
    /// # Errors
    /// The bytes are no text, or not in this encoding.
    pub fn decode(self, bytes: Vec<u8>) -> Result<String, DecodeError> {
        if bytes.starts_with(b"\xFF\xFE\0\0") || bytes.starts_with(b"\0\0\xFE\xFF") {
            return Err(DecodeError::Utf32);
        }
        let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        if start.starts_with(pdf::MAGIC) {
            return Ok(pdf::text(bytes)?);
        }
        for (magic, kind, remedy) in OTHER_KINDS {
            if start.starts_with(magic) {
                let kind = if magic == b"PK\x03\x04" { zip_kind(&bytes) } else { kind };
                return Err(DecodeError::OtherKind { kind, remedy });
            }
        }
        if let Some((encoding, length)) = Encoding::for_bom(&bytes).filter(|(found, _)| *found != UTF_8) {
            return with(encoding, &bytes[length..], &bytes);
        }
        match (self, utf16_without_mark(&bytes)) {
            (Self::Utf8, Some(encoding)) => return Err(DecodeError::Utf16(encoding)),
            (Self::Auto, Some(encoding)) => {
                let encoding = Encoding::for_label(encoding.as_bytes()).unwrap_or(UTF_16LE);
                return with(encoding, &bytes, &bytes);
            }
            _ => {}
        }
        match self {
            Self::Named(_) if start.len() < bytes.len() => Self::Utf8.decode_utf8(bytes),
            Self::Named(encoding) => with(encoding, &bytes, &bytes),
            Self::Utf8 | Self::Auto => self.decode_utf8(bytes),
        }
    }

    fn decode_utf8(self, bytes: Vec<u8>) -> Result<String, DecodeError> {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let offset = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let guess = guess(&bytes);
        if self == Self::Auto {
            return Ok(guess.decode_without_bom_handling(&bytes).0.into_owned());
        }
        Err(DecodeError::NotUtf8 {
            byte: bytes.get(offset).copied().unwrap_or_default(),
            offset,
            line: memchr::memchr_iter(b'\n', &bytes[..offset]).count() + 1,
            guess: guess.name().to_ascii_lowercase(),
        })
    }
}

fn with(encoding: &'static Encoding, bytes: &[u8], whole: &[u8]) -> Result<String, DecodeError> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| DecodeError::Malformed {
            encoding: encoding.name().to_ascii_lowercase(),
            guess: match std::str::from_utf8(whole) {
                Ok(_) => "utf-8".to_owned(),
                Err(_) => guess(whole).name().to_ascii_lowercase(),
            },
        })
}

/// What bytes that are no UTF-8 look like.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let central = [WINDOWS_1250, ISO_8859_2].contains(&guess);
    if central && few_letters_differ(bytes, guess) { WINDOWS_1252 } else { guess }
}

/// Whether at most two letters of a text decide between Western and Central European.
///
/// An English article that names one Lefèvre is no Czech one about Lefčvre: languages of Central Europe need more
/// letters that Western ones do not have, and without such evidence the more frequent encoding is the better guess.
fn few_letters_differ(bytes: &[u8], guess: &'static Encoding) -> bool {
    let decoded =
        |encoding: &'static Encoding, byte| encoding.decode_without_bom_handling(&[byte]).0.into_owned();
    let mut found = [false; 256];
    bytes.iter().for_each(|&byte| found[usize::from(byte)] = true);
    let found = (0x80..=0xFF_u8).filter(|&byte| found[usize::from(byte)]);
    found.filter(|&byte| decoded(guess, byte) != decoded(WINDOWS_1252, byte)).take(3).count() < 3
}

/// What a ZIP archive is, by the names of what is in it.
fn zip_kind(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(4096)];
    let holds = |name: &[u8]| memchr::memmem::find(start, name).is_some();
    if holds(b"word/") || holds(b"[Content_Types].xml") {
        "a Word document (DOCX, a ZIP archive)"
    } else if holds(b"opendocument.text") {
        "an OpenDocument text (ODT, a ZIP archive)"
    } else if holds(b"epub+zip") {
        "an EPUB (a ZIP archive)"
    } else {
        "a ZIP archive"
    }
}

/// UTF-16 without a byte order mark: letters of Latin script have every other byte zero.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static str> {
    let (pairs, _) = bytes[..bytes.len().min(4096)].as_chunks::<2>();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0 && pair[1 - at] != 0).count();
    let (high, low) = (zeros(0), zeros(1));
    let enough = pairs.len() / 2;
    (pairs.len() >= 2 && high.max(low) > enough).then_some(if low > high { "utf-16le" } else { "utf-16be" })
}

/// What becomes of YEDDA marks that stand in a source text.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    strum::VariantNames,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[non_exhaustive]
pub enum SourceMarks {
    /// They are text like any other, and are written so that nobody takes them for marks.
    #[default]
    Escape,
    /// The text is an annotation: its marks go, and what they enclose is labelled anew.
    Strip,
}

/// How the bytes of a document become its text: all that a loader needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TextParams {
    /// How characters are encoded.
    #[serde(default)]
    pub encoding: TextEncoding,
    /// What becomes of marks.
    #[serde(default)]
    pub source_marks: SourceMarks,
}

impl TextParams {
    /// The text of `bytes`.
    ///
    /// # Errors
    /// As [`TextEncoding::decode`].
    pub fn read(self, bytes: Vec<u8>) -> Result<String, DecodeError> {
        let text = self.encoding.decode(bytes)?;
        Ok(match self.source_marks {
            SourceMarks::Strip => super::yedda::strip(&text),
            SourceMarks::Escape => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Pileus 3–5 cm, “red”; Dvořáková & Lefèvre, Škoda für Ärzte und Größe, naïve façade.\n";

    fn decode(encoding: &str, bytes: &[u8]) -> Result<String, DecodeError> {
        encoding.parse::<TextEncoding>().expect("known").decode(bytes.to_vec())
    }

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn utf16_with_a_mark_is_always_recognised() {
        for little in [true, false] {
            let bytes = utf16(&format!("\u{feff}{TEXT}"), little);
            for encoding in ["utf-8", "auto", "windows-1252"] {
                assert_eq!(decode(encoding, &bytes).as_deref(), Ok(TEXT));
            }
            let bare = utf16(TEXT, little);
            let name = if little { "utf-16le" } else { "utf-16be" };
            assert_eq!(decode("utf-8", &bare), Err(DecodeError::Utf16(name)));
            assert_eq!(decode(name, &bare).as_deref(), Ok(TEXT));
            assert_eq!(decode("auto", &bare).as_deref(), Ok(TEXT));
        }
    }

    #[test]
    fn advice_names_an_encoding_that_works() {
        let german =
            "Der Hut ist 3–5 cm breit, rötlich, später gelblich; Geruch süß. Fundort: Österreich, Kärnten.\n";
        let polish =
            "Kapelusz żółty, potem brązowy; trzon dłuższy niż szerokość kapelusza, gęsto pokryty łuskami.\n";
        let english =
            "Émile Lefèvre, Department of Botany. Spores 8–10 × 4–5 µm; specimens of Lefèvre from Orlické.\n";
        for (name, text) in [
            ("windows-1252", german),
            ("windows-1252", english),
            ("iso-8859-2", polish),
            ("windows-1250", polish),
        ] {
            let encoding = Encoding::for_label(name.as_bytes()).expect("known");
            let (bytes, _, lost) = encoding.encode(text);
            assert!(!lost);
            let error = decode("utf-8", &bytes).expect_err("not UTF-8");
            let DecodeError::NotUtf8 { guess, .. } = &error else { panic!("{error}") };
            assert_eq!(decode(guess, &bytes).as_deref(), Ok(text), "{error}");
            assert_eq!(decode("auto", &bytes).as_deref(), Ok(text), "{error}");
            assert!(error.to_string().contains(&format!("--encoding {guess}")));
        }
        let error =
            decode("euc-kr", "Größe, Ärzte; naïve façade – Škoda\n".as_bytes()).expect_err("not EUC-KR");
        assert!(error.to_string().contains("--encoding utf-8"), "{error}");
    }

    #[test]
    fn other_kinds_of_files_are_named() {
        for (bytes, kind) in [
            (&b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml"[..], "DOCX"),
            (b"PK\x03\x04\x0a\x00mimetypeapplication/vnd.oasis.opendocument.text", "ODT"),
            (b"PK\x03\x04\x0a\x00notes.txt", "a ZIP archive"),
            (b"{\\rtf1\\ansi text}", "RTF"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "DOC"),
        ] {
            for encoding in ["utf-8", "auto", "windows-1252"] {
                let error = decode(encoding, bytes).expect_err(kind);
                assert!(
                    matches!(error, DecodeError::OtherKind { .. }) && error.to_string().contains(kind),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn utf_32_is_not_taken_for_utf_16() {
        for (mark, letter) in [(b"\xFF\xFE\0\0", b"a\0\0\0"), (b"\0\0\xFE\xFF", b"\0\0\0a")] {
            for encoding in ["utf-8", "auto", "utf-16le", "windows-1252"] {
                let error = decode(encoding, &[*mark, *letter].concat()).expect_err("UTF-32");
                assert_eq!(error, DecodeError::Utf32, "{encoding}");
                assert!(error.to_string().contains("iconv -f UTF-32"));
            }
        }
    }

    #[test]
    fn names_are_those_of_the_standard() {
        for (name, shown) in
            [("UTF8", "utf-8"), ("latin1", "windows-1252"), ("AUTO", "auto"), ("UTF-16", "utf-16le")]
        {
            assert_eq!(name.parse::<TextEncoding>().expect("known").to_string(), shown);
        }
        let error = "latin-99".parse::<TextEncoding>().expect_err("unknown");
        assert!(error.to_string().contains("'latin-99'") && error.to_string().contains("windows-1252"));
        let stored = serde_json::to_string(&TextEncoding::Auto).expect("serializes");
        assert_eq!(serde_json::from_str::<TextEncoding>(&stored).expect("reads"), TextEncoding::Auto);
    }

    #[test]
    fn utf8_is_read_as_it_is() {
        for encoding in ["utf-8", "auto"] {
            for text in ["", "a", TEXT, "\u{feff}First", "nul \0 within"] {
                assert_eq!(decode(encoding, text.as_bytes()).as_deref(), Ok(text));
            }
        }
    }
}
