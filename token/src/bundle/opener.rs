//! From records to commitments: what a record means under its run's header.

use super::{
    error::{BundleError, Field},
    record::{Own, Record},
    run::{Blinding, RunHeader},
};
use crate::{
    claim::{Claim, MAX_CLAIM, MAX_TEXT},
    commitment::{Commitment, Salt, blind_name},
    digest::Digests,
    token::{ClaimOpening, Opening},
};
use treering_tlog::hash::{Hash, sha256};

/// What a record means under its run's header.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What was stamped.
    pub commitment: Commitment,
    /// What leads from the file's digests to the commitment, both names disclosed; `None` for plain and bare ones.
    pub opening: Option<ClaimOpening>,
    /// The same claim as a value.
    pub claim: Option<Claim>,
}

/// Opens the records of one run. It keeps what they all share, so that the `after` note is hashed once.
#[derive(Clone, Debug)]
pub struct Opener {
    run: RunHeader,
    after: Option<Hash>,
}

impl Opener {
    /// # Errors
    /// As [`RunHeader::validate`].
    pub fn new(run: RunHeader) -> Result<Opener, BundleError> {
        run.validate()?;
        let after = run.after.as_deref().map(sha256);
        Ok(Opener { run, after })
    }

    /// The run's header.
    pub fn run(&self) -> &RunHeader {
        &self.run
    }

    /// Opening and commitment of the record at this place (from 0, bare ones count) in the run.
    ///
    /// # Errors
    /// The record does not fit the run's header, its claim is too long, or its signature does not verify.
    pub fn open(&self, place: u64, record: &Record) -> Result<Opened, BundleError> {
        match record {
            Record::Bare(commitment) => Ok(Opened { commitment: *commitment, opening: None, claim: None }),
            Record::Path { digests, own, .. } if self.run.blinding == Blinding::Plain => plain(digests, own),
            Record::Path { digests, own, .. } => self.blinded(place, digests, own),
        }
    }

    /// What [`Opener::open`] gives as the commitment of a record with these digests and differences.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub fn commitment(&self, place: u64, digests: &Digests, own: &Own) -> Result<Commitment, BundleError> {
        let opened = match self.run.blinding {
            Blinding::Plain => plain(digests, own)?,
            _ => self.blinded(place, digests, own)?,
        };
        Ok(opened.commitment)
    }

    /// What the holder signs for the record with these digests and differences; the signature then goes into
    /// [`Own::signature`]. One that is there already is not looked at.
    ///
    /// # Errors
    /// The run has no key, or the record does not fit the run's header.
    pub fn signing_input(&self, place: u64, digests: &Digests, own: &Own) -> Result<Vec<u8>, BundleError> {
        let key = self.run.key.as_ref().ok_or(BundleError::NothingToSign)?;
        Ok(self.unsigned(&self.names(place, own)?, digests, own)?.signing_input(key))
    }

    fn blinded(&self, place: u64, digests: &Digests, own: &Own) -> Result<Opened, BundleError> {
        let names = self.names(place, own)?;
        let mut claim = self.unsigned(&names, digests, own)?;
        claim.signed = match (&self.run.key, &own.signature) {
            (None, None) => None,
            (Some(key), Some(signature)) => {
                if !key.verify(&claim.signing_input(key), signature) {
                    return Err(BundleError::BadSignature);
                }
                Some((key.clone(), *signature))
            }
            (Some(_), None) => return Err(BundleError::Missing { field: Field::Signature }),
            (None, Some(_)) => return Err(BundleError::Stray { field: Field::Signature }),
        };
        let bytes = claim.encode();
        if bytes.len() > MAX_CLAIM {
            let (field, max, got) = (Field::Claim, MAX_CLAIM, bytes.len() as u64);
            return Err(BundleError::Limit { field, max, got });
        }
        let Names { salt, holder, agent } = names;
        let commitment = Commitment::blinded(&salt, &bytes);
        let opening = ClaimOpening { salt, claim: bytes, holder, agent };
        Ok(Opened { commitment, opening: Some(opening), claim: Some(claim) })
    }

    fn unsigned(&self, names: &Names, digests: &Digests, own: &Own) -> Result<Claim, BundleError> {
        let blind = |name: &Option<Opening>| name.as_ref().map(|o| blind_name(&o.salt, &o.name));
        Ok(Claim {
            digests: digests.clone(),
            holder: blind(&names.holder),
            agent: blind(&names.agent),
            title: effective(Field::Title, &own.title, &self.run.title)?,
            after: self.after,
            signed: None,
        })
    }

    fn names(&self, place: u64, own: &Own) -> Result<Names, BundleError> {
        let holder = effective(Field::Holder, &own.holder, &self.run.holder)?;
        let agent = effective(Field::Agent, &own.agent, &self.run.agent)?;
        let carried = [
            (Field::Salt, own.salt, true),
            (Field::HolderSalt, own.holder_salt, holder.is_some()),
            (Field::AgentSalt, own.agent_salt, agent.is_some()),
        ];
        let Blinding::Secret(secret) = &self.run.blinding else {
            let [salt, holder_salt, agent_salt] = carried;
            return Ok(Names {
                salt: required(salt)?.ok_or(BundleError::Missing { field: Field::Salt })?,
                holder: opening(required(holder_salt)?, holder),
                agent: opening(required(agent_salt)?, agent),
            });
        };
        for (field, salt, _) in carried {
            required((field, salt, false))?;
        }
        Ok(Names {
            salt: secret.salt(place),
            holder: holder.map(|name| Opening { salt: secret.holder_salt(place), name }),
            agent: agent.map(|name| Opening { salt: secret.agent_salt(place), name }),
        })
    }
}

impl RunHeader {
    /// Opening and commitment of the record at this place (from 0) in the run.
    ///
    /// For many records, an [`Opener`] does once what this does each time.
    ///
    /// # Errors
    /// As [`Opener::new`] and [`Opener::open`].
    pub fn claim(&self, place: u64, record: &Record) -> Result<Opened, BundleError> {
        Opener::new(self.clone())?.open(place, record)
    }
}

/// The claim's salt, and the names with theirs.
struct Names {
    salt: Salt,
    holder: Option<Opening>,
    agent: Option<Opening>,
}

fn plain(digests: &Digests, own: &Own) -> Result<Opened, BundleError> {
    if !own.is_empty() {
        return Err(BundleError::PlainRecordHasOwn);
    }
    // Only the SHA-256 digest is stamped: another one beside it would look like evidence and be none.
    if digests.iter().count() > 1 {
        return Err(BundleError::PlainRecordHasDigests);
    }
    let commitment = Commitment::plain(digests.sha256());
    Ok(Opened { commitment, opening: None, claim: None })
}

/// The record's own text, else the header's; the empty text takes the header's away.
fn effective(
    field: Field,
    own: &Option<String>,
    header: &Option<String>,
) -> Result<Option<String>, BundleError> {
    match own {
        None => Ok(header.clone()),
        Some(text) if text.len() > MAX_TEXT => {
            Err(BundleError::Limit { field, max: MAX_TEXT, got: text.len() as u64 })
        }
        Some(text) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) if header.is_some() => Ok(None),
        Some(_) => Err(BundleError::TakesNothingAway { field }),
    }
}

/// A salt that the record carries, exactly when it has to.
fn required((field, salt, needed): (Field, Option<Salt>, bool)) -> Result<Option<Salt>, BundleError> {
    match (salt, needed) {
        (None, true) => Err(BundleError::Missing { field }),
        (Some(_), false) => Err(BundleError::Stray { field }),
        _ => Ok(salt),
    }
}

fn opening(salt: Option<Salt>, name: Option<String>) -> Option<Opening> {
    salt.zip(name).map(|(salt, name)| Opening { salt, name })
}
