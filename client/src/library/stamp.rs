//! Stamping in memory: digests in, verified evidence out.

use super::{Error, Evidence, evidence::Part};
use crate::{
    hash,
    http::Client,
    paths,
    stamp::{judge, lower_bound, settle},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use treering_tlog::policy::Policy;
use treering_token::{
    bundle::{Blinding, Kind, Opener, Own, Record, RelativePath, RunHeader, SubmissionTree},
    commitment::Commitment,
    digest::{Digests, HashId},
    salt::RunSecret,
};

/// The most commitments in one submission: 32 MB.
const MOST: usize = 1_000_000;
/// Submissions on their way at once.
const AT_ONCE: usize = 2;
/// How long the log is asked to wait with its answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Stamps with one log, under one policy. Cheap to clone.
///
/// Every receipt is verified under the policy before anything is given out. Nothing blocks the runtime: files are hashed on
/// its blocking threads. Nothing is kept anywhere: neither master key nor journal nor configuration of the `treering` command
/// are looked at.
///
/// ```
/// # mod fake { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/support/fake_log.rs")); }
/// # let log = fake::FakeLog::start(fake::Manner::default());
/// # let (url, policy) = (log.url().to_owned(), log.policy());
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use treering::{Client, stamp::Stamper};
/// use treering_tlog::{hash::sha256, policy::Policy};
///
/// // The keys you trust: from a file of your own, never from the log itself.
/// let policy = Policy::parse(policy.as_bytes())?;
/// let stamper = Stamper::new(Client::new(&url)?, policy.clone()).holder("Ada").title("Contract 7");
/// let evidence = stamper.digests([*sha256(b"a contract").as_bytes()]).await?;
///
/// let token = &evidence.tokens()?[0];
/// std::fs::write(std::env::temp_dir().join("contract.pdf.tlog-proof"), token.to_string())?;
/// let verified = treering::verify::bytes(b"a contract", token, &policy)?;
/// assert!(verified.attested.before().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Stamper {
    client: Client,
    policy: Arc<Policy>,
    holder: Option<String>,
    agent: Option<String>,
    title: Option<String>,
    is_plain: bool,
    has_after: bool,
    wait: Duration,
}

impl Stamper {
    /// Blinded, with a lower bound, and ten minutes of patience for receipts.
    pub fn new(client: Client, policy: Policy) -> Stamper {
        Stamper {
            client,
            policy: Arc::new(policy),
            holder: None,
            agent: None,
            title: None,
            is_plain: false,
            has_after: true,
            wait: Duration::from_secs(600),
        }
    }

    /// In whose name: blinded in the claim, shown in the tokens.
    #[must_use]
    pub fn holder(mut self, name: impl Into<String>) -> Stamper {
        self.holder = Some(name.into());
        self
    }

    /// Who stamps on the holder's behalf.
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Stamper {
        self.agent = Some(name.into());
        self
    }

    /// What it is about.
    #[must_use]
    pub fn title(mut self, text: impl Into<String>) -> Stamper {
        self.title = Some(text.into());
        self
    }

    /// The SHA-256 digests themselves, unblinded; then nothing can be said about them, and there is no lower bound.
    #[must_use]
    pub fn plain(mut self) -> Stamper {
        self.is_plain = true;
        self
    }

    /// No lower bound for the moment of stamping.
    #[must_use]
    pub fn without_after(mut self) -> Stamper {
        self.has_after = false;
        self
    }

    /// How long to wait for each receipt at most.
    #[must_use]
    pub fn wait(mut self, most: Duration) -> Stamper {
        self.wait = most;
        self
    }

    /// Stamps SHA-256 digests, in this order.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::File`].
    pub async fn digests(&self, sha256: impl IntoIterator<Item = [u8; 32]>) -> Result<Evidence, Error> {
        let mut run = self.begin().await?;
        for digest in sha256 {
            // A path is what a bundle calls it; nobody stamps it.
            let name = RelativePath::new(hex::encode(digest).into_bytes())?;
            run.push(name, None, Digests::new(digest))?;
        }
        run.finish().await
    }

    /// Hashes and stamps files, in this order; a bundle of them knows each by the last part of its path.
    ///
    /// # Errors
    /// Any [`Error`]: one file that can't be read is enough. To stamp the others all the same, take [`Stamper::begin`].
    pub async fn files(&self, paths: impl IntoIterator<Item = PathBuf>) -> Result<Evidence, Error> {
        let mut run = self.begin().await?;
        for path in paths {
            run.push_file(&path).await?;
        }
        run.finish().await
    }

    /// Fetches the log's checkpoint, which is the lower bound, and begins a run.
    ///
    /// # Errors
    /// [`Error::Client`], [`Error::NotACheckpoint`], [`Error::Checkpoint`], [`Error::NoAfter`], [`Error::Claim`],
    /// [`Error::Random`].
    pub async fn begin(&self) -> Result<Run, Error> {
        let (opener, most) = self.open().await?;
        Ok(Run { stamper: self.clone(), opener, records: Vec::new(), commitments: Vec::new(), most })
    }

    /// What a run's records have in common, and how many of them go into one submission.
    pub(super) async fn open(&self) -> Result<(Opener, usize), Error> {
        let most = self
            .client
            .log()
            .await?
            .limits
            .max_hashes
            .map_or(MOST, |most| usize::try_from(most).unwrap_or(MOST).clamp(1, MOST));
        let header = if self.is_plain {
            RunHeader::new(Blinding::Plain)
        } else {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(Error::Random)?;
            RunHeader {
                holder: self.holder.clone(),
                agent: self.agent.clone(),
                title: self.title.clone(),
                after: self.after().await?,
                ..RunHeader::new(Blinding::Secret(RunSecret::new(secret)))
            }
        };
        Ok((Opener::new(header)?, most))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn patience(&self) -> Duration {
        self.wait
    }

    async fn after(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(lower_bound(&self.client, &self.policy).await?.kept(self.has_after)?)
    }
}

/// What is to be stamped together. In memory are about 200 bytes a file; for trees of millions there is [`Stamper::tree`],
/// which needs none.
#[derive(Debug)]
pub struct Run {
    stamper: Stamper,
    opener: Opener,
    records: Vec<Record>,
    commitments: Vec<Commitment>,
    /// In one submission.
    most: usize,
}

impl Run {
    /// Adds a file by its digests. Path and size (if somebody has read the file) are for a bundle: they aren't stamped.
    ///
    /// # Errors
    /// [`Error::Claim`].
    pub fn push(&mut self, path: RelativePath, size: Option<u64>, digests: Digests) -> Result<(), Error> {
        let place = self.records.len() as u64;
        let own = Own::default();
        self.commitments.push(self.opener.commitment(place, &digests, &own)?);
        self.records.push(Record::Path { kind: Kind::File, path, size, digests, own });
        Ok(())
    }

    /// Hashes a file on a blocking thread, and adds it.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Claim`]: then the run is as it was before.
    pub async fn push_file(&mut self, path: &Path) -> Result<(), Error> {
        let file = |reason: String| Error::File { path: path.to_owned(), reason };
        let name = path.file_name().ok_or_else(|| file("has no name".to_owned()))?;
        let name = RelativePath::new(paths::name_bytes(name).to_vec())?;
        let source = path.to_owned();
        let hashed =
            tokio::task::spawn_blocking(move || hash::file(&source, &[HashId::SHA_256], &mut hash::buffer()));
        let (size, digests) =
            hashed.await.map_err(|_| Error::Panicked)?.map_err(|error| file(error.to_string()))?;
        self.push(name, Some(size), digests)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Sends everything, waits for the receipts, and verifies each.
    ///
    /// # Errors
    /// [`Error::Nothing`], [`Error::Client`], [`Error::Receipt`], [`Error::NotYet`].
    pub async fn finish(self) -> Result<Evidence, Error> {
        if self.is_empty() {
            return Err(Error::Nothing);
        }
        let parts: Vec<Part> = stream::iter(self.commitments.chunks(self.most))
            .map(|commitments| self.submit(commitments))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Evidence {
            policy: Arc::clone(&self.stamper.policy),
            opener: self.opener,
            records: self.records,
            parts,
        })
    }

    async fn submit(&self, commitments: &[Commitment]) -> Result<Part, Error> {
        let Stamper { client, policy, wait, .. } = &self.stamper;
        let tree = SubmissionTree::new(commitments.iter().copied());
        let root = tree.root().0;
        let bytes: Vec<u8> = commitments.iter().flat_map(|commitment| *commitment.0.as_bytes()).collect();
        let answer = client.submit(Bytes::from(bytes), ANSWER).await?;
        let receipt = settle(client, policy, root, answer, *wait).await?;
        let attested = judge(policy, &root, &receipt, self.opener.run().after.as_deref())
            .map_err(|error| Error::Receipt { root, error })?;
        Ok(Part { tree, receipt, attested })
    }
}
