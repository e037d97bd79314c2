//! Renders a notice as a subject, a text and an HTML part with the templates under
//! `report_templates/notices/`. The shipped templates are built in; files of the same path replace
//! them one by one. Values are printed, never rendered: a person's text is not a template.

use std::path::PathBuf;
use std::sync::OnceLock;

use domain::catalogue::Catalogue;
use domain::notice::{Kind, Notice};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value, context};

use super::courier::contact;
use super::view::View;
use super::{Error, Sender, sample, text};
use crate::config::{Found, Templates};
use crate::files::ReadError;

/// The length to which subjects are cut, in characters.
const LONGEST_SUBJECT: usize = 180;

/// The limit of one rendering, in minijinja's steps. A notice about a thousand systems takes a
/// tenth of it. It ends an endless loop in an operator's template.
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
    "notices/subscription/subject.txt.j2",
    "notices/subscription/body.txt.j2",
    "notices/subscription/body.html.j2",
    "notices/test/subject.txt.j2",
    "notices/test/body.txt.j2",
    "notices/test/body.html.j2",
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
    "notices/maintenance-reminder/subject.txt.j2",
    "notices/maintenance-reminder/body.txt.j2",
    "notices/maintenance-reminder/body.html.j2",
    "notices/maintenance-started/subject.txt.j2",
    "notices/maintenance-started/body.txt.j2",
    "notices/maintenance-started/body.html.j2",
    "notices/maintenance-completed/subject.txt.j2",
    "notices/maintenance-completed/body.txt.j2",
    "notices/maintenance-completed/body.html.j2",
    "notices/maintenance-overrun/subject.txt.j2",
    "notices/maintenance-overrun/body.txt.j2",
    "notices/maintenance-overrun/body.html.j2",
    "notices/report-draft/subject.txt.j2",
    "notices/report-draft/body.txt.j2",
    "notices/report-draft/body.html.j2",
    "notices/update/subject.txt.j2",
    "notices/update/body.txt.j2",
    "notices/update/body.html.j2",
    "notices/correction/subject.txt.j2",
    "notices/correction/body.txt.j2",
    "notices/correction/body.html.j2",
    "notices/escalation/subject.txt.j2",
    "notices/escalation/body.txt.j2",
    "notices/escalation/body.html.j2",
    "notices/clock-due/subject.txt.j2",
    "notices/clock-due/body.txt.j2",
    "notices/clock-due/body.html.j2",
    "notices/clock-missed/subject.txt.j2",
    "notices/clock-missed/body.txt.j2",
    "notices/clock-missed/body.html.j2",
    "notices/told-failed/subject.txt.j2",
    "notices/told-failed/body.txt.j2",
    "notices/told-failed/body.html.j2",
    "notices/problem-reported/subject.txt.j2",
    "notices/problem-reported/body.txt.j2",
    "notices/problem-reported/body.html.j2",
    "notices/problem-receipt/subject.txt.j2",
    "notices/problem-receipt/body.txt.j2",
    "notices/problem-receipt/body.html.j2",
    "notices/report/subject.txt.j2",
    "notices/report/body.txt.j2",
    "notices/report/body.html.j2",
];

/// The text of a notice, before it becomes a message.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Preview {
    /// The subject, one line.
    pub subject: String,
    /// The text part, lines ending in LF.
    pub text: String,
    /// The HTML part, lines ending in LF.
    pub html: String,
}

/// The parsed templates.
pub struct Renderer {
    shipped: Environment<'static>,
    /// The shipped templates with the operator's own in their places, if there are any.
    own: Option<Environment<'static>>,
    zones: TimeZoneDatabase,
    /// The folder of the files that mails attach.
    pub(super) reports: OnceLock<PathBuf>,
}

impl Renderer {
    /// The shipped templates, some replaced by those of `templates`. Every kind is rendered once with sample data, so that a wrong template is found at
    /// the start and not during an outage.
    pub fn new(templates: Option<&Templates>) -> Result<Self, Error> {
        let mut renderer = Self {
            shipped: environment(
                SHIPPED
                    .iter()
                    .map(|(name, text)| (*name, (*text).to_owned())),
            )?,
            own: None,
            zones: TimeZoneDatabase::bundled(),
            reports: OnceLock::new(),
        };
        if let Some(templates) = templates {
            let mut replaced = false;
            let mut sources = Vec::with_capacity(SHIPPED.len());
            for (name, text) in SHIPPED {
                let source = own_template(templates, name)?;
                replaced |= source.as_ref().is_some_and(|own| own != text);
                sources.push((*name, source.unwrap_or_else(|| (*text).to_owned())));
            }
            if replaced {
                renderer.own = Some(environment(sources.into_iter())?);
            }
        }
        for notice in sample::every() {
            let view = renderer.view(&notice, "Example", "desk@example.org");
            render(
                renderer.own.as_ref().unwrap_or(&renderer.shipped),
                notice.kind.word(),
                values(&view),
            )?;
        }
        renderer.say_test("Example", "desk@example.org", "it@customer.example")?;
        let systems = ["Portal".to_owned()];
        renderer.say_confirmation(
            "Example",
            "desk@example.org",
            &systems,
            "https://a.example/",
        )?;
        Ok(renderer)
    }

    /// Names the folder of the reports that mails attach. The first call counts.
    pub fn attach_from(&self, folder: PathBuf) {
        // The data directory never changes while the service runs.
        let _ = self.reports.set(folder);
    }

    /// Renders `notice` from the operator `service`, whose readers can ask `contact`, with its file
    /// attached if it has one.
    pub fn say(&self, notice: &Notice, service: &str, contact: &str) -> Result<Preview, Error> {
        self.say_view(notice.kind, &self.view(notice, service, contact))
    }

    /// Renders `notice` from `sender`. Unless `attached`, the text says that its file is missing.
    pub(super) fn say_with(
        &self,
        notice: &Notice,
        sender: &Sender,
        attached: bool,
    ) -> Result<Preview, Error> {
        let mut view = self.view(notice, &sender.service, &sender.contact);
        if let Some(file) = view.report.as_mut().and_then(|r| r.file.as_mut()) {
            file.attached = attached;
        }
        self.say_view(notice.kind, &view)
    }

    /// Renders `view`. If the operator's own template fails, the shipped one is used: a template
    /// never loses a notice.
    fn say_view(&self, kind: Kind, view: &View) -> Result<Preview, Error> {
        if let Some(own) = &self.own {
            match render(own, kind.word(), values(view)) {
                Ok(said) => return Ok(said),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    kind = %kind,
                    "a notice's own template failed; the shipped one is used"
                ),
            }
        }
        render(&self.shipped, kind.word(), values(view))
    }

    /// Renders the test mail to `address`.
    pub fn say_test(&self, service: &str, contact: &str, address: &str) -> Result<Preview, Error> {
        let values = context! {
            service => text::one_line(service),
            contact => text::one_line(contact),
            customer => address,
            reference => "test mail",
            since => (),
            down => (),
            reported => false,
            measured => false,
            subscription => (),
        };
        let own = self.own.as_ref().unwrap_or(&self.shipped);
        render(own, "test", values)
    }

    /// Renders the mail that asks the owner of an address to confirm a subscription to these `systems`, by name, with
    /// `link`.
    pub(super) fn say_confirmation(
        &self,
        service: &str,
        contact: &str,
        systems: &[String],
        link: &str,
    ) -> Result<Preview, Error> {
        let values = context! {
            service => text::one_line(service),
            contact => text::one_line(contact),
            systems => systems.iter().map(|name| text::one_line(name)).collect::<Vec<_>>(),
            link => link,
        };
        let own = self.own.as_ref().unwrap_or(&self.shipped);
        render(own, "subscription", values)
    }

    /// Renders an example of a `kind` for a customer of `catalogue`, about the customer's first
    /// system, as if it happened at `at`. Names that the catalogue lacks are made up. With
    /// `unstable`, the system is flapping, if the kind can say so.
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
        self.say(&notice, &catalogue.service, &contact(catalogue))
    }

    /// The body of a webhook about the same example.
    pub fn preview_webhook(
        &self,
        kind: Kind,
        unstable: bool,
        catalogue: &Catalogue,
        at: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let notice = sample::unstable(kind, catalogue, at)
            .filter(|_| unstable)
            .unwrap_or_else(|| sample::notice(kind, catalogue, at));
        let sender = Sender {
            service: catalogue.service.clone(),
            contact: contact(catalogue),
            mail_from: catalogue.mail_from.clone(),
            message_id: format!("<preview@{}>", catalogue.mail_from.domain()),
            references: Vec::new(),
        };
        Ok(self.webhook(&notice, &sender, at)?.bytes)
    }

    fn view(&self, notice: &Notice, service: &str, contact: &str) -> View {
        View::new(&self.zones, notice, service, contact)
    }
}

fn environment(
    sources: impl Iterator<Item = (&'static str, String)>,
) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    // A line with only the tags of a block produces no line.
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

/// The operator's template of that name below `templates`; `None` if there is none.
///
/// # Errors
/// The file cannot be read, is too large or is not UTF-8.
pub fn own_template(templates: &Templates, name: &str) -> Result<Option<String>, Error> {
    let fail = |path: PathBuf, source| Error::Read {
        path: path.display().to_string(),
        source,
    };
    match templates.read(name, LARGEST_TEMPLATE) {
        Ok(None) => Ok(None),
        Ok(Some(Found { path, bytes })) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(fail(path, std::io::Error::other("it is not UTF-8"))),
        },
        Err((path, ReadError::Io(error))) => Err(fail(path, error)),
        Err((path, error)) => Err(fail(path, std::io::Error::other(error))),
    }
}

fn values(view: &View) -> Value {
    Value::from(Serde(view))
}

/// Renders the templates in the folder `kind`.
fn render(env: &Environment<'_>, kind: &str, view: Value) -> Result<Preview, Error> {
    let part = |file: &str, values: Value| -> Result<String, Error> {
        let name = format!("notices/{kind}/{file}.j2");
        env.get_template(&name)
            .and_then(|template| template.render(values))
            .map_err(|source| Error::Template { name, source })
    };
    let subject = part("subject.txt", view.clone())?;
    let subject = text::cut(&text::one_line(&subject), LONGEST_SUBJECT);
    let values = context! { subject => subject.clone(), ..view };
    let text = tidy(&text::lines(&part("body.txt", values.clone())?));
    let html = text::lines(&part("body.html", values)?);
    // Conditions in a template leave empty lines.
    let lines = html.lines().filter(|line| !line.trim().is_empty());
    let html = lines.fold(String::new(), |html, line| html + line + "\n");
    Ok(Preview {
        subject,
        text,
        html,
    })
}

/// Leaves at most one empty line in a row, no blanks at line ends and one line end at the end.
/// Conditions in a template leave more.
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
