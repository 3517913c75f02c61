//! What a stamping in memory gives.

use super::Error;
use std::sync::Arc;
use treering_tlog::policy::Policy;
use treering_token::{
    bundle::{self, Disclose, Header, Item, Opener, Record, SubmissionTree},
    token::Token,
    verify::Attested,
};

/// Verified evidence for the files of one run, in their order: as tokens, as receipts or as a bundle.
#[derive(Debug)]
pub struct Evidence {
    pub(super) policy: Arc<Policy>,
    pub(super) opener: Opener,
    pub(super) records: Vec<Record>,
    pub(super) parts: Vec<Part>,
}

/// One submission.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) tree: SubmissionTree,
    pub(super) receipt: Token,
    pub(super) attested: Attested,
}

impl Evidence {
    /// A token a file, whole: `<file>.tlog-proof`. Each shows its own file and gives away nothing about the others.
    ///
    /// # Errors
    /// [`Error::Claim`]: a token would be larger than one can be.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        let mut tokens = Vec::with_capacity(self.records.len());
        let mut records = self.records.iter().zip(0..);
        for part in &self.parts {
            for (index, (record, place)) in (0..part.tree.len()).zip(records.by_ref()) {
                let opened = self.opener.open(place, record)?;
                let layer = part.tree.layer(index).expect("the index is below the tree's length");
                tokens.push(bundle::cut(&part.receipt, self.opener.run(), &opened, layer, Disclose::ALL)?);
            }
        }
        Ok(tokens)
    }

    /// What witnesses and log say of each submission: nearly always there is one.
    pub fn attested(&self) -> impl Iterator<Item = &Attested> {
        self.parts.iter().map(|part| &part.attested)
    }

    /// A receipt a submission.
    pub fn receipts(&self) -> impl Iterator<Item = &Token> {
        self.parts.iter().map(|part| &part.receipt)
    }

    /// All of it as one bundle, `<name>.treering`. It holds the secret of the run, from which all salts come: keep it as you
    /// keep the files, and hand out tokens.
    pub fn bundle(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Item::Header(Header { policy: self.policy.as_bytes().to_vec() }).encode(&mut out);
        Item::Run(Box::new(self.opener.run().clone())).encode(&mut out);
        let mut records = self.records.iter();
        for part in &self.parts {
            for _ in 0..part.tree.len() {
                let record = records.next().expect("the parts' records are the run's");
                Item::Record(record.clone()).encode(&mut out);
            }
            Item::Mark(part.tree.len()).encode(&mut out);
        }
        let mut said = Vec::new();
        for part in &self.parts {
            // Equal files stamped plain can give a whole submission twice: one receipt is for both.
            if !said.contains(&part.tree.root()) {
                said.push(part.tree.root());
                Item::Receipt(Box::new(part.receipt.clone())).encode(&mut out);
            }
        }
        out
    }
}
