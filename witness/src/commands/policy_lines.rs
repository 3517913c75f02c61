//! The lines of a C2SP tlog-policy file that let a policy count this witness.

use treering_tlog::note::{SignatureType, VerifierKey};

/// One `witness` line a key. More than one key is one witness all the same, so a group over them follows: a policy that
/// listed them side by side would count one operator twice.
pub(super) fn policy_lines(keys: &[VerifierKey], url: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(keys.len());
    let mut lines = Vec::with_capacity(keys.len() + 1);
    for key in keys {
        let name = free_name(key, &names);
        lines.push(format!("witness {name} {key} {url}"));
        names.push(name);
    }
    if names.len() > 1 {
        let group = (1..).map(|n| if n == 1 { "any".to_owned() } else { format!("any-{n}") });
        let first = short_name(keys[0].name().as_str());
        let group = group.map(|end| format!("{first}-{end}")).find(|name| !names.contains(name));
        let group = group.expect("of endlessly many names, all but a few are free");
        lines.push(format!("group {group} any {}", names.join(" ")));
    }
    lines
}

fn free_name(key: &VerifierKey, taken: &[String]) -> String {
    let short = short_name(key.name().as_str());
    let mut candidates = vec![short.to_owned()];
    if key.kind() == SignatureType::CosignatureMlDsa44 {
        candidates.push(format!("{short}-ml-dsa"));
    }
    let base = candidates[candidates.len() - 1].clone();
    let mut candidates = candidates.into_iter().chain((2_u32..).map(|n| format!("{base}-{n}")));
    candidates.find(|name| !taken.contains(name)).expect("of endlessly many names, all but a few are free")
}

/// A name for use inside a policy file: the last part of the key's name. `none` is taken there.
fn short_name(key_name: &str) -> &str {
    match key_name.rsplit('/').next() {
        Some(last) if !last.is_empty() && last != "none" => last,
        _ => key_name,
    }
}

#[cfg(test)]
mod tests {
    use treering_tlog::{cosignature::CosignerKey, note::KeyName, policy::Policy};

    use super::*;

    #[test]
    fn a_witness_is_called_by_the_last_part_of_its_name() {
        assert_eq!(short_name("witness.example/w1"), "w1");
        assert_eq!(short_name("w1"), "w1");
        assert_eq!(short_name("witness.example/"), "witness.example/");
        assert_eq!(short_name("witness.example/none"), "witness.example/none");
    }

    #[test]
    fn several_keys_are_one_member_of_a_policy() {
        let name = || KeyName::new("witness.example/w1").unwrap();
        let keys = [
            CosignerKey::ed25519(name(), &[1; 32]),
            CosignerKey::ml_dsa_44(name(), &[2; 32]),
            CosignerKey::ed25519(name(), &[3; 32]),
            CosignerKey::ml_dsa_44(name(), &[4; 32]),
        ]
        .map(|key| key.verifier());
        let lines = policy_lines(&keys, "https://w1.example");
        let names: Vec<_> = lines.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(names, ["w1", "w1-ml-dsa", "w1-2", "w1-ml-dsa-2", "w1-any"]);
        let policy = format!("{}\nquorum w1-any\n", lines.join("\n"));
        assert_eq!(Policy::parse(policy.as_bytes()).unwrap().witnesses().len(), 4);
        assert_eq!(policy_lines(&keys[..1], "https://w1.example").len(), 1);
    }
}
