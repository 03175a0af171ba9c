//! Words that names are made of, and words that no name is made of.

/// True for one of a short list of words, in lower case.
pub(super) fn is_one_of(word: &str, list: &[&str]) -> bool {
    word.len() <= 12 && list.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Words of sentences and headings that are written with a capital and can be no genus.
pub(super) const NO_GENUS: [&str; 74] = [
    "the",
    "this",
    "these",
    "that",
    "those",
    "in",
    "on",
    "at",
    "of",
    "for",
    "from",
    "with",
    "without",
    "under",
    "among",
    "a",
    "an",
    "and",
    "as",
    "by",
    "it",
    "its",
    "he",
    "she",
    "they",
    "we",
    "our",
    "all",
    "both",
    "each",
    "some",
    "most",
    "many",
    "other",
    "also",
    "but",
    "if",
    "when",
    "while",
    "where",
    "although",
    "however",
    "since",
    "after",
    "before",
    "near",
    "to",
    "no",
    "not",
    "key",
    "fig",
    "figs",
    "figure",
    "table",
    "plate",
    "map",
    "vol",
    "dept",
    "new",
    "der",
    "die",
    "das",
    "ein",
    "eine",
    "les",
    "des",
    "une",
    "dans",
    "sur",
    "los",
    "las",
    "una",
    "department",
    "university",
];
/// Ranks above the species, within a genus.
pub(super) const INFRAGENERIC: [&str; 12] = [
    "sect", "subsect", "subg", "subgen", "ser", "subser", "section", "subgenus", "stirps", "sectio",
    "series", "trib",
];
/// Ranks below the species.
pub(super) const INFRASPECIFIC: [&str; 14] = [
    "var",
    "f",
    "fo",
    "fm",
    "forma",
    "subsp",
    "ssp",
    "subvar",
    "subf",
    "nothosubsp",
    "nothovar",
    "varietas",
    "convar",
    "sp",
];
/// What something may be new as.
pub(super) const NOVEL: [&str; 33] = [
    "sp",
    "spec",
    "species",
    "comb",
    "combinatio",
    "gen",
    "genus",
    "stat",
    "status",
    "nom",
    "nomen",
    "var",
    "varietas",
    "f",
    "forma",
    "subg",
    "subgen",
    "sect",
    "sectio",
    "subsect",
    "fam",
    "familia",
    "trib",
    "ser",
    "subsp",
    "ssp",
    "nothosp",
    "hybr",
    "ord",
    "ordo",
    "cl",
    "et",
    "tax",
];
pub(super) const NEW: [&str; 8] = ["nov", "novum", "nova", "novus", "n", "nouv", "hov", "novis"];
/// States of a name.
pub(super) const STATES: [&str; 22] = [
    "cons",
    "illeg",
    "illegit",
    "nud",
    "inval",
    "prov",
    "rej",
    "dub",
    "superfl",
    "ambig",
    "amb",
    "confus",
    "utique",
    "sanct",
    "ad",
    "int",
    "ined",
    "invalid",
    "illegitimate",
    "nudum",
    "dubium",
    "ambiguum",
];
/// Words between the authors of a name.
pub(super) const JOINTS: [&str; 14] =
    ["et", "and", "und", "y", "ex", "in", "apud", "emend", "non", "nec", "sensu", "auct", "auctt", "e"];
/// Small words that belong to authors' names or to what a name is taken for.
pub(super) const PARTICLES: [&str; 34] = [
    "de", "du", "da", "di", "do", "dos", "del", "della", "von", "van", "der", "den", "zu", "zur", "ter",
    "ten", "la", "le", "af", "al", "fil", "f", "filius", "bis", "s", "str", "l", "lato", "stricto", "lat",
    "ap", "pp", "des", "d",
];

/// Whether a word ends as Latin ones do.
pub(super) fn is_latin(word: &str) -> bool {
    const ENDINGS: [&str; 19] = [
        "us", "um", "a", "is", "i", "ae", "ans", "ens", "ense", "oides", "ix", "ax", "yx", "ior", "es", "on",
        "os", "ys", "opsis",
    ];
    let bytes = word.as_bytes();
    ENDINGS.iter().any(|ending| {
        bytes.len() > ending.len() + 1
            && bytes[bytes.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    })
}

/// Whether a capitalised word can be an epithet made from a person or place, as old books write them.
pub(super) fn is_dedicated(word: &str) -> bool {
    ["ii", "ae", "ana", "anus", "anum", "ensis", "ense", "orum", "icus", "ica", "icum"]
        .iter()
        .any(|end| word.ends_with(end))
}

pub(super) fn is_epithet(word: &str) -> bool {
    word.len() > 2 && !is_one_of(word, &JOINTS) && !is_one_of(word, &PARTICLES)
}
