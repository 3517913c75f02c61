use super::*;
use treering_tlog::{checkpoint::Origin, note::SigningKey};

const LEAST: &str =
    "origin = \"log.example/a\"\nstore = \"s\"\nkey = \"/k\"\npolicy = \"p\"\nlisten = \"127.0.0.1:0\"\n";

fn check(text: &str) -> Result<Config, ConfigError> {
    toml::from_str::<file::File>(text)
        .map_err(|source| ConfigError::Toml { path: "log.toml".into(), source: Box::new(source) })?
        .check(Path::new("/etc/log"))
}

fn refusal(text: &str) -> String {
    check(text).unwrap_err().to_string()
}

fn template() -> String {
    let any = |port| SocketAddr::from(([127, 0, 0, 1], port));
    render(&Origin::new("log.example/a").unwrap(), any(7460), any(7470))
}

#[test]
fn the_template_holds_the_defaults_and_nothing_else() {
    let mut from_template = check(&template()).unwrap();
    let mut from_defaults = check(LEAST).unwrap();
    assert_eq!(from_template.store, Path::new("/etc/log/store"));
    assert_eq!(from_template.listen.port(), 7460);
    for config in [&mut from_template, &mut from_defaults] {
        assert_eq!(config.access.keys, Path::new("/etc/log/api-keys.toml"));
        config.listen = SocketAddr::from(([127, 0, 0, 1], 1));
        (config.store, config.key, config.policy) = Default::default();
    }
    assert_eq!(from_template, from_defaults);
    assert_eq!(from_defaults.retention, None);
    assert_eq!(from_defaults.limits.max_hashes, 1_048_576);
}

#[test]
fn a_file_from_before_versions_is_read_and_one_of_a_later_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    };
    let before = load(LEAST).unwrap();
    assert_eq!(load(&format!("version = 1\n{LEAST}")).unwrap(), before);
    // By its version, not by a key that is not known here.
    let later = load(&format!("version = 2\nnew_key = 1\n{LEAST}")).unwrap_err().to_string();
    assert!(later.ends_with("version = 2, and this program knows version 1: use a later program"), "{later}");
    let none = load(&format!("version = 0\n{LEAST}")).unwrap_err().to_string();
    assert_eq!(none, "version = 0: it must be 1 to 1");
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = check(LEAST).unwrap();
    assert_eq!(config.store, Path::new("/etc/log/s"));
    assert_eq!(config.key, Path::new("/k"));
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(refusal(&format!("{LEAST}tick = 1\n")).contains("unknown field `tick`"));
    assert!(refusal(&format!("{LEAST}[limits]\nmax_hash = 1\n")).contains("unknown field `max_hash`"));
}

#[test]
fn a_value_out_of_range_is_refused_and_not_changed() {
    for (line, text) in [
        ("tick_ms = 49", "tick_ms = 49: it must be 50 to 60000"),
        ("tick_ms = 60001", "tick_ms = 60001: it must be 50 to 60000"),
        ("refresh_seconds = 0", "refresh_seconds = 0: it must be 1 to 86400"),
        ("clock_step_seconds = 0", "clock_step_seconds = 0: it must be 1 to 3600"),
        ("token_window_seconds = 0", "token_window_seconds = 0: it must be 1 to 31622400"),
        ("retention_days = 0", "retention_days = 0: it must be 1 to 36525"),
        ("max_pending = 0", "max_pending = 0: it must be 1 to 10000000"),
        ("min_free_mib = 1048577", "min_free_mib = 1048577: it must be 0 to 1048576"),
        ("commit_wait_ms = 1001", "commit_wait_ms = 1001: it must be 0 to 1000"),
        ("witness_timeout_ms = 0", "witness_timeout_ms = 0: it must be 50 to 60000"),
        ("cache_mib = 0", "cache_mib = 0: it must be 1 to 65536"),
        ("[limits]\nmax_hashes = 0", "limits.max_hashes = 0: it must be 1 to 1073741824"),
        ("[limits]\nmax_json_hashes = 0", "limits.max_json_hashes = 0: it must be 1 to 1073741824"),
        ("[limits]\nmax_connections = 0", "limits.max_connections = 0: it must be 1 to 1000000"),
        ("[limits]\nbody_idle_seconds = 0", "limits.body_idle_seconds = 0: it must be 1 to 3600"),
        ("[limits]\nheader_seconds = 0", "limits.header_seconds = 0: it must be 1 to 600"),
        ("[rate_limits]\nwindow_seconds = 0", "rate_limits.window_seconds = 0: it must be 1 to 3600"),
        (
            "[rate_limits]\naddress_requests = 0",
            "rate_limits.address_requests = 0: it must be 1 to 1000000000",
        ),
        ("[rate_limits]\nkey_hashes = 0", "rate_limits.key_hashes = 0: it must be 1 to 10000000000"),
        ("[rate_limits]\nmax_addresses = 99", "rate_limits.max_addresses = 99: it must be 100 to 10000000"),
        ("[limits]\nmax_wait_seconds = 601", "limits.max_wait_seconds = 601: it must be 0 to 600"),
    ] {
        assert_eq!(refusal(&format!("{LEAST}{line}\n")), text);
    }
}

#[test]
fn an_origin_that_cannot_name_a_key_is_refused() {
    let text = refusal(&LEAST.replace("log.example/a", "my log"));
    assert!(text.starts_with("origin: it is also the name of the log's key: "), "{text}");
}

#[test]
fn the_admin_address_is_never_the_public_one() {
    let text = refusal(&format!("{}admin = \"127.0.0.1:9\"\n", LEAST.replace(":0\"", ":9\"")));
    assert_eq!(
        text,
        "admin = 127.0.0.1:9: metrics and probes never stand on the public address; choose another port"
    );
}

#[test]
fn a_log_is_closed_by_one_word_its_timestamps_with_it() {
    let access = |table: &str| check(&format!("{LEAST}[access]\n{table}\n")).unwrap().access;
    let open = check(LEAST).unwrap().access;
    assert_eq!((open.submissions, open.timestamps), (Admission::Open, Admission::Open));
    let closed = access("submissions = \"keys\"");
    assert_eq!((closed.submissions, closed.timestamps), (Admission::Keys, Admission::Keys));
    let half = access("submissions = \"keys\"\ntimestamps = \"open\"");
    assert_eq!((half.submissions, half.timestamps), (Admission::Keys, Admission::Open));
    assert!(
        refusal(&format!("{LEAST}[access]\nsubmissions = \"closed\"\n")).contains("unknown variant `closed`")
    );
}

#[test]
fn tls_is_two_files_or_nothing() {
    let table = format!("{LEAST}[tls]\ncertificates = \"c.pem\"\nkey = \"/etc/tls/k.pem\"\n");
    let want = TlsConfig { certificates: "/etc/log/c.pem".into(), key: "/etc/tls/k.pem".into() };
    assert_eq!(check(&table).unwrap().tls, Some(want));
    assert_eq!(check(LEAST).unwrap().tls, None);
    assert!(refusal(&table.replace("key = ", "# ")).contains("missing field `key`"));
}

#[test]
fn a_trusted_proxy_is_an_address_or_a_whole_network() {
    let table = |proxy: &str| format!("{LEAST}[access]\ntrusted_proxies = [\"{proxy}\"]\n");
    for (proxy, net) in [("127.0.0.1", "127.0.0.1/32"), ("::1", "::1/128"), ("10.0.0.0/8", "10.0.0.0/8")] {
        assert_eq!(check(&table(proxy)).unwrap().access.trusted_proxies, [net.parse().unwrap()]);
    }
    for bad in ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", ""] {
        assert!(refusal(&table(bad)).starts_with("access.trusted_proxies: "), "{bad}");
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(KeyName::new("log.example/a").unwrap(), &[1; 32])
}

#[test]
fn the_log_line_comes_before_the_witnesses() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = check(LEAST).unwrap();
    config.policy = folder.path().join("p");
    std::fs::write(&config.policy, "# nobody\nquorum none\n").unwrap();
    let settings = config.settings(&key()).unwrap();
    let want = format!("log {}\n# nobody\nquorum none\n", key().verifier());
    assert_eq!(settings.policy.as_bytes(), want.as_bytes());
}

#[test]
fn a_policy_file_with_a_log_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = check(LEAST).unwrap();
    config.policy = folder.path().join("p");
    std::fs::write(&config.policy, format!("log {}\nquorum none\n", key().verifier())).unwrap();
    assert!(matches!(config.settings(&key()), Err(ConfigError::PolicyNamesLog { .. })));
}

#[test]
fn another_logs_key_is_refused() {
    let other = SigningKey::from_seed(KeyName::new("log.example/b").unwrap(), &[1; 32]);
    let text = check(LEAST).unwrap().settings(&other).unwrap_err().to_string();
    assert_eq!(text, "the key is of log.example/b, the configuration of log.example/a");
}

const TSA: &str = "[tsa]\npolicy = \"1.2.3\"\n";

#[test]
fn the_table_that_tsa_init_adds_is_taken() {
    let config = check(&(template() + &render_tsa("tsa-key.pem", "tsa-chain.pem", "1.2.3.4"))).unwrap();
    let tsa = config.tsa.unwrap();
    assert_eq!(tsa.key, TsaKey::Pem("/etc/log/tsa-key.pem".into()));
    assert_eq!(tsa.certificates.as_deref(), Some(Path::new("/etc/log/tsa-chain.pem")));
    assert_eq!((tsa.policy.as_str(), tsa.other_policies.len()), ("1.2.3.4", 0));
    assert_eq!((tsa.accuracy, tsa.ordering, tsa.name), (Duration::from_secs(1), false, true));
    assert!(tsa.proof_oid.is_some());
    let least = check(&format!("{LEAST}{TSA}key = \"k\"\ncertificates = \"c\"\n")).unwrap().tsa.unwrap();
    assert_eq!(
        TsaConfig { policy: tsa.policy.clone(), ..least },
        TsaConfig {
            key: TsaKey::Pem("/etc/log/k".into()),
            certificates: Some("/etc/log/c".into()),
            proof_oid: None,
            ..tsa
        }
    );
}

#[test]
fn a_tsa_has_one_key_and_its_certificates_once() {
    const PKCS12: &str = "[tsa.pkcs12]\nfile = \"f\"\npassword = \"p\"\n";
    const PKCS11: &str = "[tsa.pkcs11]\nmodule = \"m\"\ntoken = \"t\"\nkey = \"k\"\npin = \"p\"\n";
    const CERTIFICATES: &str = "certificates = \"c\"\n";
    let table = |rest: &[&str]| format!("{LEAST}{TSA}{}", rest.concat());
    for good in [&[CERTIFICATES, PKCS11][..], &[PKCS12]] {
        assert!(check(&table(good)).is_ok(), "{good:?}");
    }
    for bad in [&[CERTIFICATES][..], &[CERTIFICATES, "key = \"k\"\n", PKCS11], &[PKCS12, PKCS11]] {
        assert!(refusal(&table(bad)).starts_with("[tsa]: its key stands in one place"), "{bad:?}");
    }
    for bad in [&[PKCS11][..], &[CERTIFICATES, PKCS12], &["key = \"k\"\n"]] {
        assert!(refusal(&table(bad)).starts_with("[tsa]: certificates = \"FILE\""), "{bad:?}");
    }
    assert!(refusal(&format!("{LEAST}[tsa]\nkey = \"k\"\n")).contains("missing field `policy`"));
    assert!(
        refusal(&table(&["accuracy_ms = 0\n"])).starts_with("tsa.accuracy_ms = 0: it must be 1 to 60000")
    );
}
