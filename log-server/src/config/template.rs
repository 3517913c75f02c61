//! The commented configuration that `init` writes.

use std::net::SocketAddr;

use treering_tlog::checkpoint::Origin;

const TEMPLATE: &str = include_str!("template.toml");

/// The template with this log's origin and addresses.
pub fn render(origin: &Origin, listen: SocketAddr, admin: SocketAddr) -> String {
    // A TOML string takes every escape that JSON has, and an origin holds no control characters.
    let origin = toml::Value::String(origin.as_str().to_owned()).to_string();
    TEMPLATE
        .replace("@ORIGIN@", &origin)
        .replace("@LISTEN@", &format!("\"{listen}\""))
        .replace("@ADMIN@", &format!("\"{admin}\""))
}
