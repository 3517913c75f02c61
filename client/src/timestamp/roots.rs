//! Roots and other certificates, as the user gives them: PEM files.

use crate::{paths, policy_file::read_bounded};
use std::{
    io,
    path::{Path, PathBuf},
};
use treering_tsa::{
    certificate::{Certificate, CertificateError},
    verify::{RootError, Verifier},
};

/// A system's whole bundle of roots is a quarter of this.
const MAX_PEM: usize = 1_000_000;

/// Why the certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error("the certificates in {path} can't be read: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path} is larger than {MAX_PEM} bytes; is it a PEM file with certificates?")]
    TooLong { path: String },
    #[error("the certificates in {path}: {error}")]
    Certificate { path: String, error: CertificateError },
    #[error(transparent)]
    Root(#[from] RootError),
}

/// A verifier that trusts the certificates in the files `ca`, and builds chains with those in `untrusted` too.
pub(crate) fn roots(ca: &[PathBuf], untrusted: &[PathBuf]) -> Result<Verifier, RootsError> {
    Ok(Verifier::new(read_all(ca)?, read_all(untrusted)?)?)
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Certificate>, RootsError> {
    let mut all = Vec::new();
    for file in files {
        all.extend(read(file)?);
    }
    Ok(all)
}

fn read(file: &Path) -> Result<Vec<Certificate>, RootsError> {
    let path = || paths::shown(file);
    let bytes = read_bounded(file, MAX_PEM)
        .map_err(|error| RootsError::Io { path: path(), error })?
        .ok_or_else(|| RootsError::TooLong { path: path() })?;
    // Whatever stands between the blocks is passed over, in whatever encoding it is.
    Certificate::from_pem_list(&String::from_utf8_lossy(&bytes))
        .map_err(|error| RootsError::Certificate { path: path(), error })
}
