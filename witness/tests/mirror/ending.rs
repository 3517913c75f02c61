//! What ends a mirror.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use treering_witness::mirror::Round;

use crate::{copying::Copying, lying::LyingLog};

const LONG: Duration = Duration::from_secs(60);

/// It would serve on, and never read that log again.
#[tokio::test]
async fn a_task_that_panics_ends_it() {
    let log = LyingLog::with_entries(3).await;
    let mut copying = Copying::start(&log);
    let seen = |_: &str, _: &Round| panic!("a test of what a panic does");
    let running = copying.mirror.take().expect("it is open").run(CancellationToken::new(), seen, |_, _| {});
    let ended = timeout(LONG, tokio::spawn(running)).await.expect("the mirror goes on without its task");
    assert!(ended.expect_err("a panic").is_panic());
}
