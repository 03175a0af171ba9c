//! Recognizing a scientific name with its authors at the beginning of a text, by its shape.
//!
//! A name is not looked up. It is told by what names have in common under every form: a capitalised word and a small one
//! with a Latin ending, ranks (`var.`, `sect.`), marks of hybrids and doubt (`×`, `aff.`, `cf.`), then authors: capitalised
//! and abbreviated words with brackets, `&`, `et`, `ex`, `in`, `:`, `bis`; at last what was done (`sp. nov.`,
//! `nom. illeg.`), a citation, or nothing. Whether such a text *is* a name with an author where it stands is for others to
//! decide, out of the parts that were found.

mod parts;
mod words;

use parts::{Part, Parts};
use words::{
    INFRAGENERIC, INFRASPECIFIC, JOINTS, NEW, NO_GENUS, NOVEL, PARTICLES, STATES, is_dedicated, is_epithet,
    is_latin, is_one_of,
};

/// No more of a text is looked at.
const LONGEST: usize = 256;

/// How the name itself is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Form {
    /// `Amanita rubra`
    Binomial = 1,
    /// `A. rubra`
    Abbreviated,
    /// `AMANITA RUBRA`
    Capitals,
    /// `Amanita Laurentii`
    OldCapital,
    /// `Amanita` and an author.
    Genus,
    /// `AMANITA` and an author.
    CapitalGenus,
    /// `Amanita sect. Rubrae`
    Infrageneric,
    /// `Amanita × rubra`, `× Amanita`
    Hybrid,
    /// `Amanita aff. rubra`, `Amanita cf. rubra`
    Doubtful,
    /// `Amanita sp.`
    Unnamed,
}

/// Who is named as author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Authors {
    /// Nobody.
    None,
    /// `Muster`, `L.`
    One,
    /// `(Muster) Beispiel`
    Bracketed,
    /// `Muster & Beispiel`, `Muster ex Beispiel`, `Muster in Beispiel`, `Muster : Fr.`
    Joined,
    /// A cultivar instead: `'Golden'`.
    Cultivar,
}

/// What stands after name and authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// `sp. nov.`, `stat. et comb. nov.`
    Novelty,
    /// `nom. illeg.`, `nom. cons.`, `ined.`
    Status,
    /// A number: a year, or the volume of a citation.
    Number,
    /// A word that is no part of a name: running text.
    Word,
    /// A comma, colon or semicolon.
    Mark,
    /// A dash.
    Dash,
    /// A full stop.
    Stop,
    /// Anything else.
    Other,
}

/// What stands before the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Before {
    /// Nothing.
    Nothing,
    /// A number: `12.`, `3)`.
    Number,
    /// `=`, `≡`: a synonym.
    Synonym,
    /// A dash, bullet, star or quotation mark.
    Bullet,
    /// `Basionym:`, `Sp. nov.:`
    Label,
}

/// A name at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub before: Before,
    pub form: Form,
    /// The endings of genus and epithet are Latin: 0 for neither, 1 genus, 2 epithet, 3 both.
    pub latin: u8,
    /// There is a rank below the species (`var.`, `f. sp.`).
    pub infraspecific: bool,
    pub authors: Authors,
    pub after: After,
    /// One past the last byte that belongs to name, authors and what was done.
    pub end: usize,
}

/// The name that `text` begins with, if it begins like one.
pub(crate) fn read(text: &str) -> Option<Name> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut parts = Parts { text: &text[..end], at: 0 };
    let (before, mut is_hybrid) = before(&mut parts)?;
    let mut name = Name {
        before,
        form: Form::Genus,
        latin: 0,
        infraspecific: false,
        authors: Authors::None,
        after: After::Nothing,
        end: 0,
    };
    let (genus, shape) = genus(&mut parts)?;
    let mut latin = u8::from(shape == Form::Binomial && is_latin(genus) || shape == Form::Abbreviated);
    if shape == Form::Capitals && is_latin(genus) {
        latin = 1;
    }
    let after_genus = parts;
    let mut next = parts.take();
    if next == Part::Mark('×') || matches!(next, Part::Lower("x")) {
        is_hybrid = true;
        next = parts.take();
    }
    if let Part::Lower(word) = next
        && is_one_of(word, &["aff", "cf", "nr", "prope"])
    {
        parts.pass('.');
        name.form = Form::Doubtful;
        next = parts.take();
    }
    match next {
        Part::Lower(word) | Part::Upper(word) if is_one_of(word, &INFRAGENERIC) => {
            parts.pass('.');
            name.form = Form::Infrageneric;
            match parts.take() {
                Part::Capitalised(word) | Part::Lower(word) | Part::Upper(word) => {
                    latin |= 2 * u8::from(is_latin(word));
                }
                _ => return None,
            }
        }
        Part::Lower(word) if is_one_of(word, &["sp", "spp", "spec"]) && !says_new(parts) => {
            parts.pass('.');
            name.form = Form::Unnamed;
        }
        Part::Lower(word) if is_epithet(word) => {
            latin |= 2 * u8::from(is_latin(word));
            if name.form != Form::Doubtful {
                name.form = shape;
            }
        }
        Part::Upper(word) if shape == Form::Capitals && word.len() > 2 && !is_one_of(word, &JOINTS) => {
            latin |= 2 * u8::from(is_latin(word));
            name.form = Form::Capitals;
        }
        Part::Capitalised(word)
            if shape == Form::Binomial
                && is_dedicated(word)
                && matches!(parts.peek(), Part::Capitalised(_) | Part::Upper(_) | Part::Mark('(')) =>
        {
            latin |= 2;
            name.form = Form::OldCapital;
        }
        Part::Capitalised(_) if is_hybrid => parts = after_genus,
        _ if name.form == Form::Doubtful || shape == Form::Abbreviated => return None,
        _ => {
            parts = after_genus;
            name.form = if shape == Form::Capitals { Form::CapitalGenus } else { Form::Genus };
        }
    }
    if is_hybrid {
        name.form = Form::Hybrid;
    }
    name.latin = latin;
    authority(&mut parts, &mut name);
    let alone = matches!(name.form, Form::Genus | Form::CapitalGenus);
    if alone && name.authors == Authors::None && name.after != After::Novelty {
        return None;
    }
    name.end = parts.at;
    Some(name)
}

/// Passes what stands before a name: a number, marks, a label. Also whether a hybrid's mark is among them.
fn before(parts: &mut Parts<'_>) -> Option<(Before, bool)> {
    let (mut found, mut is_hybrid) = (Before::Nothing, false);
    for _ in 0..4 {
        let mut ahead = *parts;
        match ahead.take() {
            Part::Number(digits) if digits.len() <= 4 => {
                if let Part::Lower(letter) = ahead.peek()
                    && letter.len() == 1
                {
                    ahead.take();
                }
                if !ahead.pass('.') && !ahead.pass(')') {
                    return None;
                }
                found = Before::Number;
            }
            Part::Mark('=' | '≡' | '＝') => found = Before::Synonym,
            Part::Mark('×') => is_hybrid = true,
            Part::Mark(
                '-' | '–' | '—' | '*' | '†' | '•' | '·' | '+' | '#' | '"' | '“' | '‘' | '„' | '(' | '[' | '?',
            ) => {
                found = Before::Bullet;
            }
            Part::Capitalised(word) | Part::Upper(word)
                if is_one_of(
                    word,
                    &["basionym", "synonym", "synonyms", "synonymy", "syn", "typus", "sp", "gen", "comb"],
                ) =>
            {
                ahead.pass('.');
                while matches!(ahead.peek(), Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word) if is_one_of(word, &NEW))
                {
                    ahead.take();
                    ahead.pass('.');
                }
                if !ahead.pass(':') {
                    return Some((found, is_hybrid));
                }
                found = Before::Label;
            }
            _ => return Some((found, is_hybrid)),
        }
        *parts = ahead;
    }
    Some((found, is_hybrid))
}

/// The genus, and whether it is whole, cut short or in capitals.
fn genus<'a>(parts: &mut Parts<'a>) -> Option<(&'a str, Form)> {
    match parts.take() {
        Part::Capitalised(word) if word.len() < 4 && word.is_ascii() => {
            if parts.text[parts.at..].starts_with('.') {
                parts.at += 1;
                return Some((word, Form::Abbreviated));
            }
            (word.len() == 1 || word.len() == 3 && !is_one_of(word, &NO_GENUS))
                .then_some((word, if word.len() == 1 { Form::Abbreviated } else { Form::Binomial }))
        }
        Part::Capitalised(word) => {
            let plain = word.chars().skip(1).all(|c| c.is_lowercase() || c == '-');
            let stopped = parts.text[parts.at..].starts_with('.');
            (plain && !stopped && !is_one_of(word, &NO_GENUS)).then_some((word, Form::Binomial))
        }
        Part::Upper(word) => {
            (word.len() > 3 && !is_one_of(word, &NO_GENUS)).then_some((word, Form::Capitals))
        }
        _ => None,
    }
}

/// Whether `parts` go on with `. nov.`, after a rank.
fn says_new(mut parts: Parts<'_>) -> bool {
    parts.pass('.');
    matches!(parts.take(), Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word) if is_one_of(word, &NEW))
}

/// Passes authors, ranks below the species and what was done; notes them in `name`.
fn authority(parts: &mut Parts<'_>, name: &mut Name) {
    let (mut authors, mut joined, mut bracketed) = (0, false, false);
    loop {
        let mut ahead = *parts;
        match ahead.take() {
            Part::End => break,
            Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word)
                if is_one_of(word, &NOVEL) && novelty(&mut ahead) =>
            {
                name.after = After::Novelty;
                *parts = ahead;
                break;
            }
            Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word)
                if is_one_of(word, &["nom", "nomen", "ined", "hort"]) =>
            {
                ahead.pass('.');
                if let Part::Lower(state) | Part::Upper(state) = ahead.peek()
                    && is_one_of(state, &STATES)
                {
                    ahead.take();
                    ahead.pass('.');
                }
                name.after = After::Status;
                *parts = ahead;
                break;
            }
            Part::Lower(word) if is_one_of(word, &INFRASPECIFIC) && rank(&mut ahead) => {
                name.infraspecific = true;
                (authors, joined, bracketed) = (0, false, false);
            }
            Part::Lower(word) if is_one_of(word, &JOINTS) && !is_prose(ahead) => {
                ahead.pass('.');
                joined = true;
            }
            Part::Lower(word) if is_one_of(word, &PARTICLES) => {
                ahead.pass('.');
            }
            Part::Capitalised(_) | Part::Upper(_) => {
                ahead.pass('.');
                authors += 1;
            }
            Part::Mark('(' | '[') if is_author(ahead) => bracketed = true,
            Part::Mark(')' | ']') if bracketed => {}
            Part::Mark('&') => joined = true,
            Part::Mark(':') if authors > 0 && is_author(ahead) => joined = true,
            Part::Mark(',') if is_author(ahead) || is_novelty(ahead) => {}
            Part::Mark('‘' | '\'') if authors == 0 && matches!(ahead.peek(), Part::Capitalised(_)) => {
                name.authors = Authors::Cultivar;
            }
            Part::Mark('’' | '\'') if name.authors == Authors::Cultivar => {}
            Part::Mark('×') if name.form == Form::Hybrid || matches!(ahead.peek(), Part::Capitalised(_)) => {
                name.form = Form::Hybrid;
            }
            other => {
                name.after = match other {
                    Part::Number(_) => After::Number,
                    Part::Lower(_) => After::Word,
                    Part::Mark(',' | ':' | ';') => After::Mark,
                    Part::Mark('-' | '–' | '—') => After::Dash,
                    Part::Mark('.') if ahead.peek() == Part::End => After::Nothing,
                    Part::Mark('.') => After::Stop,
                    _ => After::Other,
                };
                break;
            }
        }
        *parts = ahead;
    }
    if name.authors == Authors::None {
        name.authors = match (authors, joined, bracketed) {
            (0, ..) => Authors::None,
            (_, true, _) => Authors::Joined,
            (_, _, true) => Authors::Bracketed,
            _ => Authors::One,
        };
    }
}

/// Whether running text goes on after a joint, as in `Amanita rubra in woods`.
fn is_prose(parts: Parts<'_>) -> bool {
    matches!(parts.peek(), Part::Lower(word) if !is_one_of(word, &PARTICLES) && !is_one_of(word, &NOVEL) && !is_one_of(word, &JOINTS) && !is_one_of(word, &["h", "d"]))
}

/// Whether an author, or what belongs to one, comes next.
fn is_author(parts: Parts<'_>) -> bool {
    match parts.peek() {
        Part::Capitalised(_) | Part::Upper(_) => true,
        Part::Lower(word) => {
            is_one_of(word, &PARTICLES) || is_one_of(word, &JOINTS) || is_one_of(word, &["nom", "ined"])
        }
        _ => false,
    }
}

fn is_novelty(mut parts: Parts<'_>) -> bool {
    matches!(parts.take(), Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word) if is_one_of(word, &NOVEL) && novelty(&mut parts))
}

/// After one of [`NOVEL`]: passes the rest up to and with `nov.`, if that comes.
fn novelty(parts: &mut Parts<'_>) -> bool {
    let mut ahead = *parts;
    for _ in 0..6 {
        ahead.pass('.');
        match ahead.take() {
            Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word) if is_one_of(word, &NEW) => {
                ahead.pass('.');
                *parts = ahead;
                return true;
            }
            Part::Lower(word) | Part::Upper(word) | Part::Capitalised(word) if is_one_of(word, &NOVEL) => {}
            Part::Mark('&' | ',') => {}
            _ => return false,
        }
    }
    false
}

/// After one of [`INFRASPECIFIC`]: passes the epithet, if one comes.
fn rank(parts: &mut Parts<'_>) -> bool {
    let mut ahead = *parts;
    ahead.pass('.');
    loop {
        match ahead.take() {
            // `f. sp. tritici`
            Part::Lower("sp" | "nothosp") if !says_new(ahead) => {
                ahead.pass('.');
            }
            Part::Lower(word) if is_epithet(word) && !is_one_of(word, &NEW) && !is_one_of(word, &NOVEL) => {
                *parts = ahead;
                return true;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(Form, Authors, After)> {
        read(text).map(|name| (name.form, name.authors, name.after))
    }

    #[test]
    fn names_are_told_by_their_shape() {
        use After::{Nothing, Novelty, Number, Status};
        use Authors::{Bracketed, Cultivar, Joined, None as Nobody, One};
        for (text, form, authors, after) in [
            ("Murrella opaca Wendt", Form::Binomial, One, Nothing),
            ("Murrella opaca", Form::Binomial, Nobody, Nothing),
            ("12. Murrella opaca (Wendt) B. Stolz", Form::Binomial, Bracketed, Nothing),
            (
                "= Murrella opaca (Wendt : Fr.) Stolz & Ahl, Acta Bot. 3: 12. 1911.",
                Form::Binomial,
                Joined,
                Number,
            ),
            (
                "Murrella opaca var. minor (Wendt) Stolz, comb. et stat. nov.",
                Form::Binomial,
                Bracketed,
                Novelty,
            ),
            ("M. opaca Wendt, sp. nov.", Form::Abbreviated, One, Novelty),
            ("M.opaca Wendt sp.nov.", Form::Abbreviated, One, Novelty),
            ("MURRELLA OPACA WENDT, SP. NOV.", Form::Capitals, One, Novelty),
            ("Murrella Wendt & Stolz, gen. nov.", Form::Genus, Joined, Novelty),
            ("MURRELLA (Fr.) B. Wendt", Form::CapitalGenus, Bracketed, Nothing),
            ("Murrella sect. Opacae Wendt", Form::Infrageneric, One, Nothing),
            ("Murrella Stolziana De Wendt", Form::OldCapital, One, Nothing),
            ("×Murrella ×opaca Wendt", Form::Hybrid, One, Nothing),
            ("Murrella × opaca Wendt, nothosp. nov.", Form::Hybrid, One, Novelty),
            ("Murrella aff. opaca Wendt", Form::Doubtful, One, Nothing),
            ("Murrella opaca Wendt ex Stolz, nom. illeg.", Form::Binomial, Joined, Status),
            ("Murrella opaca f. sp. stolzii Ahl", Form::Binomial, One, Nothing),
            ("Murrella opaca ‘Golden Bell’", Form::Binomial, Cultivar, Nothing),
            ("Sp. nov.: Murrella opaca Wendt", Form::Binomial, One, Nothing),
            ("Murrella opaca Зимин, sp. nov.", Form::Binomial, One, Novelty),
        ] {
            assert_eq!(parsed(text), Some((form, authors, after)), "{text}");
        }
    }

    #[test]
    fn running_text_is_none_or_goes_on_with_a_word() {
        for text in [
            "The cap is red.",
            "in Ohio",
            "Spores.",
            "1949 was dry",
            "Key to the species",
            "ABSTRACT",
            "",
            "12",
            "Fig. 3. Spores",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        for text in [
            "Murrella opaca was found by Wendt in Ohio",
            "Pileus red when young",
            "Spores smooth or nearly so",
        ] {
            assert_eq!(read(text).map(|name| name.after), Some(After::Word), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_within_its_bounds(text in "([A-Z]?[a-zé]{0,5}|[ .,:()&×=0-9]|sp|nov|var|李){0,30}") {
            if let Some(name) = read(&text) {
                proptest::prop_assert!(name.end <= text.len().min(LONGEST) && text.is_char_boundary(name.end));
            }
        }
    }
}
