//! Certificates for TLS, by Debian's openssl: a CA, and servers' certificates that it signs.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{log::shown, programs};

/// Is openssl there?
pub fn is_possible() -> bool {
    programs::has_tool("openssl", "version")
}

/// A name that no server has, for those that are reached by way of a proxy.
pub const NAME: &str = "log.invalid";

/// A CA with its key, in a directory of its own.
#[derive(Debug)]
pub struct Ca {
    dir: PathBuf,
}

impl Ca {
    /// A new one; `dir` must not be there yet.
    ///
    /// # Panics
    /// If openssl refuses.
    pub fn new(dir: &Path) -> Ca {
        fs::create_dir(dir).expect("a new directory");
        let ca = Ca { dir: dir.to_owned() };
        ca.openssl(&[
            &["req", "-x509", "-subj", "/CN=Test CA", "-days", "30", "-keyout", "ca.key", "-out", "ca.pem"],
            NEW_KEY,
        ]);
        ca
    }

    /// The certificate that clients are to trust.
    pub fn root(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A certificate for `localhost`, `127.0.0.1` and [`NAME`], good for so many days, and its key: in place of what is at these
    /// paths, the certificate first.
    ///
    /// # Panics
    /// If openssl refuses.
    pub fn issue(&self, days: u32, certificates: &Path, key: &Path) {
        let days = days.to_string();
        let names =
            format!("subjectAltName=DNS:localhost,DNS:{NAME},IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
        fs::write(self.dir.join("names"), names).expect("a new file");
        self.openssl(&[&["req", "-subj", "/CN=localhost", "-keyout", "new.key", "-out", "new.csr"], NEW_KEY]);
        self.openssl(&[
            &["x509", "-req", "-in", "new.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
            &["-days", &days, "-extfile", "names", "-out", "new.pem"],
        ]);
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.dir.join("new.key"), mode).expect("its mode can be set");
        fs::rename(self.dir.join("new.pem"), certificates).expect("the certificate can be put in its place");
        fs::rename(self.dir.join("new.key"), key).expect("the key can be put in its place");
    }

    fn openssl(&self, arguments: &[&[&str]]) {
        let output = Command::new("openssl").current_dir(&self.dir).args(arguments.concat()).output();
        let output = output.expect("openssl starts");
        assert!(output.status.success(), "openssl: {}", shown(&output));
    }
}

const NEW_KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
