use super::*;
use crate::access::key_list::{Scope, tests::entry};

fn add(path: &Path, name: &str) {
    edit(path, |keys| {
        keys.push(entry(name));
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_is_written_is_read_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.toml");
    assert_eq!(read(&path).unwrap(), (Vec::new(), None));
    let all =
        vec![entry("a"), KeyEntry { expires: None, scopes: vec![Scope::Submit], ..entry("b@c.example") }];
    edit(&path, |keys| {
        *keys = all.clone();
        Ok(())
    })
    .unwrap();
    let (keys, stamp) = read(&path).unwrap();
    assert_eq!(keys, all);
    assert_eq!(stamp, Stamp::at(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    // A change is seen, whatever its time of writing.
    edit(&path, |keys| {
        keys.truncate(1);
        Ok(())
    })
    .unwrap();
    assert_ne!(stamp, Stamp::at(&path).unwrap());
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.toml");
    add(&path, "a");
    let before = fs::read(&path).unwrap();
    let refused = edit(&path, |keys| {
        keys.clear();
        Err::<(), _>(KeyFileError::Unknown { wanted: "x".to_owned() })
    });
    assert!(refused.is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn changes_at_once_all_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.toml");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || add(path, &format!("k{number}")));
        }
    });
    assert_eq!(read(&path).unwrap().0.len(), 8);
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.toml");
    add(&path, "a");
    for mode in [0o640, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let text = read(&path).unwrap_err().to_string();
        assert!(text.contains(&format!("others may read or write this file (mode {mode:04o})")), "{text}");
    }
}
