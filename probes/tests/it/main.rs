//! Probes against real sockets on the loopback that answer well, late, partly, wrongly or not at all.
//! Each pause is made by a server and is measured.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed test may stop at once.

mod authority;
mod bodies;
mod certificates;
mod client_certificates;
mod command;
mod dicom;
mod dns;
mod documents;
mod encodings;
mod fhir;
mod files;
mod fuzz;
mod grpc;
mod icmp;
mod journey;
mod ldap;
mod misbehaviours;
mod mllp;
mod mqtt;
mod ntp;
mod phases;
mod postgres;
mod protocol;
mod proxies;
mod reach;
mod redirects;
mod routes;
mod servers;
mod smtp;
mod ssh;
mod tcp;
mod tls;
mod tls_errors;
mod websocket;
