//! On which way, and as whom, a log is reached.

use super::{Credentials, CredentialsError, ProxyError, UrlFault};
use reqwest::Url;
use std::{io, time::Duration};
use tokio::runtime::Runtime;

/// What a command that has nothing else to do meanwhile waits for the network with.
///
/// # Errors
/// The system gives no means to wait.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What all calls have in common.
pub(super) fn builder(
    url: &Url,
    credentials: &Credentials,
) -> Result<reqwest::ClientBuilder, CredentialsError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("treering/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        // The way is decided here, once for all calls.
        .no_proxy();
    let way = credentials.proxy.way(url)?;
    let is_plain = url.scheme() == "http" && way.as_ref().is_none_or(|way| way.url.starts_with("http://"));
    let builder = match way {
        Some(way) => builder.proxy(way.proxy().map_err(|_| ProxyError::Form { proxy: way.url.clone() })?),
        None => builder,
    };
    Ok(if let Some(roots) = &credentials.roots {
        builder.tls_certs_only(roots.certificates())
    } else if is_plain {
        // A machine without root certificates can still talk to a log on its own loopback.
        builder.tls_certs_only([])
    } else {
        builder
    })
}

/// The URL below which the log's paths lie.
pub(super) fn base_url(url: &str) -> Result<Url, UrlFault> {
    let mut base = Url::parse(url).map_err(|_| UrlFault::Form)?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme);
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(UrlFault::Extra);
    }
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}
