//! `treering completions`, as it is typed.

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

const EXAMPLES: &str = "Examples:
  treering completions bash > ~/.local/share/bash-completion/completions/treering
  treering completions zsh > ~/.zfunc/_treering
  treering completions fish > ~/.config/fish/completions/treering.fish";
