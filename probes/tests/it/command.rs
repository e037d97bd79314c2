//! Commands that end well, badly, late, or not by themselves. `tests/peers/probe_command.py` runs real plugins.

use std::time::Duration;

use domain::sample::{Outcome, Reason};

use crate::servers::{Spec, ask, check, check_down, check_up};

fn spec(command: &[&str]) -> Spec {
    Spec::of("command").with("command", command.to_vec())
}

/// A command of the shell, which these tests allow.
fn shell(script: &str) -> Spec {
    spec(&["/bin/sh", "-c", script])
}

#[tokio::test]
async fn the_exit_status_is_the_result() {
    check_up(&ask(shell("echo OK; exit 0")).await);
    let finding = ask(shell("echo 'DISK WARNING - 8% free | /=92%'; exit 1")).await;
    let detail = "WARNING (exit status 1): DISK WARNING - 8% free";
    check(&finding, Outcome::Degraded, Reason::Status, detail);
    assert_eq!(finding.detail.as_deref(), Some(detail));
    let finding = ask(shell("echo gone; exit 2")).await;
    check_down(&finding, Reason::Status, "CRITICAL (exit status 2): gone");
    for (script, detail) in [
        ("echo what?; exit 3", "UNKNOWN (exit status 3): what?"),
        ("exit 127", "exit status 127, which is no result"),
        ("kill -9 $$", "ended with a signal"),
    ] {
        check(
            &ask(shell(script)).await,
            Outcome::Inconclusive,
            Reason::Monitor,
            detail,
        );
    }
    let missing = ask(spec(&["/bin/no-such-program"])).await;
    check(
        &missing,
        Outcome::Inconclusive,
        Reason::Monitor,
        "cannot run /bin/no-such-program",
    );
}

#[tokio::test]
async fn a_person_reads_text_and_performance_data() {
    let probe = shell("echo 'OK - all well | time=0.01s;1;2 size=3B'").probe();
    let (_, notes) = probe.run_with_notes().await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "runs /bin/sh",
            "ended with OK (exit status 0)",
            "OK - all well",
            "performance: time=0.01s;1;2",
            "performance: size=3B",
        ]
    );
}

#[tokio::test]
async fn a_command_has_limits_and_no_surroundings() {
    let mut late = shell("echo begun; while :; do :; done");
    late.timeout = Duration::from_millis(300);
    check_down(&ask(late).await, Reason::Timeout, "no answer within 300 ms");
    check_down(
        &ask(shell("yes")).await,
        Reason::Protocol,
        "the output is longer than 64 KiB",
    );
    // No variable of this process, no standard input, no shell but the one that is asked for.
    check_up(&ask(shell("test -z \"$CARGO$HOME\" && ! read line")).await);
    let plain = ask(spec(&["/bin/echo", "$(exit 2)", ";", "false"])).await;
    check_up(&plain);
    // `dd` wants more memory than the limit.
    let greedy = shell(
        "while :; do dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null || exit 2; done",
    );
    let finding = ask(greedy.with("memory_mib", 64)).await;
    check_down(&finding, Reason::Status, "CRITICAL");
}

#[tokio::test]
async fn the_processes_that_a_command_started_end_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The child goes on after its parent, and holds its output open.
    let script = format!(
        "(echo $$ >/dev/null; while :; do :; done) & echo $! >{}; wait",
        file.display()
    );
    let mut spec = shell(&script);
    spec.timeout = Duration::from_millis(500);
    check_down(&ask(spec).await, Reason::Timeout, "no answer within 500 ms");
    let pid = std::fs::read_to_string(&file).unwrap();
    let status = format!("/proc/{}/stat", pid.trim());
    let is_gone = || {
        let stat = std::fs::read_to_string(&status).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
    };
    for _ in 0..1_000 {
        if is_gone() {
            return;
        }
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    assert!(
        is_gone(),
        "{}",
        std::fs::read_to_string(&status).unwrap_or_default()
    );
}

#[test]
fn a_program_must_be_allowed() {
    for (program, why) in [
        ("/usr/sbin/reboot", "does not allow this program"),
        ("sh", "by its absolute path"),
        ("/bin/../usr/sbin/reboot", "by its absolute path"),
    ] {
        let mistakes = spec(&[program]).prepare().unwrap_err();
        assert!(mistakes[0].1.contains(why), "{mistakes:?}");
    }
}
