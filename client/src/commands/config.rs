//! `treering config`.

use super::{JsonPath, completions::printed};
use crate::{
    args::{self, ConfigFile, ConfigWhat},
    paths,
    settings::{self, Known, Refused, Source},
};
use serde::Serialize;
use std::{ffi::OsString, fmt::Write, process::ExitCode};

pub(super) fn run(args: &args::Config, file: &ConfigFile) -> ExitCode {
    if let Some(ConfigWhat::Path) = args.what {
        return path(file);
    }
    let known = if args.command_line.is_empty() {
        settings::shown(file).map_err(Refused::from)
    } else {
        of_command_line(&args.command_line, file)
    };
    match known {
        Ok(known) if args.json => printed(objects(&known).as_bytes()),
        Ok(known) => printed(text(&known).as_bytes()),
        Err(Refused::Settings(error)) => {
            eprintln!("treering: {error}");
            ExitCode::from(2)
        }
        Err(Refused::Usage(error)) => {
            let _ = error.print();
            ExitCode::from(2)
        }
    }
}

fn path(file: &ConfigFile) -> ExitCode {
    match file.config.clone().or_else(settings::usual_place) {
        Some(path) => printed(format!("{}\n", paths::shown(&path)).as_bytes()),
        None => {
            eprintln!(
                "treering: no place for a configuration: set HOME or TREERING_CONFIG_DIR to a directory, or give --config"
            );
            ExitCode::from(2)
        }
    }
}

fn of_command_line(rest: &[OsString], file: &ConfigFile) -> Result<Vec<(&'static str, Known)>, Refused> {
    let mut line = vec![OsString::from("treering")];
    // Which file counts was said before the --.
    line.extend(file.config.iter().flat_map(|path| [OsString::from("--config"), path.into()]));
    line.extend(file.no_config.then(|| OsString::from("--no-config")));
    line.extend(rest.iter().cloned());
    Ok(settings::in_order(settings::command_line(&line)?.known))
}

/// A configuration file that says the same, and where each line is from.
fn text(known: &[(&'static str, Known)]) -> String {
    let mut out = String::new();
    for (key, known) in known {
        // Writing into a string does not fail.
        let _ = match &known.source {
            Source::Nowhere => writeln!(out, "# {key} is not set"),
            source => writeln!(out, "{key} = {}  # {}", value(known), words(source)),
        };
    }
    if std::env::var_os("TREERING_API_KEY").is_some_and(|key| !key.is_empty()) {
        out.push_str("# the API key itself is in TREERING_API_KEY, unless api_key_file is set\n");
    }
    out
}

fn value(known: &Known) -> String {
    let each: Vec<String> = known.values.iter().map(|value| one(known, &value.to_string_lossy())).collect();
    if known.is_list { format!("[{}]", each.join(", ")) } else { each.join("") }
}

fn one(known: &Known, text: &str) -> String {
    if known.is_switch || text.parse::<u64>().is_ok_and(|number| number.to_string() == text) {
        text.to_owned()
    } else {
        toml::Value::String(treering_token::escape::text(text)).to_string()
    }
}

fn words(source: &Source) -> String {
    match source {
        Source::Flag => "flag".to_owned(),
        Source::Variable(name) => name.clone(),
        Source::File(path, line) => format!("{}:{line}", paths::shown(path)),
        Source::Default => "default".to_owned(),
        Source::Nowhere => "not set".to_owned(),
    }
}

/// `--json`: one of these a setting.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'a> {
    Setting {
        key: &'a str,
        /// As text each; absent if it isn't set.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
        /// `flag`, `variable`, `file`, `default` or `not_set`.
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        variable: Option<&'a str>,
        /// Of the configuration file.
        #[serde(flatten)]
        path: Option<JsonPath>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
    },
}

fn objects(known: &[(&'static str, Known)]) -> String {
    known.iter().fold(String::new(), |mut out, (key, known)| {
        let (source, variable, path, line) = match &known.source {
            Source::Flag => ("flag", None, None, None),
            Source::Variable(name) => ("variable", Some(name.as_str()), None, None),
            Source::File(path, line) => ("file", None, Some(JsonPath::of(path)), Some(*line)),
            Source::Default => ("default", None, None, None),
            Source::Nowhere => ("not_set", None, None, None),
        };
        let values = known.values.iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let object = Object::Setting { key, values, source, variable, path, line };
        out.push_str(&crate::report::json(&object));
        out.push('\n');
        out
    })
}
