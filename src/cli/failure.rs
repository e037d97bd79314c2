//! Why a command could not be carried out, and how that is printed.

use std::process::ExitCode;

use serde_json::json;

use super::output::{self, print_error};
use crate::config::{Mistake, Mistakes};

/// Why a command could not be carried out.
#[derive(Debug)]
pub enum Failure {
    /// The configuration has mistakes.
    Config(Mistakes),
    /// The command line is wrong.
    Usage(String),
    /// The ledger has no such event, incident or month.
    Unknown(String),
    Could(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Could(error.into())
    }
}

impl Failure {
    /// Prints the failure for people and, if asked for, as JSON. Returns the exit status.
    pub fn report(&self, as_json: bool) -> ExitCode {
        let (code, answer) = match self {
            Failure::Config(mistakes) => {
                output::print_coloured(
                    &mistakes.render(output::supports_colour(&std::io::stderr())),
                );
                let all: Vec<_> = mistakes.iter().map(mistake_json).collect();
                (2, json!({ "mistakes": all }))
            }
            Failure::Usage(why) => error(2, why),
            Failure::Unknown(what) => error(1, what),
            Failure::Could(cause) => error(3, &format!("{cause:#}")),
        };
        if as_json {
            // The exit status tells the first failure, not a failure to print it.
            let _ = output::json(&answer);
        }
        ExitCode::from(code)
    }
}

fn error(code: u8, why: &str) -> (u8, serde_json::Value) {
    print_error(format!("nines: {why}"));
    (code, json!({ "error": why }))
}

pub(super) fn mistake_json(mistake: &Mistake) -> serde_json::Value {
    json!({
        "file": mistake.path, "line": mistake.line, "column": mistake.column,
        "message": mistake.message,
    })
}

/// Prints help, the version, or why the command line is wrong. Returns the exit status.
pub fn usage(error: &clap::Error, as_json: bool) -> ExitCode {
    // Help goes to standard output with status 0, a mistake to standard error with 2.
    let _ = error.print();
    if as_json && error.use_stderr() {
        let whole = error.to_string();
        let why = whole.split("\n\nUsage:").next().unwrap_or_default();
        let why = why.trim_start_matches("error: ").trim();
        let _ = output::json(&json!({ "error": why }));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
