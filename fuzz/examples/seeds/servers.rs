//! What the log server reads: bodies, its configuration, its record, API keys.

use treering_tlog::{hash::sha256, tree::TreeSize};

use crate::{Seeds, seed};

/// The first two bytes say of which format, and how it is cut.
pub(crate) fn bodies() -> Seeds {
    let hash = sha256(b"a");
    let body = |kind: u8, cut: u8, bytes: &[u8]| [&[kind, cut], bytes].concat();
    let json = format!(" {{ \"hashes\" : [\n\"{hash}\", \"{hash}\"] }}\r\n");
    let sums = format!("{hash}  a\n\\{hash} *b\\nc\nSHA256 (d) = e) = {hash}\n");
    vec![
        seed("octets", body(0, 7, &[0xf7; 96])),
        seed("octets_cut_off", body(0, 0, &[0xf7; 95])),
        seed("json", body(1, 9, json.as_bytes())),
        seed("json_empty", body(1, 1, b"{\"hashes\":[]}")),
        seed(
            "json_of_another_shape",
            body(1, 255, format!("{{\"hashes\":[\"{hash}\"],\"a\":1}}").as_bytes()),
        ),
        seed("sums", body(2, 11, sums.as_bytes())),
        seed("sums_without_an_end", body(2, 64, sums.trim_end().as_bytes())),
        seed("sums_with_a_control_character", body(2, 0, format!("{hash}  a\u{1b}b\n").as_bytes())),
    ]
}

pub(crate) fn configs() -> Seeds {
    let least =
        "origin = \"log.example/a\"\nstore = \"s\"\nkey = \"/k\"\npolicy = \"p\"\nlisten = \"127.0.0.1:0\"\n";
    let more = "version = 1\nadmin = \"[::1]:7470\"\ntick_ms = 500\nretention_days = 30\n[limits]\nmax_hashes = 7\n[witnesses.w]\nmin_interval_ms = 5\n[access]\nsubmissions = \"keys\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[rate_limits]\nkey_hashes = 9\n[tls]\ncertificates = \"c\"\nkey = \"k\"\n";
    vec![
        seed("least", least),
        seed("more", format!("{least}{more}")),
        seed("newer", format!("version = 2\n{least}")),
        seed("out_of_range", format!("{least}tick_ms = 1\n")),
    ]
}

pub(crate) fn records() -> Seeds {
    let record = |size: TreeSize| format!("treering-record/1\n{size}\n{}\n", sha256(b"root").to_base64());
    vec![
        seed("record", record(TreeSize::MAX)),
        seed("record_cut_off", record(TreeSize::ZERO).trim_end()),
        seed("key", format!("treering_{}_{}", "ab".repeat(8), "cd".repeat(32))),
    ]
}

pub(crate) fn api_keys() -> Seeds {
    let key = |name: &str, id: &str| {
        let sha256 = sha256(name.as_bytes());
        format!(
            "[[key]]\nid = \"{id}\"\nname = \"{name}\"\nsha256 = \"{sha256}\"\nscopes = [\"submit\", \"timestamp\"]\nadded = \"2026-11-25T09:00:00Z\"\n"
        )
    };
    let one = key("museum", "0123456789abcdef");
    vec![
        seed("one", &one),
        seed("one_that_ends", format!("# keys\n{one}expires = \"2027-11-25T00:00:00.5+01:00\"\n")),
        seed("two", format!("{one}\n{}", key("archive", "fedcba9876543210"))),
        seed("two_of_one_id", format!("{one}\n{}", key("archive", "0123456789abcdef"))),
        seed("none", ""),
    ]
}
