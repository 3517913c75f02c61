//! What is on disk when something is said, by the log's system calls: a 202 follows a sync of the WAL that holds the
//! submission; a witness is asked only for a head whose record, and whose signed checkpoint, are on disk.

use treering_tests::{
    net, programs, random,
    trace::{self, Call, Trace},
    view,
};
use treering_tlog::hash::Hash;

#[test]
fn nothing_is_said_before_it_is_on_disk() {
    if !trace::is_possible() {
        let why = "strace is not installed or may not trace, so nobody has looked whether the log syncs before it answers";
        programs::skipped("durable", why);
        return;
    }
    let mut net = net::plan().make();
    let file = net.dir().join("trace");
    net.log.start_traced(&file);
    net.log.wait_idle();
    let roots: Vec<Hash> = (1..5)
        .map(|count| {
            let commitments = random::commitments(count);
            net.log.submit(&commitments).expect_status(202);
            view::root_of(&commitments)
        })
        .collect();
    for root in &roots {
        view::verify(&net.policy, &net.log.receipt(root), root);
    }
    net.log.wait_idle();
    let size = net.log.published_size();
    assert!(net.log.stop().success());

    let trace = Trace::read(&file);
    for root in &roots {
        assert_synced_before_acknowledged(&trace, root);
    }
    let mut sizes = 0;
    for size in 0..=size.get() {
        sizes += usize::from(assert_recorded_and_kept_before_sent(&trace, size));
    }
    assert!(sizes >= 2, "no checkpoint was seen on its way to a witness");
}

/// INVARIANT 1.
fn assert_synced_before_acknowledged(trace: &Trace, root: &Hash) {
    let written = trace.first(0, |call| is_to_wal(call) && call.holds(root.as_bytes()));
    let written = written.unwrap_or_else(|| panic!("{root} was never written to the WAL"));
    let wal = written.target();
    let synced = trace.first(written.ended, |call| call.is_sync() && call.target() == wal);
    let synced = synced.unwrap_or_else(|| panic!("{wal} was not synced after {root} was written"));
    let text = root.to_string();
    let acknowledged = trace.first(0, |call| {
        call.is_to_network() && call.is_write() && call.holds(b"HTTP/1.1 202") && call.holds(text.as_bytes())
    });
    let acknowledged = acknowledged.unwrap_or_else(|| panic!("nobody was told of {root}"));
    assert!(
        synced.ended < acknowledged.began,
        "{root} was written on line {}, synced on {}, and acknowledged on {}",
        written.ended,
        synced.ended,
        acknowledged.began
    );
}

/// INVARIANT 2: the record of a head, in the place of the old one and synced with its directory; then the signed
/// checkpoint, synced; then the witnesses. `false` if no witness was asked for this size.
fn assert_recorded_and_kept_before_sent(trace: &Trace, size: u64) -> bool {
    let note = format!("{}\n{size}\n", net::ORIGIN);
    let sent = trace.first(0, |call| {
        call.is_to_network() && call.is_write() && call.holds(b"old ") && call.holds(note.as_bytes())
    });
    let Some(sent) = sent else { return false };
    let step = |what: &str, from: usize, is: &dyn Fn(&Call) -> bool| {
        let call = trace
            .first(from, |call| is(call))
            .unwrap_or_else(|| panic!("size {size}: {what} never happened"));
        assert!(call.ended < sent.began, "size {size} was sent on line {}, before {what}", sent.began);
        call.ended
    };
    let record = format!("treering-record/1\n{size}\n");
    let at = step("the record was written", 0, &|call| call.is_write() && call.holds(record.as_bytes()));
    let at = step("the record was synced", at, &|call| {
        call.is_sync() && call.target().ends_with("/store.record.new")
    });
    let at = step("the record took its place", at, &|call| {
        call.name.starts_with("rename")
            && call.paths().last().is_some_and(|path| path.ends_with("/store.record"))
    });
    let at = step("the directory was synced", at, &|call| call.is_sync() && call.target().ends_with("/log"));
    let at =
        step("the signed checkpoint was written", at, &|call| is_to_wal(call) && call.holds(note.as_bytes()));
    step("the signed checkpoint was synced", at, &|call| {
        call.is_sync() && call.target().contains("/store/") && call.target().ends_with(".log")
    });
    true
}

fn is_to_wal(call: &Call) -> bool {
    call.is_write() && call.target().contains("/store/") && call.target().ends_with(".log")
}
