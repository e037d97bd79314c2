//! The program `nines`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nines::app::main(std::env::args_os())
}
