//! The local socket in the data directory: HTTP/1.1 between commands and the running service. Its owner
//! and root may use it, and the members of a group if `socket_group` names one.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::actor::Actor;
use tokio::net::{UnixListener, UnixStream};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::server;
use super::state::{ActRequest, AppState, CopyReply, Reply};
use crate::engine::status::Status;

/// The largest request body in bytes.
const BODY: usize = 256 * 1024;
const ANSWER: Duration = Duration::from_secs(60);

/// The longest path of a socket in bytes: `sun_path` of unix(7) without its terminating zero.
const LONGEST: usize = 107;

pub fn path(data: &Path) -> PathBuf {
    data.join("socket")
}

/// A group of the operating system: its members may use the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub id: u32,
}

impl Group {
    /// The group of that name, or of that number.
    ///
    /// # Errors
    /// `/etc/group` has no such group.
    pub fn named(name: &str) -> io::Result<Self> {
        let groups = std::fs::read_to_string("/etc/group")?;
        let known = groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
        });
        let id = known.or_else(|| name.parse().ok());
        let absent = || {
            let why = format!(
                "/etc/group has no group `{name}`, which `socket_group` of [service] names: create it \
                 or write its number"
            );
            io::Error::new(io::ErrorKind::NotFound, why)
        };
        Ok(Self {
            name: name.to_owned(),
            id: id.ok_or_else(absent)?,
        })
    }

    /// Gives a file to the group, with this mode.
    fn admit(&self, path: &Path, mode: u32) -> io::Result<()> {
        let given =
            std::os::unix::fs::chown(path, None, Some(self.id)).and_then(|()| set(path, mode));
        given.map_err(|error| {
            let why = format!(
                "{} cannot be given to the group `{}`: {error}; is the service's user a member of it?",
                path.display(),
                self.name
            );
            io::Error::new(error.kind(), why)
        })
    }
}

fn set(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// The mode of a data directory that a group may pass through to the socket.
const PASSABLE: u32 = 0o710;

/// Binds the socket. The caller holds the data directory's lock, so an existing socket is left from a
/// killed process.
///
/// With a `group`, its members may pass through the data directory and use the socket. They can read
/// nothing else.
///
/// # Errors
/// The socket cannot be bound, or its permissions cannot be set.
pub fn bind(data: &Path, group: Option<&Group>) -> io::Result<UnixListener> {
    remove(data);
    let way = ShortPath::to(data)?;
    let listener = UnixListener::bind(&way.path)?;
    set(&path(data), 0o600)?;
    match group {
        Some(group) => {
            group.admit(&path(data), 0o660)?;
            group.admit(data, PASSABLE)?;
            if std::fs::metadata(path(data))?.mode() & 0o777 != 0o660 {
                let why =
                    "the file system ignores modes: `socket_group` of [service] cannot be used";
                return Err(io::Error::new(io::ErrorKind::Unsupported, why));
            }
        }
        // The group that was configured before may no longer pass.
        None if std::fs::metadata(data)?.mode() & 0o777 == PASSABLE => set(data, 0o700)?,
        None => {}
    }
    Ok(listener)
}

/// Connects to the service that uses a data directory.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if no service runs; `InvalidInput` if the path is too long.
pub async fn connect(data: &Path) -> io::Result<UnixStream> {
    let way = ShortPath::to(data)?;
    UnixStream::connect(&way.path).await
}

/// A path to the socket that fits into [`LONGEST`]. A longer path goes through the open data directory,
/// which must stay open as long as the path is used.
struct ShortPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    fn to(data: &Path) -> io::Result<Self> {
        let path = path(data);
        let bytes = path.as_os_str().len();
        if bytes <= LONGEST {
            let _folder = None;
            return Ok(Self { path, _folder });
        }
        let folder = File::open(data)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        if !short.is_dir() {
            let why = format!(
                "the socket's path has {bytes} bytes, at most {LONGEST} are allowed: \
                 use a data directory with a shorter path"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Self {
            path: short.join("socket"),
            _folder: Some(folder),
        })
    }
}

pub fn remove(data: &Path) {
    // There may be no socket.
    let _ = std::fs::remove_file(path(data));
}

/// Answers requests until `stop`. With `admits_group`, the file's mode alone decides who may connect: a
/// peer's credentials do not show all its groups.
pub async fn serve(
    listener: UnixListener,
    admits_group: bool,
    state: Arc<AppState>,
    stop: impl Future<Output = ()>,
) {
    let ours = std::fs::metadata("/proc/self").map(|m| m.uid()).ok();
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        Ok((admits_group || permitted(&stream, ours)).then_some(stream))
    };
    server::serve(accept, router(state), stop).await;
}

/// True if the peer is the service's own user or root. The file's mode says the same, but some file
/// systems ignore it.
fn permitted(stream: &UnixStream, ours: Option<u32>) -> bool {
    let peer = stream.peer_cred().map(|c| c.uid());
    match (peer, ours) {
        (Ok(0), _) => true,
        (Ok(peer), Some(ours)) => peer == ours,
        (Ok(_), None) => true,
        (Err(error), _) => {
            tracing::warn!(%error, "refused a connection to the local socket: its user is unknown");
            false
        }
    }
}

fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/acts", post(act))
        .route("/api/v1/reload", post(reload))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER,
        ))
        // The copy of a large month takes longer than other answers.
        .route("/api/v1/samples/copy", post(copy))
        .with_state(state)
}

async fn status(State(state): State<Arc<AppState>>) -> Json<Status> {
    Json(state.status())
}

async fn act(
    State(state): State<Arc<AppState>>,
    Json(asked): Json<ActRequest>,
) -> (StatusCode, Json<Reply>) {
    answer(state.act(Actor::cli(&asked.by), asked).await)
}

async fn reload(State(state): State<Arc<AppState>>) -> (StatusCode, Json<Reply>) {
    answer(state.reload().await)
}

async fn copy(State(state): State<Arc<AppState>>) -> (StatusCode, Json<CopyReply>) {
    let reply = state.copy_samples().await;
    let code = match reply {
        CopyReply::Done(_) => StatusCode::OK,
        CopyReply::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(reply))
}

fn answer(reply: Reply) -> (StatusCode, Json<Reply>) {
    let code = match reply {
        Reply::Done(_) => StatusCode::OK,
        Reply::Refused(_) => StatusCode::CONFLICT,
        Reply::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn a_group_may_pass_to_the_socket_and_nothing_else_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        crate::files::make_private_dir(&data).unwrap();
        crate::files::make_private_file(&data.join("ledger.sqlite")).unwrap();
        drop(bind(&data, None).unwrap());
        assert_eq!((mode(&data), mode(&path(&data))), (0o700, 0o600));
        let own = std::fs::metadata(&data).unwrap().gid();
        let group = Group::named(&own.to_string()).unwrap();
        drop(bind(&data, Some(&group)).unwrap());
        assert_eq!((mode(&data), mode(&path(&data))), (0o710, 0o660));
        assert_eq!(mode(&data.join("ledger.sqlite")), 0o600);
        drop(bind(&data, None).unwrap());
        assert_eq!((mode(&data), mode(&path(&data))), (0o700, 0o600));
    }

    #[test]
    fn a_group_that_does_not_exist_is_named_with_its_key() {
        let why = Group::named("no-such-group-here").unwrap_err().to_string();
        assert!(why.contains("no group `no-such-group-here`") && why.contains("socket_group"));
    }
}
