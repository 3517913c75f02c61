//! What is left out by name: rules in the syntax of git's ignore files, relative to each directory that is stamped.
//!
//! The last rule that fits decides, `!` takes something in again, a rule with a `/` before its end is anchored at the top, one
//! that ends in `/` is for directories. What lies in a directory that is left out can't be taken in again: as with git, the
//! directory isn't looked into.

use crate::paths;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the rules can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    #[error("the ignore file {file} can't be read: {error}")]
    Read { file: String, error: io::Error },
    #[error("the ignore file {file}, line {line}: not valid UTF-8")]
    Utf8 { file: String, line: usize },
    #[error("{place}: {rule:?} is no rule as git's ignore files have them: {error}")]
    Rule { place: String, rule: String, error: ignore::Error },
    #[error("the rules can't be used together: {0}")]
    Together(ignore::Error),
}

/// Rules, in order.
#[derive(Debug)]
pub(crate) struct Ignored(Gitignore);

impl Ignored {
    /// Those of the files, in the order given, then the globs of `--exclude`; `None` if there are none.
    pub(crate) fn of(files: &[PathBuf], globs: &[String]) -> Result<Option<Ignored>, RuleError> {
        if files.is_empty() && globs.is_empty() {
            return Ok(None);
        }
        let mut builder = GitignoreBuilder::new("");
        for file in files {
            read(file, &mut builder)?;
        }
        for glob in globs {
            add(&mut builder, glob, || "--exclude".to_owned())?;
        }
        builder.build().map(|rules| Some(Ignored(rules))).map_err(RuleError::Together)
    }

    /// Is what lies there left out? `path` is relative to the directory that is stamped, and the directories on its way were
    /// asked about before.
    pub(crate) fn has(&self, path: &[u8], is_dir: bool) -> bool {
        self.0.matched(Path::new(&paths::name_from_bytes(path)), is_dir).is_ignore()
    }

    /// The same, where nobody has asked about the directories on its way.
    pub(crate) fn has_or_above(&self, path: &[u8], is_dir: bool) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| &path[..at]).any(|dir| self.has(dir, true)) || self.has(path, is_dir)
    }
}

fn read(file: &Path, builder: &mut GitignoreBuilder) -> Result<(), RuleError> {
    let shown = || paths::shown(file);
    let bytes = std::fs::read(file).map_err(|error| RuleError::Read { file: shown(), error })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let rule = std::str::from_utf8(line).map_err(|_| RuleError::Utf8 { file: shown(), line: number })?;
        add(builder, rule, || format!("the ignore file {}, line {number}", shown()))?;
    }
    Ok(())
}

fn add(builder: &mut GitignoreBuilder, rule: &str, place: impl Fn() -> String) -> Result<(), RuleError> {
    match builder.add_line(None, rule) {
        Ok(_) => Ok(()),
        Err(error) => Err(RuleError::Rule { place: place(), rule: rule.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &[&str]) -> Ignored {
        let globs: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        Ignored::of(&[], &globs).unwrap().unwrap()
    }

    /// Each of these was compared with what `git check-ignore` says.
    #[test]
    fn rules_mean_what_they_mean_to_git() {
        let ignored =
            rules(&["*.o", "!keep.o", "/build", "doc/*.txt", "cache/", "**/x/y", "# no rule", "\\#b"]);
        for (path, is_dir) in
            [("a.o", false), ("s/a.o", false), ("build", true), ("doc/a.txt", false), ("s/cache", true)]
        {
            assert!(ignored.has(path.as_bytes(), is_dir), "{path}");
        }
        for (path, is_dir) in [
            ("keep.o", false),
            ("s/keep.o", false),
            ("s/build", true),
            ("doc/s/a.txt", false),
            ("s/doc/a.txt", false),
            ("cache", false),
            ("# no rule", false),
        ] {
            assert!(!ignored.has(path.as_bytes(), is_dir), "{path}");
        }
        assert!(ignored.has(b"#b", false) && ignored.has(b"a/x/y", false) && ignored.has(b"x/y", true));
        assert!(ignored.has_or_above(b"build/keep.o", false), "nothing comes back out of such a directory");
        assert!(!ignored.has(b"\xff", false));
    }

    #[test]
    fn a_rule_that_is_none_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules");
        let told = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            let error = Ignored::of(std::slice::from_ref(&file), &[]).unwrap_err().to_string();
            error.replace(&*file.to_string_lossy(), "FILE")
        };
        insta::assert_snapshot!(told(b"*.o\r\na{b\n"), @r#"the ignore file FILE, line 2: "a{b" is no rule as git's ignore files have them: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"#);
        insta::assert_snapshot!(told(b"*.o\n\n\xff\n"), @"the ignore file FILE, line 3: not valid UTF-8");
        insta::assert_snapshot!(Ignored::of(&[], &["[z-a]".to_owned()]).unwrap_err(), @r#"--exclude: "[z-a]" is no rule as git's ignore files have them: error parsing glob '[z-a]': invalid range; 'z' > 'a'"#);
    }
}
