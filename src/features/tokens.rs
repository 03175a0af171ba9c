//! Words and word suffixes.
//!
//! A word is what stands between white space (Unicode `White_Space`), lower-cased character by
//! character; an suffix is its last n characters, taken from words of at least n characters.

/// Calls `visit` with each word of `text`, lower-cased; `buffer` is scratch.
///
/// A word of small ASCII letters and marks is handed on as it lies in the text.
pub(crate) fn for_each_word(text: &str, buffer: &mut String, mut visit: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let (mut capitals, mut wide) = (false, false);
        while let Some(&byte) = bytes.get(at) {
            if byte == b' ' || byte.wrapping_sub(9) < 5 {
                break;
            }
            capitals |= byte.is_ascii_uppercase();
            wide |= !byte.is_ascii();
            at += 1;
        }
        let word = &text[start..at];
        if wide {
            // There may be more white space in it than ASCII has.
            for word in word.split_whitespace() {
                buffer.clear();
                lower_into(word, buffer);
                visit(buffer);
            }
        } else if capitals {
            buffer.clear();
            lower_into(word, buffer);
            visit(buffer);
        } else if !word.is_empty() {
            visit(word);
        }
        at += 1;
    }
}

/// Appends `word` to `buffer` in lower case.
pub(crate) fn lower_into(word: &str, buffer: &mut String) {
    if word.is_ascii() {
        buffer.push_str(word);
        let start = buffer.len() - word.len();
        buffer[start..].make_ascii_lowercase();
    } else {
        buffer.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// The last `n` characters of `word`, if it has as many.
pub(crate) fn suffix(word: &str, n: usize) -> Option<&str> {
    let (start, _) = word.char_indices().rev().nth(n.checked_sub(1)?)?;
    Some(&word[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for_each_word(text, &mut String::new(), |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn words_are_split_at_any_white_space_and_lower_cased() {
        assert_eq!(words("  Amanita\u{a0}RUBRA\tsp. \r\nNov.\u{c}"), ["amanita", "rubra", "sp.", "nov."]);
        assert_eq!(words("ÅBO Émile µm"), ["åbo", "émile", "µm"]);
        assert!(words(" \n\u{c} ").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn words_are_those_of_the_standard_library(text in "[ a-cA-C\\n\\r\\t\\x0b\\x0cÀé\u{a0}\u{2003}\u{85}.]{0,40}") {
            let lower = |word: &str| word.chars().flat_map(char::to_lowercase).collect::<String>();
            let expected: Vec<String> = text.split_whitespace().map(lower).collect();
            proptest::prop_assert_eq!(words(&text), expected);
        }
    }

    #[test]
    fn suffixes_count_characters_not_bytes() {
        assert_eq!(suffix("spore", 2), Some("re"));
        assert_eq!(suffix("spore", 5), Some("spore"));
        assert_eq!(suffix("spore", 6), None);
        assert_eq!(suffix("spöré", 3), Some("öré"));
        assert_eq!(suffix("x", 0), None);
    }
}
