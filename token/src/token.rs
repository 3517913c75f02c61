//! Tokens and receipts: a C2SP tlog-proof whose `extra` leads from the file to the log's entry.
//!
//! `extra` is a deterministic CBOR map: 1 entry (bytes), 2 layers, 3 opening `[salt, claim, names]` with names a map
//! {2: [salt, holder], 3: [salt, agent]} of only what is disclosed, 4 the `after` note (bytes), 5 SHA-256 of an
//! earlier token that this one renews. 1 and 2 are required, the rest stands only where it applies. A token with
//! exactly one layer is a *receipt* and has only 1 and 2. At most 48,000 bytes of `extra`, 1 MB in all.
//!
//! What is checked here is the form, and that field 4 and the names are there just where the claim provides for them.
//! Whether any of it is true is [`crate::verify`]'s business.

use crate::{
    cbor::CborError,
    claim::{Claim, ClaimError},
    commitment::Salt,
    digest::HashId,
    entry::{Entry, EntryError},
    layer::{Layer, LayerError, Layers},
};
use treering_tlog::{
    hash::Hash,
    note::Note,
    proof::{TlogProof, TlogProofError},
};

mod extra;

/// A disclosed name with the salt that blinds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What [`crate::commitment::blind_name`] took.
    pub salt: Salt,
    /// 1 to [`crate::claim::MAX_TEXT`] bytes.
    pub name: String,
}

/// Field 3 of `extra`: what turns a digest into a blinded commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimOpening {
    /// What [`crate::commitment::Commitment::blinded`] took.
    pub salt: Salt,
    /// As received.
    pub claim: Vec<u8>,
    /// Disclosed only where the claim has field 2.
    pub holder: Option<Opening>,
    /// Disclosed only where the claim has field 3.
    pub agent: Option<Opening>,
}

/// A token; with exactly one layer it is a receipt. Parsed, not verified. Display writes exactly the bytes parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    // INVARIANT: `proof.extra` is the encoding of the other fields.
    proof: TlogProof,
    entry: Entry,
    layers: Layers,
    opening: Option<ClaimOpening>,
    // INVARIANT: what `opening.claim` says.
    claim: Option<Claim>,
    after: Option<Vec<u8>>,
    renews: Option<Hash>,
}

impl Token {
    /// `extra` before base64: readers of the format take lines of 64 KiB, and 48,000 bytes are 64,000 characters.
    pub const MAX_EXTRA: usize = 48_000;
    /// A whole token.
    pub const MAX_BYTES: usize = 1_000_000;
    /// What C2SP tlog-proof asks for.
    pub const EXTENSION: &str = "tlog-proof";

    /// Reads a token or receipt.
    ///
    /// # Errors
    /// Anything that is not exactly what Display would write.
    pub fn parse(bytes: &[u8]) -> Result<Token, TokenError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLong(bytes.len()));
        }
        let proof = TlogProof::parse(bytes)?;
        let extra = extra::read(proof.extra.as_deref().ok_or(TokenError::NoExtra)?)?;
        Token::assemble(proof, extra)
    }

    /// A receipt: entry, the batch layer, and the log's proof of the entry. `path` is that of the entry in the log.
    pub fn receipt(entry: Entry, batch_layer: Layer, index: u64, path: Vec<Hash>, checkpoint: Note) -> Token {
        let layers = Layers::new(vec![batch_layer]).expect("one layer is within all bounds");
        let extra = Extra { entry, layers, opening: None, after: None, renews: None };
        let proof = TlogProof { extra: Some(extra.encode()), index, path, checkpoint };
        Token::new(proof, extra, None)
    }

    /// The token for one commitment below a receipt (or below another token): adds the submission's layer, opening,
    /// after note, and what it renews.
    ///
    /// # Errors
    /// Too many layers, an opening or a note that does not fit the claim, or more bytes than a token may have.
    pub fn below(
        &self,
        layer: Layer,
        opening: Option<ClaimOpening>,
        after: Option<Vec<u8>>,
        renews: Option<Hash>,
    ) -> Result<Token, TokenError> {
        let extra = Extra { entry: self.entry, layers: self.layers.below(layer)?, opening, after, renews };
        let proof = TlogProof { extra: Some(extra.encode()), ..self.proof.clone() };
        let token = Token::assemble(proof, extra)?;
        match token.to_string().len() {
            length if length > Self::MAX_BYTES => Err(TokenError::TooLong(length)),
            _ => Ok(token),
        }
    }

    /// The same token with the holder's name, the agent's name, or both withheld. It shows all that it showed but them.
    pub fn without_names(&self, holder: bool, agent: bool) -> Token {
        let mut extra = self.extra();
        if let Some(opening) = &mut extra.opening {
            opening.holder = opening.holder.take().filter(|_| !holder);
            opening.agent = opening.agent.take().filter(|_| !agent);
        }
        Token::new(TlogProof { extra: Some(extra.encode()), ..self.proof.clone() }, extra, self.claim.clone())
    }

    /// Is this the receipt of a submission, rather than the token of a file?
    pub fn is_receipt(&self) -> bool {
        self.layers.as_slice().len() == 1
    }

    /// The log's leaf.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// From the commitment to the batch root.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// `None` for a receipt and for a plain commitment.
    pub fn opening(&self) -> Option<&ClaimOpening> {
        self.opening.as_ref()
    }

    /// What the opening's claim says (its signature, if it has one, is not verified yet).
    pub fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// The note that was fetched before the file was hashed, exactly as kept.
    pub fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// SHA-256 of the earlier token (or bundle) that this one is of.
    pub fn renews(&self) -> Option<Hash> {
        self.renews
    }

    /// Index of the entry in the log.
    pub fn index(&self) -> u64 {
        self.proof.index
    }

    /// The log half, `extra` included.
    pub fn proof(&self) -> &TlogProof {
        &self.proof
    }

    /// The algorithms by which the file has to be hashed to verify this token: those of the claim that are known here.
    pub fn digest_ids(&self) -> Vec<HashId> {
        match &self.claim {
            Some(claim) => claim.digests.iter().map(|(id, _)| id).filter(|id| id.len().is_some()).collect(),
            None => vec![HashId::SHA_256],
        }
    }

    /// Holds what was read, or is about to be written, to the rules between the fields.
    fn assemble(proof: TlogProof, extra: Extra) -> Result<Token, TokenError> {
        let length = proof.extra.as_ref().map_or(0, Vec::len);
        if length > Self::MAX_EXTRA {
            return Err(TokenError::ExtraTooLong(length));
        }
        let claim = extra.check()?;
        Ok(Token::new(proof, extra, claim))
    }

    fn new(proof: TlogProof, extra: Extra, claim: Option<Claim>) -> Token {
        let Extra { entry, layers, opening, after, renews } = extra;
        Token { proof, entry, layers, opening, claim, after, renews }
    }

    fn extra(&self) -> Extra {
        Extra {
            entry: self.entry,
            layers: self.layers.clone(),
            opening: self.opening.clone(),
            after: self.after.clone(),
            renews: self.renews,
        }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.proof.fmt(f)
    }
}

/// Why some bytes are no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a tlog-proof.
    #[error(transparent)]
    Proof(#[from] TlogProofError),
    /// Beyond [`Token::MAX_BYTES`].
    #[error("a token has at most 1,000,000 bytes, this has {0}")]
    TooLong(usize),
    /// A tlog-proof of something else.
    #[error("this tlog-proof has no extra line, so it is not a Treering token")]
    NoExtra,
    /// Beyond [`Token::MAX_EXTRA`].
    #[error("a token's extra data has at most 48,000 bytes before base64, this has {0}")]
    ExtraTooLong(usize),
    /// `extra` is not the CBOR that is wanted.
    #[error("the token's extra data: {0}")]
    Extra(#[from] CborError),
    /// Field 1.
    #[error("the token's entry: {0}")]
    Entry(#[from] EntryError),
    /// Field 2.
    #[error("the token's layers: {0}")]
    Layers(#[from] LayerError),
    /// The claim in field 3.
    #[error("the token's claim: {0}")]
    Claim(#[from] ClaimError),
    /// A disclosed name is empty or too long.
    #[error("a disclosed name has 1 to 1,024 bytes, this one has {0}")]
    Name(usize),
    /// A holder is disclosed whom the claim does not have.
    #[error("the token discloses a holder, but the claim has none")]
    HolderUnexpected,
    /// An agent is disclosed whom the claim does not have.
    #[error("the token discloses an agent, but the claim has none")]
    AgentUnexpected,
    /// The claim has field 5, the token lacks field 4.
    #[error("the claim names a checkpoint that it was made after, but the token lacks that checkpoint")]
    AfterMissing,
    /// The token has field 4, and no claim that names it.
    #[error("the token carries a checkpoint from before it was made, but its claim names none")]
    AfterUnexpected,
    /// One layer makes a receipt, and a receipt has no opening, `after` or `renews`.
    #[error(
        "a token with one layer is a receipt, and a receipt carries no claim, no earlier checkpoint and no renewal"
    )]
    ReceiptFields,
}

impl TokenError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            TokenError::Proof(_) => "tlog_proof_malformed",
            TokenError::TooLong(_) => "token_too_long",
            TokenError::NoExtra => "token_without_extra",
            TokenError::ExtraTooLong(_) => "token_extra_too_long",
            TokenError::Extra(error) => error.name(),
            TokenError::Entry(error) => error.name(),
            TokenError::Layers(error) => error.name(),
            TokenError::Claim(error) => error.name(),
            TokenError::Name(_) => "token_name",
            TokenError::HolderUnexpected => "holder_unexpected",
            TokenError::AgentUnexpected => "agent_unexpected",
            TokenError::AfterMissing => "after_missing",
            TokenError::AfterUnexpected => "after_unexpected",
            TokenError::ReceiptFields => "receipt_fields",
        }
    }
}

/// The fields of `extra`.
#[derive(Clone, Debug)]
struct Extra {
    entry: Entry,
    layers: Layers,
    opening: Option<ClaimOpening>,
    after: Option<Vec<u8>>,
    renews: Option<Hash>,
}

#[cfg(test)]
mod tests;
