//! The kind `command`: a program on this machine checks something and says the result by its exit status, as Nagios
//! plugins do. It runs without a shell, and only if `commands` of `[service]` allows it. Its limits end it with all
//! processes that it started.

mod output;

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use domain::sample::Reason;
use rustix::process::{Pid, Signal, kill_process_group};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command as Process};
use tokio::time::Instant;
use values::{Length, Parsed, Source, Text, Written};

use super::{Spec, degraded_after};
use crate::fault::{Fault, local_shortage};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The most bytes of output.
const OUTPUT: u64 = 64 * 1024;

/// The memory of a command, in MiB, unless `memory_mib` is set.
const MEMORY_MIB: u32 = 512;

/// The keys of a `command` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Command {
    /// The program, by its absolute path, and its arguments. `commands` of `[service]` must allow the program.
    #[schemars(length(min = 1))]
    command: Vec<Parsed<Text>>,
    /// The address space that the program may use, in MiB. Default: 512.
    #[schemars(range(min = 16, max = 65536))]
    memory_mib: Option<u32>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Command {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let (program, arguments) = self.command.split_first()?;
        for word in &self.command {
            if word.value.contains('\0') {
                source.wrong(&word.at, "a word of a command has no zero byte");
            }
        }
        if let Err(why) = is_allowed(&program.value, source.environment.commands) {
            source.wrong(&program.at, why);
        }
        let target = Target {
            program: program.value.clone(),
            arguments: arguments.iter().map(|word| word.value.clone()).collect(),
            memory: u64::from(self.memory_mib.unwrap_or(MEMORY_MIB)) * 1024 * 1024,
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value)
        })
    }
}

/// An entry allows one program, or with a slash at its end each program in that folder.
fn is_allowed(program: &str, allowed: &[String]) -> Result<(), String> {
    let path = Path::new(program);
    let has_dots = path.components().any(|part| part.as_os_str() == "..");
    if !path.is_absolute() || has_dots || program.ends_with('/') {
        return Err("write the program by its absolute path, without `..`".to_owned());
    }
    let folder = path.parent();
    let is_in = |entry: &String| match entry.strip_suffix('/') {
        Some(allowed) => folder == Some(Path::new(if allowed.is_empty() { "/" } else { allowed })),
        None => entry == program,
    };
    match allowed.iter().any(is_in) {
        true => Ok(()),
        false if allowed.is_empty() => Err(
            "commands are off: allow this program with `commands` of `[service]` in the service's file".to_owned(),
        ),
        false => Err("`commands` of `[service]` does not allow this program".to_owned()),
    }
}

/// Arguments may hold a secret.
struct Target {
    program: String,
    arguments: Vec<String>,
    memory: u64,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.program).finish()
    }
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        Phase::Processing
    }

    fn run<'a>(&'a self, _: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.execute(trace))
    }
}

impl Target {
    async fn execute(&self, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut child = self.spawn()?;
        // The child leads the group of all that it starts.
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut group = Group(pid);
        if let Some(pid) = pid {
            limit(pid, self.memory);
        }
        trace.note(|| format!("runs {}", self.program));
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let read = stdout.take(OUTPUT + 1).read_to_end(&mut output).await;
            read.map_err(|error| Fault::monitor(format!("cannot read its output: {error}")))?;
        }
        if output.len() as u64 > OUTPUT {
            let limit = OUTPUT / 1024;
            return Err(Fault::protocol(format!(
                "the output is longer than {limit} KiB"
            )));
        }
        let status = child.wait().await;
        let status = status.map_err(|error| Fault::monitor(format!("no exit status: {error}")))?;
        // From here on the number may be another process's.
        group.0 = None;
        let output = output::Output::parse(&output);
        trace.note(|| format!("ended with {}", ending(status)));
        if !output.text.is_empty() {
            trace.note(|| output.text.clone());
        }
        for value in &output.performance {
            trace.note(|| format!("performance: {value}"));
        }
        judge(status, &output.text)
    }

    fn spawn(&self) -> Result<Child, Fault> {
        let mut process = Process::new(&self.program);
        process
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        process.spawn().map_err(|error| {
            let failed = || Fault::monitor(format!("cannot run {}: {error}", self.program));
            local_shortage(&error).unwrap_or_else(failed)
        })
    }
}

/// The limits hold for what the program allocates from now on. It may have ended already.
#[cfg(target_os = "linux")]
fn limit(pid: Pid, memory: u64) {
    use rustix::process::{Resource, Rlimit, prlimit};

    for (resource, most) in [(Resource::As, memory), (Resource::Core, 0)] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        let _ = prlimit(Some(pid), resource, limit);
    }
}

/// Only Linux can limit another process.
#[cfg(not(target_os = "linux"))]
fn limit(_: Pid, _: u64) {}

/// Ends all processes of a command when the run ends or is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Fails if none is left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "OK (exit status 0)".to_owned(),
        Some(1) => "WARNING (exit status 1)".to_owned(),
        Some(2) => "CRITICAL (exit status 2)".to_owned(),
        Some(3) => "UNKNOWN (exit status 3)".to_owned(),
        Some(code) => format!("exit status {code}, which is no result"),
        None => "a signal".to_owned(),
    }
}

/// Monitoring Plugins development guidelines, "Plugin Return Codes". A plugin that does not know says nothing about its
/// target.
fn judge(status: ExitStatus, text: &str) -> Result<(), Fault> {
    let words = match text {
        "" => ending(status),
        text => format!("{}: {text}", ending(status)),
    };
    match status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(Fault::degraded(Reason::Status, words)),
        Some(2) => Err(Fault::new(Reason::Status, words)),
        _ => Err(Fault::monitor(format!("the command ended with {words}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_programs_are_allowed() {
        let allowed = [
            "/usr/lib/nagios/plugins/".to_owned(),
            "/opt/check".to_owned(),
        ];
        for good in ["/usr/lib/nagios/plugins/check_disk", "/opt/check"] {
            assert_eq!(is_allowed(good, &allowed), Ok(()), "{good}");
        }
        for bad in [
            "check_disk",
            "/opt/check2",
            "/opt/check/",
            "/opt/other",
            "/usr/lib/nagios/plugins/../../../bin/sh",
            "/usr/lib/nagios/plugins/eventhandlers/check",
            "/usr/lib/nagios/plugins",
            "/usr/lib/nagios/plugins/",
            "",
        ] {
            assert!(is_allowed(bad, &allowed).is_err(), "{bad}");
        }
        let off = is_allowed("/opt/check", &[]).unwrap_err();
        assert!(off.contains("commands are off"), "{off}");
        assert_eq!(is_allowed("/check", &["/".to_owned()]), Ok(()));
    }
}
