//! The program from outside. A module is named for the part of the product whose behaviour it shows.
//! Expected figures are worked out by hand from the scenario, never copied from a run.
// Helpers of tests, like tests, stop at the first failure and write their input files in place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod accounting {
    mod daylight_saving;
}
mod packaging {
    mod duckdb_download;
    mod library;
}
mod command_line {
    mod arguments;
    mod demo;
    mod events;
    mod exit_status;
    mod first_steps;
    mod import;
    mod json;
    mod output;
    mod probe;
}
mod detection {
    mod flapping;
    mod monitoring_gaps;
}
mod incidents {
    mod acts;
    mod plain_outage;
}
mod maintenance {
    mod scheduling;
    mod windows;
}
mod notices {
    mod forty_systems;
    mod mail_check;
    mod mail_outage;
    mod mail_races;
    mod preview;
}
mod reports {
    mod approval;
    mod explain;
    mod hard_month;
    mod life;
    mod other_scopes;
    mod templates;
}
mod samples {
    mod archives;
    mod backup;
    mod lost_samples;
}
mod service {
    mod alive;
    mod api;
    mod console;
    mod heartbeat;
    mod logging;
    mod openid;
    mod private_listener;
    mod probing;
    mod problem_reports;
    mod proposals;
    mod public_pages;
    mod reload;
    mod remote_tls;
    mod resend;
    mod secrets;
    mod start;
    mod subscriptions;
}
mod simulation {
    mod demo;
    mod four_policies;
    mod output;
    mod same_bytes;
    mod scenario_figures;
}
mod support {
    pub mod figures;
    pub mod openid;
    pub mod program;
    pub mod rehearsal;
}
