//! `nines demo`: the demonstration is a crate of its own, which runs this program.

use std::path::PathBuf;

use super::args::Common;
use super::{End, Failure, output};
use crate::clock;

pub fn run(common: &Common, dir: PathBuf, seconds: Option<u64>) -> Result<End, Failure> {
    if common.json {
        return Err(Failure::Usage(
            "the demo prints text for people and has no JSON: use --json with the commands that it \
             suggests"
                .to_owned(),
        ));
    }
    let colour = output::supports_colour(&std::io::stdout());
    ::demo::run(::demo::Options {
        program: std::env::current_exe()?,
        dir,
        seconds,
        colour,
        clock: clock::now,
    })?;
    Ok(End::Done)
}
