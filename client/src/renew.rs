//! Renewal: old evidence is itself stamped, before the signatures or hashes that it rests on fall.
//!
//! ```text
//! old token or bundle ─▶ verified under today's policies ─▶ its bytes hashed ─▶ claim ─▶ log ─▶ token that names it (field 5)
//! ```
//! Old and new stay beside each other: [`place`].

mod find;
mod place;

pub(crate) use find::{FindError, Old, find};

use crate::{
    bundle_file::{BundleFileError, Reader},
    hash,
    judges::Judges,
    keys, locate, paths,
    policy_file::read_bounded,
    stamp::{Log, StampError},
};
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use treering_tlog::hash::{Hash, sha256};
use treering_token::{
    bundle::{Blinding, BundleError, Item, Kind, Opened, Opener, RunHeader, Step, SubmissionTree},
    commitment::Commitment,
    digest::{Digests, HashId},
    token::{Token, TokenError},
    verify::VerifyError,
};

/// How it is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Digests beside SHA-256.
    pub(crate) digests: Vec<HashId>,
    /// With a lower bound?
    pub(crate) after: bool,
    /// How long receipts are waited for.
    pub(crate) wait: Duration,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The master key was made: worth a copy somewhere safe.
    KeyMade(&'a Path),
    /// One that isn't renewed.
    Failed { old: &'a Path, error: &'a RenewError },
    /// The new token, and the names under which the old evidence is kept from now on.
    Renewed { new: &'a Path, kept: &'a [PathBuf] },
}

/// Why one token or bundle is not renewed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewError {
    #[error("it can't be read: {0}")]
    Io(io::Error),
    #[error("it can't be read: {0}")]
    Hash(hash::HashError),
    #[error("it is no whole token: {0}; get a whole copy of it")]
    Token(TokenError),
    #[error("it is larger than a token can be")]
    TooLong,
    #[error(transparent)]
    Bundle(#[from] BundleFileError),
    #[error(
        "it is no evidence under this policy ({0}), and renewing it would not make it any: if a key or a witness was given up \
         since, it had to be renewed before"
    )]
    Refused(VerifyError),
    #[error(
        "it is a receipt, for a submission and not for a file: keep it with the tokens cut below it, and renew those"
    )]
    Receipt,
    #[error(
        "it stamps the plain SHA-256 of a file that isn't beside it ({file}), without which nobody can tell whether it is good"
    )]
    NoFile { file: String },
    #[error("its renewal can't be put together: {0}")]
    Cut(TokenError),
    #[error("its claim: {0}")]
    Claim(BundleError),
    #[error(
        "its renewal would be no evidence ({0}), and it stays as it is; try again later, or without a lower bound: --no-after"
    )]
    New(VerifyError),
    #[error(transparent)]
    Place(#[from] place::PlaceError),
}

impl RenewError {
    /// Was it looked at and found wrong, rather than not looked at?
    pub(crate) fn is_wrong(&self) -> bool {
        match self {
            RenewError::Token(_) | RenewError::TooLong | RenewError::Refused(_) | RenewError::New(_) => true,
            RenewError::Bundle(error) => !error.is_io(),
            _ => false,
        }
    }
}

/// Renews all of them; how many were.
///
/// # Errors
/// What keeps all of them from being renewed; what concerns one is an [`Event::Failed`] instead.
pub(crate) fn renew(
    log: &Log,
    judges: &Judges,
    wish: &Wish,
    olds: &[Old],
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<u64, StampError> {
    // The lower bound is fetched before anything is hashed: it could not be known earlier.
    let opener = opener(log, wish, observe)?;
    let ids = hash::ids(wish.digests.iter().copied());
    let mut checked = Vec::new();
    for old in olds {
        match check(old, judges, &ids).and_then(|digests| Renewing::new(old, digests, &opener, checked.len()))
        {
            Ok(renewing) => checked.push(renewing),
            Err(error) => observe(Event::Failed { old: &old.path, error: &error }),
        }
    }
    if checked.is_empty() {
        return Ok(0);
    }
    let limit = log.max_hashes()?.map_or(MAX_AT_ONCE, |limit| limit.clamp(1, MAX_AT_ONCE));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<_> = checked.chunks(limit).map(|part| (part, tree(part))).collect();
    let bodies = parts.iter().map(|(part, tree)| (tree.root().0, body(part))).collect();
    let receipts: HashMap<Hash, Token> = log.receipts(bodies, wish.wait)?;
    let mut renewed = 0;
    for (part, tree) in &parts {
        let receipt = receipts.get(&tree.root().0).ok_or(StampError::Lost)?;
        for (index, one) in (0..).zip(*part) {
            let outcome = one
                .token(receipt, tree, index, opener.run(), judges)
                .and_then(|token| Ok(place::place(one.old, &one.hash(), &token)?));
            match outcome {
                Ok(placed) => {
                    renewed += 1;
                    observe(Event::Renewed { new: &placed.new, kept: &placed.kept });
                }
                Err(error) => observe(Event::Failed { old: &one.old.path, error: &error }),
            }
        }
    }
    Ok(renewed)
}

/// So many go into one submission: each needs its way in the tree, which is held in memory.
const MAX_AT_ONCE: u64 = 65_536;

fn opener(log: &Log, wish: &Wish, observe: &mut dyn FnMut(Event<'_>)) -> Result<Opener, StampError> {
    let after = log.after()?.kept(wish.after)?;
    let (master, made) = keys::master()?;
    if let Some(path) = &made {
        observe(Event::KeyMade(path));
    }
    let secret = master.run_secret(&keys::run_id()?);
    Opener::new(RunHeader { after, ..RunHeader::new(Blinding::Secret(secret)) }).map_err(StampError::Claim)
}

/// One that is being renewed.
struct Renewing<'a> {
    old: &'a Old,
    digests: Digests,
    opened: Opened,
}

impl<'a> Renewing<'a> {
    fn new(
        old: &'a Old,
        digests: Digests,
        opener: &Opener,
        place: usize,
    ) -> Result<Renewing<'a>, RenewError> {
        let record = treering_token::bundle::Record::Path {
            kind: Kind::File,
            path: treering_token::bundle::RelativePath::new(b"token".to_vec()).map_err(RenewError::Claim)?,
            size: Some(0),
            digests: digests.clone(),
            own: Default::default(),
        };
        let opened = opener.open(place as u64, &record).map_err(RenewError::Claim)?;
        Ok(Renewing { old, digests, opened })
    }

    /// Of the old evidence.
    fn hash(&self) -> Hash {
        Hash::new(*self.digests.sha256())
    }

    /// The new token, as good as any that `verify` takes: its receipt alone doesn't show that both of its bounds agree.
    fn token(
        &self,
        receipt: &Token,
        tree: &SubmissionTree,
        index: u64,
        run: &RunHeader,
        judges: &Judges,
    ) -> Result<Token, RenewError> {
        let layer = tree.layer(index).expect("the tree was made of as many");
        // SPEC: tokens.md section 9: field 5 is the claim's digest 1.
        let token = receipt
            .below(layer, self.opened.opening.clone(), run.after.clone(), Some(self.hash()))
            .map_err(RenewError::Cut)?;
        judges.judge(|verifier| verifier.token(&token, &self.digests)).map_err(RenewError::New)?;
        Ok(token)
    }
}

fn tree(part: &[Renewing<'_>]) -> SubmissionTree {
    SubmissionTree::new(part.iter().map(|one| one.opened.commitment))
}

fn body(part: &[Renewing<'_>]) -> Vec<u8> {
    part.iter().flat_map(|one| *one.opened.commitment.0.as_bytes()).collect()
}

/// Is it evidence today, under any policy that judges? Its digests, of the very bytes that were looked at.
fn check(old: &Old, judges: &Judges, ids: &[HashId]) -> Result<Digests, RenewError> {
    let mut buffer = hash::buffer();
    let (_, digests) = hash::file(&old.path, ids, &mut buffer).map_err(RenewError::Hash)?;
    if old.is_bundle {
        check_bundle(&old.path, judges)?;
    } else {
        let bytes =
            read_bounded(&old.path, Token::MAX_BYTES).map_err(RenewError::Io)?.ok_or(RenewError::TooLong)?;
        let token = Token::parse(&bytes).map_err(RenewError::Token)?;
        if token.is_receipt() {
            return Err(RenewError::Receipt);
        }
        let commitment = commitment(&token, &old.path)?;
        judges.judge(|verifier| verifier.receipt(&token, &commitment)).map_err(RenewError::Refused)?;
        if sha256(&bytes).as_bytes() != digests.sha256() {
            return Err(RenewError::Hash(hash::HashError::Changed));
        }
    }
    Ok(digests)
}

/// What a token stamps. That the file's digests agree with its claim is for `verify` to say.
fn commitment(token: &Token, path: &Path) -> Result<Commitment, RenewError> {
    if let Some(opening) = token.opening() {
        return Ok(Commitment::blinded(&opening.salt, &opening.claim));
    }
    if let Some(earlier) = token.renews() {
        return Ok(Commitment(earlier));
    }
    let file = locate::file_of(path).unwrap_or_default();
    let source = file.canonicalize().unwrap_or_else(|_| file.clone());
    match hash::file(&source, &[], &mut hash::buffer()) {
        Ok((_, digests)) => Ok(Commitment::plain(digests.sha256())),
        Err(_) => Err(RenewError::NoFile { file: paths::shown(&file) }),
    }
}

fn check_bundle(path: &Path, judges: &Judges) -> Result<(), RenewError> {
    let mut reader = Reader::open(path)?;
    while let Some((item, step)) = reader.step()? {
        if let (Item::Receipt(receipt), Step::Receipt { root, .. }) = (item, step) {
            judges.judge(|verifier| verifier.receipt(&receipt, &root)).map_err(RenewError::Refused)?;
        }
    }
    Ok(())
}
