//! By which way a server is reached: directly, or through an HTTP proxy (RFC 9110 section 9.3.6: CONNECT for https://, the
//! whole URL for http://).
//!
//! One place decides for each client: reqwest's own look at the environment is switched off. This machine itself is reached
//! directly, always. An API key never goes through a proxy over http://, where the proxy could read it
//! (`Credentials::header_for`).

use super::is_this_machine;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Url, header::HeaderValue};
use treering_token::escape;

/// Which proxy is used, if any.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in the way of curl.
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one, but for the hosts that `NO_PROXY` names.
    Via(ProxyUrl),
}

/// A proxy's URL; a name and a password in it are for the proxy, and are never printed.
#[derive(Clone)]
pub struct ProxyUrl(Url);

/// Why a proxy can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Not `http://host:port` or `https://host:port`.
    #[error(
        "{proxy:?} is not the URL of a proxy: one looks like http://proxy.example:3128, or is \"none\" (SOCKS isn't spoken)"
    )]
    Form {
        /// As it was given, without a password.
        proxy: String,
    },
}

/// The way to one server.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The proxy's URL, without a name and password.
    pub(super) url: String,
    /// `Proxy-Authorization`.
    auth: Option<HeaderValue>,
}

impl Proxy {
    /// The form of `--proxy`: a URL, or `none`.
    ///
    /// # Errors
    /// [`ProxyError::Form`].
    pub fn parse(text: &str) -> Result<Proxy, ProxyError> {
        if text == "none" {
            return Ok(Proxy::Direct);
        }
        let form = || ProxyError::Form { proxy: shown(text) };
        let url = Url::parse(text).map_err(|_| form())?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_bare {
            return Err(form());
        }
        Ok(Proxy::Via(ProxyUrl(url)))
    }

    /// The way to this URL; `None`: directly.
    pub(super) fn way(&self, to: &Url) -> Result<Option<Way>, ProxyError> {
        if is_this_machine(to) {
            return Ok(None);
        }
        let matcher = match self {
            Proxy::Direct => return Ok(None),
            Proxy::Environment => Matcher::from_env(),
            Proxy::Via(proxy) => Matcher::builder().all(proxy.0.as_str()).no(no_proxy()).build(),
        };
        let to = to.as_str().parse::<http::Uri>().ok();
        let Some(intercept) = to.and_then(|to| matcher.intercept(&to)) else { return Ok(None) };
        let url = intercept.uri().to_string();
        if !matches!(intercept.uri().scheme_str(), Some("http" | "https")) {
            return Err(ProxyError::Form { proxy: shown(&url) });
        }
        Ok(Some(Way { url, auth: intercept.basic_auth().cloned() }))
    }
}

impl Way {
    pub(super) fn proxy(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(&self.url)?;
        Ok(match &self.auth {
            Some(auth) => proxy.custom_http_auth(auth.clone()),
            None => proxy,
        })
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyUrl({})", shown(self.0.as_str()))
    }
}

/// Without what stands before an @: it may be a password.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    escape::text(&if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") })
}

fn no_proxy() -> String {
    ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(proxy: &str, to: &str) -> Option<String> {
        let way = Proxy::parse(proxy).unwrap().way(&Url::parse(to).unwrap()).unwrap();
        way.map(|way| way.url)
    }

    #[test]
    fn only_http_proxies_are_spoken_to() {
        for bad in [
            "",
            "proxy.example:3128",
            "socks5://proxy.example",
            "http://",
            "http://proxy.example/path",
            "ftp://x",
        ] {
            assert!(Proxy::parse(bad).is_err(), "{bad}");
        }
        insta::assert_snapshot!(Proxy::parse("socks5://me:secret@proxy.example").unwrap_err(), @r#""socks5://proxy.example" is not the URL of a proxy: one looks like http://proxy.example:3128, or is "none" (SOCKS isn't spoken)"#);
    }

    #[test]
    fn a_password_is_never_printed() {
        let proxy = Proxy::parse("http://me:secret@proxy.example:3128").unwrap();
        assert_eq!(format!("{proxy:?}"), "Via(ProxyUrl(http://proxy.example:3128/))");
        let way = proxy.way(&Url::parse("https://log.example/").unwrap()).unwrap().unwrap();
        assert_eq!(way.url, "http://proxy.example:3128/");
        assert!(!format!("{way:?}").contains("bWU6c2VjcmV0"), "{way:?}");
        assert_eq!(way.auth.unwrap(), "Basic bWU6c2VjcmV0");
    }

    #[test]
    fn this_machine_is_reached_directly() {
        let proxy = "http://proxy.example:3128";
        for to in ["http://127.0.0.1:7460/", "https://localhost/", "http://[::1]/"] {
            assert_eq!(way(proxy, to), None, "{to}");
        }
        assert!(way(proxy, "https://log.example/").is_some());
        assert_eq!(way("none", "https://log.example/"), None);
    }
}
