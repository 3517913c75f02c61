//! `[tls]`: the certificate of the public address.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The chain in PEM, the server's own certificate first.
    pub certificates: PathBuf,
    /// Its private key in PEM, mode 0600.
    pub key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    certificates: PathBuf,
    key: PathBuf,
}

impl TlsTable {
    pub(super) fn check(self, folder: &Path) -> TlsConfig {
        TlsConfig { certificates: folder.join(self.certificates), key: folder.join(self.key) }
    }
}
