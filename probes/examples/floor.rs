//! The least CPU that an HTTP probe can cost: connect, GET, read to the end, close, on plain tokio
//! sockets. `benches/cpu_per_probe.py` compares the service with it. It checks, times, records and
//! limits nothing, and must stay that simple.
//!
//! `floor PORT TASKS SECONDS ADDRESS...`: each task sends one request a second, spread over the second and
//! over the addresses. Prints `begun`, then the number of answers, then waits for the end of its standard
//! input, so that its CPU time can be read.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Sends one request. Returns the length of the answer in bytes.
async fn ask(address: SocketAddr, buffer: &mut Vec<u8>) -> Result<usize, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    buffer.clear();
    let length = stream.read_to_end(buffer).await?;
    Ok(length)
}

async fn asking(address: SocketAddr, first: Instant, rounds: u64) -> Result<u64, Failure> {
    let mut seconds = interval_at(first, Duration::from_secs(1));
    let mut buffer = Vec::with_capacity(4096);
    let mut answers = 0;
    for _ in 0..rounds {
        seconds.tick().await;
        if ask(address, &mut buffer).await? > 0 {
            answers += 1;
        }
    }
    Ok(answers)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, tasks, seconds, addresses @ ..] = words.as_slice() else {
        return Err("floor PORT TASKS SECONDS ADDRESS...".into());
    };
    let (port, tasks, seconds): (u16, u32, u64) = (port.parse()?, tasks.parse()?, seconds.parse()?);
    let addresses = addresses
        .iter()
        .map(|address| Ok(SocketAddr::new(address.parse::<IpAddr>()?, port)))
        .collect::<Result<Vec<_>, Failure>>()?;
    if tasks == 0 || addresses.is_empty() {
        return Err("at least one task and one address".into());
    }
    println!("begun");
    let start = Instant::now() + Duration::from_millis(100);
    let running: Vec<_> = (0..tasks)
        .zip(addresses.iter().cycle())
        .map(|(n, address)| {
            let first = start + Duration::from_secs(1) * n / tasks;
            tokio::spawn(asking(*address, first, seconds))
        })
        .collect();
    let mut answers = 0;
    for task in running {
        answers += task.await??;
    }
    println!("{answers}");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}
