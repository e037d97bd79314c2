//! The `nines` program as the demo uses it: commands that a person would type, and the service.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::console::{Console, Source};

/// How long a command may take, and how long the service may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, on the demo's configuration.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    config: PathBuf,
}

impl Program {
    /// The program at `path`, with `config` as its configuration.
    pub fn new(path: PathBuf, config: PathBuf) -> Self {
        Self { path, config }
    }

    /// A command that has no input and ends with the demo.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command; what it printed.
    ///
    /// # Errors
    /// The command could not start, gave no answer in time, or failed. A failure contains its
    /// standard error.
    pub async fn run(&self, words: &[&str]) -> Result<Vec<u8>, String> {
        let failed = |why: &str| format!("`nines {}` failed: {why}", shell_line(words));
        match tokio::time::timeout(PATIENCE, self.command(words).output()).await {
            Err(_) => Err(failed("no answer in 30 s")),
            Ok(Err(error)) => Err(failed(&error.to_string())),
            Ok(Ok(Output { status, stdout, .. })) if status.success() => Ok(stdout),
            Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Shows a command on the console as if it were typed, and runs it.
    ///
    /// # Errors
    /// See [`Program::run`].
    pub async fn type_in(&self, console: &Console, words: &[&str]) -> Result<(), String> {
        console.say(Source::Demo, &format!("$ nines {}", shell_line(words)));
        self.run(words).await.map(drop)
    }
}

/// `nines run`. It has a process group of its own, so that Ctrl-C reaches only the demo, which then
/// stops the service. If the demo is killed, the service stops by itself.
pub struct Service {
    child: Child,
    socket: PathBuf,
}

impl Service {
    /// Starts the service. Its log goes to `log`, its stores to `data`.
    ///
    /// # Errors
    /// The log or the process could not be made.
    pub fn start(program: &Program, log: &Path, data: &Path) -> io::Result<Self> {
        let child = program
            .command(&["run", "--with-parent", "--by", "demo"])
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            socket: data.join("socket"),
        })
    }

    /// Waits until the service has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap_or_default()
    }

    /// Stops the service in order, once it has come far enough to be stopped.
    pub async fn stop(&mut self) -> ExitStatus {
        let socket = &self.socket;
        let started = async {
            while !socket.exists() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(PATIENCE, started) => {}
            _ = self.child.wait() => {}
        }
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // It fails only if the process has just ended by itself.
            let _ = kill_process(id, Signal::TERM);
        }
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.start_kill();
        }
        self.ended().await
    }
}

/// Words as a shell would take them.
fn shell_line(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+=,".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_command_can_be_copied_into_a_shell() {
        assert_eq!(
            shell_line(&["told", "--how", "by telephone"]),
            "told --how 'by telephone'"
        );
        assert_eq!(shell_line(&["it's", ""]), r"'it'\''s' ''");
    }

    #[tokio::test]
    async fn a_command_that_fails_gives_what_it_said() {
        let shell = Program::new("sh".into(), "x".into());
        let why = shell.run(&["-c", "echo no such window >&2; exit 1"]).await;
        assert!(why.unwrap_err().ends_with("failed: no such window"));
        assert_eq!(shell.run(&["-c", "printf x"]).await.unwrap(), b"x");
        let none = Program::new("there-is-no-such-program".into(), "x".into());
        none.run(&["x"]).await.unwrap_err();
    }
}
