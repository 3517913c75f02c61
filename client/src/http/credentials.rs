//! How this client makes itself known, and whom it takes for the log: an API key, and root certificates.
//!
//! The key goes to the log's own origin (scheme, host and port) and to nobody else; redirects are not followed. Over plain
//! HTTP everybody on the way could read it, so it is sent so only to this machine itself, unless that was asked for.

use super::{Proxy, ProxyError};
use crate::places;
use reqwest::{Certificate, Url, header::HeaderValue};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// What every key of a Treering log begins with.
const PREFIX: &str = "treering_";
/// `treering_`, 16 digits, `_`, 64 digits.
const LENGTH: usize = PREFIX.len() + 16 + 1 + 64;
/// No file of root certificates is larger.
const MAX_CERTIFICATES: u64 = 4 << 20;

/// A log's API key. Zeroed when dropped, never printed.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// What a client needs beside the log's URL; the default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Sent with what the log takes from holders of a key only.
    pub api_key: Option<ApiKey>,
    /// Send it over plain HTTP, too, where everybody on the way can read it.
    pub over_http: bool,
    /// Trusted for TLS instead of the system's own.
    pub roots: Option<Roots>,
    /// By which way it is reached.
    pub proxy: Proxy,
}

/// Root certificates.
#[derive(Clone, Debug)]
pub struct Roots(Vec<Certificate>);

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file can't be read.
    #[error("{}: {source}", crate::paths::shown(.path))]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read the key.
    #[error(
        "the API key in {path} can be read by others (mode {mode:04o}); if nobody else has seen it: chmod 600 {path}",
        path = crate::paths::shown(.path)
    )]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key.
    #[error("{place} holds no API key: one is treering_, 16 hex digits, _, 64 hex digits")]
    Form {
        /// Where it should be.
        place: String,
    },
    /// It would be readable on the way.
    #[error(
        "the API key is not sent to {host} over http://, where everybody on the way could read it: use https://, or say \
         --api-key-over-http if that network is yours"
    )]
    PlainHttp {
        /// Where to.
        host: String,
    },
    /// A proxy could read it.
    #[error(
        "the API key is not sent through the proxy {proxy} over http://, where the proxy could read it: use https:// for the \
         log, or reach it without the proxy (--proxy none, or NO_PROXY)"
    )]
    PlainProxy {
        /// Which.
        proxy: String,
    },
    /// There is no way through this proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Not root certificates.
    #[error("{}: no certificates in PEM: {reason}", crate::paths::shown(.path))]
    Roots {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl ApiKey {
    /// The key itself; spaces and a newline around it are passed over.
    ///
    /// # Errors
    /// [`CredentialsError::Form`]; `place` says where it was.
    pub fn new(text: &str, place: &str) -> Result<ApiKey, CredentialsError> {
        let text = text.trim();
        let is_key = text.len() == LENGTH
            && text.starts_with(PREFIX)
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_key {
            Ok(ApiKey(Zeroizing::new(text.to_owned())))
        } else {
            Err(CredentialsError::Form { place: place.to_owned() })
        }
    }

    /// From a file that nobody else may read.
    ///
    /// # Errors
    /// [`CredentialsError::Io`], [`CredentialsError::Mode`], [`CredentialsError::Form`].
    pub fn read(path: &Path) -> Result<ApiKey, CredentialsError> {
        let io = |source| CredentialsError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if let Some(mode) = places::open_to_others(&file.metadata().map_err(io)?) {
            return Err(CredentialsError::Mode { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(1024));
        // A file that is not text is no key either.
        let read = file.take(512).read_to_string(&mut text);
        let place = crate::paths::shown(path);
        match read {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(io(error)),
            _ => ApiKey::new(&text, &place),
        }
    }

    /// `Authorization` (RFC 6750), marked so that nothing logs it.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", *self.0));
        let mut value = HeaderValue::from_str(&text).expect("letters and digits are a header's value");
        value.set_sensitive(true);
        value
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The ID is public.
        write!(f, "ApiKey({}…)", &self.0[..PREFIX.len() + 16])
    }
}

impl Roots {
    /// From a PEM file.
    ///
    /// # Errors
    /// [`CredentialsError::Io`], [`CredentialsError::Roots`].
    pub fn read(path: &Path) -> Result<Roots, CredentialsError> {
        let io = |source| CredentialsError::Io { path: path.to_owned(), source };
        let refused = |reason: String| CredentialsError::Roots { path: path.to_owned(), reason };
        let mut pem = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_CERTIFICATES).read_to_end(&mut pem)).map_err(io)?;
        let roots = Certificate::from_pem_bundle(&pem).map_err(|error| refused(error.to_string()))?;
        if roots.is_empty() { Err(refused("it holds none".to_owned())) } else { Ok(Roots(roots)) }
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = Certificate> + use<> {
        self.0.clone().into_iter()
    }
}

impl Credentials {
    /// The key's header for the log at this URL.
    ///
    /// # Errors
    /// [`CredentialsError::PlainHttp`], [`CredentialsError::PlainProxy`], [`CredentialsError::Proxy`].
    pub(crate) fn header_for(&self, url: &Url) -> Result<Option<HeaderValue>, CredentialsError> {
        let Some(key) = &self.api_key else { return Ok(None) };
        // INVARIANT: a proxy sees the key in TLS only: whoever knows their network (`over_http`) need not know the proxy's.
        match self.proxy.way(url)? {
            Some(way) if url.scheme() == "http" => {
                return Err(CredentialsError::PlainProxy { proxy: treering_token::escape::text(&way.url) });
            }
            _ => {}
        }
        if url.scheme() == "https" || self.over_http || is_this_machine(url) {
            return Ok(Some(key.header()));
        }
        Err(CredentialsError::PlainHttp {
            host: treering_token::escape::text(url.host_str().unwrap_or_default()),
        })
    }
}

/// Do these two URLs have one scheme, host and port?
pub(crate) fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // The name is reserved for it (RFC 6761 section 6.3).
    bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        format!("treering_{}_{}", "ab".repeat(8), "cd".repeat(32))
    }

    fn credentials(over_http: bool) -> Credentials {
        let api_key = Some(ApiKey::new(&text(), "x").unwrap());
        Credentials { api_key, over_http, roots: None, proxy: Proxy::Direct }
    }

    #[test]
    fn a_key_is_sent_to_https_and_to_this_machine_only() {
        let sent = |url: &str, over_http| credentials(over_http).header_for(&Url::parse(url).unwrap());
        for url in
            ["https://log.example/", "http://127.0.0.1:7460/", "http://[::1]:7460/", "http://localhost/"]
        {
            let header = sent(url, false).unwrap().unwrap();
            assert_eq!(header.to_str().unwrap(), format!("Bearer {}", text()));
            assert!(header.is_sensitive());
        }
        for url in [
            "http://log.example/",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
        ] {
            assert!(sent(url, false).is_err(), "{url}");
            assert!(sent(url, true).unwrap().is_some(), "{url}");
        }
        insta::assert_snapshot!(sent("http://log.example/", false).unwrap_err(), @"the API key is not sent to log.example over http://, where everybody on the way could read it: use https://, or say --api-key-over-http if that network is yours");
        assert_eq!(
            Credentials::default().header_for(&Url::parse("http://log.example/").unwrap()).unwrap(),
            None
        );
    }

    #[test]
    fn a_proxy_never_gets_the_key_in_clear() {
        let proxy = Proxy::parse("http://me:secret@proxy.example:3128").unwrap();
        let through = Credentials { proxy, ..credentials(true) };
        let sent = |url: &str| through.header_for(&Url::parse(url).unwrap());
        insta::assert_snapshot!(sent("http://log.example/").unwrap_err(), @"the API key is not sent through the proxy http://proxy.example:3128/ over http://, where the proxy could read it: use https:// for the log, or reach it without the proxy (--proxy none, or NO_PROXY)");
        assert!(sent("https://log.example/").unwrap().is_some(), "in TLS, end to end");
        assert!(sent("http://127.0.0.1:7460/").unwrap().is_some(), "which is reached without it");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(same_origin("https://log.example/tsa", "https://log.example:443/"));
        for other in ["http://log.example/", "https://log.example:444/", "https://log.example.evil/", "x", ""]
        {
            assert!(!same_origin("https://log.example/", other), "{other}");
        }
        assert!(!same_origin("data:a", "data:a"));
    }

    #[test]
    fn what_is_printed_hides_the_secret() {
        let shown = format!("{:?}", credentials(false));
        assert!(shown.contains("ApiKey(treering_abababababababab…)") && !shown.contains("cdcd"), "{shown}");
    }

    #[test]
    fn only_a_key_is_a_key() {
        assert!(ApiKey::new(&format!(" {}\n", text()), "x").is_ok());
        for bad in [String::new(), text()[1..].to_owned(), text().to_uppercase(), text() + "0"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ApiKey::new(&bad, "TREERING_API_KEY").unwrap_err(), @"TREERING_API_KEY holds no API key: one is treering_, 16 hex digits, _, 64 hex digits");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text() + "\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(ApiKey::read(&path), Err(CredentialsError::Mode { mode: 0o644, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(ApiKey::read(&path).is_ok());
        std::fs::write(&path, [0xff; 90]).unwrap();
        assert!(matches!(ApiKey::read(&path), Err(CredentialsError::Form { .. })));
        assert!(matches!(ApiKey::read(&folder.path().join("none")), Err(CredentialsError::Io { .. })));
    }

    #[test]
    fn root_certificates_are_pem() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for bad in ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(Roots::read(&path), Err(CredentialsError::Roots { .. })), "{bad}");
        }
    }
}
