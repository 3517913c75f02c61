//! `tsa init` and `tsa csr`: a key and a certificate for the timestamp authority (RFC 3161).
//!
//! `init` makes a test CA, which nobody outside trusts, throws its key away, and configures the log; `csr` asks a real
//! CA. Neither ever overwrites a file.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use treering_tsa::{
    gen_time::GenTime,
    issue::{self, TestCa},
    oid::{self, OidError},
    signer::{KeyKind, LocalSigner, TsaSigner},
};

use super::{Outcome, Place};
use crate::{
    clock::{Clock, SystemClock},
    config::{self, FILE_NAME},
    key,
    tsa::load_signer,
};

const KEY: &str = "tsa-key.pem";
const CHAIN: &str = "tsa-chain.pem";
const CA: &str = "tsa-ca.pem";
const TEST_CA: &str = "CN=Treering test CA";
/// In the arc that is reserved for documentation (RFC 5612): it claims nothing.
const POLICY: &str = "1.3.6.1.4.1.32473.3161.2";

/// The timestamp authority's key and certificate.
#[derive(Debug, Subcommand)]
pub(super) enum Tsa {
    /// Make a key and a certificate from a test CA, and configure the log with them
    ///
    /// Nobody but you trusts that CA: for real use see `tsa csr`.
    Init(Init),
    /// Print a certificate request (PKCS#10, PEM) for the authority's key, made if there is none
    Csr(Csr),
}

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    key: NewKey,
    /// How many days the authority's certificate is good for
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The policy that tokens are given under: an OID of yours
    #[arg(long, value_name = "OID", default_value = POLICY, value_parser = policy)]
    policy: String,
}

#[derive(Debug, Args)]
pub(super) struct Csr {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    key: NewKey,
}

#[derive(Debug, Args)]
struct NewKey {
    /// The kind of key to make
    #[arg(long, value_enum, default_value = "p256")]
    key: Kind,
    /// The authority's name in its certificate
    #[arg(long, default_value = "CN=Treering TSA")]
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// ECDSA over P-256
    P256,
    /// ECDSA over P-384
    P384,
    /// RSA of 3072 bits
    Rsa3072,
    /// RSA of 4096 bits
    Rsa4096,
}

impl Kind {
    fn kind(self) -> KeyKind {
        match self {
            Kind::P256 => KeyKind::P256,
            Kind::P384 => KeyKind::P384,
            Kind::Rsa3072 => KeyKind::Rsa3072,
            Kind::Rsa4096 => KeyKind::Rsa4096,
        }
    }
}

impl Tsa {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Tsa::Init(init) => init.run(),
            Tsa::Csr(csr) => csr.run(),
        }
    }
}

impl Init {
    fn run(self) -> anyhow::Result<Outcome> {
        let (config, file) = self.place.load_with_path()?;
        let folder = folder(&file);
        ensure!(config.tsa.is_none(), "{} has a [tsa] already", file.display());
        for name in [KEY, CHAIN, CA] {
            let path = folder.join(name);
            ensure!(fs::symlink_metadata(&path).is_err(), "{} is there already", path.display());
        }
        let now = GenTime::from_millis(SystemClock::new().now().get())?;
        let signer = LocalSigner::generate(self.key.key.kind())?;
        let name = &self.key.name;
        let ca = TestCa::generate(KeyKind::P256, TEST_CA, random()?, now)?;
        let certificate = ca.issue_tsa(signer.public_key_info(), name, random()?, now, self.days)?;

        let ca_pem = ca.certificate().to_pem();
        let chain = certificate.to_pem() + &ca_pem;
        key::create_private(&folder.join(KEY), signer.to_pem()?.as_bytes())?;
        write_new(&folder.join(CHAIN), chain.as_bytes())?;
        write_new(&folder.join(CA), ca_pem.as_bytes())?;
        let table = config::render_tsa(KEY, CHAIN, &self.policy);
        append(&file, &table).with_context(|| file.display().to_string())?;
        println!(
            "made {}, {} and {}",
            folder.join(KEY).display(),
            folder.join(CHAIN).display(),
            folder.join(CA).display()
        );
        println!("added [tsa] to {}: from its next start the log answers POST /tsa", file.display());
        println!("TEST CA: whoever verifies needs {}; its key is thrown away", folder.join(CA).display());
        Ok(Outcome::Well)
    }
}

impl Csr {
    fn run(self) -> anyhow::Result<Outcome> {
        let (config, file) = self.place.load_with_path()?;
        let path = folder(&file).join(KEY);
        let name = &self.key.name;
        let request = match &config.tsa {
            Some(tsa) => issue::request(load_signer(&tsa.key)?.as_ref(), name)?,
            None if path.exists() => {
                eprintln!("using the key that is there: {}", path.display());
                issue::request(load_signer(&config::TsaKey::Pem(path.clone()))?.as_ref(), name)?
            }
            None => {
                let signer = LocalSigner::generate(self.key.key.kind())?;
                // First the request: a name that can't be read leaves no key behind.
                let request = issue::request(&signer, name)?;
                key::create_private(&path, signer.to_pem()?.as_bytes())?;
                eprintln!("made {}", path.display());
                request
            }
        };
        print!("{}", issue::to_pem("CERTIFICATE REQUEST", &request));
        eprintln!(
            "send this to your CA: the certificate must have the extended key usage timeStamping alone, and critical; \
             docs/rfc3161.md says how to go on"
        );
        Ok(Outcome::Well)
    }
}

/// An OID, as it was written.
fn policy(text: &str) -> Result<String, OidError> {
    oid::parse(text).map(|_| text.to_owned())
}

fn folder(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

fn random() -> anyhow::Result<[u8; 16]> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("the system gives no random bytes")?;
    Ok(random)
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = fs::File::create_new(path).with_context(|| path.display().to_string())?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| path.display().to_string())
}

/// Adds to the configuration: whole or not at all.
fn append(file: &Path, table: &str) -> anyhow::Result<()> {
    let mut text = fs::read_to_string(file)?;
    if text.lines().any(|line| line.trim() == "[tsa]") {
        bail!("has a [tsa] already");
    }
    text.push_str(table);
    let new = file.with_file_name(format!("{FILE_NAME}.new"));
    let mut written = fs::File::create(&new)?;
    written.set_permissions(fs::metadata(file)?.permissions())?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&new, file)?;
    Ok(fs::File::open(folder(file).join("."))?.sync_all()?)
}
