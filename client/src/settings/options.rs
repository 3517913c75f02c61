//! Where a setting's options are in clap's tree of subcommands, each named by its way from the top: `trust add`.

use super::{Setting, TABLE, file::Kind};
use crate::args::Cli;
use clap::{
    Arg, ArgAction, ArgMatches, Command, CommandFactory, ValueHint,
    builder::{BoolishValueParser, ValueParser},
};

/// The command line as it is offered: switches that may be standing wishes take `=false`, so that a call can undo them.
pub(crate) fn command() -> Command {
    each(Cli::command(), "", &|arg, setting| prepared(arg, setting))
}

/// The same, where nothing that may stand elsewhere has to be typed.
pub(super) fn optional(command: Command) -> Command {
    each(command, "", &|arg, _| arg.required(false))
}

/// Changes each option that is a setting's.
fn each(command: Command, name: &str, change: &dyn Fn(Arg, &'static Setting) -> Arg) -> Command {
    let below = |command: Command| {
        let name = join(name, command.get_name());
        each(command, &name, change)
    };
    command
        .mut_args(|arg| match Setting::of(name, arg.get_id().as_str()) {
            Some(setting) => change(arg, setting),
            None => arg,
        })
        .mut_subcommands(below)
}

fn join(name: &str, below: &str) -> String {
    if name.is_empty() { below.to_owned() } else { format!("{name} {below}") }
}

/// Switches become options with an optional value, and clap leaves the environment to us: a variable must yield to what is
/// typed, also where the two contradict each other.
fn prepared(arg: Arg, setting: &Setting) -> Arg {
    let help = arg.get_help().map(|help| format!("{help} [env: {}]", setting.variable()));
    let shows_variable = arg.get_env().is_some();
    let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
        arg.action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(ValueParser::new(BoolishValueParser::new()))
            .value_name("true|false")
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
    } else {
        arg
    };
    // `long_help`, where there is one, says it in words.
    match help {
        Some(help) if shows_variable => arg.env(None::<&str>).help(help),
        _ => arg.env(None::<&str>),
    }
}

/// What an option takes.
pub(super) fn kind(arg: &Arg) -> Kind {
    // INVARIANT: of the options in the table, only those that were switches have an optional value.
    if arg.is_require_equals_set() {
        Kind::Switch
    } else if matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath) {
        Kind::Path
    } else {
        Kind::Text
    }
}

/// A subcommand, and the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) name: &'a str,
    pub(super) command: &'a Command,
}

impl<'a> Leaf<'a> {
    /// The subcommand of this name, if there is one.
    pub(super) fn named(command: &'a Command, name: &'a str) -> Option<Leaf<'a>> {
        let mut parts = name.split_ascii_whitespace();
        let command = parts.try_fold(command, |command, part| command.find_subcommand(part))?;
        Some(Leaf { name, command })
    }

    /// The option that a setting is the default of.
    pub(super) fn option(&self, setting: &Setting) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| setting.is(self.name, arg.get_id().as_str()))
    }

    pub(super) fn has_settings(&self) -> bool {
        TABLE.iter().any(|setting| self.option(setting).is_some())
    }
}

/// The option in the first subcommand that has it.
pub(super) fn any<'a>(command: &'a Command, setting: &Setting) -> &'a Arg {
    let mut options = setting.commands.iter().filter_map(|name| Leaf::named(command, name)?.option(setting));
    options.next().expect("a test holds that each setting has its option")
}

/// Which subcommand was called.
pub(super) fn name_of(matches: &ArgMatches) -> String {
    match matches.subcommand() {
        Some((name, rest)) => join(name, &name_of(rest)).trim_end().to_owned(),
        None => String::new(),
    }
}

/// What was matched of it.
pub(super) fn matches_of(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, rest)| matches_of(rest))
}

/// Changes one subcommand.
pub(super) fn change(command: Command, name: &str, how: &mut dyn FnMut(Command) -> Command) -> Command {
    match name.split_once(' ') {
        _ if name.is_empty() => how(command),
        Some((first, rest)) => command.mut_subcommand(first, |command| change(command, rest, how)),
        None => command.mut_subcommand(name, how),
    }
}
