//! What the client reads: lists, tables and settings that somebody gives it, a log's answers, and what it wrote itself on a
//! disk that may have been damaged since.

use treering::fuzzing as client;
use treering_token::{bundle::RelativePath, digest::Digests, escape};

use crate::meter::bounded_by;

/// TOML, JSON and CSV become many small values.
const TIMES: usize = 256;

/// Lists of digests or of names; the first byte says which, and whether entries end in NUL.
pub fn digest_list(bytes: &[u8]) {
    let Some((kind, list)) = bytes.split_first() else { return };
    let nul = kind & 1 == 1;
    if kind & 2 == 0 {
        for (path, digests) in bounded_by(TIMES, bytes, || client::sums(list, nul)).into_iter().flatten() {
            let again = client::sums(&sums(&path, &digests, nul), nul);
            assert_eq!(again, [Ok((path, digests))]);
        }
    } else {
        for path in bounded_by(TIMES, bytes, || client::names(list, nul)).into_iter().flatten() {
            let entry = [&b"./"[..], path.as_bytes(), if nul { b"\0" } else { b"\n" }].concat();
            assert_eq!(client::names(&entry, nul), [Ok(path)]);
        }
    }
}

/// As sha256sum --tag writes it, a digest a line.
fn sums(path: &RelativePath, digests: &Digests, nul: bool) -> Vec<u8> {
    let mut lines = Vec::new();
    for (id, digest) in digests.iter() {
        if !nul {
            lines.push(b'\\');
        }
        let name = id.name().expect("a list has digests of known names only");
        let tag =
            if name.starts_with("sha3") { name.to_uppercase() } else { name.to_uppercase().replace('-', "") };
        lines.extend(format!("{tag} (./").bytes());
        for byte in path.as_bytes() {
            match byte {
                b'\n' if !nul => lines.extend(b"\\n"),
                b'\r' if !nul => lines.extend(b"\\r"),
                b'\\' if !nul => lines.extend(b"\\\\"),
                byte => lines.push(*byte),
            }
        }
        lines.extend(format!(") = {}", hex::encode(digest)).bytes());
        lines.push(if nul { 0 } else { b'\n' });
    }
    lines
}

/// A table of claims.
pub fn claims_table(bytes: &[u8]) {
    let Ok(rows) = bounded_by(TIMES, bytes, || client::claims(bytes)) else { return };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(rows.len() <= lines, "{} rows in {lines} lines", rows.len());
}

/// What is pinned.
pub fn pins(bytes: &[u8]) {
    let Ok(text) = bounded_by(TIMES, bytes, || client::pins(bytes)) else { return };
    assert_eq!(client::pins(text.as_bytes()), Ok(text));
}

/// The configuration file.
pub fn settings(bytes: &[u8]) {
    // The table of options is made once, and isn't the input's.
    let _ = client::settings(b"");
    let Ok(wishes) = bounded_by(TIMES, bytes, || client::settings(bytes)) else { return };
    let mut keys: Vec<&str> = wishes.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), wishes.len(), "a setting is there twice");
}

/// What the client keeps of its runs: the first byte says which.
pub fn client_state(bytes: &[u8]) {
    let Some((kind, state)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => journal(state),
        1 => {
            let Ok(text) = bounded_by(TIMES, bytes, || client::job(state)) else { return };
            assert_eq!(client::job(&text), Ok(text));
        }
        _ => {
            let Some(entry) = state.first_chunk() else { return };
            let again = client::seen(entry);
            assert_eq!(client::seen(&again), again);
            // Of a time that says nothing, the rest isn't kept.
            assert!(again == *entry || entry[8..16] == i64::MIN.to_be_bytes());
        }
    }
}

fn journal(bytes: &[u8]) {
    let read = bounded_by(TIMES, bytes, || client::journal(bytes));
    // CRASH: a power cut may leave half a line, which never was one.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    assert_eq!(client::journal(&bytes[..whole]), read);
    if let Ok(run) = read {
        assert!(run.submissions.iter().all(|(_, records)| *records <= run.records));
    }
}

/// What a log answers, and what was sent to it: the first byte says which.
pub fn log_answer(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    match kind % 7 {
        0 => {
            let Ok(hashes) = bounded_by(TIMES, bytes, || client::sent(body)) else { return };
            let lines: String = hashes.iter().map(|hash| hex::encode(hash) + "\n").collect();
            assert_eq!(client::sent(lines.as_bytes()), Ok(hashes));
        }
        1 => {
            let Ok(token) = bounded_by(TIMES, bytes, || client::receipt(body)) else { return };
            assert_eq!(client::receipt(token.to_string().as_bytes()), Ok(token));
        }
        2 => drop(bounded_by(TIMES, bytes, || client::answers(body))),
        3 => drop(bounded_by(TIMES, bytes, || client::answer_names(body))),
        4 => drop(bounded_by(TIMES, bytes, || client::log_info(body))),
        5 => {
            let told = bounded_by(TIMES, bytes, || client::problem(body));
            assert!(!told.chars().any(escape::is_treacherous), "{told:?}");
        }
        _ => headers(body),
    }
}

/// Lines: the two headers of what is left, and `Retry-After`.
fn headers(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (policy, left, after) = (line(), line(), line());
    for hashes in [0, 1, bytes.len() as u64, u64::MAX] {
        let (pause, asked) = client::pause(policy, left, after, hashes);
        // So long at most that it is noticed: a day by what is left, ten minutes by what is asked.
        assert!(pause.as_secs() <= 24 * 3600 && asked.is_none_or(|asked| asked.as_secs() <= 600));
    }
}
