//! `treering show --html`: each command of the page is pasted into a shell, and has to print what stands below it.

use crate::support::{Bench, FakeLog, Manner};
use std::{
    fs,
    process::{Command, Stdio},
};

/// The commands and what they must print, in the page's order.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("<pre class=\"cmd") {
        let (head, after) = after.split_once('>').unwrap();
        let (command, after) = after.split_once("</pre>").unwrap();
        let (_, after) = after.split_once("<pre class=\"out\">").unwrap();
        let (prints, after) = after.split_once("</pre>").unwrap();
        // Those that need a newer openssl than this machine has are passed over.
        if head == "\"" || new_openssl() {
            found.push((plain(command), plain(prints)));
        }
        rest = after;
    }
    found
}

fn new_openssl() -> bool {
    let output = Command::new("openssl").arg("version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    let mut numbers = version.split([' ', '.']).filter_map(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(3), Some(5))
}

fn plain(html: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(html.to_owned(), |text, (entity, is)| text.replace(entity, is))
}

/// Pastes all of them into one shell; says which print something else.
fn differing(bench: &Bench, dir: &str, commands: &[(String, String)]) -> Vec<usize> {
    let mut script = String::new();
    for (at, (command, _)) in commands.iter().enumerate() {
        script.push_str(&format!("( {command}\n) > out.{at} 2> err.{at}\n"));
    }
    bench.write(&format!("{dir}/script"), &script);
    let ran =
        Command::new("sh").arg("script").current_dir(bench.path(dir)).stdin(Stdio::null()).output().unwrap();
    drop(ran);
    let printed = |at: usize| fs::read_to_string(bench.path(&format!("{dir}/out.{at}"))).unwrap_or_default();
    (0..commands.len()).filter(|&at| printed(at).trim_end_matches('\n') != commands[at].1).collect()
}

fn page(bench: &Bench, file: &str) -> String {
    let ran = bench.trusting(&["show", "--html", "page.html", "--force", file]);
    assert_eq!(ran.code, 0, "{ran:?}");
    String::from_utf8(bench.read("page.html")).unwrap()
}

/// A file of a bundle, with a claim that says all that a claim can, and names that would like to be markup.
fn stamped(args: &[&str]) -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/it's <b>a&\"file\" $(x)", "alpha");
    for number in 0..5 {
        bench.write(&format!("d/{number}"), format!("{number}"));
    }
    log.grow(6);
    bench.stamp(&log, &[&["d"], args].concat());
    log.grow(3);
    (log, bench)
}

const FILE: &str = "d/it's <b>a&\"file\" $(x)";
const HOSTILE: [&str; 8] = [
    "--holder",
    "<script>alert(1)</script> & 'Söhne'",
    "--agent",
    "a\u{202e}b \u{1b}[2J",
    "--title",
    "</pre><img src=https://evil.example/>",
    "--digest",
    "sha3-256",
];

#[test]
fn every_command_of_a_page_prints_what_stands_below_it() {
    let (_, bench) = stamped(&[&HOSTILE[..], &["--digest", "sha-512"]].concat());
    let page = page(&bench, FILE);
    let commands = commands(&page);
    assert!(commands.len() > 40, "{}", commands.len());
    let wrong = differing(&bench, "d", &commands);
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|&at| &commands[at]).collect::<Vec<_>>());
    for needed in [
        "sha256sum <",
        "openssl dgst -sha3-256",
        "treering.claim/1",
        "treering.holder/1",
        "base64",
        "pkeyutl -verify",
        "cosignature/v1",
    ] {
        assert!(commands.iter().any(|(command, _)| command.contains(needed)), "{needed}");
    }
    // One changed byte of the file, and of each hash or signature that a command takes.
    bench.write(FILE, "alphb");
    assert_eq!(differing(&bench, "d", &commands), [0, 1, 2], "the file's three digests");
    bench.write(FILE, "alpha");
    let mut changed_all = commands.clone();
    for (command, prints) in &mut changed_all {
        if let Some(changed) = one_digit(command) {
            *command = changed;
        } else if !command.starts_with("openssl pkeyutl") {
            *prints = String::from("not looked at");
        }
    }
    let wrong = differing(&bench, "d", &changed_all);
    for (at, (command, prints)) in changed_all.iter().enumerate() {
        // What only writes a file prints nothing; the openssl behind it fails.
        let tells = !prints.is_empty();
        assert!(!tells || wrong.contains(&at), "{command}");
    }
}

/// The command with another digit in its longest hex, if it has any.
fn one_digit(command: &str) -> Option<String> {
    let start = command.split(' ').map(str::len).scan(0, |at, length| {
        let start = *at;
        *at += length + 1;
        Some(start)
    });
    let words = start.zip(command.split(' '));
    let hex = words.filter(|(_, word)| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let (at, word) = hex.max_by_key(|(_, word)| word.len())?;
    let mut changed = command.to_owned();
    // Where `cut` looks, or else in the middle.
    let cut =
        command.split_once("cut -c ").and_then(|(_, from)| from.split('-').next()?.parse::<usize>().ok());
    let at = at + cut.map_or(word.len() / 2, |from| from - 1);
    let digit = if &command[at..=at] == "0" { "1" } else { "0" };
    changed.replace_range(at..=at, digit);
    Some(changed)
}

#[test]
fn a_page_asks_nobody_for_anything_and_shows_no_strangers_markup() {
    let (_, bench) = stamped(&HOSTILE);
    let page = page(&bench, FILE);
    let tags: Vec<_> = page.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
    let allowed = ["class=\"", "lang=\"", "charset=\"", "name=\"", "content=\"", "scope=\""];
    for tag in &tags {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(
            !["script", "img", "link", "iframe", "a", "b", "object", "base", "form"].contains(&name),
            "{tag}"
        );
        let attributes = tag.split(' ').skip(1).filter(|part| part.contains('='));
        let strange: Vec<_> = attributes
            .filter(|part| !allowed.iter().any(|known| part.starts_with(known)) && !tag.starts_with("meta"))
            .collect();
        assert!(strange.is_empty(), "{tag}");
    }
    let (_, style) = page.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    for outside in ["url(", "@import", "http", "src"] {
        assert!(!style.contains(outside), "{outside}");
    }
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("\\u{202e}"));
    let errors = crate::support::html::errors(&page);
    assert!(errors.is_empty(), "{errors:?}");
    // The parser does tell what is wrong.
    assert!(!crate::support::html::errors(&page.replace("</table>", "</tabel>")).is_empty());
}

#[test]
fn plain_tokens_lone_tokens_and_false_ones() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.write("b\u{202e}c", "beta");
    bench.stamp(&log, &["a", "--plain"]);
    bench.stamp(&log, &["b\u{202e}c"]);
    let commands_of = |file: &str| commands(&page(&bench, file));
    assert!(differing(&bench, ".", &commands_of("a")).is_empty());
    // A name that can't be typed: the reader copies the file.
    let commands = commands_of("b\u{202e}c");
    bench.write("the-file", "beta");
    assert!(differing(&bench, ".", &commands).is_empty());
    // Without its file, what a token's claim says; a plain one says nothing.
    fs::rename(bench.path("b\u{202e}c.tlog-proof"), bench.path("lone.tlog-proof")).unwrap();
    assert!(page(&bench, "lone.tlog-proof").contains("was not at hand"));
    fs::rename(bench.path("a.tlog-proof"), bench.path("plain.tlog-proof")).unwrap();
    let ran = bench.trusting(&["show", "--html", "new.html", "plain.tlog-proof"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    // Nothing that is false is explained.
    let ran = bench.trusting(&["show", "--html", "new.html", "a", "--evidence", "lone.tlog-proof"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no page: a: the file's sha-256 digest"), "{ran:?}");
    assert!(!bench.exists("new.html"));
    let ran = bench.trusting(&["show", "--html", "page.html", "lone.tlog-proof"]);
    assert!(ran.code == 2 && ran.err.contains("--force"), "{ran:?}");
}
