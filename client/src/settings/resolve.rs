//! From what was typed, set and written down to one command line: standing wishes become clap's defaults.

use super::{
    Setting, SettingsError, Source, TABLE, Wish,
    file::{self, Kind},
    options::{self, Leaf, any, kind},
};
use crate::args::{Cli, ConfigFile};
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, parser::ValueSource};
use std::{collections::HashMap, ffi::OsString};

/// Why there is no command to run.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Wrong usage, or help was asked for.
    Usage(clap::Error),
    /// A standing wish is wrong.
    Settings(SettingsError),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Refused {
        Refused::Usage(error)
    }
}

impl From<SettingsError> for Refused {
    fn from(error: SettingsError) -> Refused {
        Refused::Settings(error)
    }
}

/// A command line with all that stands behind it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) cli: Cli,
    /// Of the options that the subcommand has: their values and where they are from.
    pub(crate) known: HashMap<&'static str, Known>,
}

/// What is known of a setting.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) values: Vec<OsString>,
    pub(crate) source: Source,
    pub(crate) is_switch: bool,
    pub(crate) is_list: bool,
}

/// Reads arguments, environment and configuration file.
///
/// # Errors
/// What can't be parsed, is unknown or contradicts itself.
pub(crate) fn command_line(args: &[OsString]) -> Result<Resolved, Refused> {
    let command = options::command();
    // What was typed, alone: anything that stands elsewhere must not get in its way.
    let typed = options::optional(command.clone()).try_get_matches_from(args)?;
    let name = options::name_of(&typed);
    let leaf = Leaf::named(&command, &name).expect("it was matched by this very command");
    if !leaf.has_settings() && name.split(' ').next() != Some("config") {
        return Ok(Resolved {
            cli: Cli::from_arg_matches(&command.try_get_matches_from(args)?)?,
            known: HashMap::new(),
        });
    }
    let wishes = standing(&command, &ConfigFile::from_arg_matches(&typed)?)?;
    let logs = wishes.iter().find(|wish| wish.setting.key == "log").map(|wish| wish.values.clone());
    let wishes = yielding(leaf, &explicit(leaf, &typed), wishes)?;
    let command = options::change(command.clone(), &name, &mut |leaf| {
        leaf.mut_args(|arg| with_default(&name, arg, &wishes))
    });
    let leaf = Leaf::named(&command, &name).expect("as above");
    let matches = command.clone().try_get_matches_from(args)?;
    let known = TABLE.iter().filter_map(|setting| known(setting, leaf, &matches, &wishes)).collect();
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.settle(&known, &logs.unwrap_or_default());
    Ok(Resolved { cli, known })
}

/// All wishes, those of the environment first.
fn standing(command: &Command, file: &ConfigFile) -> Result<Vec<Wish>, SettingsError> {
    let kind = kinds(command);
    let mut wishes: Vec<Wish> = TABLE.iter().filter_map(|setting| set(setting, kind(setting).1)).collect();
    let place = if file.no_config { None } else { file.config.clone().or_else(file::usual_place) };
    if let Some(place) = place {
        wishes.extend(file::read(&place, file.config.is_some(), &kind)?);
    }
    for wish in &wishes {
        check(any(command, wish.setting), wish)?;
    }
    Ok(wishes)
}

/// What each setting takes, and whether it takes several.
fn kinds(command: &Command) -> impl Fn(&Setting) -> (Kind, bool) {
    |setting| {
        let arg = any(command, setting);
        (kind(arg), matches!(arg.get_action(), ArgAction::Append))
    }
}

/// What a file with these bytes, at this path, wishes.
#[cfg(feature = "fuzzing")]
pub(crate) fn in_file(
    command: &Command,
    path: &std::path::Path,
    bytes: &[u8],
) -> Result<Vec<(&'static str, Vec<OsString>)>, SettingsError> {
    let wishes = file::parse(path, bytes, &kinds(command))?;
    for wish in &wishes {
        check(any(command, wish.setting), wish)?;
    }
    Ok(wishes.into_iter().map(|wish| (wish.setting.key, wish.values)).collect())
}

/// What the environment says; an empty variable says nothing. Several values stand one a line.
fn set(setting: &'static Setting, several: bool) -> Option<Wish> {
    let variable = setting.variable();
    let value = std::env::var_os(&variable).filter(|value| !value.is_empty())?;
    let values = match value.to_str() {
        Some(text) if several => text.lines().filter(|line| !line.is_empty()).map(OsString::from).collect(),
        _ => vec![value],
    };
    Some(Wish { setting, values, source: Source::Variable(variable) })
}

/// Would the option take this?
fn check(arg: &Arg, wish: &Wish) -> Result<(), SettingsError> {
    let probe = Arg::new("value").action(ArgAction::Append).value_parser(arg.get_value_parser().clone());
    let probe = Command::new("treering").no_binary_name(true).arg(probe.allow_hyphen_values(true));
    match probe.try_get_matches_from(&wish.values) {
        Ok(_) => Ok(()),
        Err(error) => {
            let values =
                wish.values.iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(" ");
            let reason = match std::error::Error::source(&error) {
                _ if kind(arg) == Kind::Switch => "it is true or false".to_owned(),
                Some(reason) => reason.to_string(),
                None => possible(arg).unwrap_or_else(|| error.kind().to_string()),
            };
            let reason = format!("{:?} won't do: {reason}", treering_token::escape::text(&values));
            Err(SettingsError::Value { place: wish.place(), key: wish.setting.key, reason })
        }
    }
}

fn possible(arg: &Arg) -> Option<String> {
    let names: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    (!names.is_empty()).then(|| format!("it is one of {}", names.join(", ")))
}

/// Leaves out what something stronger stands against.
fn yielding(leaf: Leaf<'_>, typed: &[Typed<'_>], wishes: Vec<Wish>) -> Result<Vec<Wish>, SettingsError> {
    let mut taken: Vec<Wish> = Vec::new();
    for wish in wishes {
        let Some(arg) = leaf.option(wish.setting) else { continue };
        let against = against(leaf.command, arg);
        let is_off = kind(arg) == Kind::Switch && wish.values.iter().all(|value| value == "false");
        let stands_against = |other: &Wish| {
            other.setting.key == wish.setting.key
                || !is_off
                    && leaf.option(other.setting).is_some_and(|arg| against.contains(&arg.get_id().as_str()))
        };
        let yields =
            |typed: &Typed<'_>| arg.get_id() == typed.id || typed.is_on && against.contains(&typed.id);
        if typed.iter().any(yields) {
            continue;
        }
        match taken.iter().find(|other| stands_against(other)) {
            None => taken.push(wish),
            Some(other) if other.is_as_strong_as(&wish) => {
                return Err(SettingsError::Conflict {
                    place: wish.place(),
                    one: wish.setting.key,
                    other: other.setting.key,
                    elsewhere: other.place(),
                });
            }
            Some(_) => {}
        }
    }
    Ok(taken)
}

/// The options that contradict this one: either says so.
fn against<'a>(leaf: &'a Command, arg: &Arg) -> Vec<&'a str> {
    let say_so = |one: &Arg, other: &Arg| {
        leaf.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    leaf.get_arguments()
        .filter(|other| say_so(arg, other) || say_so(other, arg))
        .map(|other| other.get_id().as_str())
        .collect()
}

impl Wish {
    fn place(&self) -> String {
        match &self.source {
            Source::File(path, line) => file::place(path, *line),
            Source::Variable(name) => name.clone(),
            _ => String::new(),
        }
    }

    fn is_as_strong_as(&self, other: &Wish) -> bool {
        matches!(self.source, Source::File(..)) == matches!(other.source, Source::File(..))
    }
}

fn with_default(command: &str, arg: Arg, wishes: &[Wish]) -> Arg {
    let id = arg.get_id().as_str();
    match wishes.iter().find(|wish| wish.setting.is(command, id)) {
        // Of several logs, an option that takes one has the first.
        Some(wish) if !matches!(arg.get_action(), ArgAction::Append) => {
            arg.required(false).default_values(wish.values.first().cloned())
        }
        Some(wish) => arg.required(false).default_values(wish.values.clone()),
        None => arg,
    }
}

/// A setting's value for this call, if its subcommand has it (all have it for `config`).
fn known(
    setting: &'static Setting,
    leaf: Leaf<'_>,
    matches: &ArgMatches,
    wishes: &[Wish],
) -> Option<(&'static str, Known)> {
    let arg = leaf.option(setting)?;
    let matches = options::matches_of(matches);
    let id = arg.get_id().as_str();
    let source = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Source::Flag,
        Some(_) => wishes
            .iter()
            .find(|wish| wish.setting.key == setting.key)
            .map_or(Source::Default, |wish| wish.source.clone()),
        None => Source::Nowhere,
    };
    let values = matches.get_raw(id).map(|values| values.map(OsString::from).collect()).unwrap_or_default();
    Some((setting.key, Known { values, source, ..shape(arg) }))
}

/// What `treering config` shows of a setting, whatever subcommand has it.
pub(super) fn overview(
    command: &Command,
    file: &ConfigFile,
) -> Result<Vec<(&'static str, Known)>, SettingsError> {
    let wishes = standing(command, file)?;
    let all = TABLE.iter().map(|setting| {
        let arg = any(command, setting);
        let known = match wishes.iter().find(|wish| wish.setting.key == setting.key) {
            Some(wish) => Known { values: wish.values.clone(), source: wish.source.clone(), ..shape(arg) },
            None => {
                let values: Vec<OsString> =
                    arg.get_default_values().iter().map(|value| value.to_os_string()).collect();
                let source = if values.is_empty() { Source::Nowhere } else { Source::Default };
                Known { values, source, ..shape(arg) }
            }
        };
        (setting.key, known)
    });
    Ok(all.collect())
}

fn shape(arg: &Arg) -> Known {
    Known {
        values: Vec::new(),
        source: Source::Nowhere,
        is_switch: kind(arg) == Kind::Switch,
        is_list: matches!(arg.get_action(), ArgAction::Append),
    }
}

/// An option that was typed.
struct Typed<'a> {
    id: &'a str,
    /// A switch that was typed off stands against nothing.
    is_on: bool,
}

fn explicit<'a>(leaf: Leaf<'a>, typed: &ArgMatches) -> Vec<Typed<'a>> {
    let matches = options::matches_of(typed);
    let is_off = |arg: &Arg| {
        kind(arg) == Kind::Switch
            && matches
                .get_raw(arg.get_id().as_str())
                .is_some_and(|mut values| values.all(|value| value == "false"))
    };
    leaf.command
        .get_arguments()
        .filter(|arg| matches.try_contains_id(arg.get_id().as_str()).unwrap_or(false))
        .filter(|arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine))
        .map(|arg| Typed { id: arg.get_id().as_str(), is_on: !is_off(arg) })
        .collect()
}
