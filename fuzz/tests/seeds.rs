//! The committed seeds keep the properties, and each target is there in every place that names it.

use std::{fs, path::Path};

use treering_fuzz::TARGETS;

#[test]
fn seeds_keep_the_properties() {
    for (name, target) in TARGETS {
        let seeds = fs::read_dir(here().join("corpus").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut count = 0;
        for seed in seeds {
            let path = seed.unwrap().path();
            eprintln!("{}", path.display());
            target(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no seeds");
    }
}

#[test]
fn beginnings_of_seeds_keep_the_properties() {
    for (name, target) in TARGETS {
        for seed in fs::read_dir(here().join("corpus").join(name)).unwrap() {
            let bytes = fs::read(seed.unwrap().path()).unwrap();
            (0..bytes.len()).step_by(1 + bytes.len() / 100).for_each(|end| target(&bytes[..end]));
        }
    }
}

#[test]
fn every_target_can_be_run() {
    let manifest = fs::read_to_string(here().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let program = fs::read_to_string(here().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("treering_fuzz::{name}(bytes)")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
