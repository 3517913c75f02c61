//! Changing single lines of the configuration, so that its comments stay.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// The text with this value for a key above all tables: in the place of its line, or after the line of `after` where it
/// has none. `None` takes the line away. `None` is returned if there is no such place, or a value goes over several lines.
pub(crate) fn with_line(text: &str, key: &str, value: Option<&toml::Value>, after: &str) -> Option<String> {
    let names =
        |line: &str, key: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let top = lines.iter().position(|line| line.starts_with('[')).unwrap_or(lines.len());
    let find = |key: &str| lines[..top].iter().position(|line| names(line, key));
    let whole = |line: &str| toml::from_str::<toml::Table>(line).is_ok();
    let new = value.map(|value| format!("{key} = {value}\n")).unwrap_or_default();
    let (place, kept) = match find(key) {
        Some(place) => (place, ""),
        None if value.is_none() => return Some(text.to_owned()),
        None => {
            let place = find(after)?;
            (place, lines[place])
        }
    };
    // A value that goes on in the next line would be torn.
    if !whole(lines[place]) || !(kept.is_empty() || kept.ends_with('\n')) {
        return None;
    }
    let (before, rest) = (lines[..place].concat(), lines[place + 1..].concat());
    Some(before + kept + &new + &rest)
}

/// Replaces a file: it is the old one or the new one, whatever happens, and on disk when this returns. Its mode stays.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let mut file = fs::File::create(new)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# key = \"comment\"\nkey = \"key\"\npolicy = \"p\"\nlist = [\n  \"a\",\n]\n[tsa]\nkey = \"tsa\"\n";

    fn with(key: &str, value: Option<&str>, after: &str) -> Option<String> {
        with_line(TEXT, key, value.map(toml::Value::from).as_ref(), after)
    }

    #[test]
    fn one_line_changes_and_the_rest_stays() {
        assert_eq!(
            with("key", Some("key-2"), "policy").unwrap(),
            TEXT.replacen("\nkey = \"key\"", "\nkey = \"key-2\"", 1)
        );
        assert_eq!(
            with("second_key", Some("b"), "key").unwrap(),
            TEXT.replacen("policy", "second_key = \"b\"\npolicy", 1)
        );
        assert_eq!(with("key", None, "policy").unwrap(), TEXT.replacen("\nkey = \"key\"", "", 1));
        assert_eq!(with("second_key", None, "key").unwrap(), TEXT);
    }

    #[test]
    fn what_has_no_line_of_its_own_is_left_alone() {
        assert_eq!(with("list", Some("b"), "key"), None, "it goes over several lines");
        assert_eq!(with("other", Some("b"), "nowhere"), None);
        assert_eq!(
            with_line("[tsa]\nkey = \"tsa\"\n", "key", None, "key").unwrap(),
            "[tsa]\nkey = \"tsa\"\n"
        );
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
