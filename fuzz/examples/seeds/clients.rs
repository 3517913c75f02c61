//! What the client reads: lists, tables, settings, its own state, a log's answers.

use serde_json::json;
use treering_fuzz::vectors::{NOTES, TOKENS};
use treering_tlog::hash::sha256;

use crate::{Seeds, marked, seed};

pub(crate) fn lists() -> Seeds {
    let (hash, long) = (sha256(b"a"), "ab".repeat(64));
    let sums = format!(
        "# sums\n{hash}  a\n{hash} *b c\n\\{hash}  d\\ne\nSHA256 (f) = {hash}\nSHA512 (f) = {long}\nSHA2-256(g)= {hash}\n"
    );
    vec![
        marked(0, "sums", &sums),
        marked(1, "sums_ended_by_nul", format!("{hash}  a\0{hash} *b\nc\0")),
        marked(0, "no_sums", format!("{hash}\n{long}  a\n{hash}  ../b\n{hash}  a\r\nSHA1 (a) = {hash}\n")),
        marked(2, "names", "a\n./b//c\n/home/ada/d\n/etc/e\n../f\n"),
        marked(3, "names_ended_by_nul", "a\0b\nc\0"),
    ]
}

pub(crate) fn tables() -> Seeds {
    vec![
        seed("every_column", "path,holder,agent,title\na,Ada,,\"one,\ntwo\"\n./b/c,Ada,Courier,\"\"\"\"\n"),
        seed("as_a_spreadsheet_has_it", "\u{feff}title,path\r\nContract,d/a\r\n"),
        seed("twice", "path\na\n./a\n"),
        seed("too_wide", "path\na,b\n"),
    ]
}

pub(crate) fn pins() -> Seeds {
    let text = format!("log {}\nwitness w {}\nquorum w\n", NOTES.log_vkey, NOTES.witness_vkey);
    let key = sha256(b"key");
    let policy = format!(
        "[[policy]]\npinned_at = \"2026-11-26T09:00:00Z\"\nfrom = \"https://log.example\"\ntext = \"\"\"\n{text}\"\"\"\n"
    );
    vec![
        seed("one_policy", format!("version = 1\n{policy}")),
        seed(
            "everything",
            format!(
                "version = 1\n{}until = \"2026-11-26T10:00:00Z\"\n[[distrusted]]\nkey = \"{key}\"\nname = \"w\"\nafter = \"2026-01-01T00:00:00Z\"\nstolen = true\nreason = \"lost\"\n[[holder]]\nname = \"Ada\"\nkey = \"{key}\"\n",
                policy
            ),
        ),
        seed("of_another_version", "version = 2\n"),
    ]
}

pub(crate) fn settings() -> Seeds {
    vec![
        seed(
            "some",
            "policy = \"p\"\nlog = [\"https://a.example\", \"https://b.example\"]\nplain = true\nrate = 7\nwait = \"10s\"\nexclude = [\"*.tmp\"]\n",
        ),
        seed("mistyped", "polices = \"p\"\n"),
        seed("of_another_kind", "plain = \"yes\"\n"),
    ]
}

/// The first byte says what it is: a journal, an unfinished run's description, an entry of what was seen.
pub(crate) fn states() -> Seeds {
    let root = sha256(b"root").to_string();
    let lines = [
        json!({"type": "run", "format": "treering.journal/1", "run_id": "07".repeat(16), "log": "https://log.example/",
            "holder": "Ada", "agent": null, "title": null, "after": null, "digests": ["sha-256"], "bundle": "/a.treering",
            "roots": ["/a"]}),
        json!({"type": "own", "place": 0, "title": "one", "signature": "09".repeat(64)}),
        json!({"type": "submission", "root": root, "records": 3}),
        json!({"type": "receipt", "root": root, "entry": 7, "position": 0, "submissions": 1}),
        json!({"type": "finished", "records": 3}),
    ];
    let journal: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let job = json!({"format": "treering.job/1", "args": ["stamp", "a", {"hex": "ff"}], "dir": "/home/ada",
        "output": "/home/ada/a.treering", "process": 7, "began": "2026-11-26T09:00:00Z", "run": "07".repeat(16)});
    vec![
        marked(0, "journal", &journal),
        marked(0, "journal_cut_off", &journal[..journal.len() - 9]),
        marked(
            0,
            "journal_with_many_records",
            journal.replace(":3}", ":18446744073709551615}") + &journal[journal.len() - 30..],
        ),
        marked(1, "job", job.to_string()),
        marked(2, "seen", [7; 32]),
        marked(2, "seen_untrusted", [[7; 8], i64::MIN.to_be_bytes(), [0; 8], [0; 8]].concat()),
    ]
}

/// The first byte says what it is.
pub(crate) fn answers() -> Seeds {
    let (hash, token) = (sha256(b"a"), &TOKENS.case("plain").tokens[0]);
    let receipt = &TOKENS.case("receipt").tokens[0];
    let list = format!("{hash}  a\n\\{hash} *b\nSHA256 (c) = {hash}\n{hash}\n");
    let answer = json!({"tokens": [{"hash": hash.to_string(), "url": "/v1/tokens/a", "token": token}, {"hash": hash.to_string()}]});
    let info = json!({"origin": "log.example", "limits": {"max_hashes": 9, "rate": {"window_seconds": 60, "key_requests": 7}}});
    vec![
        marked(0, "sent_lines", list),
        marked(0, "sent_json", json!({"hashes": [hash.to_string()]}).to_string()),
        marked(0, "sent_bytes", [0xf7; 64]),
        marked(1, "receipt", receipt),
        marked(1, "receipt_in_json", json!({"receipt": receipt}).to_string()),
        marked(1, "receipt_pending", json!({"receipt": "/v1/receipts/a"}).to_string()),
        marked(2, "tokens", answer.to_string()),
        marked(3, "names", format!("{hash}  a\n\\{hash}  b\\nc\n")),
        marked(4, "info", info.to_string()),
        marked(5, "problem", json!({"title": "No", "detail": "a\u{1b}[2J"}).to_string()),
        marked(
            6,
            "headers",
            "\"r\";q=60;w=60, \"h\";q=0;qu=\"treering-hashes\";w=10\n\"r\";r=0;t=7, \"h\";r=0;t=5\n120",
        ),
    ]
}
