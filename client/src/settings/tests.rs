//! Each option of each subcommand is a setting, or is none for a reason.

use super::*;
use clap::{Arg, Command};

/// Options that are no standing wishes, wherever they are, unless a subcommand is named.
const NONE: &[(&str, &[&str])] = &[
    ("whoever reads what comes out has asked for it in this form", &["--json", "--quiet"]),
    ("it replaces evidence, or forgets work: said each time", &["--force", "--restart"]),
    (
        "it concerns this call's files",
        &[
            "--files-from",
            "--digests",
            "--null",
            "--claims",
            "--claims-strict",
            "--since",
            "--output",
            "--evidence",
            "--html",
            "--sums",
            "--receipt",
            "--relative",
            "--prefix",
            "--newest",
            "--oldest",
            "--of",
            "--run",
            "--entry",
            "--sealed-after",
            "--sealed-before",
        ],
    ),
    (
        "it is a question about this evidence",
        &["verify --before", "verify --after", "verify --holder", "verify --proof"],
    ),
    ("without a policy it judges nothing, and says so", &["show --policy"]),
    (
        "as it was for the run, unless this call says otherwise",
        &["resume --log", "resume --cacert", "resume --proxy", "resume --wait"],
    ),
    ("it is all that the call does", &["resume --list"]),
    ("the journal names the log; another one is a mirror of it", &["rebuild --from"]),
    ("nobody is to trust, or to show a key, by habit", &["--yes", "--fingerprint", "key export --words"]),
    (
        "it is said of one key",
        &["trust distrust --after", "trust distrust --stolen", "trust distrust --reason"],
    ),
    ("it says where the settings are", &["--config", "--no-config"]),
];

/// Each subcommand by its way from the top, and `what` of each of its options.
fn options(command: &Command, name: &str, what: &mut dyn FnMut(&str, &Arg)) {
    command.get_arguments().for_each(|arg| what(name, arg));
    for below in command.get_subcommands() {
        options(below, format!("{name} {}", below.get_name()).trim_start(), what);
    }
}

/// As it is typed: `--log`, or `URL`.
fn typed(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_value_names().map_or(arg.get_id().to_string(), |names| names[0].to_string()),
    }
}

#[test]
fn each_option_is_a_setting_or_is_none_for_a_reason() {
    let (mut undecided, mut used) = (Vec::new(), Vec::new());
    options(&command(), "", &mut |name, arg| {
        if Setting::of(name, arg.get_id().as_str()).is_some() || arg.is_positional() {
            return;
        }
        let (option, here) = (typed(arg), format!("{name} {}", typed(arg)));
        let listed = NONE.iter().flat_map(|(_, options)| *options).find(|it| **it == option || **it == here);
        match listed {
            Some(listed) => used.push(*listed),
            None => undecided.push(here),
        }
    });
    assert!(undecided.is_empty(), "make a setting of it, or say why it is none: {undecided:?}");
    let unused: Vec<_> =
        NONE.iter().flat_map(|(_, options)| *options).filter(|option| !used.contains(option)).collect();
    assert!(unused.is_empty(), "there is no such option, or it is a setting: {unused:?}");
}

/// A setting that reached one subcommand too many has made `verify` ask for a holder once.
#[test]
fn a_setting_reaches_what_it_is_meant_for() {
    let command = command();
    let mut reached = String::new();
    for setting in TABLE {
        let mut at = Vec::new();
        options(&command, "", &mut |name, arg| {
            if Setting::of(name, arg.get_id().as_str()).is_some_and(|of| of.key == setting.key) {
                at.push((name.to_owned(), typed(arg)));
            }
        });
        let mut named: Vec<&str> = at.iter().map(|(name, _)| name.as_str()).collect();
        let mut meant = setting.commands.to_vec();
        named.sort_unstable();
        meant.sort_unstable();
        assert_eq!(named, meant, "{}", setting.key);
        let shown: Vec<String> = at.iter().map(|(name, option)| format!("{name} {option}")).collect();
        reached.push_str(&format!("{}: {}\n", setting.key, shown.join(", ")));
    }
    insta::assert_snapshot!(reached, @"
    policy: stamp --policy, verify --policy, audit --policy, token --policy, renew --policy, rebuild --policy, receipt --policy, tsa --policy
    log: stamp --log, audit --from, renew --log, receipt --from, trust add URL
    all_logs: stamp --all-logs
    exclude: stamp --exclude
    ignore_file: stamp --ignore-file
    one_file_system: stamp --one-file-system
    follow: stamp --follow, verify --follow
    checksum: stamp --checksum
    sign: stamp --sign
    holder: stamp --holder
    agent: stamp --agent
    title: stamp --title
    plain: stamp --plain
    digest: stamp --digest, renew --digest
    no_after: stamp --no-after, renew --no-after
    tokens: stamp --tokens
    withhold: token --withhold
    zstd: stamp --zstd, split --zstd, rebuild --zstd, merge --zstd
    rfc3161: stamp --rfc3161
    summary: stamp --summary
    wait: stamp --wait, renew --wait
    api_key_file: stamp --api-key-file, audit --api-key-file, renew --api-key-file, trust add --api-key-file, tsa --api-key-file
    api_key_over_http: stamp --api-key-over-http, audit --api-key-over-http, renew --api-key-over-http, trust add --api-key-over-http, tsa --api-key-over-http
    cacert: stamp --cacert, verify --cacert, audit --cacert, renew --cacert, rebuild --cacert, receipt --cacert, trust add --cacert, tsa --cacert
    proxy: stamp --proxy, verify --proxy, audit --proxy, renew --proxy, rebuild --proxy, receipt --proxy, trust add --proxy, tsa --proxy
    rate: stamp --rate
    strict: verify --strict
    tsa: tsa --server
    tsa_policy: tsa --tsa-policy
    tsa_hash: tsa --hash
    tsa_proof: tsa --proof
    tsa_no_cert: tsa --no-cert
    tsa_no_nonce: tsa --no-nonce
    ca: verify --ca, tsa --ca
    untrusted: verify --untrusted, tsa --untrusted
    max_lag: verify --max-lag
    ");
}

/// What stands somewhere is written into an unfinished run as the option it is the default of.
#[test]
fn what_reaches_stamp_is_typed_as_it_is_called() {
    options(&command(), "", &mut |name, arg| {
        if let Some(setting) = Setting::of(name, arg.get_id().as_str()).filter(|_| name == "stamp") {
            assert_eq!(typed(arg), format!("--{}", setting.key.replace('_', "-")));
        }
    });
}
