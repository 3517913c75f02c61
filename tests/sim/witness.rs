//! Three witnesses: the real cosigner on a simulated disk, or a liar who has a witness's key.

use crate::{
    disk::{Disk, Failed},
    executor::{Executor, Node},
    record::SimClock,
    world::World,
};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroU64,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use treering_log::witness_client::WitnessError;
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    hash::Hash,
    note::{KeyName, Signature, VerifierKey},
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
    witness::AddCheckpoint,
};
use treering_witness::{
    cosigner::{Allowance, Cosigner, Refusal},
    key::WitnessKeys,
    logs::LogSet,
    store::{Outcome, Record, Store, StoreError, Update, may_follow},
};

/// What a witness remembers, by origin.
pub(crate) type Records = BTreeMap<String, Record>;

/// The witness's key.
pub(crate) fn key(witness: usize) -> CosignerKey {
    let name = KeyName::new(&format!("witness.example/w{witness}")).expect("a name");
    CosignerKey::ed25519(name, &[100 + u8::try_from(witness).expect("few"); 32])
}

/// One witness.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) index: usize,
    pub(crate) disk: Arc<Disk<Records>>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) lies: bool,
    running: Mutex<Option<(Node, Arc<Cosigner>)>>,
}

impl Witness {
    pub(crate) fn new(index: usize, disk: Arc<Disk<Records>>, clock: Arc<SimClock>, lies: bool) -> Witness {
        Witness { index, disk, clock, lies, running: Mutex::default() }
    }

    /// Its process and itself, while it runs.
    pub(crate) fn running(&self, executor: &Executor) -> Option<(Node, Arc<Cosigner>)> {
        self.running.lock().unwrap().clone().filter(|(node, _)| executor.is_alive(*node))
    }

    /// Starts its program.
    pub(crate) fn start(&self, world: &World) {
        let node = world.executor.node();
        self.disk.open(node);
        let store = SimStore { disk: Arc::clone(&self.disk), executor: Arc::clone(&world.executor), node };
        let store = Arc::new(store);
        let (keys, logs) = files(self.index, &world.log_key);
        let clock = Arc::clone(&self.clock);
        // Its quota goes by the machine's own time, so here it never binds.
        let per_day = NonZeroU64::MIN.saturating_add(1_000_000_000_000);
        let allowance = Allowance { per_day, at_once: 1_000 };
        let cosigner =
            Cosigner::open(keys, logs, store, clock, allowance).expect("a witness opens what it wrote");
        world.trace.event(format!(
            "{} ms: witness {} starts as {node:?}",
            world.executor.millis(),
            self.index
        ));
        *self.running.lock().unwrap() = Some((node, Arc::new(cosigner)));
    }

    /// Answers a request that has come to its process.
    pub(crate) async fn answer(
        &self,
        world: &World,
        cosigner: &Cosigner,
        body: &[u8],
    ) -> Result<Vec<Signature>, WitnessError> {
        let request = AddCheckpoint::parse(body).expect("the log's requests are well-formed");
        let checkpoint = Checkpoint::parse(request.checkpoint.text()).expect("and hold checkpoints");
        if self.lies {
            return self.lie(world, &request, &checkpoint);
        }
        let lines = cosigner.add_checkpoint(body).await.map_err(|refusal| told(&refusal))?;
        world.oracle.cosigns(self.index, &checkpoint, &lines);
        Ok(lines)
    }

    /// Whatever does harm but for what ends in `docs/operating.md`: at the start one witness that claims to know more, or
    /// another root, stops a log, and only its operator can tell that it lies.
    fn lie(
        &self,
        world: &World,
        request: &AddCheckpoint,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Signature>, WitnessError> {
        let key = key(self.index);
        let cosign = |checkpoint: &Checkpoint, time| {
            key.cosign(checkpoint, UnixSeconds::new(time).expect("a time")).expect("not 0")
        };
        let now = 1_800_000_000 + world.executor.millis() / 1000;
        let at_start = request.old == checkpoint.head.size;
        match world.dice.below(10) {
            0 => {
                let good = cosign(checkpoint, now);
                let mut bytes = good.bytes().to_vec();
                bytes[20] ^= 1;
                Ok(vec![Signature::new(good.name().clone(), good.id(), bytes)])
            }
            1 => {
                let head = TreeHead { root: Hash::new(world.dice.bytes()), ..checkpoint.head };
                Ok(vec![cosign(&Checkpoint { head, ..checkpoint.clone() }, now)])
            }
            2 => Ok(vec![cosign(checkpoint, 1)]),
            3 => Ok(vec![cosign(checkpoint, now + 86_400)]),
            4 => Ok(Vec::new()),
            5 if !at_start => Err(WitnessError::Conflict { size: request.old }),
            6 => Err(WitnessError::Conflict { size: TreeSize::ZERO }),
            7 if !at_start => Err(WitnessError::Conflict { size: TreeSize::new(1 << 40).expect("small") }),
            8 if !at_start => Err(WitnessError::Unprocessable),
            _ => Ok(vec![cosign(checkpoint, now)]),
        }
    }
}

/// What a refusal looks like behind HTTP.
fn told(refusal: &Refusal) -> WitnessError {
    match refusal {
        Refusal::Conflict { size } => WitnessError::Conflict { size: *size },
        Refusal::UnknownLog { .. } => WitnessError::Unknown,
        Refusal::NotSigned(_) => WitnessError::Forbidden,
        Refusal::EmptyRoot
        | Refusal::ProofFromEmpty
        | Refusal::OtherRoot { .. }
        | Refusal::Inconsistent(_) => WitnessError::Unprocessable,
        Refusal::Malformed(_) | Refusal::Checkpoint(_) | Refusal::OldAboveNew { .. } => {
            WitnessError::BadRequest
        }
        _ => WitnessError::Status(503),
    }
}

/// The records as one running witness has them.
#[derive(Debug)]
struct SimStore {
    disk: Arc<Disk<Records>>,
    executor: Arc<Executor>,
    node: Node,
}

impl Store for SimStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        Ok(self.disk.read(|records| records.values().cloned().collect()))
    }

    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        let millis = Duration::from_millis(u64::from(update.record.time().get().is_multiple_of(7)) * 20);
        let wait = self.executor.sleep(millis);
        Box::pin(async move {
            wait.await;
            let origin = update.record.origin().as_str().to_owned();
            let current = self.disk.read(|records| records.get(&origin).cloned());
            if !may_follow(&update, current.as_ref().map(Record::standing).as_ref()) {
                return Ok(Outcome::Conflict(current.map(Box::new)));
            }
            let what = format!("size {}", update.record.head().size);
            let write = |records: &mut Records| drop(records.insert(origin, update.record));
            match self.disk.write(self.node, &what, write, None) {
                Ok(()) => Ok(Outcome::Written),
                Err(Failed) => Err(StoreError::Stopped),
            }
        })
    }
}

/// Keys and logs come from files; these are the same in every run.
fn files(witness: usize, log: &VerifierKey) -> (WitnessKeys, LogSet) {
    static FILES: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dir = FILES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory for keys");
        fs::create_dir(dir.path().join("logs")).expect("a directory for logs");
        let policy = format!("log {log}\nquorum none\n");
        fs::write(dir.path().join("logs/log.policy"), policy).expect("a policy");
        (0..crate::world::WITNESSES).for_each(|witness| {
            let mut options = fs::OpenOptions::new();
            let file = options.create_new(true).write(true).mode(0o600).open(key_file(&dir, witness));
            let text = key(witness).to_private_text();
            std::io::Write::write_all(&mut file.expect("a new file"), format!("{}\n", *text).as_bytes())
                .expect("a key");
        });
        dir
    });
    let keys = WitnessKeys::load(&[key_file(dir, witness)]).expect("a key");
    (keys, LogSet::load(&dir.path().join("logs")).expect("a policy"))
}

fn key_file(dir: &tempfile::TempDir, witness: usize) -> PathBuf {
    dir.path().join(format!("w{witness}.key"))
}
