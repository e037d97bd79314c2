//! Turns a notice into a subject, a text and an HTML part by the templates under
//! `report_templates/notices/`. The shipped ones are built in; files of the same path replace
//! them one by one. Values are printed, never rendered: what a person wrote is not a template.

use std::path::Path;

use domain::catalogue::Catalogue;
use domain::notice::{Kind, Notice};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value, context};

use super::view::View;
use super::{Error, sample, text};
use crate::files::{self, ReadError};

/// The longest subject, in characters; a longer one is cut.
const LONGEST_SUBJECT: usize = 180;

/// What one rendering may cost, in minijinja's steps: a notice of a thousand systems takes a
/// tenth of it, an endless loop in a replaced template ends.
const FUEL: u64 = 2_000_000;

/// The largest template file that is read, in bytes.
const LARGEST_TEMPLATE: u64 = 256 * 1024;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../report_templates/", $name)))),*]
    };
}

/// Every shipped template: its path under `report_templates/`, and its text.
const SHIPPED: &[(&str, &str)] = shipped![
    "notices/parts/earlier.txt.j2",
    "notices/parts/foot.txt.j2",
    "notices/parts/page.html.j2",
    "notices/parts/rows.html.j2",
    "notices/parts/window.html.j2",
    "notices/parts/window.txt.j2",
    "notices/downtime/subject.txt.j2",
    "notices/downtime/body.txt.j2",
    "notices/downtime/body.html.j2",
    "notices/uptime/subject.txt.j2",
    "notices/uptime/body.txt.j2",
    "notices/uptime/body.html.j2",
    "notices/maintenance-scheduled/subject.txt.j2",
    "notices/maintenance-scheduled/body.txt.j2",
    "notices/maintenance-scheduled/body.html.j2",
    "notices/maintenance-changed/subject.txt.j2",
    "notices/maintenance-changed/body.txt.j2",
    "notices/maintenance-changed/body.html.j2",
    "notices/maintenance-cancelled/subject.txt.j2",
    "notices/maintenance-cancelled/body.txt.j2",
    "notices/maintenance-cancelled/body.html.j2",
    "notices/maintenance-started/subject.txt.j2",
    "notices/maintenance-started/body.txt.j2",
    "notices/maintenance-started/body.html.j2",
    "notices/maintenance-completed/subject.txt.j2",
    "notices/maintenance-completed/body.txt.j2",
    "notices/maintenance-completed/body.html.j2",
    "notices/maintenance-overrun/subject.txt.j2",
    "notices/maintenance-overrun/body.txt.j2",
    "notices/maintenance-overrun/body.html.j2",
];

/// What a notice says, before it becomes a message.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Preview {
    /// The subject, one line.
    pub subject: String,
    /// The text part, lines ending in LF.
    pub text: String,
    /// The HTML part, lines ending in LF.
    pub html: String,
}

/// The templates, ready.
pub struct Renderer {
    shipped: Environment<'static>,
    /// The shipped ones with the operator's own in their places, where there are any.
    own: Option<Environment<'static>>,
    zones: TimeZoneDatabase,
}

impl Renderer {
    /// The shipped templates, those under `templates` (a `report_templates` folder) in their
    /// places. Every kind is rendered once with sample data, so that a wrong template is found
    /// here and not at three in the morning.
    pub fn new(templates: Option<&Path>) -> Result<Self, Error> {
        let mut renderer = Self {
            shipped: environment(
                SHIPPED
                    .iter()
                    .map(|(name, text)| (*name, (*text).to_owned())),
            )?,
            own: None,
            zones: TimeZoneDatabase::bundled(),
        };
        if let Some(folder) = templates {
            let mut replaced = false;
            let mut sources = Vec::with_capacity(SHIPPED.len());
            for (name, text) in SHIPPED {
                let source = read(&folder.join(name))?;
                replaced |= source.as_ref().is_some_and(|own| own != text);
                sources.push((*name, source.unwrap_or_else(|| (*text).to_owned())));
            }
            if replaced {
                renderer.own = Some(environment(sources.into_iter())?);
            }
        }
        for notice in sample::every() {
            let view = renderer.view(&notice, "Example");
            render(
                renderer.own.as_ref().unwrap_or(&renderer.shipped),
                notice.kind,
                &view,
            )?;
        }
        Ok(renderer)
    }

    /// What `notice` (`id`) from the operator `service` says. A template of the operator's own
    /// that fails gives way to the shipped one: a notice is never lost to a template.
    pub fn say(&self, notice: &Notice, service: &str) -> Result<Preview, Error> {
        let view = self.view(notice, service);
        if let Some(own) = &self.own {
            match render(own, notice.kind, &view) {
                Ok(said) => return Ok(said),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    kind = %notice.kind,
                    "a notice's own template failed; the shipped one is used"
                ),
            }
        }
        render(&self.shipped, notice.kind, &view)
    }

    /// What a notice of `kind` would say to a customer of `catalogue`, about its first system
    /// and as if it happened at `at`; with made-up names where the catalogue has none. Where it is
    /// `unstable`, as of a system that fails again and again, if the kind ever says so.
    pub fn preview(
        &self,
        kind: Kind,
        unstable: bool,
        catalogue: &Catalogue,
        at: Timestamp,
    ) -> Result<Preview, Error> {
        let notice = sample::unstable(kind, catalogue, at)
            .filter(|_| unstable)
            .unwrap_or_else(|| sample::notice(kind, catalogue, at));
        self.say(&notice, &catalogue.service)
    }

    fn view(&self, notice: &Notice, service: &str) -> View {
        View::new(&self.zones, notice, service)
    }
}

fn environment(
    sources: impl Iterator<Item = (&'static str, String)>,
) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    // A line that holds nothing but a block's tags leaves nothing behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    env.set_syntax(syntax.map_err(|source| Error::Template {
        name: "syntax".to_owned(),
        source,
    })?);
    env.add_filter("hang", |text: String, indent: Option<usize>| {
        text::hang(&text, indent.unwrap_or(0))
    });
    env.add_filter("breaks", |text: String| {
        let escaped = HtmlEscape(&text).to_string();
        Value::from_safe_string(escaped.replace('\n', "<br>\n"))
    });
    for (name, source) in sources {
        env.add_template_owned(name, source)
            .map_err(|source| Error::Template {
                name: name.to_owned(),
                source,
            })?;
    }
    Ok(env)
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let fail = |source| Error::Read {
        path: path.display().to_string(),
        source,
    };
    match files::read(path, LARGEST_TEMPLATE) {
        Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(ReadError::Io(error)) => Err(fail(error)),
        Err(error) => Err(fail(std::io::Error::other(error))),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(fail(std::io::Error::other("it is not UTF-8"))),
        },
    }
}

fn render(env: &Environment<'_>, kind: Kind, view: &View) -> Result<Preview, Error> {
    let part = |file: &str, values: Value| -> Result<String, Error> {
        let name = format!("notices/{kind}/{file}.j2");
        env.get_template(&name)
            .and_then(|template| template.render(values))
            .map_err(|source| Error::Template { name, source })
    };
    let view = Value::from(Serde(view));
    let subject = part("subject.txt", view.clone())?;
    let subject = text::cut(&text::one_line(&subject), LONGEST_SUBJECT);
    let values = context! { subject => subject.clone(), ..view };
    let text = tidy(&text::lines(&part("body.txt", values.clone())?));
    let html = text::lines(&part("body.html", values)?);
    // Templates need not count the lines their conditions leave behind.
    let lines = html.lines().filter(|line| !line.trim().is_empty());
    let html = lines.fold(String::new(), |html, line| html + line + "\n");
    Ok(Preview {
        subject,
        text,
        html,
    })
}

/// At most one empty line in a row, no blanks at line ends, one line end at the end: so that
/// templates need not count the lines their conditions leave behind.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty) {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    format!("{}\n", out.trim_end())
}
