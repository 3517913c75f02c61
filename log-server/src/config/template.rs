//! The commented configuration that `init` writes, and the table that `tsa init` adds.

use std::net::SocketAddr;

use treering_tlog::checkpoint::Origin;

const TEMPLATE: &str = include_str!("template.toml");

const TSA: &str = include_str!("tsa.toml");

/// The `[tsa]` table of a key and certificates in PEM files.
pub fn render_tsa(key: &str, certificates: &str, policy: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    TSA.replace("@KEY@", &quoted(key))
        .replace("@CERTIFICATES@", &quoted(certificates))
        .replace("@POLICY@", &quoted(policy))
}

/// The template with this log's origin and addresses.
pub fn render(origin: &Origin, listen: SocketAddr, admin: SocketAddr) -> String {
    // A TOML string takes every escape that JSON has, and an origin holds no control characters.
    let origin = toml::Value::String(origin.as_str().to_owned()).to_string();
    TEMPLATE
        .replace("@ORIGIN@", &origin)
        .replace("@LISTEN@", &format!("\"{listen}\""))
        .replace("@ADMIN@", &format!("\"{admin}\""))
}
