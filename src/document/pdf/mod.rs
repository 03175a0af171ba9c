//! The text of a PDF, in the order in which a person reads it.
//!
//! [hayro](https://docs.rs/hayro-interpret) interprets the pages and tells where each glyph stands and what it means;
//! what makes text of that is here. [`glyphs`] collects the glyphs of a page, [`segments`] joins them into stretches of
//! a line, [`order`] brings columns into reading order, and [`text`] writes lines: one per line of the page, a blank
//! line where the page leaves room, blanks where a line is indented, and a form feed after each page, as `pdftotext` does.
//!
//! A PDF comes from anywhere. It is read on a thread of its own, with a large stack and a deadline, so that one that
//! fails or hangs costs its own document and no other.

mod glyphs;
mod order;
mod segments;
#[cfg(test)]
mod tests;
mod text;
mod unpacked;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use std::panic;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;

/// How every PDF begins.
pub(super) const MAGIC: &[u8] = b"%PDF-";

/// How long one PDF may take.
const MOST_TIME: Duration = Duration::from_secs(60);
/// Pages nest objects in objects, and the interpreter follows them by calling itself.
const STACK_BYTES: usize = 64 << 20;
/// The name of the threads that read PDFs.
const THREAD: &str = "pdf";

/// Why a PDF has no text to give. A message goes on from the document's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PdfError {
    /// Only pictures of pages.
    #[error(
        "is a PDF without a text layer: its pages ({pages}) are pictures; recognise their text first, for example with: ocrmypdf in.pdf out.pdf"
    )]
    NoText {
        /// Pages in it.
        pages: usize,
    },
    /// There are glyphs, but nothing says what letters they are.
    #[error(
        "is a PDF whose fonts do not tell what letters they draw ({unknown} of {glyphs} glyphs); recognise its text, for example with: ocrmypdf --force-ocr in.pdf out.pdf"
    )]
    NoMeaning {
        /// Glyphs without a meaning.
        unknown: usize,
        /// All glyphs.
        glyphs: usize,
    },
    /// It cannot be opened without a password.
    #[error(
        "is a PDF that needs a password; save it without one, for example with: qpdf --decrypt --password=... in.pdf out.pdf"
    )]
    Password,
    /// An encryption that is not known.
    #[error(
        "is a PDF with an encryption that is not read; save it without, for example with: qpdf --decrypt in.pdf out.pdf"
    )]
    Encryption,
    /// Not a PDF, or one that is cut off.
    #[error(
        "is a PDF that cannot be read: it is damaged or cut off; repair it, for example with: qpdf in.pdf out.pdf"
    )]
    Damaged,
    /// It took too long.
    #[error(
        "is a PDF that was given up after {seconds} s; extract its text with another program, for example: pdftotext"
    )]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// It draws more text than can be meant.
    #[error(
        "is a PDF that draws more than {most} letters {place}; extract its text with another program, for example: pdftotext"
    )]
    TooMuch {
        /// The limit.
        most: usize,
        /// Where: on a page, or in all.
        place: &'static str,
    },
    /// It unpacks to more than memory should hold.
    #[error(
        "is a PDF that unpacks to more than {} MiB; if you trust it, extract its text with another program, for example: pdftotext",
        most >> 20
    )]
    TooLarge {
        /// The limit, in bytes.
        most: u64,
    },
    /// No thread could be started for it.
    #[error("is a PDF, and no thread could be started to read it: {0}")]
    Thread(String),
}

/// The text of a PDF.
///
/// # Errors
/// It has no text, or cannot be read.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, PdfError> {
    text_within(bytes, MOST_TIME)
}

fn text_within(bytes: Vec<u8>, most: Duration) -> Result<String, PdfError> {
    let deadline = Deadline { end: Instant::now() + most, most };
    on_own_thread(deadline, move || read(bytes, deadline))
}

/// When a PDF must have been read.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    end: Instant,
    most: Duration,
}

impl Deadline {
    fn error(self) -> PdfError {
        PdfError::TooSlow { seconds: self.most.as_secs() }
    }

    /// Gives the PDF up when its time is over.
    fn check(self) {
        if Instant::now() > self.end {
            give_up(self.error());
        }
    }
}

/// Leaves the interpreter, which has no other way to be stopped. It unwinds as a panic does, but says nothing to the
/// panic hook.
fn give_up(error: PdfError) -> ! {
    panic::resume_unwind(Box::new(error))
}

/// Whether this thread reads a PDF: a panic in it is a damaged PDF, and no fault of the program.
pub(crate) fn is_read_here() -> bool {
    thread::current().name() == Some(THREAD)
}

/// Runs `read` where neither a panic nor a full stack nor an endless loop of it harms the caller.
fn on_own_thread(
    deadline: Deadline,
    read: impl FnOnce() -> Result<String, PdfError> + Send + 'static,
) -> Result<String, PdfError> {
    let (done, result) = mpsc::sync_channel(1);
    let worker = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let read = panic::catch_unwind(panic::AssertUnwindSafe(read));
        let _ = done.send(read.unwrap_or_else(|thrown| {
            Err(thrown.downcast::<PdfError>().map_or(PdfError::Damaged, |given_up| *given_up))
        }));
    });
    let worker = worker.map_err(|error| PdfError::Thread(error.to_string()))?;
    // The thread ends itself soon after the deadline; where it is caught between two glyphs, it is left behind.
    match result.recv_timeout(deadline.most + Duration::from_secs(2)) {
        Ok(read) => {
            let _ = worker.join();
            read
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Err(deadline.error()),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(PdfError::Damaged),
    }
}

fn read(bytes: Vec<u8>, deadline: Deadline) -> Result<String, PdfError> {
    if let Some(most) = unpacked::exceeded_limit(&bytes, deadline) {
        return Err(PdfError::TooLarge { most });
    }
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfError::Password,
        LoadPdfError::Decryption(_) => PdfError::Encryption,
        LoadPdfError::Invalid => PdfError::Damaged,
    })?;
    let mut reader = glyphs::Reader::new(&pdf, deadline);
    let mut text = String::new();
    for page in pdf.pages().iter() {
        deadline.check();
        let glyphs = reader.page(page);
        text::write(&order::in_order(segments::of(glyphs)), &mut text);
        text.push('\u{c}');
    }
    let seen = reader.seen();
    if seen.glyphs == 0 {
        return Err(if pdf.pages().is_empty() {
            PdfError::Damaged
        } else {
            PdfError::NoText { pages: pdf.pages().len() }
        });
    }
    if let Some(unknown) = seen.meaningless() {
        return Err(PdfError::NoMeaning { unknown, glyphs: seen.glyphs });
    }
    Ok(text)
}
