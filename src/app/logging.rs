//! The log on standard error: its level from the environment or the configuration, as text or as JSON.

use std::error::Error;
use std::fmt::{self, Debug};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{self, Log, LogFormat, LogLevel};
use crate::{cli, clock};

/// The variables that name a filter. The first one that is set counts.
const VARIABLES: [&str; 2] = ["NINES_LOG", "RUST_LOG"];

/// The crates of Nines. A level alone is theirs: other libraries then write warnings only.
const OWN: [&str; 5] = ["nines", "domain", "probes", "values", "nines_demo"];

/// Libraries that would log each run of a probe: its result says the same.
const QUIET: &str = "hickory_net=off,hickory_proto=off,hickory_resolver=off";

/// Starts the log. A second call within one process (a test) has no effect.
pub(super) fn start(log: Log) {
    let (filter, wrong) = filter(|name| std::env::var(name).ok(), log.level);
    let log_lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(cli::output::supports_colour(&std::io::stderr()))
        // By default the subscriber panics if standard error is full.
        .log_internal_errors(false)
        .with_target(false);
    let _ = match log.format {
        LogFormat::Text => log_lines.try_init(),
        LogFormat::Json => log_lines.event_format(JsonLines).try_init(),
    };
    if let Some(wrong) = wrong {
        tracing::warn!("{wrong}");
    }
}

/// The filter, and what is wrong with the one that the environment names. The environment wins over
/// `level`, unless it is wrong.
fn filter(
    variable: impl Fn(&str) -> Option<String>,
    level: LogLevel,
) -> (EnvFilter, Option<String>) {
    let usual = || EnvFilter::new(of_level(level.word()));
    let named = VARIABLES.iter().find_map(|name| {
        let text = variable(name)?;
        (!text.trim().is_empty()).then_some((name, text))
    });
    let Some((name, text)) = named else {
        return (usual(), None);
    };
    match parse(&text) {
        Ok(filter) => (filter, None),
        Err(why) => {
            let wrong = format!(
                "the environment variable {name} has no effect, and the level is {}: {why}",
                level.word()
            );
            (usual(), Some(wrong))
        }
    }
}

/// Reads a filter: a level, or directives such as `nines::notices=debug`, separated by commas.
fn parse(text: &str) -> Result<EnvFilter, String> {
    let mut directives = Vec::new();
    for directive in text.split(',').map(str::trim).filter(|d| !d.is_empty()) {
        let lower = directive.to_lowercase();
        let is_own = OWN.contains(&directive) || directive.contains("::");
        if lower == "off" || LogLevel::WORDS.contains(&&*lower) {
            // First: a directive for a module wins over it.
            directives.insert(0, of_level(&lower));
        } else if is_own || directive.contains(['=', '[']) {
            directives.push(directive.to_owned());
        } else {
            return Err(config::unknown("level", directive, LogLevel::WORDS));
        }
    }
    let wrong = |error| format!("`{text}`: {error}");
    EnvFilter::builder()
        .parse(directives.join(","))
        .map_err(wrong)
}

/// The directives of a level.
fn of_level(word: &str) -> String {
    if matches!(word, "off" | "error" | "warn") {
        return format!("{word},{QUIET}");
    }
    let own: Vec<String> = OWN.iter().map(|name| format!("{name}={word}")).collect();
    format!("warn,{QUIET},{}", own.join(","))
}

/// Writes each event as one JSON object with `time`, `level`, `message` and the event's fields.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(Map::new());
        fields.add("time", json!(clock::now()));
        fields.add("level", json!(event.metadata().level().as_str()));
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

/// The fields of an event.
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field.name(), json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field.name(), json!(super::service::chain(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(own: Option<&str>, rust: Option<&str>) -> (String, Option<String>) {
        let variable = |name: &str| match name {
            "NINES_LOG" => own.map(str::to_owned),
            _ => rust.map(str::to_owned),
        };
        let (filter, wrong) = filter(variable, LogLevel::Info);
        (filter.to_string(), wrong)
    }

    #[test]
    fn the_own_variable_wins_then_the_usual_one_then_the_configuration() {
        let usual = read(None, None);
        assert!(usual.0.contains("nines=info"), "{}", usual.0);
        assert_eq!(read(Some(""), None), usual);
        assert!(read(Some("debug"), Some("error")).0.contains("nines=debug"));
        assert!(read(None, Some("TRACE")).0.contains("nines=trace"));
        assert!(
            read(None, Some("nines::notices=debug"))
                .0
                .contains("nines::notices=debug")
        );
    }

    #[test]
    fn a_level_alone_shows_no_noise_of_libraries() {
        let (filter, _) = read(Some("debug"), None);
        let parts: Vec<&str> = filter.split(',').collect();
        assert!(
            parts.contains(&"warn") && !parts.contains(&"debug"),
            "{filter}"
        );
        let (filter, _) = read(Some("debug,rustls=debug"), None);
        assert!(filter.contains("rustls=debug"), "{filter}");
    }

    #[test]
    fn an_invalid_filter_is_told_and_not_used() {
        let (filter, wrong) = read(Some("debgu"), None);
        assert_eq!(filter, read(None, None).0);
        let expected = "the environment variable NINES_LOG has no effect, and the level is info: \
                        there is no level `debgu`, did you mean `debug`?";
        assert_eq!(wrong.as_deref(), Some(expected));
        let (_, wrong) = read(None, Some("nines=loud"));
        assert!(wrong.is_some_and(|wrong| wrong.contains("RUST_LOG")));
    }
}
