//! The CPU time of one probe of each kind, and of a TLS probe beside a bare rustls handshake with the same server.
//! `benches/cpu_per_kind.py` runs it. The peers are another process; their time does not count.
//!
//! `cpu_per_kind ROUNDS [FILE]`: each round runs each kind a few times, so that a busy machine slows all kinds equally.
//! The table shows medians of the rounds. Each table of FILE (TOML) is one more probe: its `kind` and the keys of that
//! kind. Every variable of the environment that a probe reads is `secret`.

mod bare;
mod peers;
mod probes_of_kinds;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use domain::sample::Outcome;
use probes::Probe;
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The runs of a probe in one round.
const RUNS: usize = 10;

/// The row that the others are compared with.
const HTTP: &str = "http";

/// One row of the table.
enum Work {
    Probe(Box<Probe>),
    Bare(bare::Bare),
}

impl Work {
    async fn run(&self) -> Result<(), Failure> {
        match self {
            Work::Bare(bare) => bare.run().await,
            Work::Probe(probe) => {
                let finding = probe.run().await;
                match finding.outcome {
                    Outcome::Up => Ok(()),
                    _ => Err(format!("{finding:?}").into()),
                }
            }
        }
    }
}

/// The peers, and the folder of their certificates. They end when their standard input is closed.
struct Peers {
    process: Child,
    at: BTreeMap<String, SocketAddr>,
    folder: tempfile::TempDir,
}

impl Peers {
    fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg("peers")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut at = BTreeMap::new();
        let lines = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        for line in lines {
            let line = line?;
            match line.split_once(' ') {
                Some((name, address)) => at.insert(name.to_owned(), address.parse()?),
                // An empty line: all peers listen.
                None => break,
            };
        }
        Ok(Self {
            process,
            at,
            folder,
        })
    }

    fn end(mut self) -> Result<(), Failure> {
        drop(self.process.stdin.take());
        self.process.wait()?;
        Ok(())
    }
}

/// User and system time of this process so far, in microseconds.
fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// User and system time of the children that have ended, in ticks of 10 ms (proc(5), `cutime` and `cstime`).
fn ticks_of_children() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name may contain spaces and brackets; the fields after it do not.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|ticks| Ok(ticks.parse::<u64>()?)).sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure(rows: &[(String, Work)], rounds: usize) -> Result<(), Failure> {
    let mut spent = vec![Vec::with_capacity(rounds); rows.len()];
    let mut children = vec![0; rows.len()];
    for round in 0..=rounds {
        for (row, (name, work)) in rows.iter().enumerate() {
            let ticks = ticks_of_children()?;
            let begun = cpu_us();
            for _ in 0..RUNS {
                work.run().await.map_err(|why| format!("{name}: {why}"))?;
            }
            let us = (cpu_us() - begun) / RUNS as f64;
            // The first round fills caches.
            if round > 0 {
                spent[row].push(us);
                children[row] += ticks_of_children()? - ticks;
            }
        }
    }
    let medians: Vec<f64> = spent.into_iter().map(median).collect();
    let of = |wanted: &str| {
        let row = rows.iter().position(|(name, _)| name == wanted);
        row.map_or(f64::NAN, |row| medians[row])
    };
    println!("{:<28} {:>10} {:>8}", "kind", "CPU in µs", "× http");
    for ((name, _), us) in rows.iter().zip(&medians) {
        println!("{name:<28} {us:>10.1} {:>8.2}", us / of(HTTP));
    }
    for ((name, _), ticks) in rows.iter().zip(children) {
        if ticks > 0 {
            let us = ticks as f64 * 1e4 / (rounds * RUNS) as f64;
            println!("{name}: its child processes {us:.0} µs more");
        }
    }
    for (name, least) in [("tls", bare::HANDSHAKE), ("https", bare::HTTPS)] {
        println!("{name}: {:.2} × {least}", of(name) / of(least));
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    probes::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (rounds, more) = match words[..] {
        ["peers", folder] => return runtime.block_on(peers::serve(folder.as_ref())),
        [rounds] => (rounds.parse()?, None),
        [rounds, file] => (rounds.parse()?, Some(std::fs::read_to_string(file)?)),
        _ => return Err("cpu_per_kind ROUNDS [FILE]".into()),
    };
    let peers = Peers::start()?;
    let ca_file = peers.folder.path().join(peers::CA_FILE);
    let mut rows = probes_of_kinds::all(&peers.at, &ca_file)?;
    rows.extend(probes_of_kinds::of_file(&more.unwrap_or_default())?);
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(name, probe)| (name, Work::Probe(Box::new(probe))))
        .collect();
    let request: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (name, beside, request) in [
        (bare::HANDSHAKE, "tls", None),
        (bare::HTTPS, "https", Some(request)),
    ] {
        let bare = bare::Bare::new(peers.at[beside], &ca_file, request)?;
        let next_to = rows.iter().position(|(name, _)| name == beside);
        rows.insert(next_to.unwrap_or(0), (name.to_owned(), Work::Bare(bare)));
    }
    let measured = runtime.block_on(measure(&rows, rounds));
    peers.end()?;
    measured
}
