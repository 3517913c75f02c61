//! A master key as 24 words on paper: BIP-39, English. The last word has eight bits of checksum.

use bip39::{Language, Mnemonic};
use treering_token::{escape, salt::MasterKey};
use zeroize::{Zeroize as _, Zeroizing};

/// Of 32 bytes.
const WORDS: usize = 24;

/// Why words are no master key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum WordsError {
    #[error("a master key has {WORDS} words, and here are {0}")]
    Count(usize),
    #[error("word {place}, \"{word}\", is not one of the 2,048 words of BIP-39{suggestion}", suggestion = suggested(.maybe))]
    Unknown { place: usize, word: String, maybe: Vec<&'static str> },
    #[error(
        "each word is known, but together they fail their checksum: one of them is another word of the list, or some have \
         changed places"
    )]
    Checksum,
}

fn suggested(maybe: &[&str]) -> String {
    match maybe {
        [] => String::new(),
        maybe => format!("; is it {}?", maybe.join(" or ")),
    }
}

/// The words, four a line, each with its number.
pub(crate) fn to_words(key: &MasterKey) -> Zeroizing<String> {
    let words = Mnemonic::from_entropy(key.as_bytes()).expect("32 bytes have 24 words");
    // Room for all of it at once: a text that grows leaves its old self behind, not zeroed.
    let mut text = Zeroizing::new(String::with_capacity(1024));
    for (at, word) in words.words().enumerate() {
        // Not format!, whose text would not be zeroed.
        let number = at + 1;
        text.push_str(if number < 10 { " " } else { "" });
        text.push_str(&number.to_string());
        text.push_str(". ");
        text.push_str(word);
        if number.is_multiple_of(4) {
            text.push('\n');
        } else {
            // The longest word has 8 letters.
            (word.len()..10).for_each(|_| text.push(' '));
        }
    }
    text
}

/// The key that these words stand for. Numbers before them and upper case don't matter.
pub(crate) fn from_words(text: &str) -> Result<MasterKey, WordsError> {
    let mut all = Zeroizing::new(String::with_capacity(text.len()));
    let mut count = 0;
    for word in text.split_whitespace().filter(|word| !is_number(word)) {
        let begin = all.len();
        all.push_str(if count == 0 { "" } else { " " });
        all.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        count += 1;
        let word = all[begin..].trim_start();
        if Language::English.find_word(word).is_none() {
            let (word, maybe) = (escape::text(word), similar(word));
            return Err(WordsError::Unknown { place: count, word, maybe });
        }
    }
    if count != WORDS {
        return Err(WordsError::Count(count));
    }
    let words = Mnemonic::parse_in_normalized(Language::English, &all).map_err(|_| WordsError::Checksum)?;
    let (mut bytes, length) = words.to_entropy_array();
    let key = bytes[..length].try_into().map(MasterKey::new).map_err(|_| WordsError::Count(count));
    bytes.zeroize();
    key
}

/// `7` or `7.`
fn is_number(word: &str) -> bool {
    let digits = word.trim_end_matches('.');
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words of the list that are nearly this one, the nearest first. Their first four letters tell them all apart.
fn similar(word: &str) -> Vec<&'static str> {
    let start: String = word.chars().take(4).collect();
    let mut near: Vec<_> = Language::English
        .word_list()
        .iter()
        .map(|known| {
            let same_start = start.len() == 4 && known.starts_with(&start);
            (if same_start { 0 } else { distance(word, known) }, *known)
        })
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    near.sort_unstable();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().filter(|(distance, _)| *distance == best).map(|(_, word)| word).take(4).collect()
}

/// How many letters are to be changed, added, left out or exchanged with the next one.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(32).collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let change = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                    let best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    let exchanged =
                        i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
                    if exchanged { best.min(rows[i - 2][j - 2] + 1) } else { best }
                }
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP-39's own vectors.
    #[test]
    fn agrees_with_the_standard() {
        let zeros = format!("{}art", "abandon ".repeat(23));
        assert_eq!(from_words(&zeros).unwrap().as_bytes(), &[0; 32]);
        let ones = format!("{}vote", "zoo ".repeat(23));
        assert_eq!(from_words(&ones).unwrap().as_bytes(), &[0xff; 32]);
        let other = "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen \
                     patrol group space point ten exist slush involve unfold";
        let key = "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f";
        assert_eq!(hex::encode(from_words(other).unwrap().as_bytes()), key);
    }

    #[test]
    fn what_is_written_on_paper_is_read_back() {
        for byte in [0, 1, 0x5a, 0xff] {
            let key = MasterKey::new([byte; 32]);
            let text = to_words(&key);
            assert_eq!(text.lines().count(), 6);
            assert!(text.capacity() == 1024, "it never grew");
            assert_eq!(from_words(&text.to_uppercase()).unwrap().as_bytes(), key.as_bytes());
        }
        insta::assert_snapshot!(to_words(&MasterKey::new([0; 32])).lines().next_back().unwrap(), @"21. abandon   22. abandon   23. abandon   24. art");
    }

    #[test]
    fn a_word_that_is_written_wrongly_is_named_with_what_it_may_be() {
        let with = |place: usize, word: &str| {
            let mut words = vec!["abandon"; 23];
            words.push("art");
            words[place] = word;
            from_words(&words.join("\n")).map(|_| ()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(with(6, "abandn"), @r#"word 7, "abandn", is not one of the 2,048 words of BIP-39; is it abandon?"#);
        insta::assert_snapshot!(with(0, "abnadon"), @r#"word 1, "abnadon", is not one of the 2,048 words of BIP-39; is it abandon?"#);
        insta::assert_snapshot!(with(23, "aart"), @r#"word 24, "aart", is not one of the 2,048 words of BIP-39; is it apart or art or cart?"#);
        insta::assert_snapshot!(with(3, "qqqqqqqqqq"), @r#"word 4, "qqqqqqqqqq", is not one of the 2,048 words of BIP-39"#);
        insta::assert_snapshot!(with(3, "\u{202e}zoo"), @r#"word 4, "\u{202e}zoo", is not one of the 2,048 words of BIP-39; is it zoo?"#);
        insta::assert_snapshot!(with(3, "zoo"), @"each word is known, but together they fail their checksum: one of them is another word of the list, or some have changed places");
        insta::assert_snapshot!(from_words("abandon abandon").map(|_| ()).unwrap_err(), @"a master key has 24 words, and here are 2");
        insta::assert_snapshot!(from_words("").map(|_| ()).unwrap_err(), @"a master key has 24 words, and here are 0");
    }

    #[test]
    fn words_are_compared_as_people_write_them() {
        assert_eq!(distance("abandon", "abandon"), 0);
        assert_eq!(distance("abnadon", "abandon"), 1, "two letters exchanged");
        assert_eq!(distance("", "abandon"), 7);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
