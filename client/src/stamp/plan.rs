//! What to make of the paths on the command line: which bundle or tokens each leads to.

use super::{StampError, Trouble, Wish, last_part, tidy};
use crate::{
    lists::List,
    locate::{self, by_log},
    output,
    paths::{self, settled},
    walk::{self, LeftOut, Root},
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use treering_token::bundle::RelativePath;

/// One run: its roots, and what comes out.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) roots: Vec<Root>,
    /// Read after the roots; their paths are relative to the current directory.
    pub(crate) lists: Vec<List>,
    /// As given, in the order of `roots`, then of `lists`.
    pub(crate) given: Vec<PathBuf>,
    /// Where the bundle appears, if one is kept.
    pub(crate) bundle: Option<PathBuf>,
    /// A token beside each file?
    pub(crate) tokens: bool,
    /// Something that was given could not be looked at: what was known of it isn't gone for that.
    pub(crate) incomplete: bool,
    /// A bundle of which is kept what still holds.
    pub(crate) since: Option<PathBuf>,
    /// The log in the names of its evidence, if they aren't the usual ones.
    pub(crate) log: Option<String>,
}

/// What the paths come to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    /// Paths that can't be stamped at all.
    pub(crate) failed: Vec<(PathBuf, Trouble)>,
    pub(crate) left_out: Vec<(PathBuf, LeftOut)>,
}

/// Sorts the paths: with `-o` one bundle for all, else a bundle for each directory and tokens for the files; with `--tokens`
/// tokens for all. The lists are for the one bundle, or get tokens.
///
/// # Errors
/// Two roots that a bundle could not tell apart, a path without a place.
pub(crate) fn plan(
    given: &[PathBuf],
    lists: Vec<List>,
    bundle: Option<&Path>,
    tokens: bool,
    since: Option<&Path>,
) -> Result<Plan, StampError> {
    let mut plan = Plan::default();
    let mut found = Vec::new();
    for path in given {
        match look(path) {
            Ok(Ok(_)) if given_before(&found, path) => plan.left_out.push((path.clone(), LeftOut::Twice)),
            Ok(Ok(root)) => found.push((tidy(path), root)),
            Ok(Err(why)) => plan.left_out.push((path.clone(), why)),
            Err(trouble) => plan.failed.push((path.clone(), trouble)),
        }
    }
    let (dirs, files): (Vec<_>, Vec<_>) = found.iter().cloned().partition(|(_, root)| root.is_dir);
    match bundle {
        Some(_) => {
            // What counts is what was given: files have the same names again when one of the others isn't there for a night.
            let is_alone = lists.is_empty() && found.len() + plan.failed.len() == 1;
            plan.push(named(found, is_alone)?, lists, bundle, tokens);
        }
        None if tokens => plan.push(numbered(found), lists, None, true),
        None => {
            for dir in dirs {
                let bundle = locate::bundle_of(&dir.0).map_err(|error| unresolved(&dir.0, error))?;
                plan.push(vec![dir], Vec::new(), Some(&bundle), false);
            }
            plan.push(numbered(files), lists, None, true);
        }
    }
    let incomplete = !plan.failed.is_empty();
    for target in &mut plan.targets {
        target.incomplete = incomplete;
        target.since = since.map(Path::to_path_buf);
    }
    Ok(plan)
}

impl Plan {
    fn push(&mut self, roots: Vec<(PathBuf, Root)>, lists: Vec<List>, bundle: Option<&Path>, tokens: bool) {
        if roots.is_empty() && lists.is_empty() {
            return;
        }
        let (mut given, roots): (Vec<_>, _) = roots.into_iter().unzip();
        given.extend(lists.iter().map(|list| list.file.clone()));
        self.targets.push(Target {
            roots,
            lists,
            given,
            bundle: bundle.map(Path::to_path_buf),
            tokens,
            incomplete: false,
            since: None,
            log: None,
        });
    }
}

impl Target {
    /// The same for evidence with this log in its names.
    pub(crate) fn by_log(&self, log: &str) -> Target {
        let named = |bundle: &PathBuf| by_log::bundle(bundle, log);
        Target {
            bundle: self.bundle.as_ref().map(named),
            since: self.since.as_ref().map(named),
            log: Some(log.to_owned()),
            ..self.clone()
        }
    }

    /// The token that belongs beside this record's file.
    pub(crate) fn token_path(&self, path: &RelativePath) -> PathBuf {
        self.token_of(&self.source(path))
    }

    fn token_of(&self, file: &Path) -> PathBuf {
        match &self.log {
            Some(log) => by_log::token(file, log),
            None => locate::token_of(file),
        }
    }

    /// Is this its bundle's place?
    pub(crate) fn is_output(&self, path: &Path) -> bool {
        self.bundle.as_deref().is_some_and(|bundle| match (settled(bundle), settled(path)) {
            (Ok(bundle), Ok(path)) => bundle == path,
            _ => false,
        })
    }

    /// Its bundle, or the first of its files, for people.
    pub(crate) fn shown(&self) -> String {
        self.bundle.as_ref().or(self.given.first()).map_or_else(String::new, |path| paths::shown(path))
    }

    /// Where a record's file lies: below its root as that was given, or below the current directory.
    pub(super) fn source(&self, path: &RelativePath) -> PathBuf {
        match &self.roots[..] {
            [root] if root.prefix.is_empty() => paths::below(&self.given[0], path),
            roots => {
                let first = path.parts().next().unwrap_or_default();
                let Some(place) = roots.iter().position(|root| root.prefix == first) else {
                    return paths::below(Path::new(""), path);
                };
                path.parts().skip(1).fold(self.given[place].clone(), |mut at, part| {
                    at.push(paths::part_from_bytes(part));
                    at
                })
            }
        }
    }

    /// Refuses, before any work, what would be refused at its end.
    ///
    /// # Errors
    /// An output that is in the way.
    pub(crate) fn check(&self, wish: &Wish) -> Result<(), StampError> {
        if let Some(bundle) = &self.bundle {
            output::refuse_existing(bundle, wish.replaces(self))?;
        }
        if self.tokens && !wish.goes_on {
            for (given, _) in self.given.iter().zip(&self.roots).filter(|(_, root)| !root.is_dir) {
                output::refuse_existing(&self.token_of(given), wish.force)?;
            }
        }
        Ok(())
    }
}

/// A path on the command line is what it leads to: links are resolved here, and only here.
fn look(path: &Path) -> Result<Result<Root, LeftOut>, Trouble> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Trouble::NotThere,
        _ => Trouble::Look(error),
    })?;
    if let Some(why) = walk::special(metadata.file_type()) {
        return Ok(Err(why));
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let source = if is_link { path.canonicalize().map_err(Trouble::Look)? } else { tidy(path) };
    Ok(Ok(Root { source, prefix: Vec::new(), is_dir: metadata.is_dir() }))
}

/// Was the same path given, however it was written?
fn given_before(found: &[(PathBuf, Root)], path: &Path) -> bool {
    let path = std::path::absolute(path).ok();
    path.is_some() && found.iter().any(|(before, _)| std::path::absolute(before).ok() == path)
}

/// The roots of one bundle for all of these paths.
///
/// # Errors
/// A path that can't be looked at, or two that a bundle could not tell apart.
pub(crate) fn roots(given: &[PathBuf]) -> Result<Vec<Root>, StampError> {
    let mut found = Vec::new();
    for path in given {
        match look(path) {
            Ok(Ok(root)) => found.push((tidy(path), root)),
            Ok(Err(why)) => return Err(unresolved(path, io::Error::other(why.to_string()))),
            Err(trouble) => return Err(unresolved(path, io::Error::other(trouble.to_string()))),
        }
    }
    Ok(named(found, true)?.into_iter().map(|(_, root)| root).collect())
}

/// For a bundle that is kept: one directory's paths are relative to it, if nothing else is stamped with it; several roots
/// keep their last part.
fn named(mut roots: Vec<(PathBuf, Root)>, is_alone: bool) -> Result<Vec<(PathBuf, Root)>, StampError> {
    if let [(_, root)] = &roots[..]
        && is_alone
        && root.is_dir
    {
        return Ok(roots);
    }
    let mut seen = BTreeMap::new();
    for (given, root) in &mut roots {
        root.prefix = last_part(given).map_err(|error| unresolved(given, error))?;
        if seen.insert(root.prefix.clone(), ()).is_some() {
            return Err(StampError::SameName { name: paths::shown(given) });
        }
    }
    Ok(roots)
}

/// For a bundle that only exists until the tokens are cut: any names do that no file in a list has.
fn numbered(mut roots: Vec<(PathBuf, Root)>) -> Vec<(PathBuf, Root)> {
    for (place, (_, root)) in roots.iter_mut().enumerate() {
        root.prefix = format!("\u{1}{place}").into_bytes();
    }
    roots
}

fn unresolved(path: &Path, error: io::Error) -> StampError {
    StampError::Path { path: paths::shown(path), error }
}

/// The bundle's place as the walk will meet it.
pub(super) fn settled_output(path: &Path) -> Result<PathBuf, StampError> {
    settled(path).map_err(|error| unresolved(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["a", "b", "c/a"] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        for file in ["f", "g", "c/f"] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        dir
    }

    fn of(dir: &Path, names: &[&str], bundle: Option<&str>, tokens: bool) -> Result<Plan, StampError> {
        let given: Vec<_> = names.iter().map(|name| dir.join(name)).collect();
        let plan = plan(&given, Vec::new(), bundle.map(|name| dir.join(name)).as_deref(), tokens, None)?;
        plan.targets.iter().try_for_each(|target| target.check(&Wish::default()))?;
        Ok(plan)
    }

    fn shape(dir: &Path, plan: &Plan) -> Vec<String> {
        let short = |path: &Path| path.strip_prefix(dir).unwrap().display().to_string();
        plan.targets
            .iter()
            .map(|target| {
                let given: Vec<_> = target.given.iter().map(|path| short(path)).collect();
                let bundle = target.bundle.as_deref().map(short);
                format!("{} → {bundle:?}{}", given.join(" "), if target.tokens { " tokens" } else { "" })
            })
            .collect()
    }

    #[test]
    fn each_directory_has_its_bundle_and_files_have_tokens() {
        let dir = tree();
        let plan = of(dir.path(), &["f", "a", "g", "b/"], None, false).unwrap();
        assert_eq!(
            shape(dir.path(), &plan),
            [r#"a → Some("a.treering")"#, r#"b → Some("b.treering")"#, "f g → None tokens"]
        );
    }

    #[test]
    fn one_bundle_or_only_tokens_on_request() {
        let dir = tree();
        let both = of(dir.path(), &["f", "a"], Some("o"), true).unwrap();
        assert_eq!(shape(dir.path(), &both), [r#"f a → Some("o") tokens"#]);
        let tokens = of(dir.path(), &["f", "a"], None, true).unwrap();
        assert_eq!(shape(dir.path(), &tokens), ["f a → None tokens"]);
    }

    #[test]
    fn roots_that_a_bundle_could_not_tell_apart_are_refused() {
        let dir = tree();
        assert!(matches!(of(dir.path(), &["f", "c/f"], Some("o"), false), Err(StampError::SameName { .. })));
        assert!(of(dir.path(), &["f", "c/f"], None, false).is_ok(), "tokens are told apart by their places");
    }

    #[test]
    fn a_record_leads_back_to_its_file() {
        let dir = tree();
        let plan = of(dir.path(), &["c", "f"], Some("o"), true).unwrap();
        let path = RelativePath::new(b"c/f".to_vec()).unwrap();
        assert_eq!(plan.targets[0].token_path(&path), dir.path().join("c/f.tlog-proof"));
        let path = RelativePath::new(b"f".to_vec()).unwrap();
        assert_eq!(plan.targets[0].token_path(&path), dir.path().join("f.tlog-proof"));
    }

    #[test]
    fn what_is_in_the_way_is_said_before_any_work() {
        let dir = tree();
        fs::write(dir.path().join("f.tlog-proof"), "").unwrap();
        assert!(matches!(of(dir.path(), &["f"], None, false), Err(StampError::Output(_))));
    }

    #[test]
    fn what_is_not_there_does_not_stop_the_rest() {
        let dir = tree();
        let plan = of(dir.path(), &["nothing", "f"], None, false).unwrap();
        assert_eq!(plan.targets.len(), 1);
        assert!(matches!(plan.failed[..], [(_, Trouble::NotThere)]));
    }
}
