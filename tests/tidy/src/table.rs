//! The law of the house as tables, so that a change of it is a change of one line here, reviewed
//! and written down in `docs/decisions/`. No checking happens in this file.

/// What a room under `src/` may use of the others (by `crate::…`). Every room may use itself, the
/// crate `domain`, and the two leaves `clock` and `files`.
pub const ROOMS: &[(&str, &[&str])] = &[
    ("main", &["app", "cli"]),
    // Puts the rooms together and starts them; nobody but `main`, `cli` and `demo` starts a service.
    (
        "app",
        &[
            "config", "engine", "ledger", "metrics", "notices", "reports", "samples", "web",
        ],
    ),
    // Reads what a person typed. May ask every room, but knows nothing of how `app` is built.
    (
        "cli",
        &[
            "app", "config", "demo", "engine", "ledger", "metrics", "notices", "reports",
            "samples", "simulate", "web",
        ],
    ),
    // The first minute: the service itself, on a configuration of its own, with a month before it.
    (
        "demo",
        &[
            "app", "config", "engine", "ledger", "notices", "reports", "samples", "simulate",
        ],
    ),
    // The same engine without prober, courier and clock.
    (
        "simulate",
        &[
            "config", "engine", "ledger", "notices", "reports", "samples",
        ],
    ),
    // Shows and takes in; the one road into state is `engine::handle`. Of the stores it reads forms
    // and counters, and never writes.
    (
        "web",
        &[
            "config", "engine", "ledger", "metrics", "notices", "reports", "samples",
        ],
    ),
    // Delivers what was decided and posts the outcome back; never touches the ledger.
    ("notices", &["config", "engine"]),
    // Reads the stores at one position; decides nothing.
    ("reports", &["config", "engine", "ledger", "samples"]),
    ("engine", &["config", "ledger", "samples"]),
    // Store and answer; decide nothing.
    ("ledger", &[]),
    ("samples", &[]),
    // Parses. No rule of the SPEC lives here.
    ("config", &[]),
    // Reads what the engine shows and how the stores do.
    ("metrics", &["engine", "ledger", "samples"]),
    ("clock", &[]),
    ("files", &[]),
];

/// Rooms that every other room may use.
pub const LEAVES: &[&str] = &["clock", "files"];

/// Libraries that only some places may name: a change of the library then touches one room.
pub const LIBRARIES: &[(&str, &[&str])] = &[
    ("duckdb", &["src/samples"]),
    ("rusqlite", &["src/ledger"]),
    ("lettre", &["src/notices"]),
    ("prometheus", &["src/metrics"]),
    ("minijinja", &["src/notices", "src/reports"]),
    ("anyhow", &["src/cli", "src/main.rs"]),
    (
        "probes",
        &["src/engine", "src/config", "src/cli", "src/app", "src/demo"],
    ),
];

/// The one place that asks for decisions.
pub const DECIDES: &str = "src/engine/turn.rs";

/// The one place that reads a clock, and where durations (and no instants) may be measured beside.
pub const CLOCK: &str = "src/clock.rs";
/// See [`CLOCK`].
pub const MEASURES: &str = "probes/";

/// The one place that writes a file in place of another.
pub const WRITES: &str = "src/files.rs";

/// Lines of a file.
pub const FILE_LINES: usize = 800;
/// Lines of a function outside of tests.
pub const FUNCTION_LINES: usize = 70;

/// Folders that hold our own text.
pub const FOLDERS: &[&str] = &[
    ".cargo",
    ".ci",
    "benches",
    "config",
    "docs",
    "domain",
    "grafana",
    "probes",
    "report_templates",
    "scripts",
    "src",
    "tests",
    "typeset",
    "values",
];

/// Written by a machine: not ours to keep tidy.
pub const GENERATED: &[&str] = &["Cargo.lock"];

/// Names that say nothing of what a thing is.
pub const EMPTY_NAMES: &[&str] = &["Manager", "Helper", "Util"];
