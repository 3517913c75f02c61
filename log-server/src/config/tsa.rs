//! The `[tsa]` table: the timestamp authority (RFC 3161).

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{ConfigError, file::within};

/// How the timestamp authority is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsaConfig {
    /// Where its key is.
    pub key: TsaKey,
    /// The PEM file with its certificate first and then the issuers'; PKCS#12 brings its own.
    pub certificates: Option<PathBuf>,
    /// The policy under which tokens are given that ask for none: an OID.
    pub policy: String,
    /// Others that may be asked for.
    pub other_policies: Vec<String>,
    /// What the tokens state, and how far the clock may have stepped since it was last looked at.
    pub accuracy: Duration,
    /// Do the tokens state that their order is that of their times?
    pub ordering: bool,
    /// Do the tokens name the authority?
    pub name: bool,
    /// The unsigned attribute in which a token carries its proof: an OID. Without it `proof=embed` is refused.
    pub proof_oid: Option<String>,
}

/// Where the authority's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TsaKey {
    /// In a PEM file (PKCS#8), mode 0600.
    Pem(PathBuf),
    /// In a PKCS#12 file, together with the certificates.
    Pkcs12 {
        /// The file.
        file: PathBuf,
        /// The file with its password on one line, mode 0600.
        password: PathBuf,
    },
    /// In a PKCS#11 token.
    Pkcs11 {
        /// The token's library.
        module: PathBuf,
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
        /// The file with the user's PIN on one line, mode 0600.
        pin: PathBuf,
    },
}

/// As typed; `template.toml` says what each field means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TsaTable {
    key: Option<PathBuf>,
    pkcs12: Option<Pkcs12Table>,
    pkcs11: Option<Pkcs11Table>,
    certificates: Option<PathBuf>,
    policy: String,
    #[serde(default)]
    other_policies: Vec<String>,
    #[serde(default = "default_accuracy_ms")]
    accuracy_ms: u64,
    #[serde(default)]
    ordering: bool,
    #[serde(default = "default_name")]
    name: bool,
    proof_oid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pkcs12Table {
    file: PathBuf,
    password: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pkcs11Table {
    module: PathBuf,
    token: String,
    key: String,
    pin: PathBuf,
}

impl TsaTable {
    pub(super) fn check(self, folder: &Path) -> Result<TsaConfig, ConfigError> {
        let accuracy = within("tsa.accuracy_ms", self.accuracy_ms, 1, 60_000)?;
        let pem = self.key.map(|file| TsaKey::Pem(folder.join(file)));
        let pkcs12 = self.pkcs12.map(|table| TsaKey::Pkcs12 {
            file: folder.join(table.file),
            password: folder.join(table.password),
        });
        let pkcs11 = self.pkcs11.map(|table| TsaKey::Pkcs11 {
            module: folder.join(table.module),
            token: table.token,
            key: table.key,
            pin: folder.join(table.pin),
        });
        let mut keys = [pem, pkcs12, pkcs11].into_iter().flatten();
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(ConfigError::TsaKey) };
        let brings_its_own = matches!(key, TsaKey::Pkcs12 { .. });
        if brings_its_own == self.certificates.is_some() {
            return Err(ConfigError::TsaCertificates);
        }
        Ok(TsaConfig {
            key,
            certificates: self.certificates.map(|file| folder.join(file)),
            policy: self.policy,
            other_policies: self.other_policies,
            accuracy: Duration::from_millis(accuracy),
            ordering: self.ordering,
            name: self.name,
            proof_oid: self.proof_oid,
        })
    }
}

fn default_accuracy_ms() -> u64 {
    1000
}
fn default_name() -> bool {
    true
}
