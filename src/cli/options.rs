//! Reads the command line. Help shows the global options only where they have an effect.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::args::Line;

/// The global options without an effect, by the command below `nines`.
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    ("check", &["data", "by", "server", "token_file"]),
    (
        "schema",
        &["config", "data", "json", "by", "server", "token_file"],
    ),
    (
        "demo",
        &["config", "data", "json", "by", "server", "token_file"],
    ),
    (
        "simulate",
        &["config", "data", "by", "server", "token_file"],
    ),
    ("probe", &["data", "by", "server", "token_file"]),
    ("run", &["server", "token_file"]),
    ("explain", &["server", "token_file"]),
    ("policy explain", &["server", "token_file"]),
    ("policy clock", &["server", "token_file"]),
    ("policy calendar", &["server", "token_file"]),
    ("status", &["by"]),
    ("reload", &["by"]),
    ("incident list", &["by"]),
    ("incident show", &["by"]),
    ("maintenance list", &["by"]),
    ("report", &["by", "server", "token_file"]),
    ("report list", &["by"]),
    ("report show", &["by", "server", "token_file"]),
    ("report verify", &["by", "server", "token_file"]),
    ("notice", &["by"]),
    ("notice list", &["by"]),
    ("notice test", &["data", "by", "server", "token_file"]),
    ("notice recipients", &["data", "by", "server", "token_file"]),
    ("notice preview", &["data", "by", "server", "token_file"]),
    ("events", &["by"]),
    ("verify", &["by", "server", "token_file"]),
];

/// Reads a command line, the program's name included.
///
/// # Errors
/// It is wrong, or asks for help or the version.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Line, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(line)?;
    Line::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The grammar. It is built, because clap copies global options into subcommands only then.
pub(super) fn command() -> Command {
    let mut command = Line::command();
    command.build();
    command.mut_subcommands(|command| hide(command, ""))
}

fn hide(command: Command, above: &str) -> Command {
    let path = format!("{above}{}", command.get_name());
    let without = WITHOUT_EFFECT.iter().find(|(name, _)| *name == path);
    let without = without.map_or(&[][..], |(_, options)| options);
    let hide_one = |arg: Arg| match without.contains(&arg.get_id().as_str()) {
        true => arg.hide(true),
        // The service prints nothing but its log.
        false if path == "run" && arg.get_id() == "json" => arg.help("Write the log as JSON"),
        false => arg,
    };
    let below = format!("{path} ");
    command
        .mut_args(hide_one)
        .mut_subcommands(|command| hide(command, &below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(command: &str) -> String {
        let line = ["nines"]
            .into_iter()
            .chain(command.split(' '))
            .chain(["-h"]);
        parse(line.map(OsString::from)).unwrap_err().to_string()
    }

    #[test]
    fn the_table_names_commands_and_global_options() {
        let command = command();
        for (path, options) in WITHOUT_EFFECT {
            let mut found = Some(&command);
            for name in path.split(' ') {
                found = found.and_then(|command| command.find_subcommand(name));
            }
            let found = found.unwrap_or_else(|| panic!("{path}"));
            for option in *options {
                assert!(
                    found.get_arguments().any(|arg| arg.get_id() == *option),
                    "{path} {option}"
                );
            }
        }
    }

    #[test]
    fn help_shows_global_options_where_they_have_an_effect() {
        for (command, shown, hidden) in [
            (
                "schema",
                &[][..],
                &["--config", "--data", "--json", "--by"][..],
            ),
            ("status", &["--config", "--data", "--json"], &["--by"]),
            (
                "incident ack",
                &["--config", "--data", "--json", "--by"],
                &[],
            ),
            ("incident list", &["--config"], &["--by"]),
            (
                "report show 2026-10",
                &["Print JSON\n"],
                &["--by", "the log"],
            ),
            ("notice recipients", &["--json"], &["--by", "--data"]),
            (
                "run",
                &[
                    "--config",
                    "--data",
                    "--json",
                    "--by",
                    "Write the log as JSON",
                ],
                &["Print JSON"],
            ),
        ] {
            let help = help(command);
            assert!(shown.iter().all(|option| help.contains(option)), "{help}");
            assert!(!hidden.iter().any(|option| help.contains(option)), "{help}");
        }
    }

    #[test]
    fn a_hidden_option_is_still_read_and_an_option_may_stand_before_the_command() {
        let line = ["nines", "--config", "x", "status", "--by", "kim"];
        let line = parse(line.map(OsString::from)).unwrap();
        assert_eq!(line.common.config.to_str(), Some("x"));
        assert_eq!(line.common.by.as_deref(), Some("kim"));
    }

    #[test]
    fn help_names_the_variable_for_the_configuration() {
        assert!(
            help("status").contains("NINES_CONFIG"),
            "{}",
            help("status")
        );
    }
}
