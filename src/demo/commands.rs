//! The commands that the script types, just as a person would: the program itself, started anew,
//! speaking to the running service over its local socket.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::voice::{Speaker, Voice};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Types commands.
pub struct Typist {
    program: PathBuf,
    config: PathBuf,
}

impl Typist {
    /// Types commands of `program` on the configuration `config`.
    pub fn new(program: PathBuf, config: PathBuf) -> Self {
        Self { program, config }
    }

    /// Says and runs a command.
    ///
    /// # Errors
    /// What it said on standard error, or why it could not be run.
    pub async fn run(&self, voice: &Voice, words: &[&str]) -> Result<(), String> {
        voice.say(Speaker::Demo, &format!("$ nines {}", line(words)));
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let failed = |why: String| format!("`nines {}` failed: {why}", line(words));
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = match ended {
            Err(_) => return Err(failed("no answer in 30 s".to_owned())),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Ok(Ok(output)) => output,
        };
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(failed(said.trim().to_owned()))
    }
}

/// Words as a shell would take them.
fn line(words: &[&str]) -> String {
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

/// How a shell reaches this program from the folder `here`: the shortest that works.
pub fn program_from(program: &Path, here: &Path) -> String {
    let shown = program
        .strip_prefix(here)
        .unwrap_or(program)
        .display()
        .to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if shown.contains('/') && shown.chars().all(plain) {
        shown
    } else {
        // In a shell's word within single quotes, as the alias has it.
        format!("\"{}\"", program.display())
    }
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use super::super::voice::testing;
    use super::*;

    #[test]
    fn a_line_can_be_copied_into_a_shell() {
        assert_eq!(
            line(&["told", "--how", "by telephone"]),
            "told --how 'by telephone'"
        );
        assert_eq!(line(&["it's", ""]), r"'it'\''s' ''");
    }

    #[test]
    fn the_program_is_named_as_short_as_it_can_be_found() {
        let here = Path::new("/a/b");
        assert_eq!(
            program_from(Path::new("/a/b/target/debug/nines"), here),
            "target/debug/nines"
        );
        assert_eq!(program_from(Path::new("/opt/nines"), here), "/opt/nines");
        assert_eq!(
            program_from(Path::new("/my apps/nines"), here),
            "\"/my apps/nines\""
        );
    }

    #[tokio::test]
    async fn what_a_command_says_when_it_fails_is_told() {
        let (voice, heard) = testing::voice();
        let typist = Typist::new("sh".into(), "x".into());
        let why = typist
            .run(&voice, &["-c", "echo no such window >&2; exit 1"])
            .await;
        assert!(why.unwrap_err().ends_with("failed: no such window"));
        assert!(heard.text().contains("$ nines -c "), "{}", heard.text());
        typist.run(&voice, &["-c", "exit 0"]).await.unwrap();
        let none = Typist::new("there-is-no-such-program".into(), "x".into());
        none.run(&voice, &["x"]).await.unwrap_err();
    }
}
