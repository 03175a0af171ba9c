//! How a line begins and how it ends: a handful of classes, told from a bounded number of bytes.

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

/// The longest word of the lists.
const LONGEST: usize = 16;

/// How `line` begins, how many bytes its first word has, and whether it begins like the name of a species.
pub(super) fn head_of(line: &str) -> (Head, u8, bool) {
    let bytes = &line.as_bytes()[..line.len().min(64)];
    let word = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(bytes.len());
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let binomial = binomial(bytes, letters);
    (class_of(line, bytes, letters), word as u8, binomial)
}

fn class_of(line: &str, bytes: &[u8], letters: usize) -> Head {
    let first = bytes.first().copied().unwrap_or(0);
    match first {
        b'a'..=b'z' => Head::Lower,
        b'A'..=b'Z' => word_class(&bytes[..letters], bytes.get(letters).copied()),
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

/// The class of a first word that begins with an upper-case letter; `after` is the byte that follows it.
fn word_class(word: &[u8], after: Option<u8>) -> Head {
    if word.len() == 1 {
        return if after == Some(b'.') { Head::Initial } else { Head::Capitalized };
    }
    let mut lower = [0; LONGEST];
    if let Some(folded) = lower.get_mut(..word.len()) {
        folded.copy_from_slice(word);
        folded.make_ascii_lowercase();
        let folded = &*folded;
        match folded {
            b"fig" | b"figs" | b"figure" | b"figures" | b"plate" | b"plates" | b"map" => return Head::Figure,
            b"table" | b"tab" => return Head::Table,
            _ if SECTIONS.binary_search(&folded).is_ok() => return Head::Section,
            _ if ORGANS.binary_search(&folded).is_ok() => return Head::Organ,
            _ => {}
        }
    }
    if word.iter().all(u8::is_ascii_uppercase) { Head::Capitals } else { Head::Capitalized }
}

/// True for `Genus epithet Author` and `G. epithet (Author`: a capitalized word or initial, a lower-case word of
/// four letters or more, then an upper-case letter, a bracket, `&` or a rank.
fn binomial(bytes: &[u8], letters: usize) -> bool {
    if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
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
