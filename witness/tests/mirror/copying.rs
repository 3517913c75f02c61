//! A mirror in this process, its directory and its clock.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use treering_tlog::{
    checkpoint::Origin,
    note::{KeyName, VerifierKey},
    witness::origin_hash,
};
use treering_witness::{
    clock::ManualClock,
    key::create_key_file,
    mirror::{
        Mirror, MirrorError, Round,
        config::{LogConfig, MirrorConfig, PushLimits},
    },
    monitor::config::LogKind,
    store::RedbStore,
};

use crate::lying::{LyingLog, NOW, ORIGIN};

/// A mirror's directory, clock and key.
pub(crate) struct Copying {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vkey: VerifierKey,
    pub(crate) config: MirrorConfig,
    pub(crate) mirror: Option<Mirror>,
}

impl Copying {
    pub(crate) fn start(log: &LyingLog) -> Copying {
        Copying::of_kind(log, LogKind::Treering)
    }

    pub(crate) fn of_kind(log: &LyingLog, kind: LogKind) -> Copying {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let name = KeyName::new("mirror.example/m1").expect("a name");
        let vkey = create_key_file(&dir.path().join("key"), name).expect("a new key");
        let signed = dir.path().join("signed.redb");
        RedbStore::create(&signed, std::slice::from_ref(&vkey)).expect("a new store");
        let log = LogConfig {
            policy: log.policy(),
            origin: Origin::new(ORIGIN).expect("an origin"),
            urls: vec![log.url.clone()],
            kind,
            interval: Duration::from_secs(1),
        };
        let config = MirrorConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            url: None,
            admin_listen: Some("127.0.0.1:0".parse().expect("an address")),
            keys: vec![dir.path().join("key")],
            data: dir.path().join("data"),
            signed,
            timeout: Duration::from_secs(10),
            concurrency: 8,
            retry_pause: Duration::ZERO,
            limits: PushLimits::default(),
            logs: vec![log],
        };
        let clock = Arc::new(ManualClock::new(NOW));
        let mut copying = Copying { dir, clock, vkey, config, mirror: None };
        copying.restart();
        copying
    }

    /// As after a crash: from the files alone.
    pub(crate) fn restart(&mut self) {
        self.mirror = None;
        let clock = Arc::clone(&self.clock) as Arc<_>;
        self.mirror = Some(Mirror::open(self.config.clone(), clock).expect("the mirror opens"));
    }

    pub(crate) async fn round(&self) -> Round {
        let rounds = self.mirror.as_ref().expect("it is open").once().await.expect("the copy can be written");
        rounds.into_iter().next().expect("a round").1
    }

    #[track_caller]
    pub(crate) fn good(round: &Round) {
        assert_eq!((&round.wrong[..], &round.unchecked[..]), (&[][..], &[][..]));
    }

    /// The one thing that is wrong.
    pub(crate) async fn wrong(&self) -> String {
        let round = self.round().await;
        assert_eq!(round.wrong.len(), 1, "{round:?}");
        assert_eq!(round.result(), "wrong");
        round.wrong[0].clone()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("data").join(origin_hash(&Origin::new(ORIGIN).expect("an origin")))
    }

    /// Every file of the copy but the checkpoint, which has this mirror's own line.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        gather(&self.folder(), &mut files);
        files.remove(&self.folder().join("checkpoint"));
        files
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(&mut self) -> Serving {
        let stop = CancellationToken::new();
        let (sender, listening) = tokio::sync::oneshot::channel();
        let running = self.mirror.take().expect("it is open").run(
            stop.clone(),
            |_, _| {},
            move |public, admin| sender.send((public, admin)).expect("the test waits"),
        );
        let task = tokio::spawn(running);
        let (public, admin) = listening.await.expect("it listens");
        let hash = origin_hash(&Origin::new(ORIGIN).expect("an origin"));
        Serving {
            base: format!("http://{public}/{hash}"),
            admin: format!("http://{}", admin.expect("an admin listener")),
            stop,
            task: Some(task),
        }
    }
}

pub(crate) struct Serving {
    pub(crate) base: String,
    pub(crate) admin: String,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<Result<(), MirrorError>>>,
}

impl Serving {
    pub(crate) async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = reqwest::get(format!("{}/{path}", self.base)).await.expect("an answer");
        (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
    }

    #[track_caller]
    pub(crate) fn ok((status, body): (u16, Vec<u8>)) -> Vec<u8> {
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.task.take().expect("it runs").await.expect("no panic").expect("a good end");
    }
}

fn gather(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(items) = fs::read_dir(folder) else { return };
    for item in items {
        let path = item.expect("an item").path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
}
