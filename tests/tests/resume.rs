//! `kill -9` of `treering stamp` and `treering resume` at random times, again and again: what was hashed is not opened again,
//! what the log has acknowledged is stamped once, and the bundle verifies. (`make crash`: a thousand.)

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use treering_tests::{
    counts,
    net::{self, Net},
    programs, random, trace, view, wait,
};
use treering_token::entry::Entry;

/// How often, unless the environment says.
const KILLS: usize = 8;
/// So many more at most, until something was kept.
const MORE: usize = 30;
const FILES: usize = 3000;
/// Records of a submission: a run has many.
const SUBMISSION: &str = "250";

fn tree(net: &Net) -> PathBuf {
    let dir = net.new_dir("tree");
    for n in 0..FILES {
        let sub = dir.join(format!("{:02}", n / 100));
        if n % 100 == 0 {
            fs::create_dir(&sub).expect("a new directory");
        }
        // A few take longer than others.
        let size = if n % 500 == 7 { 2_000_000 } else { n };
        let mut file = File::create(sub.join(format!("{n:04}"))).expect("a new file");
        file.write_all(&vec![n.to_le_bytes()[0]; size]).expect("a file");
        // What was modified just before it is hashed is hashed again, since it might be modified again.
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("a file");
    }
    dir
}

#[test]
fn a_run_that_is_killed_again_and_again_loses_nothing() {
    let kills = counts::number("TREERING_STAMP_KILLS").unwrap_or(KILLS);
    let mut net = net::plan().set("max_hashes", SUBMISSION).start();
    let dir = tree(&net);
    let begun = Instant::now();
    net.client().run(net.dir(), ["stamp", "tree", "-q"]).expect(0);
    let whole = u64::try_from(begun.elapsed().as_millis()).expect("a short time");
    let mut submissions = check(&net, &dir, &net.dir().join("tree.treering"));
    let (mut outputs, mut begun_here, mut kept) = (0, false, 0);
    // Some more if none of these left anything behind that could be opened again.
    let mut kill = 0;
    while kill < kills || (kept == 0 && kill < kills + MORE) {
        kill += 1;
        let output = format!("{outputs}.treering");
        let mut running = if begun_here {
            net.client().start(net.dir(), ["resume", "--json"])
        } else {
            net.client().start(net.dir(), ["stamp", "--json", "-o", &output, "tree"])
        };
        wait::pace(Duration::from_millis(random::between(0, whole)));
        let had_ended = running.status().is_some();
        running.kill();
        // A process that was killed before it had begun leaves nothing to go on with.
        begun_here = !net.client().run(net.dir(), ["resume", "--list"]).expect(0).stdout().is_empty();
        if had_ended || kill >= kills {
            if begun_here {
                kept += finish(&net, &dir);
            }
            if net.dir().join(&output).exists() {
                submissions += check(&net, &dir, &net.dir().join(&output));
            }
            (outputs, begun_here) = (outputs + 1, false);
        }
    }
    assert!(kept > 0, "no run was gone on with that had hashed anything: nothing was shown");
    net.log.wait_idle();
    let entries = view::entries(net.log.public(), net.log.published_size()).expect("the entries are served");
    let sealed: u64 = entries.iter().map(Entry::submissions).sum();
    assert_eq!(sealed, submissions, "what the log has is in a bundle, once");
    net.kill_all();
}

/// Goes on to the end, under strace where it can be: what is kept is not opened. How many files were kept.
fn finish(net: &Net, dir: &Path) -> usize {
    let traced = net.dir().join("trace");
    let mut command = if trace::is_possible() {
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f", "-e", "trace=openat", "-o"])
            .arg(&traced)
            .arg(programs::path(programs::TREERING));
        command
    } else {
        programs::skipped("resume", "strace may not trace here: what is opened is not looked at");
        programs::command(programs::TREERING)
    };
    command.args(["resume", "--json"]).current_dir(net.dir());
    net.client().environment(&mut command);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    // It may have been killed between the bundle's name and its own clearing up.
    if objects.is_empty() {
        return 0;
    }
    let of_result = |result: &str| -> HashSet<&str> {
        let files = objects.iter().filter(|object| object["type"] == "file" && object["result"] == result);
        files.filter_map(|object| object["path"].as_str()).collect()
    };
    let (kept, hashed) = (of_result("kept"), of_result("hashed"));
    assert_eq!(kept.len() + hashed.len(), FILES, "each once");
    let last = objects.last().expect("an end");
    assert_eq!(last["hashed"], hashed.len());
    if let Ok(opens) = fs::read_to_string(&traced) {
        // The tree was given by its name, and is opened so.
        let name = dir.file_name().expect("a name").to_string_lossy();
        let opened = |path: &&&str| opens.contains(&format!("\"{name}/{path}\""));
        assert_eq!(kept.iter().filter(opened).count(), 0, "some were opened again");
        assert_eq!(hashed.iter().filter(opened).count(), hashed.len(), "the trace shows what is opened");
        fs::remove_file(&traced).expect("the trace");
    }
    kept.len()
}

/// The bundle verifies and has each file once. How many submissions it has.
fn check(net: &Net, dir: &Path, bundle: &Path) -> u64 {
    let verify: [&Path; 4] = [Path::new("verify"), dir, bundle, Path::new("--strict")];
    net.client().run(net.dir(), verify).expect(0);
    let said = net.client().run(net.dir(), [Path::new("show"), bundle]).expect(0).stdout();
    let number = |begin: &str| -> u64 {
        let rest = said.split_once(begin).unwrap_or_else(|| panic!("no {begin:?} in {said}")).1;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
    };
    assert!(said.contains("3,000 files and 0 links"), "{said}");
    number("submissions: ")
}
