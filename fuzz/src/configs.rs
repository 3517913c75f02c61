//! What operators of witnesses, monitors and mirrors write.

use std::{collections::HashSet, io, path::Path};

use crate::{
    config, meter::bounded_by, mirror::config::MirrorConfig, monitor::config::MonitorConfig, vectors::NOTES,
};

/// The first byte says whose configuration it is.
pub fn witness_config(bytes: &[u8]) {
    let Some((which, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match which % 3 {
        0 => witness(text),
        1 => monitor(text),
        _ => mirror(text),
    }
}

fn witness(text: &str) {
    match bounded_by(256, text.as_bytes(), || config::parse(Path::new("witness.toml"), text)) {
        Ok(settings) => {
            let limits = settings.limits;
            let times = [limits.request_timeout_ms, limits.idle_timeout_ms, limits.shutdown_timeout_ms];
            assert!(times.iter().all(|time| (100..=600_000).contains(time)));
            assert!(limits.request_timeout_ms <= limits.idle_timeout_ms && !settings.keys.is_empty());
            assert!(settings.url.as_deref().is_none_or(config::is_url));
            assert!(settings.bastion.iter().all(|bastion| bastion.address.as_str().contains(':')));
            let files = config::bastion_key_files(&settings.bastion, Path::new("/witness"));
            let each = files.iter().collect::<HashSet<_>>();
            assert!(each.len() == files.len() && files.len() <= settings.bastion.len());
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn monitor(text: &str) {
    let path = Path::new("/monitor/monitor.toml");
    match bounded_by(256, text.as_bytes(), || MonitorConfig::parse(path, text, &policy)) {
        Ok(config) => {
            // The policy has one log, and no log is there twice.
            assert_eq!(config.logs.len(), 1);
            assert!((1..=256).contains(&config.concurrency) && in_range(config.timeout.as_millis()));
            let log = &config.logs[0];
            assert!(u128::from(log.silence_ms) >= log.interval.as_millis() && !log.urls.is_empty());
            assert!(
                log.urls
                    .iter()
                    .chain(log.witnesses.iter().map(|(_, url)| url))
                    .all(|url| config::is_url(url))
            );
            assert!(log.witnesses.len() <= 1);
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn mirror(text: &str) {
    let dir = Path::new("/mirror");
    match bounded_by(256, text.as_bytes(), || MirrorConfig::parse(dir, text, &policy)) {
        Ok(config) => {
            assert!(config.logs.len() <= 1 && (1..=256).contains(&config.concurrency));
            assert!(in_range(config.timeout.as_millis()) && config::is_url(&config.public_url()));
            let limits = config.limits;
            assert!((1..=256).contains(&limits.max_pushes) && (1..=256).contains(&limits.max_pushes_per_log));
            assert!(limits.request_timeout_ms <= limits.idle_timeout_ms);
            // Wherever the copies are, what was signed is beside the configuration.
            assert_eq!(config.signed, dir.join("signed.redb"));
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn in_range(millis: u128) -> bool {
    (100..=600_000).contains(&millis)
}

/// The one file that there is beside a configuration.
fn policy(path: &Path) -> io::Result<Vec<u8>> {
    if !path.ends_with("log.policy") {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (log, witness) = (&NOTES.log_vkey, &NOTES.witness_vkey);
    let text = format!("log {log} https://log.example\nwitness w {witness} https://w.example\nquorum w\n");
    Ok(text.into_bytes())
}
