//! The authority: from a query to a signed reply (RFC 3161 section 2.4.2, RFC 5652 section 5, RFC 5816).
//!
//! A reply is a PKIStatusInfo that grants, and CMS SignedData of version 3 over the TSTInfo, with one signer. Its signed
//! attributes are content-type, message-digest and signing-certificate-v2 (by SHA-256, with issuer and serial number);
//! no signing-time, as genTime says it. Certificates come along only if the query asks, and never the root.
//!
//! Everything that is the same in each reply is encoded once, at the start; a grant hashes the TSTInfo, signs the
//! attributes, and joins the parts with their lengths. What comes out is DER, byte for byte what `cms` would encode
//! (a test compares). Clock and random numbers are the caller's, who also sees to it that times don't run backwards if
//! `ordering` is promised.

mod error;
mod template;

pub use error::{AuthorityError, Refused};

use crate::accuracy::Accuracy;
use crate::certificate::Certificate;
use crate::chain::Chain;
use crate::gen_time::GenTime;
use crate::query::Query;
use crate::serial::Serial;
use crate::signature;
use crate::signer::TsaSigner;
use const_oid::ObjectIdentifier;
use std::sync::Arc;
use template::Template;

/// What the operator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The policy of tokens for queries that ask for none. There is no default: a policy's identifier claims that its
    /// rules are kept.
    pub policy: ObjectIdentifier,
    /// Further policies that a query may ask for.
    pub other_policies: Vec<ObjectIdentifier>,
    /// The accuracy that tokens state, if they state any.
    pub accuracy: Option<Accuracy>,
    /// Whether tokens promise that any two can be ordered by their times alone. The caller has to keep that.
    pub ordering: bool,
    /// Whether tokens name the certificate's subject as `tsa`.
    pub tsa_name: bool,
}

impl Settings {
    /// One policy; no accuracy, no ordering, no name.
    pub fn new(policy: ObjectIdentifier) -> Settings {
        Settings { policy, other_policies: Vec::new(), accuracy: None, ordering: false, tsa_name: false }
    }
}

/// A timestamp authority that is fit to sign. It can be shared between threads.
pub struct Authority {
    signer: Arc<dyn TsaSigner>,
    certificate: Certificate,
    issuers: Vec<Certificate>,
    settings: Settings,
    template: Template,
}

/// A reply with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The DER TimeStampResp.
    pub reply: Vec<u8>,
    /// What of it is logged: see [`crate::commitment`].
    pub commitment: [u8; 32],
}

impl Authority {
    /// Checks that the certificate is fit (time, purpose, key), that its issuers are valid, and that a trial signature
    /// verifies.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`], [`AuthorityError::Sign`], [`AuthorityError::Signature`].
    pub fn new(
        signer: Arc<dyn TsaSigner>,
        chain: &Chain,
        settings: &Settings,
        now: GenTime,
    ) -> Result<Authority, AuthorityError> {
        let certificate = chain.leaf().clone();
        certificate.check_purpose()?;
        certificate.check_key(signer.public_key_info())?;
        for certificate in chain.certificates() {
            certificate.check_time(now)?;
        }
        let trial = signer.sign(TRIAL)?;
        signature::verify(signer.public_key_info(), signer.algorithm().oid(), TRIAL, &trial)?;
        let template = Template::new(signer.algorithm(), chain, settings);
        let issuers = chain.certificates()[1..].to_vec();
        Ok(Authority { signer, certificate, issuers, settings: settings.clone(), template })
    }

    /// Signs a timestamp for this query. Each serial number may be used once.
    ///
    /// # Errors
    /// [`Refused::Policy`], [`Refused::Certificate`] if the certificate isn't valid at that time, [`Refused::Sign`].
    /// [`Refused::rejection`] gives the reply for each.
    pub fn grant(&self, query: &Query, time: GenTime, serial: &Serial) -> Result<Granted, Refused> {
        let policy = self.policy_of(query)?;
        // A token under an issuer that has ended verifies nowhere.
        for certificate in std::iter::once(&self.certificate).chain(&self.issuers) {
            certificate.check_time(time)?;
        }
        let info = self.template.tst_info(policy, query, time, serial);
        let attributes = self.template.signed_attributes(&info);
        let signature = self.signer.sign(&attributes)?;
        Ok(self.template.reply(&info, &attributes, &signature, query.cert_req()))
    }

    /// The TSA's own certificate, to warn in time before it expires.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whole days until the first certificate of the chain ends; negative once one has.
    pub fn days_left(&self, now: GenTime) -> i64 {
        let issuers = self.issuers.iter().map(|issuer| issuer.days_left(now));
        issuers.fold(self.certificate.days_left(now), i64::min)
    }

    fn policy_of(&self, query: &Query) -> Result<ObjectIdentifier, Refused> {
        match query.policy() {
            None => Ok(self.settings.policy),
            Some(policy)
                if policy == self.settings.policy || self.settings.other_policies.contains(&policy) =>
            {
                Ok(policy)
            }
            Some(policy) => Err(Refused::Policy(policy)),
        }
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({}, {:?})", self.certificate.subject(), self.signer.algorithm())
    }
}

/// Signed at the start, to see that key and certificate belong together. No SET of attributes, so no token's signature.
const TRIAL: &[u8] = b"treering.tsa-trial/1\n";

#[cfg(test)]
mod tests;
