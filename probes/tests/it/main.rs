//! Probes against real sockets that answer well, late, half, wrongly or not at all. Each test opens
//! its own; nothing leaves the loopback. A pause here is the server's, and what is being measured.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed test may stop at once.

mod bodies;
mod certificates;
mod phases;
mod protocol;
mod redirects;
mod servers;
mod tcp;
