//! The accept loop that the demo's servers share.

use std::future::Future;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many clients one server has at once; further ones wait.
const CLIENTS: usize = 64;

/// Serves clients until dropped, which also drops their connections.
pub async fn serve<F>(listener: &TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        while clients.try_join_next().is_some() {}
        // A failed accept concerns one client, or passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let client = serve(stream);
        clients.spawn(async move {
            client.await;
            drop(permit);
        });
    }
}
