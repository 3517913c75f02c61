//! What `treering config` shows, of all settings or of one command line.

use super::{Known, SettingsError, TABLE, options, resolve};
use crate::args::ConfigFile;

/// Each setting in the table's order. Without a command line, whatever subcommand has it.
///
/// # Errors
/// As for any command: what is wrong in the configuration or the environment.
pub(crate) fn shown(file: &ConfigFile) -> Result<Vec<(&'static str, Known)>, SettingsError> {
    resolve::overview(&options::command(), file)
}

/// The settings that a command line's subcommand has.
pub(crate) fn in_order(
    mut known: std::collections::HashMap<&'static str, Known>,
) -> Vec<(&'static str, Known)> {
    TABLE.iter().filter_map(|setting| known.remove_entry(setting.key)).collect()
}
