//! How a line begins and how it ends: a handful of classes, recognized by a bounded number of bytes.

use crate::document::name::{self, After, Authors, Form, Name};
use memchr::{memchr3_iter, memmem};

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(super) enum Head {
    /// A lower-case letter.
    Lower,
    /// A word with an upper-case first letter, none of those below.
    Capitalized,
    /// An upper-case letter and a full stop: an initial, or a genus cut short.
    Initial,
    /// A word of upper-case letters.
    Capitals,
    /// A number and a full stop or bracket: `12.`, `3)`.
    Item,
    /// Another number.
    Number,
    /// An opening bracket.
    Bracket,
    /// A quotation mark.
    Quote,
    /// A dash, bullet or star.
    Bullet,
    /// `=` or `≡`: a synonym.
    Synonym,
    /// `Fig.`, `Figs`, `Plate`, `Map`: a caption.
    Figure,
    /// `Table`.
    Table,
    /// A word that opens a section or a part of a treatment: `Etymology`, `Type`, `Habitat`.
    Section,
    /// A word that opens a description: `Pileus`, `Spores`, `Conidia`.
    Organ,
    /// A letter beyond ASCII.
    Foreign,
    /// Anything else.
    #[default]
    Other,
}

impl Head {
    /// How many there are.
    pub(super) const COUNT: usize = 16;
}

/// What a line that begins with an upper-case letter, or such a numbered item, opens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(super) enum Lead {
    /// Nothing of those below.
    #[default]
    Plain,
    /// The name of a species and more: `Amanita rubra Muster`, `A. rubra (Muster) Beispiel`.
    Species,
    /// A run-in heading: `Habitat & distribution — `, `Type: `.
    RunIn,
    /// Another name with an author, or a whole line that is a name: `RUBRARIA Muster`, `Amanita sect. Rubrae`.
    Name,
    /// A name that is published as new on the same line: `Amanita rubra Muster, sp. nov.`
    Novelty,
}

impl Lead {
    /// How many there are.
    pub(super) const COUNT: usize = 5;
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(super) enum Tail {
    /// A full stop, none of those below.
    Stop,
    /// A full stop after one to three letters: an abbreviation, an author's name.
    Abbreviation,
    /// A full stop, comma or bracket after a year.
    Year,
    /// A year.
    BareYear,
    /// A hyphen after a letter: a word goes on.
    Hyphen,
    /// A comma.
    Comma,
    /// A semicolon.
    Semicolon,
    /// A colon.
    Colon,
    /// A closing bracket.
    Bracket,
    /// A digit.
    Digit,
    /// A lower-case letter.
    Lower,
    /// An upper-case letter.
    Upper,
    /// Anything else.
    #[default]
    Other,
}

impl Tail {
    /// How many there are.
    pub(super) const COUNT: usize = 13;
}

/// Words that open a section, a part of a treatment or a paragraph of its own kind, in order.
#[rustfmt::skip]
const SECTIONS: [&[u8]; 50] = [
    b"abstract", b"acknowledgements", b"acknowledgments", b"additional", b"anamorph", b"basionym", b"chemistry", b"collections",
    b"comments", b"culture", b"cultures", b"diagnosis", b"discussion", b"distribution", b"ecology", b"etymology",
    b"hab", b"habit", b"habitat", b"holotype", b"holotypus", b"host", b"hosts", b"icon",
    b"illustrations", b"introduction", b"isotype", b"key", b"keywords", b"lectotype", b"literature", b"material",
    b"materials", b"misapplied", b"neotype", b"notes", b"observations", b"range", b"references", b"remarks",
    b"selected", b"specimen", b"specimens", b"summary", b"syn", b"synonym", b"synonyms", b"teleomorph",
    b"type", b"typus",
];

/// Words that open a description, in order.
#[rustfmt::skip]
const ORGANS: [&[u8]; 43] = [
    b"apothecia", b"asci", b"ascocarps", b"ascomata", b"ascospores", b"basidia", b"basidiocarp", b"basidiocarps",
    b"basidiomata", b"basidiome", b"basidiospores", b"cap", b"carpophore", b"cheilocystidia", b"clamp", b"colonies",
    b"colony", b"conidia", b"conidiomata", b"conidiophores", b"context", b"cystidia", b"flesh", b"fruit",
    b"fruitbodies", b"gills", b"hymenium", b"hyphae", b"hyphal", b"lamellae", b"leaf", b"mycelium",
    b"peridium", b"perithecia", b"pileipellis", b"pileus", b"pleurocystidia", b"pycnidia", b"sporangia", b"spores",
    b"stipe", b"stromata", b"thallus",
];

/// Words that open a caption or a table.
const CAPTIONS: [&[u8]; 7] = [b"fig", b"figs", b"figure", b"figures", b"map", b"plate", b"plates"];
const TABLES: [&[u8]; 2] = [b"tab", b"table"];

/// How many slots the table of words has; less than half of them are taken.
const SLOTS: usize = 256;

/// All words of the lists, each folded to a number, by hash: a lookup costs one comparison or two.
static WORDS: [(u128, Head); SLOTS] = {
    let mut slots = [(0, Head::Other); SLOTS];
    slots = with_words(slots, &SECTIONS, Head::Section);
    slots = with_words(slots, &ORGANS, Head::Organ);
    slots = with_words(slots, &CAPTIONS, Head::Figure);
    with_words(slots, &TABLES, Head::Table)
};

const fn with_words(mut slots: [(u128, Head); SLOTS], words: &[&[u8]], head: Head) -> [(u128, Head); SLOTS] {
    let mut n = 0;
    while n < words.len() {
        let (mut key, mut at) = (0, words[n].len());
        while at > 0 {
            at -= 1;
            key = key << 8 | words[n][at] as u128;
        }
        let mut slot = slot_of(key);
        while slots[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = (key, head);
        n += 1;
    }
    slots
}

const fn slot_of(key: u128) -> usize {
    let mixed = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize
}

/// The first `length` letters of `bytes`, in lower case, as one number; `None` for more than 16.
fn folded(bytes: &[u8], length: usize) -> Option<u128> {
    let mut letters = [0; 16];
    match bytes.first_chunk::<16>() {
        Some(chunk) => letters = *chunk,
        None => letters[..bytes.len()].copy_from_slice(bytes),
    }
    let unused = 128 - 8 * u32::try_from(length).ok().filter(|length| (1..=16).contains(length))?;
    let (mask, lower) = (u128::MAX >> unused, u128::from_le_bytes([0x20; 16]));
    Some((u128::from_le_bytes(letters) | lower) & mask)
}

/// How `line` begins, how many bytes its first word has (64 at most), and what it opens with.
pub(super) fn head_of(line: &str) -> (Head, u8, Lead) {
    let bytes = &line.as_bytes()[..line.len().min(64)];
    let word = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len()) as u8;
    let letters = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match bytes {
        [b'a'..=b'z', ..] => (Head::Lower, word, Lead::Plain),
        [b'A'..=b'Z', ..] => {
            let letters = letters(bytes);
            (word_class(bytes, letters), word, lead(line, bytes, letters))
        }
        _ => {
            let head = sign_class(line, bytes);
            let item = if head == Head::Item { bytes.iter().position(u8::is_ascii_uppercase) } else { None };
            let opens = matches!(head, Head::Synonym | Head::Bullet) || bytes.starts_with("×".as_bytes());
            let lead =
                match item.filter(|at| *at < 8).and_then(|at| Some((line.get(at..)?, bytes.get(at..)?))) {
                    Some((line, bytes)) => lead(line, bytes, letters(bytes)),
                    None if opens => name::read(line).map_or(Lead::Plain, |name| lead_of(&name)),
                    None => Lead::Plain,
                };
            (head, word, lead)
        }
    }
}

/// What a line opens with whose first word has so many `letters`; `bytes` are its first ones.
fn lead(line: &str, bytes: &[u8], letters: usize) -> Lead {
    let says_new = || {
        let near = &line.as_bytes()[..line.len().min(240)];
        memmem::find(near, b"nov").or_else(|| memmem::find(near, b"NOV")).is_some()
    };
    let species = species(bytes, letters);
    if (species || can_be_name(bytes, letters) || says_new())
        && let Some(name) = name::read(line)
    {
        match lead_of(&name) {
            Lead::Plain => {}
            Lead::Name if species => return Lead::Species,
            found => return found,
        }
    }
    if species {
        return Lead::Species;
    }
    let near = &bytes[..bytes.len().min(32)];
    let run_in = memchr3_iter(b':', b'-', 0xE2, near).any(|at| match near[at] {
        b':' => at > 1 && matches!(near.get(at + 1), None | Some(b' ')),
        _ if !near[..at].ends_with(b" ") => false,
        b'-' => near.get(at + 1) == Some(&b' '),
        _ => matches!(near.get(at + 1..at + 4), Some([0x80, 0x93 | 0x94, b' '])),
    });
    if run_in { Lead::RunIn } else { Lead::Plain }
}

/// What a line opens with that begins with `name`.
fn lead_of(name: &Name) -> Lead {
    let whole = matches!(name.after, After::Nothing | After::Status | After::Number | After::Novelty);
    match name.form {
        Form::Genus | Form::CapitalGenus if whole && name.latin > 0 => Lead::Name,
        Form::Genus | Form::CapitalGenus => Lead::Plain,
        _ if name.after == After::Novelty => Lead::Novelty,
        Form::Binomial | Form::Abbreviated | Form::Capitals if name.authors == Authors::None => {
            if name.after == After::Nothing && name.latin == 3 { Lead::Name } else { Lead::Plain }
        }
        Form::Infrageneric | Form::Hybrid | Form::Doubtful => Lead::Name,
        _ if whole => Lead::Name,
        _ => Lead::Plain,
    }
}

/// A quick look at the word after the first, which spares most lines a closer one: a capital, a bracket, `×`, a rank or
/// mark of doubt, or the last word of the line.
fn can_be_name(bytes: &[u8], letters: usize) -> bool {
    let at = letters + usize::from(bytes.get(letters) == Some(&b'.'));
    let second = match bytes.get(at..) {
        Some([b' ', second @ ..]) => second,
        Some(second @ [b'a'..=b'z', ..]) if at > letters => second,
        _ => return false,
    };
    match second {
        [b'A'..=b'Z' | b'(' | 0xC3, ..] => true,
        [b'a'..=b'z', ..] => {
            let length = second.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
            length == second.len()
                || [&b"sect."[..], b"subg", b"subsect", b"aff.", b"cf.", b"x ", b"ser."]
                    .iter()
                    .any(|rank| second.starts_with(rank))
        }
        _ => false,
    }
}

/// The class of a line that does not begin with an ASCII letter.
fn sign_class(line: &str, bytes: &[u8]) -> Head {
    match bytes.first().copied().unwrap_or(0) {
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let more = usize::from(bytes.get(digits).is_some_and(u8::is_ascii_lowercase));
            match (bytes.get(digits + more), bytes.get(digits + more + 1)) {
                (Some(b'.' | b')'), next) if digits <= 3 && !next.is_some_and(u8::is_ascii_digit) => {
                    Head::Item
                }
                _ => Head::Number,
            }
        }
        b'(' | b'[' => Head::Bracket,
        b'"' | b'\'' => Head::Quote,
        b'-' | b'*' | b'+' | b'~' => Head::Bullet,
        b'=' => Head::Synonym,
        0..=0x7F => Head::Other,
        _ => match line.chars().next() {
            Some('≡' | '＝') => Head::Synonym,
            Some('–' | '—' | '•' | '·' | '†' | '■' | '●' | '−') => Head::Bullet,
            Some('“' | '”' | '‘' | '’' | '„' | '«' | '»') => Head::Quote,
            Some(c) if c.is_lowercase() => Head::Lower,
            Some(c) if c.is_alphabetic() => Head::Foreign,
            _ => Head::Other,
        },
    }
}

/// The class of a first word of so many `letters` that begins with an upper-case one.
fn word_class(bytes: &[u8], letters: usize) -> Head {
    if letters == 1 {
        return if bytes.get(1) == Some(&b'.') { Head::Initial } else { Head::Capitalized };
    }
    if let Some(key) = folded(bytes, letters) {
        let mut slot = slot_of(key);
        while WORDS[slot].0 != 0 {
            if WORDS[slot].0 == key {
                return WORDS[slot].1;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
    if bytes[..letters].iter().all(u8::is_ascii_uppercase) { Head::Capitals } else { Head::Capitalized }
}

/// True for `Genus epithet Author` and `G. epithet (Author`: a first word or initial of so many `letters`, a
/// lower-case word of four letters or more, then an upper-case letter, a bracket, `&` or a rank.
fn species(bytes: &[u8], letters: usize) -> bool {
    let mut at = letters;
    at += usize::from(letters == 1 && bytes.get(at) == Some(&b'.'));
    if bytes.get(at) != Some(&b' ') || (1..letters).any(|i| bytes[i].is_ascii_uppercase()) {
        return false;
    }
    let epithet = &bytes[at + 1..];
    let length = epithet.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
    if length < 4 || epithet.get(length) != Some(&b' ') {
        return false;
    }
    match epithet.get(length + 1..) {
        Some([b'A'..=b'Z' | b'(' | b'&' | b'[', ..]) => true,
        Some(rest) => [&b"sp."[..], b"comb", b"var.", b"f. ", b"subsp", b"ssp.", b"nov", b"n. ", b"auct"]
            .iter()
            .any(|rank| rest.starts_with(rank)),
        None => false,
    }
}

/// How `line` ends.
pub(super) fn tail_of(line: &str) -> Tail {
    let bytes = line.as_bytes();
    let bytes = &bytes[bytes.len().saturating_sub(16)..];
    let Some((&last, before)) = bytes.split_last() else { return Tail::Other };
    match last {
        b'.' | b',' | b')' | b']' if ends_with_year(before) => Tail::Year,
        b'.' => {
            let letters = before.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
            if (1..=3).contains(&letters) { Tail::Abbreviation } else { Tail::Stop }
        }
        b'-' => Tail::Hyphen,
        b',' => Tail::Comma,
        b';' => Tail::Semicolon,
        b':' => Tail::Colon,
        b')' | b']' => Tail::Bracket,
        b'0'..=b'9' if ends_with_year(bytes) => Tail::BareYear,
        b'0'..=b'9' => Tail::Digit,
        b'a'..=b'z' => Tail::Lower,
        b'A'..=b'Z' => Tail::Upper,
        0..=0x7F => Tail::Other,
        _ => match line.chars().next_back() {
            Some('\u{ad}' | '\u{2010}' | '\u{2011}' | '¬') => Tail::Hyphen,
            Some(c) if c.is_lowercase() => Tail::Lower,
            Some(c) if c.is_uppercase() => Tail::Upper,
            _ => Tail::Other,
        },
    }
}

/// True if `bytes` ends with a year from 1700 to 2099, perhaps with a bracket or full stop after it.
fn ends_with_year(bytes: &[u8]) -> bool {
    let bytes = match bytes {
        [rest @ .., b')' | b']' | b'.'] => rest,
        _ => bytes,
    };
    match bytes {
        [rest @ .., a, b, c, d] => {
            matches!((a, b), (b'1', b'7'..=b'9') | (b'2', b'0'))
                && c.is_ascii_digit()
                && d.is_ascii_digit()
                && !rest.last().is_some_and(u8::is_ascii_digit)
        }
        _ => false,
    }
}
