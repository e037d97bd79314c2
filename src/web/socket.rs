//! The local socket in the data directory: HTTP/1.1 between commands and the running service. Only its
//! owner and root may use it.

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
use tokio::net::{UnixListener, UnixStream};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::server;
use super::state::{ActRequest, AppState, Reply};
use crate::engine::status::Status;

/// The largest request body in bytes.
const BODY: usize = 256 * 1024;
const ANSWER: Duration = Duration::from_secs(60);

/// The longest path of a socket in bytes: `sun_path` of unix(7) without its terminating zero.
const LONGEST: usize = 107;

pub fn path(data: &Path) -> PathBuf {
    data.join("socket")
}

/// Binds the socket. The caller holds the data directory's lock, so an existing socket is left from a
/// killed process.
///
/// # Errors
/// The socket cannot be bound, or its permissions cannot be set.
pub fn bind(data: &Path) -> io::Result<UnixListener> {
    remove(data);
    let way = ShortPath::to(data)?;
    let listener = UnixListener::bind(&way.path)?;
    std::fs::set_permissions(path(data), std::fs::Permissions::from_mode(0o600))?;
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

/// Answers requests until `stop`.
pub async fn serve(listener: UnixListener, state: Arc<AppState>, stop: impl Future<Output = ()>) {
    let ours = std::fs::metadata("/proc/self").map(|m| m.uid()).ok();
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        Ok(permitted(&stream, ours).then_some(stream))
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
        .with_state(state)
}

async fn status(State(state): State<Arc<AppState>>) -> Json<Status> {
    Json(state.status())
}

async fn act(
    State(state): State<Arc<AppState>>,
    Json(asked): Json<ActRequest>,
) -> (StatusCode, Json<Reply>) {
    answer(state.act(asked).await)
}

async fn reload(State(state): State<Arc<AppState>>) -> (StatusCode, Json<Reply>) {
    answer(state.reload().await)
}

fn answer(reply: Reply) -> (StatusCode, Json<Reply>) {
    let code = match reply {
        Reply::Done(_) => StatusCode::OK,
        Reply::Refused(_) => StatusCode::CONFLICT,
        Reply::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(reply))
}
