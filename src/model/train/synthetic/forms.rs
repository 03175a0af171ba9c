//! Names under every form that books give them.

use super::words::Words;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

fn pick<'a>(choices: &[&'a str], random: &mut StdRng) -> &'a str {
    choices.choose(random).copied().unwrap_or_default()
}

/// A name with its author in one of many forms; now and then the author is missing.
pub(super) fn name(words: &Words, random: &mut StdRng) -> String {
    let (genus, epithet) = (words.genus(random), words.epithet(random));
    let by = authors(words, random);
    let core = match random.random_range(0..26) {
        0..7 => format!("{genus} {epithet} {by}"),
        7 => format!("{genus} {epithet}"),
        8 => {
            let rank = pick(&["var.", "subsp.", "ssp.", "f.", "forma", "f. sp.", "subvar."], random);
            let between =
                if random.random_bool(0.3) { format!("{} ", words.author(random)) } else { String::new() };
            format!("{genus} {epithet} {between}{rank} {} {by}", words.epithet(random))
        }
        9 => format!("{genus} {} {epithet} {by}", pick(&["aff.", "cf.", "aff", "cf"], random)),
        10 => {
            let first = format!("{genus} {epithet}");
            match random.random_range(0..5) {
                0 => format!("{genus} × {epithet} {by}"),
                1 => format!("×{genus} {epithet} {by}"),
                2 => format!("{genus} x {epithet} {by}"),
                3 => format!("×{genus} ×{epithet} {by}"),
                _ => {
                    let initial = genus.chars().next().unwrap_or('A');
                    format!("{first} × {initial}. {}", words.epithet(random))
                }
            }
        }
        11 => format!("{} {} {}", genus.to_uppercase(), epithet.to_uppercase(), by.to_uppercase()),
        12 => format!("{} {by}", if random.random_bool(0.5) { genus.to_uppercase() } else { genus }),
        13 => {
            let rank = pick(&["sect.", "subg.", "subsect.", "ser.", "subgen.", "sect.", "Section"], random);
            let by = if random.random_bool(0.4) { String::new() } else { format!(" {by}") };
            format!("{genus} {rank} {}{by}", capitalised(&words.epithet(random)))
        }
        14 => {
            let person = words.author(random).replace(['.', ' '], "");
            let end = pick(&["ii", "i", "iana", "ianus", "ae"], random);
            format!("{genus} {person}{end} {}", words.author(random))
        }
        15 => format!("{}. {epithet} {by}", genus.chars().next().unwrap_or('A')),
        16 => format!("{}.{epithet} {by}", genus.chars().next().unwrap_or('A')),
        17 => format!(
            "{genus} {epithet} {}",
            pick(&["‘Golden Bell’", "'Prima'", "‘Alba’", "\"MUS-04\" nom. prov."], random)
        ),
        18 => format!(
            "{genus} {epithet} {} {by}",
            pick(&["sensu", "auct.", "sensu auct., non", "s.", "ss."], random)
        ),
        19 => format!(
            "{genus} {epithet} {by} [{} of {} {}]",
            pick(&["anamorph", "teleomorph"], random),
            words.genus(random),
            words.epithet(random)
        ),
        20 => format!("{genus} {epithet} ({}) {} in {by}", words.author(random), words.author(random)),
        _ => format!("{genus} {epithet} {by}"),
    };
    let before = match random.random_range(0..14) {
        0 => format!("{}. ", random.random_range(1..200)),
        1 => pick(
            &["= ", "≡ ", "* ", "— ", "– ", "Basionym: ", "Syn.: ", "Synonym: ", "Sp. nov.: ", "† "],
            random,
        )
        .to_owned(),
        _ => String::new(),
    };
    format!("{before}{core}")
}

/// What publishes a name as new, or says how it stands.
pub(super) fn tail(words: &Words, random: &mut StdRng) -> String {
    let new = [
        ", sp. nov.",
        " sp. nov.",
        ", comb. nov.",
        " comb. nov.",
        ", spec. nov.",
        " n. sp.",
        ", stat. nov.",
        ", nom. nov.",
        ", comb. et stat. nov.",
        ", stat. et comb. nov.",
        ", gen. nov.",
        ", var. nov.",
        ", SP. NOV.",
        " sp.nov.",
        ", subg. nov.",
        ", sect. nov.",
        " nova species",
    ];
    let status = [
        ", nom. illeg.",
        ", nom. cons.",
        ", nom. nud.",
        " nom. inval.",
        " ined.",
        ", nom. prov.",
        " (Fig. 2)",
        " Figs. 3-8",
        " Fig. 1",
        " – Figs 12, 13",
        " (Plate III, figs 1–4)",
        ", nom. dub.",
    ];
    match random.random_range(0..10) {
        0..3 => {
            let more = match random.random_range(0..6) {
                0 => format!(" MB {}", random.random_range(100_000..840_000)),
                1 => format!(" MycoBank MB#{}", random.random_range(100_000..840_000)),
                2 => format!(" Figs. {}–{}", random.random_range(1..9), random.random_range(9..30)),
                _ => String::new(),
            };
            format!("{}{more}", pick(&new, random))
        }
        3 => pick(&status, random).to_owned(),
        4 => {
            let journal = pick(
                &["Acta Bot.", "Fl. Mont.", "Ann. Mus. Nat.", "Bull. Soc.", "Syn. Fung.", "Sylloge"],
                random,
            );
            let (volume, page) = (random.random_range(1..90), random.random_range(1..600));
            format!(", {journal} {volume}: {page}. {}.", random.random_range(1753..2015))
        }
        5 => format!(" {}", random.random_range(1753..2022)),
        6 => format!(" (non {} {})", words.author(random), random.random_range(1753..1990)),
        _ => String::new(),
    }
}

fn authors(words: &Words, random: &mut StdRng) -> String {
    let a = words.author(random);
    let b = words.author(random);
    match random.random_range(0..20) {
        0..7 => a,
        7..10 => format!("({a}) {b}"),
        10 => format!("{a} & {b}"),
        11 => format!("{a} ex {b}"),
        12 => format!("{a} et {b}"),
        13 => format!("{a} in {b}"),
        14 => format!("{a} : Fr."),
        15 => format!("({a}: Fr.) {b}"),
        16 => format!("({a} ex {b}) {}", words.author(random)),
        17 => format!("{a}, {b} & {}", words.author(random)),
        18 => format!("{a} {}", pick(&["f.", "fil.", "bis", "et al."], random)),
        _ => format!("{} {a}", pick(&["De", "von", "van der", "Mc", "de"], random)),
    }
}

/// A word with its first letter in upper case.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
