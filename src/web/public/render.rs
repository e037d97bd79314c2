//! Renders the public pages with the templates under `report_templates/public/`, or with the operator's own in their
//! places. Text that people wrote is printed, never rendered, and never becomes markup.

use domain::text;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter,
};

use super::sample;
use crate::config;
use crate::notices::{self, own_template};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../report_templates/public/", $name)))),*]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "page.html.j2",
    "parts.html.j2",
    "days.html.j2",
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
#[derive(Debug)]
pub struct Templates {
    shipped: Environment<'static>,
    /// The shipped templates with the operator's own in their places, if there are any.
    own: Option<Environment<'static>>,
}

impl Templates {
    /// The shipped templates, some replaced by those of `templates`. Own ones are tried with made-up pages, so that a wrong one is
    /// found at the start and not during an outage.
    ///
    /// # Errors
    /// A template cannot be read or is wrong.
    pub fn new(templates: Option<&config::Templates>) -> Result<Self, notices::Error> {
        let mut sources: Vec<(&str, String)> = Vec::with_capacity(SHIPPED.len());
        for (name, text) in SHIPPED {
            let own = templates.map(|own| own_template(own, &named(name)));
            let own = own.transpose()?.flatten();
            sources.push((name, own.unwrap_or_else(|| (*text).to_owned())));
        }
        let is_own = sources
            .iter()
            .zip(SHIPPED)
            .any(|((_, own), (_, text))| own != text);
        let shipped = SHIPPED
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()));
        let shipped = environment(shipped)?;
        if !is_own {
            return Ok(Self { shipped, own: None });
        }
        let own = environment(sources.into_iter())?;
        // Without the shipped ones to fall back on.
        let alone = Self {
            shipped: own.clone(),
            own: None,
        };
        sample::render(alone).map_err(|source| notices::Error::Template {
            name: named(source.name().unwrap_or("page.html.j2")),
            source,
        })?;
        Ok(Self {
            shipped,
            own: Some(own),
        })
    }

    /// Renders a template. If the operator's own one fails, the shipped one is used.
    ///
    /// # Errors
    /// The shipped template fails.
    pub(super) fn render(&self, name: &str, values: Value) -> Result<String, minijinja::Error> {
        if let Some(own) = &self.own {
            match own.get_template(name)?.render(values.clone()) {
                Ok(text) => return Ok(text),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    name,
                    "an own template of the public pages failed; the shipped one is used"
                ),
            }
        }
        self.shipped.get_template(name)?.render(values)
    }
}

/// The name of a template under `report_templates/`.
fn named(name: &str) -> String {
    format!("public/{name}")
}

fn environment<'a>(
    sources: impl Iterator<Item = (&'a str, String)>,
) -> Result<Environment<'static>, notices::Error> {
    let wrong = |name: &str, source| notices::Error::Template {
        name: named(name),
        source,
    };
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    env.set_syntax(syntax.map_err(|error| wrong("syntax", error))?);
    env.set_auto_escape_callback(|name| match name.ends_with(".css.j2") {
        true => AutoEscape::None,
        false => AutoEscape::Html,
    });
    env.set_formatter(visible);
    for (name, source) in sources {
        env.add_template_owned(name.to_owned(), source)
            .map_err(|error| wrong(name, error))?;
    }
    Ok(env)
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

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn own(files: &[(&str, &str)]) -> Result<Templates, notices::Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("public")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("public").join(name), text).unwrap();
        }
        Templates::new(Some(&config::Templates::new(folder.path(), None)))
    }

    #[test]
    fn an_own_template_takes_the_place_of_ours_and_stays_escaped() {
        let text =
            "{% extends 'page.html.j2' %}{% block content %}Ours: {{ m.name }}{% endblock %}";
        let templates = own(&[("gone.html.j2", text)]).unwrap();
        let badge =
            context! { name => "<b>", state => "up", label => "Up", width => 9, value_width => 9 };
        let svg = templates.render("badge.svg.j2", badge).unwrap();
        assert!(svg.contains("&lt;b&gt;"), "ours: {svg}");
        let templates = own(&[("badge.svg.j2", "Own {{ name }}")]).unwrap();
        let own = templates.render("badge.svg.j2", context! { name => "<b>" });
        assert_eq!(own.unwrap(), "Own &lt;b&gt;");
    }

    #[test]
    fn a_wrong_template_is_named() {
        for wrong in ["{% if %}", "{{ m.nothing }}"] {
            let error = own(&[("index.html.j2", wrong)]).unwrap_err();
            let said = error.to_string();
            assert_eq!(
                said, "the template public/index.html.j2 is wrong",
                "{wrong}"
            );
        }
        assert!(own(&[("style.css.j2", "body { color: {{ color }}; }")]).is_err());
    }

    #[test]
    fn a_template_that_fails_later_gives_way_to_ours() {
        let fails = "{% if name == 'Portal' %}{{ nothing }}{% endif %}Own";
        let templates = own(&[("badge.svg.j2", fails)]).unwrap();
        let badge = |name: &str| {
            let values = context! { name => name, state => "up", label => "Up", width => 9, value_width => 9 };
            templates.render("badge.svg.j2", values).unwrap()
        };
        assert_eq!(badge("Results"), "Own");
        assert!(badge("Portal").contains("<svg"));
    }
}
