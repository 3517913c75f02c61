//! The `[[bastion]]` tables of `witness.toml`.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use rustls::pki_types::ServerName;
use serde::Deserialize;

/// A C2SP https-bastion, through which the witness is reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BastionSettings {
    /// Where its backends connect to.
    pub address: BastionAddress,
    /// The file of the key that it knows this witness by, relative to the directory. Default `bastion-key`.
    #[serde(default = "BastionSettings::default_key")]
    pub key: PathBuf,
    /// A file of certificates (PEM) of the CAs that it is verified by, instead of the system's. Default: the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl BastionSettings {
    /// Where `key bastion` writes the key.
    pub fn default_key() -> PathBuf {
        PathBuf::from("bastion-key")
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BastionAddress {
    text: String,
    host: ServerName<'static>,
}

/// Why it is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bastion address {0:?}: it must be a host, a colon and a port, like bastion.example:443")]
pub struct BastionAddressError(String);

impl BastionAddress {
    /// As it was written: host and port.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whom its certificate has to be of.
    pub fn host(&self) -> &ServerName<'static> {
        &self.host
    }
}

impl TryFrom<String> for BastionAddress {
    type Error = BastionAddressError;

    fn try_from(text: String) -> Result<BastionAddress, BastionAddressError> {
        let parse = |text: &str| {
            let (host, port) = text.rsplit_once(':')?;
            port.parse::<NonZeroU16>().ok()?;
            // An IPv6 address stands in brackets, so that its colons aren't the port's.
            let host = match host.strip_prefix('[') {
                Some(rest) => rest.strip_suffix(']').filter(|inner| inner.contains(':'))?,
                None => Some(host).filter(|host| !host.contains(':'))?,
            };
            ServerName::try_from(host.to_owned()).ok()
        };
        match parse(&text) {
            Some(host) => Ok(BastionAddress { text, host }),
            None => Err(BastionAddressError(text)),
        }
    }
}

/// The key files of the bastions, each once.
pub(crate) fn key_files(bastions: &[BastionSettings], dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for file in bastions.iter().map(|bastion| dir.join(&bastion.key)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_an_address() {
        for text in ["bastion.example:443", "localhost:8443", "127.0.0.1:1", "[::1]:65535"] {
            let address = BastionAddress::try_from(text.to_owned()).expect("an address");
            assert_eq!(address.as_str(), text);
        }
        let of = |text: &str| {
            BastionAddress::try_from(text.to_owned()).expect("an address").host().to_str().into_owned()
        };
        assert_eq!(of("[::1]:443"), "::1");
        assert_eq!(of("bastion.example:443"), "bastion.example");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "bastion.example",
            "bastion.example:",
            "bastion.example:0",
            "bastion.example:65536",
            "bastion.example:https",
            ":443",
            "::1:443",
            "[::1]",
            "[bastion.example]:443",
            "https://bastion.example:443",
            "bastion example:443",
            "bastion.example:443/",
        ] {
            let refused = BastionAddress::try_from(text.to_owned()).expect_err("no address").to_string();
            assert!(
                refused.ends_with("it must be a host, a colon and a port, like bastion.example:443"),
                "{refused}"
            );
            assert!(refused.contains(&format!("{text:?}")), "{refused}");
        }
    }
}
