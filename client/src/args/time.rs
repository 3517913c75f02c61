//! Moments on the command line: RFC 3339, whole seconds.

use treering_tlog::time::UnixSeconds;

/// `2026-11-22T04:41:00Z`; another offset than Z is converted.
pub(super) fn instant(text: &str) -> Result<UnixSeconds, String> {
    if text.parse::<jiff::civil::Date>().is_ok() && !text.contains(['T', 't', ' ']) {
        return Err(format!(
            "{text} is a whole day, and it matters which moment of it is meant: {text}T00:00:00Z is its beginning in UTC, \
             {text}T23:59:59Z its last second"
        ));
    }
    let wrong = || format!("{text:?} is no time such as 2026-11-22T04:41:00Z");
    if !text.ends_with(['Z', 'z']) && !has_offset(text) {
        return Err(format!("{}: it has to say its offset, Z for UTC or such as +01:00", wrong()));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    if time.subsec_nanosecond() != 0 {
        return Err(format!("{text:?} has a fraction of a second, and witnesses' times are whole seconds"));
    }
    u64::try_from(time.as_second()).ok().and_then(UnixSeconds::new).ok_or_else(wrong)
}

/// `+01:00` at the end.
fn has_offset(text: &str) -> bool {
    match text.as_bytes() {
        [.., sign, h1, h2, b':', m1, m2] => {
            matches!(sign, b'+' | b'-') && [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::instant;
    use insta::assert_snapshot;

    #[test]
    fn offsets_are_converted_and_what_is_unclear_is_refused() {
        let at = |text: &str| instant(text).unwrap().get();
        assert_eq!(at("2026-11-22T04:41:00Z"), 1_795_322_460);
        assert_eq!(at("2026-11-22T05:41:00+01:00"), 1_795_322_460);
        assert_eq!(at("2026-11-21T23:11:00-05:30"), 1_795_322_460);
        assert_eq!(at("1970-01-01T00:00:00Z"), 0);
        let refused = |text: &str| instant(text).unwrap_err();
        assert_snapshot!(refused("2026-11-22"), @"2026-11-22 is a whole day, and it matters which moment of it is meant: 2026-11-22T00:00:00Z is its beginning in UTC, 2026-11-22T23:59:59Z its last second");
        assert_snapshot!(refused("2026-11-22T04:41:00"), @r#""2026-11-22T04:41:00" is no time such as 2026-11-22T04:41:00Z: it has to say its offset, Z for UTC or such as +01:00"#);
        assert_snapshot!(refused("2026-11-22T04:41:00.5Z"), @r#""2026-11-22T04:41:00.5Z" has a fraction of a second, and witnesses' times are whole seconds"#);
        assert_snapshot!(refused("yesterday"), @r#""yesterday" is no time such as 2026-11-22T04:41:00Z: it has to say its offset, Z for UTC or such as +01:00"#);
        for bad in ["", "Z", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-11-22T04:41:00+1:00"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
