//! The program `nines`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nines::cli::main(std::env::args_os())
}
