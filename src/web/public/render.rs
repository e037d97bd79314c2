//! Renders the public pages with the templates under `report_templates/public/`. Text that people wrote is printed,
//! never rendered, and never becomes markup.

use domain::text;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter,
};
use serde::Serialize;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../report_templates/public/", $name)))),*]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "page.html.j2",
    "parts.html.j2",
    "index.html.j2",
    "system.html.j2",
    "incident.html.j2",
    "window.html.j2",
    "history.html.j2",
    "gone.html.j2",
    "problem.html.j2",
    "problem-sent.html.j2",
    "subscribe.html.j2",
    "confirm.html.j2",
    "subscription.html.j2",
    "told.html.j2",
    "feed.atom.j2",
    "badge.svg.j2",
    "style.css.j2",
];

/// The limit of one rendering, in minijinja's steps.
const FUEL: u64 = 50_000_000;

/// The parsed templates.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    /// # Errors
    /// A template cannot be parsed.
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?;
        env.set_syntax(syntax);
        env.set_auto_escape_callback(|name| match name.ends_with(".css.j2") {
            true => AutoEscape::None,
            false => AutoEscape::Html,
        });
        env.set_formatter(visible);
        for (name, source) in SHIPPED {
            env.add_template(name, source)?;
        }
        Ok(Self(env))
    }

    pub(super) fn render(
        &self,
        name: &str,
        values: &impl Serialize,
    ) -> Result<String, minijinja::Error> {
        self.0
            .get_template(name)?
            .render(Value::from(Serde(values)))
    }
}

/// Prints a value escaped, and with a visible sign for each character that a reader or a parser would obey.
fn visible(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let is_text = value.kind() == ValueKind::String && !value.is_safe();
    match value.as_str().filter(|_| is_text) {
        Some(written) => escape_formatter(out, state, &Value::from(text::visible(written))),
        None => escape_formatter(out, state, value),
    }
}
