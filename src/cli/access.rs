//! Explains why another user's service and data directory cannot be used.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A service that runs, or a data directory, that belongs to another user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Owner {
    /// The login name; `None` if the data directory cannot even be seen.
    user: Option<String>,
    /// The processes of that user that run `nines run`, in order.
    processes: Vec<u32>,
}

/// True if the ledger is there or not; false if the user may not find out.
pub(super) fn may_look(data: &Path, file: &str) -> bool {
    let found = std::fs::File::open(data.join(file));
    !matches!(found, Err(error) if error.kind() == ErrorKind::PermissionDenied)
}

/// The sentence for a user who may not use the socket in `data`.
pub(super) fn no_socket(data: &Path) -> String {
    socket_sentence(data, &owner_of(data))
}

/// The sentence for a user who may not read the ledger in `data`.
pub(super) fn no_ledger(data: &Path) -> String {
    let owner = owner_of(data).user;
    let owner = owner.map_or_else(|| "its owner".to_owned(), |user| format!("`{user}`"));
    format!(
        "you may not read the ledger in {}: only {owner} and root may; run this command as one of them",
        data.display()
    )
}

fn socket_sentence(data: &Path, owner: &Owner) -> String {
    let advice = "run this command as that user or root, or name a group of yours in `socket_group` \
                  of [service]";
    let Some(user) = &owner.user else {
        return format!(
            "you may not look into {}, so it is unknown if the service runs: {advice}",
            data.display()
        );
    };
    let pids: Vec<String> = owner.processes.iter().map(u32::to_string).collect();
    match pids.as_slice() {
        [] => format!(
            "{} belongs to `{user}`, and you may not use its socket; no process of `{user}` was found \
             that runs the service: {advice}",
            data.display()
        ),
        [pid] => {
            format!("it runs as {user} (pid {pid}); you may not use its socket: {advice}")
        }
        several => format!(
            "it runs as {user} (pid {}); you may not use its socket: {advice}",
            several.join(" or ")
        ),
    }
}

fn owner_of(data: &Path) -> Owner {
    let Ok(folder) = std::fs::metadata(data) else {
        return Owner::default();
    };
    Owner {
        user: Some(user_name(folder.uid())),
        processes: services_of(folder.uid(), Path::new("/proc")),
    }
}

/// The processes below `proc` of the user with that number that run `nines run`.
fn services_of(uid: u32, proc: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(proc).into_iter().flatten().flatten();
    let mut found: Vec<u32> = entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let of_user = entry.metadata().is_ok_and(|found| found.uid() == uid);
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            (of_user && runs_service(&line)).then_some(pid)
        })
        .collect();
    found.sort_unstable();
    found
}

/// True for the command line of a service: the program's name, and the word `run`.
fn runs_service(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let program = PathBuf::from(String::from_utf8_lossy(program).into_owned());
    program.file_name().is_some_and(|name| name == "nines") && words.any(|word| word == b"run")
}

/// The login name of the operating system's user with that number, else the number.
pub(super) fn user_name(uid: u32) -> String {
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_users_service_is_named_with_its_process() {
        let owner = |processes: &[u32]| Owner {
            user: Some("root".to_owned()),
            processes: processes.to_vec(),
        };
        let said = |owner| socket_sentence(Path::new("/srv/data"), &owner);
        let one = said(owner(&[812]));
        assert!(
            one.starts_with("it runs as root (pid 812); you may not use its socket: "),
            "{one}"
        );
        assert!(said(owner(&[])).contains("no process of `root` was found"));
        assert!(said(owner(&[812, 900])).contains("(pid 812 or 900)"));
        assert!(said(Owner::default()).contains("it is unknown if the service runs"));
    }

    #[test]
    fn a_service_is_found_by_its_user_and_its_command_line() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, line) in [
            ("812", "/usr/bin/nines\0--config\0x.toml\0run\0"),
            ("813", "/usr/bin/nines\0status\0"),
            ("814", "vi\0run\0"),
            ("self", "nines\0run\0"),
        ] {
            std::fs::create_dir(proc.path().join(pid)).unwrap();
            std::fs::write(proc.path().join(pid).join("cmdline"), line).unwrap();
        }
        let own = std::fs::metadata(proc.path()).unwrap().uid();
        assert_eq!(services_of(own, proc.path()), [812]);
        assert!(services_of(own + 1, proc.path()).is_empty());
    }
}
