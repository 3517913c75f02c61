//! What is sent to a log and what it answers, lists and tables that the client is given: text, JSON, CSV and TOML.

use std::path::Path;

use treering::fuzzing as client;
use treering_fuzz_log::{
    config::Config,
    http::{Format, read},
};
use treering_tlog::hash::sha256;

use crate::measure::{MB, tell, time};

pub(crate) fn all() {
    bodies();
    lists();
    answers();
    tables();
}

fn bodies() {
    let hash = sha256(b"a").to_string();
    let json = |inner: &str| format!("{{\"hashes\":[{inner}]}}");
    for (name, format, text) in [
        ("octets", Format::Octets, "a".repeat(MB)),
        ("JSON, hashes", Format::Json, json(&vec![format!("\"{hash}\""); MB / 67].join(","))),
        ("JSON, white space", Format::Json, " ".repeat(MB)),
        ("JSON, one string", Format::Json, json(&format!("\"{}", "a".repeat(MB)))),
        ("sha256sum, short names", Format::Sums, format!("{hash}  a\n").repeat(MB / 68)),
        (
            "sha256sum, long names",
            Format::Sums,
            format!("{hash}  {}\n", "a".repeat(16_000)).repeat(MB / 16_067),
        ),
        (
            "sha256sum, names of what ends a name",
            Format::Sums,
            format!("SHA256 ({}{hash}\n", ") = ".repeat(4_000)).repeat(MB / 16_073),
        ),
        ("sha256sum, one line", Format::Sums, "a".repeat(MB)),
    ] {
        for piece in [MB, 1 << 14, 100] {
            time(&format!("submission in pieces of {piece}, {name}"), text.as_bytes(), |bytes| {
                read(format, bytes.chunks(piece), u64::MAX, false).is_ok()
            });
        }
    }
}

fn lists() {
    let hash = sha256(b"a").to_string();
    for (name, text) in [
        ("newlines", "\n".repeat(MB)),
        ("comments", "#\n".repeat(MB / 2)),
        ("no digests", "a\n".repeat(MB / 2)),
        ("carriage returns", "\r\n".repeat(MB / 2)),
        ("one file", format!("{hash}  a\n").repeat(MB / 68)),
        ("two files in turn", format!("{hash}  a\n{hash}  b\n").repeat(MB / 136)),
        ("short digests", "00  a\n".repeat(MB / 6)),
        ("without an algorithm", format!("{}  a\n", &hash[..32]).repeat(MB / 36)),
        ("of an unknown algorithm", format!("X(a)= {}\n", &hash[..32]).repeat(MB / 39)),
        ("outside", format!("{hash}  /\n").repeat(MB / 68)),
        ("long paths", format!("{hash}  {}\n", "a/".repeat(16_000)).repeat(MB / 32_067)),
        ("escapes", format!("\\{hash}  {}\n", "\\\\".repeat(32_000)).repeat(MB / 64_068)),
        ("colons", format!("SHA256(a)= {}\n", "00:".repeat(20_000)).repeat(MB / 60_012)),
        ("what ends a name", format!("SHA256 ({}{hash}\n", ") = ".repeat(16_000)).repeat(MB / 64_073)),
        ("one line", "a".repeat(MB)),
    ] {
        time(&format!("list of digests, {name}"), text.as_bytes(), |bytes| {
            client::sums(bytes, false).iter().all(Result::is_ok)
        });
        tell(&format!("list of names, {name}"), text.as_bytes(), |bytes| {
            client::names(bytes, false).iter().all(Result::is_ok)
        });
        time(&format!("list of what was sent, {name}"), text.as_bytes(), |bytes| client::sent(bytes).is_ok());
    }
}

fn answers() {
    let hash = sha256(b"a").to_string();
    for (name, text) in [
        ("nested arrays", "[".repeat(MB)),
        ("nested objects", "{\"hashes\":".repeat(MB / 10)),
        ("numbers", format!("[{}1]", "1,".repeat(MB / 2))),
        ("a long number", "1".repeat(MB)),
        ("escapes", format!("{{\"title\":\"{}\"}}", "\\u001b".repeat(MB / 6))),
        ("control characters", format!("{{\"title\":\"{}\",\"detail\":\"\"}}", "\u{7f}".repeat(MB))),
        ("unknown members", format!("{{{}\"origin\":\"a\"}}", "\"\":0,".repeat(MB / 5))),
        (
            "empty answers",
            format!("{{\"tokens\":[{}{{\"hash\":\"\"}}]}}", "{\"hash\":\"\"},".repeat(MB / 12)),
        ),
        ("hashes", format!("{{\"hashes\":[{}\"{hash}\"]}}", format!("\"{hash}\",").repeat(MB / 67))),
    ] {
        let text = text.as_bytes();
        time(&format!("a log's description, {name}"), text, |bytes| client::log_info(bytes).is_some());
        time(&format!("a log's refusal, {name}"), text, |bytes| client::problem(bytes).is_empty());
        time(&format!("a log's tokens, {name}"), text, |bytes| client::answers(bytes).is_ok());
        time(&format!("a log's receipt, {name}"), text, |bytes| client::receipt(bytes).is_ok());
        time(&format!("what was sent as JSON, {name}"), text, |bytes| client::sent(bytes).is_ok());
    }
    let names = format!("{hash}  a\n").repeat(MB / 68);
    time("names for a log's tokens", names.as_bytes(), |bytes| client::answer_names(bytes).is_ok());
    let numbered = |first: char, last: &str| -> String {
        (0..MB / 12).map(|at| format!("\"{first}{at}\"{last},")).collect()
    };
    for (name, policy, left) in [
        ("one item", "\"a\";q=1;w=1,".repeat(MB / 12), "\"a\";r=1,".repeat(MB / 8)),
        ("other items", numbered('a', ";q=1;w=1"), numbered('b', ";r=1")),
        ("parameters", format!("\"a\"{}", ";q=1".repeat(MB / 4)), format!("\"a\"{}", ";r=1".repeat(MB / 4))),
    ] {
        time(&format!("what is left to a caller, {name}"), policy.as_bytes(), |bytes| {
            client::pause(bytes, left.as_bytes(), b"", 1).1.is_some()
        });
    }
}

fn tables() {
    let numbered = |line: &dyn Fn(usize) -> String| {
        let mut text = String::with_capacity(MB + 100);
        (0..)
            .take_while(|&at| {
                text.push_str(&line(at));
                text.len() < MB
            })
            .for_each(drop);
        text
    };
    for (name, text) in [
        ("newlines", "\n".repeat(MB)),
        ("carriage returns", "\r".repeat(MB)),
        ("short paths", format!("path\n{}", numbered(&|at| format!("{at}\n")))),
        ("names", format!("path,holder\n{}", numbered(&|at| format!("{at},{at}\n")))),
        ("columns", format!("path{}\n", ",".repeat(MB))),
        ("one quote", format!("path\n\"{}", "\n".repeat(MB))),
        ("quotes", format!("path\n{}", "\"".repeat(MB))),
        ("paths of dots", format!("path\n{}", "./".repeat(MB / 2))),
    ] {
        tell(&format!("table of claims, {name}"), text.as_bytes(), |bytes| client::claims(bytes).is_ok());
    }
    let hex = sha256(b"a").to_string();
    let line = format!("{{\"type\":\"submission\",\"root\":\"{hex}\",\"records\":1}}\n");
    let run = "{\"type\":\"run\",\"format\":\"treering.journal/1\",\"log\":\"\",\"digests\":[]}\n";
    for (name, text) in [
        ("submissions", format!("{run}{}", line.repeat(MB / line.len()))),
        ("claims", format!("{run}{}", numbered(&|at| format!("{{\"type\":\"own\",\"place\":{at}}}\n")))),
        ("others", format!("{run}{}", "{\"type\":\"\"}\n".repeat(MB / 12))),
        ("one line", "[".repeat(MB)),
    ] {
        tell(&format!("journal, {name}"), text.as_bytes(), |bytes| client::journal(bytes).is_ok());
    }
    for (name, text) in [
        ("nested arrays", format!("a = {}", "[".repeat(MB))),
        ("keys", numbered(&|at| format!("a{at} = 1\n"))),
        ("tables", numbered(&|at| format!("[a{at}]\n"))),
        ("dotted keys", format!("a{} = 1\n", ".a".repeat(MB / 2))),
        ("a list", format!("a = [{}]\n", "1,".repeat(MB / 2))),
        ("one text", format!("a = \"{}\"\n", "a".repeat(MB))),
    ] {
        tell(&format!("what is pinned, {name}"), text.as_bytes(), |bytes| client::pins(bytes).is_ok());
        tell(&format!("the client's settings, {name}"), text.as_bytes(), |bytes| {
            client::settings(bytes).is_ok()
        });
        tell(&format!("the log's configuration, {name}"), text.as_bytes(), |_| {
            Config::parse(&text, Path::new("/log.toml")).is_ok()
        });
    }
}
