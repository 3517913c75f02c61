//! A key that signs claims, by the file that has it.

use super::Shown;
use serde_json::json;
use treering_token::claim::HolderKey;

pub(super) fn shown(key: &HolderKey) -> Shown {
    let kind = match key {
        HolderKey::Ed25519(_) => "Ed25519",
        HolderKey::P256 { .. } => "P-256",
    };
    let thumbprint = key.thumbprint();
    Shown {
        kind: "key",
        judged: None,
        lines: vec![
            format!("{kind}, as it signs claims (treering stamp --sign)"),
            format!("thumbprint {thumbprint}"),
            "who verifies such claims compares it with what the holder publishes elsewhere".to_owned(),
        ],
        fields: json!({ "algorithm": kind, "thumbprint": thumbprint.to_string(), "cose_key": hex::encode(key.encode()) }),
    }
}
