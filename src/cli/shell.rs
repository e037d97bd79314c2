//! `nines completions` and `nines man`: what a shell and a manual need, from the grammar of the command line.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Line;
use super::{End, Failure, output};
use crate::files;

/// Prints the completions for a shell.
pub fn completions(shell: Shell) -> Result<End, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "nines", &mut bytes);
    output::bytes(&bytes)?;
    Ok(End::Done)
}

/// Writes a manual page for `nines` and one for each command into a directory.
pub fn manual(dir: &Path) -> Result<End, Failure> {
    files::make_dir(dir)?;
    let mut line = Line::command();
    // Gives each command its whole name, as in `nines-maintenance-list`.
    line.build();
    pages(&line, dir)?;
    Ok(End::Done)
}

fn pages(command: &clap::Command, dir: &Path) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    if command.is_hide_set() || command.get_name() == "help" {
        return Ok(());
    }
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut bytes)?;
    files::replace(&dir.join(format!("{name}.1")), &bytes)?;
    command
        .get_subcommands()
        .try_for_each(|inner| pages(inner, dir))
}
