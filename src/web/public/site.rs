//! The site: the answer of each path. A path is rendered at its first request after a change of the state, from a snapshot
//! in memory, and then kept as bytes. So pages stay up while the stores are stuck, a change costs little with many
//! systems, and the load of an outage renders nothing twice.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::answer::{Answer, version};
use super::archive::Archive;
use super::days::Day;
use super::model::{Model, SystemView};
use super::pages::{self, Content};
use super::problem;
use super::render::Templates;
use crate::config::PublicPages;
use crate::engine::snapshot::Snapshot;

/// Every answer, by its path.
pub(super) struct Site {
    entries: BTreeMap<String, Entry>,
    pub source: Source,
    pub frame: Arc<Frame>,
    /// Changes with what readers see.
    pub version: String,
    /// The page of the empty form, in which each reader gets a token of their own.
    pub form: Option<String>,
}

/// One path.
struct Entry {
    content: Content,
    /// Set by the first request; `None` if it could not be rendered.
    made: OnceLock<Option<Answer>>,
}

/// Everything around the content of a page.
pub(super) struct Frame {
    templates: Arc<Templates>,
    model: Model,
    /// The head of the model, as templates get it.
    head: Value,
    style: String,
    script: String,
    icon: String,
}

impl Frame {
    /// Renders a page. It takes a thread's time: a request uses [`Frame::form`].
    ///
    /// # Errors
    /// The template fails.
    pub(super) fn page(
        &self,
        template: &str,
        path: &str,
        title: &str,
        v: Value,
    ) -> Result<String, minijinja::Error> {
        let values = context! {
            m => self.head.clone(),
            title => title,
            path => path,
            style => self.style.as_str(),
            script => self.script.as_str(),
            icon => self.icon.as_str(),
            v => v,
        };
        self.templates.render(template, values)
    }

    /// Renders a page for one request on a thread for such work.
    ///
    /// # Errors
    /// The template fails.
    pub(super) async fn form(
        self: &Arc<Self>,
        template: &'static str,
        path: &'static str,
        title: String,
        v: impl Serialize,
    ) -> Result<String, minijinja::Error> {
        let (frame, v) = (Arc::clone(self), Value::from(Serde(v)));
        let made = spawn_blocking(move || frame.page(template, path, &title, v)).await;
        made.unwrap_or_else(|_| {
            let kind = minijinja::ErrorKind::InvalidOperation;
            Err(minijinja::Error::new(kind, "rendering broke off"))
        })
    }

    /// What the pages show.
    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    pub(super) fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The form for reports of problems, if there is one.
    pub(super) fn problem_form(&self) -> Option<&problem::ProblemForm> {
        self.model.head.problem_form.as_ref()
    }

    /// Whom readers can ask.
    pub(super) fn contact(&self) -> Option<&str> {
        self.model.head.contact.as_deref()
    }
}

const SCRIPT: &str = include_str!("live.js");

/// The icon of pages without a logo.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="COLOUR"/><path d="M8 17l6 6 10-13" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

/// The inputs of a site.
pub(super) struct Source {
    pub snapshot: Arc<Snapshot>,
    pub pages: Arc<PublicPages>,
    pub templates: Arc<Templates>,
    pub archive: Arc<Archive>,
    /// The picture of the head, and its type.
    pub logo: Option<(Bytes, &'static str)>,
    /// The address in links of feeds.
    pub url: String,
    pub at: Timestamp,
}

impl Site {
    /// The site of these inputs. What did not change since the site `before` is not drawn again.
    ///
    /// # Errors
    /// A template fails.
    pub(super) fn of(source: Source, before: Option<&Self>) -> Result<Self, minijinja::Error> {
        let record = &source.snapshot.record;
        let model = Model::of(record, &source.pages, &source.url, source.at);
        Self::with(source, model, before)
    }

    /// # Errors
    /// A template fails.
    pub(super) fn with(
        source: Source,
        mut model: Model,
        before: Option<&Self>,
    ) -> Result<Self, minijinja::Error> {
        draw_strips(&source.templates, &mut model, before)?;
        let mut entries = BTreeMap::new();
        // A file whose path names its content.
        let mut fixed = |name: &str, end: &str, content_type: &'static str, bytes: Bytes| {
            let hash = version(&bytes);
            let path = format!("/assets/{name}-{hash}.{end}");
            let answer = Answer::of(content_type, bytes).fixed();
            let entry = Entry {
                // It is made already.
                content: Content::Gone,
                made: OnceLock::from(Some(answer)),
            };
            entries.insert(path.clone(), entry);
            path
        };
        let colour = &source.pages.colour;
        let values = context! { colour => colour.as_str() };
        let style = source.templates.render("style.css.j2", values)?;
        let style = fixed("style", "css", "text/css; charset=utf-8", style.into());
        let script = "text/javascript; charset=utf-8";
        let script = fixed("live", "js", script, SCRIPT.into());
        let icon = match &source.logo {
            Some((bytes, content_type)) => {
                let end = if *content_type == "image/png" {
                    "png"
                } else {
                    "svg"
                };
                let path = fixed("logo", end, content_type, bytes.clone());
                model.head.logo = Some(path.clone());
                path
            }
            None => {
                let svg = ICON.replace("COLOUR", colour);
                fixed("icon", "svg", "image/svg+xml", svg.into())
            }
        };
        for (path, content) in pages::paths(&model) {
            let made = OnceLock::new();
            entries.insert(path, Entry { content, made });
        }
        let looks = format!("{style}\n{}", model.version());
        let frame = Frame {
            templates: Arc::clone(&source.templates),
            head: Value::from(Serde(&model.head)),
            model,
            style,
            script,
            icon,
        };
        let form = frame.problem_form().map(|form| {
            let empty = problem::FormView::empty(form);
            let v = Value::from(Serde(empty));
            frame.page("problem.html.j2", problem::PATH, problem::TITLE, v)
        });
        Ok(Self {
            form: form.transpose()?,
            entries,
            source,
            frame: Arc::new(frame),
            version: version(looks.as_bytes()),
        })
    }

    /// The systems that everyone may see.
    pub(super) fn systems(&self) -> impl Iterator<Item = &SystemView> {
        self.frame.model.systems()
    }

    /// True if readers can subscribe by mail.
    pub(super) fn mails(&self) -> bool {
        self.frame.model.head.mails
    }

    pub(super) fn has(&self, path: &str) -> bool {
        path != GONE && self.entries.contains_key(path)
    }

    /// The answer of a path, rendered now if this is its first request; `None` if that fails. `turn` has one permit, so that
    /// requests for many pages at once take no more than one processor.
    pub(super) async fn answer(
        self: &Arc<Self>,
        path: &str,
        turn: &Arc<Semaphore>,
    ) -> Option<Answer> {
        let entry = self.entries.get(path)?;
        if let Some(made) = entry.made.get() {
            return made.clone();
        }
        let turn = Arc::clone(turn).acquire_owned().await.ok()?;
        if let Some(made) = entry.made.get() {
            return made.clone();
        }
        let (site, path) = (Arc::clone(self), path.to_owned());
        // The permit goes with the work: a client that leaves does not start more of it.
        let work = spawn_blocking(move || {
            let _turn = turn;
            site.make(&path)
        });
        work.await.ok().flatten()
    }

    /// Renders a path unless it is made.
    pub(super) fn make(&self, path: &str) -> Option<Answer> {
        let entry = self.entries.get(path)?;
        let made = entry.made.get_or_init(|| {
            let made = entry.content.answer(path, &self.source, &self.frame);
            made.inspect_err(|error| {
                tracing::error!("the public page {path} could not be made: {error:#}")
            })
            .ok()
        });
        made.clone()
    }

    /// Renders each path, and keeps nothing.
    ///
    /// # Errors
    /// A template fails.
    pub(super) fn try_all(&self) -> Result<(), minijinja::Error> {
        let mut all = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.made.get().is_none());
        all.try_for_each(|(path, entry)| {
            entry.content.answer(path, &self.source, &self.frame)?;
            Ok(())
        })
    }

    #[cfg(test)]
    pub(super) fn is_made(&self, path: &str) -> bool {
        let entry = self.entries.get(path);
        entry.is_some_and(|entry| entry.made.get().is_some())
    }

    /// The paths of all answers.
    #[cfg(test)]
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

/// Draws the days of each system. The first page has all of them, and most are as before.
fn draw_strips(
    templates: &Arc<Templates>,
    model: &mut Model,
    before: Option<&Site>,
) -> Result<(), minijinja::Error> {
    #[derive(Serialize)]
    struct Strip<'a> {
        name: &'a str,
        summary: &'a str,
        days: &'a [Day],
    }
    let before = before.filter(|site| Arc::ptr_eq(&site.source.templates, templates));
    let drawn = before.into_iter().flat_map(Site::systems);
    let drawn: BTreeMap<&str, &SystemView> = drawn.map(|s| (s.id.as_str(), s)).collect();
    for system in model.systems_mut() {
        let same = drawn.get(system.id.as_str());
        let same = same.filter(|known| known.name == system.name && known.days == system.days);
        system.strip = match same {
            Some(known) => known.strip.clone(),
            None => {
                let strip = Strip {
                    name: &system.name,
                    summary: &system.days.summary,
                    days: &system.days.all,
                };
                templates.render("days.html.j2", Value::from(Serde(strip)))?
            }
        };
    }
    Ok(())
}

/// The page that a wrong path shows; no path of the site itself.
pub(super) const GONE: &str = "gone";
