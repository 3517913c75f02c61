//! Which requests there are to send, and what has come of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use bytes::Bytes;

use super::{
    heads::Heads,
    plan::{Changed, Plan},
    queries::{self, Queries, TSA},
};

/// Requests that are numbered from 0.
#[derive(Debug)]
pub enum Work {
    /// Submissions of a plan; with `wait` each asks for its receipt in the answer.
    Submit {
        /// What is sent.
        plan: Arc<Plan>,
        /// Seconds of `Prefer: wait`.
        wait: Option<u32>,
    },
    /// The receipts of these submissions of a plan: request `i` asks for that of `numbers[i]`.
    Receipts {
        /// What was sent.
        plan: Arc<Plan>,
        /// The submissions' numbers.
        numbers: Vec<u64>,
    },
    /// Timestamp queries (RFC 3161), each with an imprint of its own.
    Timestamps(Queries),
    /// The proofs of timestamps: request `i` asks for that of serial number `i`.
    Proofs(Vec<[u8; 16]>),
    /// Checkpoints for a witness: each connection is a log of its own, whose requests follow each other.
    Checkpoints(Heads),
}

/// Where submissions go.
pub const SUBMISSIONS: &str = "/v1/submissions";
/// Where a witness takes checkpoints.
pub const ADD_CHECKPOINT: &str = "/add-checkpoint";
/// The media type of hashes of 32 bytes each.
pub const OCTETS: &str = "application/octet-stream";

impl Work {
    /// How many requests there are.
    pub fn len(&self) -> u64 {
        match self {
            Work::Submit { .. } => u64::MAX,
            Work::Receipts { numbers, .. } => u64::try_from(numbers.len()).unwrap_or(u64::MAX),
            Work::Timestamps(_) => u64::MAX,
            Work::Proofs(serials) => u64::try_from(serials.len()).unwrap_or(u64::MAX),
            Work::Checkpoints(heads) => heads.len(),
        }
    }

    /// How many connections there are if each has requests of its own: with L of them, connection C sends C, C + L, C + 2L…
    fn lanes(&self) -> Option<u64> {
        match self {
            Work::Checkpoints(heads) => Some(heads.logs()),
            _ => None,
        }
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of a request.
    pub fn path(&self, n: u64) -> String {
        match self {
            Work::Submit { .. } => SUBMISSIONS.to_owned(),
            Work::Receipts { plan, numbers } => {
                let number = usize::try_from(n).ok().and_then(|n| numbers.get(n)).copied().unwrap_or(0);
                format!("/v1/receipts/{}", hex::encode(plan.root(number)))
            }
            Work::Timestamps(_) => TSA.to_owned(),
            Work::Checkpoints(_) => ADD_CHECKPOINT.to_owned(),
            Work::Proofs(serials) => {
                let serial =
                    usize::try_from(n).ok().and_then(|n| serials.get(n)).copied().unwrap_or_default();
                format!("/v1/tsa/{}", hex::encode(serial))
            }
        }
    }

    /// The bytes of a request of HTTP/1.1 up to its body, in place of what `head` holds, and the body.
    pub(super) fn write_head(&self, n: u64, prebuilt: &[u8], head: &mut Vec<u8>) -> Body {
        head.clear();
        match self {
            Work::Submit { plan, .. } => {
                head.extend_from_slice(prebuilt);
                let changed = plan.changed(n);
                if plan.hashes() > 1 {
                    return Body::Changed(changed);
                }
                // A single hash goes out in one piece with its head.
                head.extend_from_slice(&changed.leaf);
            }
            Work::Timestamps(queries) => {
                head.extend_from_slice(prebuilt);
                head.extend_from_slice(&queries.query(n));
            }
            Work::Checkpoints(heads) => head.extend_from_slice(heads.request(n)),
            Work::Receipts { .. } | Work::Proofs(_) => {
                head.extend_from_slice(b"GET ");
                head.extend_from_slice(self.path(n).as_bytes());
                head.extend_from_slice(b" HTTP/1.1\r\nhost: bench\r\n\r\n");
            }
        }
        Body::None
    }

    /// The part of each head that is the same in all.
    pub(super) fn prebuilt_head(&self) -> Vec<u8> {
        match self {
            Work::Receipts { .. } | Work::Proofs(_) | Work::Checkpoints(_) => Vec::new(),
            Work::Timestamps(queries) => format!(
                "POST {TSA} HTTP/1.1\r\nhost: bench\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
                queries::MEDIA_TYPE,
                queries.length()
            )
            .into_bytes(),
            Work::Submit { plan, wait } => {
                let length = plan.hashes() * 32;
                let wait = wait.map(|seconds| format!("prefer: wait={seconds}\r\n")).unwrap_or_default();
                format!(
                    "POST {SUBMISSIONS} HTTP/1.1\r\nhost: bench\r\ncontent-type: {OCTETS}\r\n\
                     content-length: {length}\r\n{wait}\r\n"
                )
                .into_bytes()
            }
        }
    }

    /// The pieces of a body, in order; none is copied but the changed leaf.
    pub(super) fn pieces(&self, n: u64) -> Vec<Bytes> {
        let Work::Submit { plan, .. } = self else { return Vec::new() };
        let (body, Changed { index, leaf }) = (plan.body(), plan.changed(n));
        let pieces =
            [body.slice(..index * 32), Bytes::copy_from_slice(&leaf), body.slice((index + 1) * 32..)];
        pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
    }

    /// What the body of a submission is made of.
    pub(super) fn base(&self) -> &[u8] {
        match self {
            Work::Submit { plan, .. } => plan.body(),
            _ => &[],
        }
    }
}

/// The body of a request in the making.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// None, or it is in the head's buffer.
    None,
    /// The plan's body, but for one leaf.
    Changed(Changed),
}

/// Hands out numbers until the time is over.
#[derive(Debug)]
pub(super) struct Numbers {
    next: AtomicU64,
    end: u64,
    lanes: Option<u64>,
    until: Instant,
}

/// A connection's place among all, and how many requests it has begun.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lane {
    pub(super) place: u64,
    pub(super) begun: u64,
}

impl Numbers {
    pub(super) fn new(work: &Work, until: Instant) -> Numbers {
        Numbers { next: AtomicU64::new(0), end: work.len(), lanes: work.lanes(), until }
    }

    /// The next number for any connection.
    pub(super) fn next(&self, now: Instant) -> Option<u64> {
        if now >= self.until {
            return None;
        }
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < self.end)
    }

    /// The next number for this connection.
    pub(super) fn next_of(&self, now: Instant, lane: &mut Lane) -> Option<u64> {
        let Some(lanes) = self.lanes else { return self.next(now) };
        let n = lane.place + lane.begun * lanes;
        lane.begun += 1;
        Some(n).filter(|n| now < self.until && *n < self.end)
    }
}

/// A request that was answered with 200 or 202.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// Its number.
    pub n: u64,
    /// From its first byte to the last of its answer, in microseconds.
    pub micros: u32,
    /// 200 or 202.
    pub status: u16,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every request that was sent; a run with one that failed is an error.
    pub answered: Vec<Answered>,
    /// The bodies of answers with 200.
    pub bodies: Vec<(u64, Vec<u8>)>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Outcome {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        rate(self.answered.len(), self.elapsed)
    }

    /// The numbers of all requests.
    pub fn numbers(&self) -> Vec<u64> {
        self.answered.iter().map(|answered| answered.n).collect()
    }

    /// The time of each request, shortest first.
    pub fn times(&self) -> Vec<Duration> {
        let mut micros: Vec<u32> = self.answered.iter().map(|answered| answered.micros).collect();
        micros.sort_unstable();
        micros.into_iter().map(|micros| Duration::from_micros(micros.into())).collect()
    }

    pub(super) fn note(&mut self, n: u64, status: u16, took: Duration, body: &[u8]) -> anyhow::Result<()> {
        match status {
            200 => self.bodies.push((n, body.to_vec())),
            202 => {}
            _ => bail!("a request was refused: {status} {}", String::from_utf8_lossy(body)),
        }
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.answered.push(Answered { n, micros, status });
        Ok(())
    }
}

/// So many in this time, a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
pub fn rate(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(1e-9)
}
