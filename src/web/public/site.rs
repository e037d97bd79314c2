//! The site: every page, feed and picture as bytes. It is made when the state changes, never for a request, so that
//! pages stay up while the stores are stuck and under the load of an outage.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use domain::id::SystemId;
use domain::record::Record;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, HTML, hex};
use super::api;
use super::archive::Archive;
use super::model::{HistoryMonth, Model, SystemView};
use super::problem;
use super::render::Templates;
use super::subscribe;
use crate::calendar_feed;
use crate::config::PublicPages;

/// Every answer of the site, by its path.
#[derive(Default)]
pub(super) struct Site {
    answers: BTreeMap<String, Answer>,
    /// Changes with what readers see.
    pub version: String,
    /// For the form, whose page depends on what was written.
    pub frame: Option<Frame>,
    /// The page of the empty form, in which each reader gets a token of their own.
    pub form: Option<String>,
}

/// Everything around the content of a page.
pub(super) struct Frame {
    templates: Arc<Templates>,
    model: Model,
    style: String,
    script: String,
    icon: String,
}

impl Frame {
    /// # Errors
    /// The template fails.
    pub(super) fn page<T: Serialize>(
        &self,
        template: &str,
        path: &str,
        title: &str,
        v: T,
    ) -> Result<String, minijinja::Error> {
        let page = Page {
            m: &self.model,
            title,
            path,
            style: &self.style,
            script: &self.script,
            icon: &self.icon,
            v,
        };
        self.templates.render(template, &page)
    }

    /// What the pages show.
    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// The form for reports of problems, if there is one.
    pub(super) fn form(&self) -> Option<&problem::ProblemForm> {
        self.model.problem_form.as_ref()
    }

    /// Whom readers can ask.
    pub(super) fn contact(&self) -> Option<&str> {
        self.model.contact.as_deref()
    }
}

const SCRIPT: &str = include_str!("live.js");

/// The icon of pages without a logo.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="COLOUR"/><path d="M8 17l6 6 10-13" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

/// The inputs of a site.
pub(super) struct Source<'a> {
    pub record: &'a Record,
    pub pages: &'a PublicPages,
    pub templates: &'a Arc<Templates>,
    pub archive: &'a Archive,
    /// The picture of the head, and its type.
    pub logo: Option<&'a (Bytes, &'static str)>,
    /// The address in links of feeds.
    pub url: &'a str,
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Style<'a> {
    colour: &'a str,
}

#[derive(Serialize)]
struct Page<'a, T> {
    m: &'a Model,
    /// The title of the page, before the name of the site.
    title: &'a str,
    path: &'a str,
    style: &'a str,
    script: &'a str,
    icon: &'a str,
    v: T,
}

impl Site {
    /// # Errors
    /// A template fails.
    pub(super) fn of(source: &Source<'_>) -> Result<Self, minijinja::Error> {
        let mut model = Model::of(
            source.record,
            source.pages,
            source.archive,
            source.url,
            source.at,
        );
        let mut site = Self::default();
        let style = source.templates.render(
            "style.css.j2",
            &Style {
                colour: &source.pages.colour,
            },
        )?;
        let style = site.fixed("style", "css", "text/css; charset=utf-8", style.into());
        let script = site.fixed(
            "live",
            "js",
            "text/javascript; charset=utf-8",
            SCRIPT.into(),
        );
        let icon = match source.logo {
            Some((bytes, content_type)) => {
                let end = if *content_type == "image/png" {
                    "png"
                } else {
                    "svg"
                };
                let path = site.fixed("logo", end, content_type, bytes.clone());
                model.logo = Some(path.clone());
                path
            }
            None => {
                let svg = ICON.replace("COLOUR", &source.pages.colour);
                site.fixed("icon", "svg", "image/svg+xml", svg.into())
            }
        };
        let frame = Frame {
            templates: Arc::clone(source.templates),
            model,
            style,
            script,
            icon,
        };
        let maker = Maker {
            source,
            frame: &frame,
            model: &frame.model,
        };
        maker.pages(&mut site)?;
        maker.others(&mut site)?;
        let looks = format!("{}\n{}", frame.style, frame.model.version());
        site.version = hex(&Sha256::digest(looks.as_bytes()));
        site.frame = Some(frame);
        Ok(site)
    }

    /// The systems that everyone may see.
    pub(super) fn systems(&self) -> impl Iterator<Item = &SystemView> {
        let models = self.frame.iter().map(Frame::model);
        models.flat_map(Model::systems)
    }

    /// True if readers can subscribe by mail.
    pub(super) fn mails(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.model.mails)
    }

    pub(super) fn get(&self, path: &str) -> Option<&Answer> {
        self.answers.get(path)
    }

    /// Adds a file whose path names its content.
    fn fixed(&mut self, name: &str, end: &str, content_type: &'static str, bytes: Bytes) -> String {
        let hash = hex(&Sha256::digest(&bytes));
        let path = format!("/assets/{name}-{hash}.{end}");
        let answer = Answer::of(content_type, bytes).fixed();
        self.answers.insert(path.clone(), answer);
        path
    }

    fn add(&mut self, path: impl Into<String>, content_type: &'static str, text: impl Into<Bytes>) {
        let answer = Answer::of(content_type, text.into());
        self.answers.insert(path.into(), answer);
    }
}

struct Maker<'a> {
    source: &'a Source<'a>,
    frame: &'a Frame,
    model: &'a Model,
}

impl Maker<'_> {
    fn page<T: Serialize>(
        &self,
        site: &mut Site,
        template: &str,
        path: &str,
        title: &str,
        view: T,
    ) -> Result<(), minijinja::Error> {
        let text = self.frame.page(template, path, title, view)?;
        site.add(path, HTML, text);
        Ok(())
    }

    fn pages(&self, site: &mut Site) -> Result<(), minijinja::Error> {
        let m = self.model;
        self.page(site, "index.html.j2", "/", "", ())?;
        for system in m.systems() {
            let path = format!("/systems/{}", system.id);
            let concerns =
                |named: &[super::incidents::Named]| named.iter().any(|one| one.id == system.id);
            let incidents: Vec<_> = m
                .incidents
                .iter()
                .filter(|i| concerns(&i.systems))
                .take(20)
                .collect();
            let planned: Vec<_> = m.planned.iter().filter(|w| concerns(&w.systems)).collect();
            #[derive(Serialize)]
            struct View<S, I, W> {
                system: S,
                incidents: I,
                planned: W,
            }
            let view = View {
                system,
                incidents,
                planned,
            };
            self.page(site, "system.html.j2", &path, &system.name, view)?;
        }
        for incident in &m.incidents {
            let path = format!("/incidents/{}", incident.id);
            self.page(site, "incident.html.j2", &path, &incident.title, incident)?;
        }
        for window in &m.windows {
            let path = format!("/maintenance/{}", window.id);
            self.page(site, "window.html.j2", &path, &window.title, window)?;
        }
        for (n, month) in m.months.iter().enumerate() {
            self.history(site, n, month)?;
        }
        if let Some(form) = &m.problem_form {
            let empty = problem::FormView::empty(form);
            let text = self
                .frame
                .page("problem.html.j2", problem::PATH, problem::TITLE, empty)?;
            site.form = Some(text);
        }
        if m.mails {
            let form = subscribe::Form::of(m);
            self.page(
                site,
                "subscribe.html.j2",
                "/subscribe",
                subscribe::TITLE,
                form,
            )?;
        }
        self.page(site, "gone.html.j2", GONE, "Not found", ())
    }

    fn history(
        &self,
        site: &mut Site,
        n: usize,
        month: &HistoryMonth,
    ) -> Result<(), minijinja::Error> {
        #[derive(Serialize)]
        struct View<'a, I, W> {
            month: &'a HistoryMonth,
            later: Option<&'a HistoryMonth>,
            earlier: Option<&'a HistoryMonth>,
            incidents: I,
            windows: W,
        }
        let m = self.model;
        let touches = |from: Timestamp, to: Timestamp| {
            month
                .span
                .is_some_and(|span| from < span.to && span.from < to)
        };
        let incidents = m.incidents.iter();
        let incidents: Vec<_> = incidents
            .filter(|i| {
                touches(i.started_at, i.resolved_at.unwrap_or(m.made_at))
                    || month.span.is_some_and(|span| span.contains(i.started_at))
            })
            .collect();
        let windows: Vec<_> = m
            .windows
            .iter()
            .filter(|w| touches(w.span.from, w.span.to))
            .collect();
        let view = View {
            month,
            later: n.checked_sub(1).and_then(|n| m.months.get(n)),
            earlier: m.months.get(n + 1),
            incidents,
            windows,
        };
        let path = format!("/history/{}", month.id);
        let title = format!("History of {}", month.name);
        self.page(site, "history.html.j2", &path, &title, view)
    }

    /// Feeds, badges and answers for programs.
    fn others(&self, site: &mut Site) -> Result<(), minijinja::Error> {
        let (m, templates) = (self.model, self.source.templates);
        #[derive(Serialize)]
        struct Feed<'a> {
            m: &'a Model,
            entries: &'a [super::incidents::IncidentView],
            changed: String,
        }
        let entries = &m.incidents[..m.incidents.len().min(50)];
        let changed = entries.iter().map(|entry| entry.changed_at).max();
        let changed = changed.unwrap_or(Timestamp::UNIX_EPOCH);
        let feed = templates.render(
            "feed.atom.j2",
            &Feed {
                m,
                entries,
                changed: format!("{changed:.0}"),
            },
        )?;
        site.add("/feed.atom", "application/atom+xml; charset=utf-8", feed);
        let ids: Vec<SystemId> = m
            .systems()
            .map(|system| system.id.as_str().into())
            .collect();
        let calendar = calendar_feed::public(self.source.record, &ids);
        site.add("/maintenance.ics", "text/calendar; charset=utf-8", calendar);
        #[derive(Serialize)]
        struct Badge<'a> {
            name: &'a str,
            state: &'a str,
            label: &'a str,
            width: usize,
            value_width: usize,
        }
        for system in m.systems() {
            // Seven pixels a letter, and five at each side.
            let width = |text: &str| text.chars().count() * 7 + 10;
            let badge = Badge {
                name: &system.name,
                state: system.state,
                label: system.label,
                width: width(&system.name),
                value_width: width(system.label),
            };
            let svg = templates.render("badge.svg.j2", &badge)?;
            site.add(format!("/badge/{}.svg", system.id), "image/svg+xml", svg);
        }
        for (path, answer) in api::answers(m) {
            // The same text for JSON; a client that takes it for a page finds no markup.
            let text = answer.to_string().replace('<', "\\u003c");
            site.add(format!("/api/v2/{path}.json"), "application/json", text);
        }
        let robots = "User-agent: *\nDisallow: /heartbeat/\nDisallow: /events\nDisallow: /subscribe/\nDisallow: /subscription/\n";
        site.add("/robots.txt", "text/plain; charset=utf-8", robots);
        Ok(())
    }
}

/// The page that a wrong path shows; no path of the site itself.
pub(super) const GONE: &str = "gone";
