//! `treering split` and `treering merge`.

use super::JsonPath;
use crate::{
    args, paths,
    report::{Report, Verdict},
    rewrite::{self, How, Merged, Rule, SplitError, Wanted, Written},
};
use serde::Serialize;
use std::{path::Path, process::ExitCode};

pub(super) fn split(args: &args::Split) -> ExitCode {
    let mut report = Report::new(&args.output_form, "split off");
    if args.relative && args.paths.len() != 1 {
        let text = "--relative is for one directory: the paths of several could meet";
        report.problem(Verdict::Unchecked, text);
        return report.finish();
    }
    let wanted = args.paths.iter().map(|path| Wanted::of(path, &args.bundle)).collect();
    let how = How { force: args.force, zstd: args.zstd };
    match rewrite::split(&args.bundle, wanted, args.relative, &args.output, how) {
        Ok(written) => tell(&mut report, &args.output, written),
        Err(error) => {
            let is_wrong = matches!(&error, SplitError::Rewrite(error) if error.is_wrong());
            report.problem(verdict(is_wrong), error);
        }
    }
    report.finish()
}

pub(super) fn merge(args: &args::Merge) -> ExitCode {
    let mut report = Report::new(&args.output_form, "merged");
    let rule = match (args.newest, args.oldest) {
        (true, _) => Rule::Newest,
        (_, true) => Rule::Oldest,
        _ => Rule::Refuse,
    };
    let how = How { force: args.force, zstd: args.zstd };
    match rewrite::merge(&args.bundles, args.prefix, rule, &args.output, how) {
        Ok(merged) => {
            remark(&mut report, args, &merged);
            tell(&mut report, &args.output, merged.written);
        }
        Err(error) => {
            let is_wrong = matches!(&error, rewrite::MergeError::Rewrite(error) if error.is_wrong());
            report.problem(verdict(is_wrong), error);
        }
    }
    report.finish()
}

/// `--json`: one of these.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    Output {
        #[serde(flatten)]
        path: JsonPath,
        /// Records with a path.
        records: u64,
        /// Records that only keep their place in a submission's tree.
        bare: u64,
    },
}

fn verdict(is_wrong: bool) -> Verdict {
    if is_wrong { Verdict::Invalid } else { Verdict::Unchecked }
}

fn tell(report: &mut Report, path: &Path, written: Written) {
    let Written { records, bare } = written;
    let object = Object::Output { path: JsonPath::of(path), records, bare };
    let others = match bare {
        0 => String::new(),
        1 => ", and the commitment of 1 other".to_owned(),
        _ => format!(", and the commitments of {bare} others"),
    };
    let records = counted(records, "record");
    report.result(Verdict::Good, &object, format_args!("{}: {records}{others}", paths::shown(path)));
}

fn remark(report: &mut Report, args: &args::Merge, merged: &Merged) {
    for (bundle, given_up) in args.bundles.iter().zip(&merged.given_up).filter(|(_, count)| **count > 0) {
        let which = if args.newest { "newer" } else { "older" };
        report.remark(format_args!(
            "{}: {} of it left out for {which} ones of the same path",
            paths::shown(bundle),
            counted(*given_up, "record")
        ));
    }
    for bundle in &merged.other_policy {
        report.remark(format_args!(
            "{}: its policy is another than that of {}, and is not in the new bundle, where a policy is only a hint that \
             nobody trusts",
            paths::shown(bundle),
            paths::shown(&args.bundles[0])
        ));
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
