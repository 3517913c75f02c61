//! Every command that README and `--help` show, run as it stands there. The commands are taken out of the text itself, so a
//! new one is run without anybody having to remember it; one that can't be run here stands in a list, with its reason.

mod text;
mod world;

use std::{collections::BTreeSet, fs};

use treering_tests::{client::Ran, programs};

use self::{text::Block, world::World};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// Blocks of the README that aren't run here, by their first words.
const NOT_HERE: [(&str, &str); 7] = [
    ("make demo", "builds everything and stamps a whole tree: a minute or fifteen; CI runs it apart"),
    (
        "make run",
        "doesn't end before Ctrl-C; what it writes for others, .run/env, is what these sessions use",
    ),
    (
        "openssl ts -query",
        "needs a tick of seconds to be sure of its proof: the test of the timestamp authority runs it",
    ),
    (
        "treering-log init",
        "writes to /var/lib, and serve doesn't end: the log's own tests run these subcommands",
    ),
    ("treering trust add", "asks at a terminal, of which there is none here"),
    ("treering-witness init", "the same, for the witness"),
    ("treering-witness mirror init", "the same, for the mirror"),
];

/// Examples of help texts that aren't run here, by what stands in them.
const NO_EXAMPLE_HERE: [(&str, &str); 2] = [
    ("--sign ~/.ssh/id_ed25519.pub", "an ssh-agent signs: the client's own tests run one"),
    ("treering trust add", "asks at a terminal, of which there is none here"),
];

#[test]
fn every_session_of_the_readme_does_what_it_shows() {
    let missing: Vec<_> = ["bash", "curl", "jq", "sha256sum"]
        .into_iter()
        .filter(|tool| !programs::has_tool(tool, "--version"))
        .collect();
    if !missing.is_empty() {
        return programs::skipped(
            "examples",
            &format!("{missing:?} is not installed: scripts/deps.sh test installs it"),
        );
    }
    let world = World::new();
    let blocks = text::blocks(&fs::read_to_string(README).expect("the README"));
    let mut left_out = BTreeSet::new();
    let mut run = 0;
    for block in &blocks {
        match NOT_HERE.iter().find(|(first, _)| block.text.starts_with(first)) {
            Some((first, _)) => {
                left_out.insert(*first);
            }
            None => {
                world.run(&block.text, &format!("README.md:{}", block.line));
                run += 1;
            }
        }
    }
    let listed: BTreeSet<_> = NOT_HERE.iter().map(|(first, _)| *first).collect();
    assert_eq!(left_out, listed, "what is listed as left out is no longer in the README");
    assert!(run >= 4, "{run} sessions of {}", blocks.len());
}

#[test]
fn every_example_of_a_help_text_does_what_it_shows() {
    let world = World::new();
    let mut run = 0;
    for (subcommand, help) in helps(&world) {
        let examples = text::examples(&help);
        assert!(!examples.is_empty(), "treering {subcommand} --help ends without Examples:\n{help}");
        run += examples.len();
        // One after the other, as somebody would try them.
        let is_here = |text: &String| !NO_EXAMPLE_HERE.iter().any(|(words, _)| text.contains(words));
        let session: Vec<String> =
            examples.into_iter().map(|Block { text, .. }| text).filter(is_here).collect();
        world.run(&session.join("\n"), &format!("treering {subcommand} --help"));
    }
    assert!(run >= 9, "{run} examples");
}

/// The help of each subcommand that has none below it, unless the one above it shows examples for all.
fn helps(world: &World) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let mut arguments: Vec<String> = words.clone();
        arguments.push("--help".to_owned());
        let help = world.treering(&arguments).expect(0).stdout();
        let below = text::subcommands(&help);
        let has_examples = !text::examples(&help).is_empty();
        if below.is_empty() || has_examples {
            found.push((words.join(" "), help));
        }
        if !has_examples {
            open.extend(below.into_iter().map(|name| [words.clone(), vec![name]].concat()));
        }
    }
    found
}

#[track_caller]
fn expect_success(ran: Ran, place: &str, text: &str) {
    assert!(ran.0.status.success(), "{place}: this failed:\n{text}\n{}\n{}", ran.0.status, ran.said());
}
