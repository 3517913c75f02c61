//! What a policy says of itself.

use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{log, policy, with_witnesses, witness};
use crate::{checkpoint::Origin, policy::Policy};

/// The example of the standard, with keys.
fn example() -> String {
    let vkey = |seed| witness(seed).verifier();
    format!(
        "log {}\n\nwitness X1 {}\nwitness X2 {}\nwitness X3 {}\ngroup X-witnesses 2 X1 X2 X3\n\n\
         witness Y1 {} https://y1.example/\n # second\n\twitness\tY2   {} \nwitness Y3 {}\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log(1).verifier(),
        vkey(1),
        vkey(2),
        vkey(3),
        vkey(4),
        vkey(5),
        vkey(6)
    )
}

#[test]
fn the_example_of_the_standard_means_what_it_says() {
    let policy = policy(&example());
    assert!(policy.is_met(&[0, 2, 4]));
    assert!(!policy.is_met(&[0, 1, 2]));
    assert!(!policy.is_met(&[0, 3, 4, 5]));
    assert!(policy.is_blocking(&[0, 1]) && policy.is_blocking(&[3, 4, 5]) && !policy.is_blocking(&[0, 3, 4]));
}

#[test]
fn the_canonical_form_has_one_item_a_line_in_order() {
    let policy = policy(&example());
    let text = String::from_utf8(policy.to_canonical()).unwrap();
    assert_snapshot!(without_keys(&text), @"
    log KEY
    witness X1 KEY
    witness X2 KEY
    witness X3 KEY
    witness Y1 KEY https://y1.example/
    witness Y2 KEY
    witness Y3 KEY
    group X-witnesses 2 X1 X2 X3
    group Y-witnesses 1 Y1 Y2 Y3
    group X-and-Y 2 X-witnesses Y-witnesses
    quorum X-and-Y
    ");
    let again = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(again.to_canonical(), text.as_bytes());
    assert_eq!((again.logs(), again.witnesses()), (policy.logs(), policy.witnesses()));
    assert_eq!(again.describe_quorum(), policy.describe_quorum());
}

/// The text with each vkey replaced, for a snapshot that fits a screen.
fn without_keys(text: &str) -> String {
    let word = |word: &str| if word.matches('+').count() >= 2 { "KEY".to_owned() } else { word.to_owned() };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

#[test]
fn quorums_are_told_in_words() {
    assert_snapshot!(policy("quorum none\n").describe_quorum(), @"none");
    assert_snapshot!(policy(&with_witnesses(2, "quorum w2\n")).describe_quorum(), @"w2");
    let text = with_witnesses(3, "group g 2 w1 w2 w3\nquorum g\n");
    assert_snapshot!(policy(&text).describe_quorum(), @"2 of w1, w2, w3");
    assert_snapshot!(
        policy(&example()).describe_quorum(),
        @"2 of X-witnesses (2 of X1, X2, X3), Y-witnesses (1 of Y1, Y2, Y3)"
    );
}

#[test]
fn what_is_told_holds_no_control_or_bidirectional_characters() {
    let text = format!("witness a\u{9b}\u{202e}é {}\nquorum a\u{9b}\u{202e}é\n", witness(1).verifier());
    assert_snapshot!(policy(&text).describe_quorum(), @r"a\u{9b}\u{202e}é");
}

#[test]
fn a_log_key_counts_for_the_origin_that_is_its_name() {
    let policy = policy(&with_witnesses(1, &format!("{}quorum w1\n", super::log_line(2))));
    let keys = policy.log_keys(&Origin::new("example.com/log").unwrap());
    assert_eq!(keys, [log(1).verifier(), log(2).verifier()]);
    assert_eq!(policy.log_keys(&Origin::new("example.com/lo").unwrap()), []);
}

/// High octets may stand in a URL, and need not be UTF-8.
#[test]
fn urls_keep_their_octets() {
    let vkey = witness(1).verifier();
    let utf8 = policy(&format!("witness w {vkey} https://é.example/\nquorum w\n"));
    assert_eq!(utf8.witnesses()[0].url.as_deref(), Some("https://é.example/"));
    let latin = [format!("witness w {vkey} https://").as_bytes(), b"\xe9.example/\nquorum w\n"].concat();
    let latin = Policy::parse(&latin).unwrap();
    assert_eq!(latin.witnesses()[0].url.as_deref(), Some("https://%E9.example/"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(policy.as_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_read_is_kept_and_its_canonical_form_is_stable(
        lines in vec(select(&[
            "group a 1 w1", "group b any w2 a", "group c all w3 b", "group d 2 w1 w2", "group e any e", "quorum a",
            "quorum b", "quorum none", "# x", "", " quorum\tw1 ", "group a 2 w2 w3", "group \u{e9} all w1 w3", "quorum \u{e9}",
        ][..]), 0..6),
    ) {
        let text = with_witnesses(3, &lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        if let Ok(policy) = Policy::parse(text.as_bytes()) {
            prop_assert_eq!(policy.as_bytes(), text.as_bytes());
            let canonical = policy.to_canonical();
            let again = Policy::parse(&canonical).unwrap();
            prop_assert_eq!(again.to_canonical(), canonical);
            prop_assert_eq!(again.describe_quorum(), policy.describe_quorum());
        }
    }
}

/// Nearly five hundred nested groups around a name as long as the file allows: to describe it takes one walk. It copied the name
/// once a group, which took many times as long as to read the file, and takes twice as long now.
#[test]
fn to_describe_a_hostile_quorum_takes_about_as_long_as_to_read_it() {
    use std::time::{Duration, Instant};
    let long = "n".repeat(480_000);
    let groups: String = (1..490).map(|at| format!("group g{at} 1 g{}\n", at - 1)).collect();
    let text = with_witnesses(1, &format!("group {long} 1 w1\ngroup g0 1 {long}\n{groups}quorum g489\n"));
    let time = |work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let policy = policy(&text);
    // In turns, so that what else the machine does meets both; and again, if it didn't.
    let (mut read, mut described) = (Duration::MAX, Duration::MAX);
    for _ in 0..200 {
        read = read.min(time(&|| drop(std::hint::black_box(Policy::parse(text.as_bytes())))));
        described = described.min(time(&|| drop(std::hint::black_box(policy.describe_quorum()))));
        if described < read * 6 {
            return;
        }
    }
    panic!("{described:?} to describe, {read:?} to read");
}
