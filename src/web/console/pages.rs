//! Renders pages. Templates are part of the program; their values are the console's own types, so that a change of the
//! domain cannot show what a page must hide. Every value is escaped.

use std::sync::{Arc, LazyLock};

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use people::{Account, Role};
use serde::Serialize;

use super::Console;
use super::when::Times;

const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("account.html", include_str!("templates/account.html")),
    ("audit.html", include_str!("templates/audit.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("done.html", include_str!("templates/done.html")),
    (
        "health_information.html",
        include_str!("templates/health_information.html"),
    ),
    ("incident.html", include_str!("templates/incident.html")),
    ("incidents.html", include_str!("templates/incidents.html")),
    ("invitation.html", include_str!("templates/invitation.html")),
    (
        "maintenance.html",
        include_str!("templates/maintenance.html"),
    ),
    ("message.html", include_str!("templates/message.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("notices.html", include_str!("templates/notices.html")),
    ("overview.html", include_str!("templates/overview.html")),
    ("people.html", include_str!("templates/people.html")),
    ("probe.html", include_str!("templates/probe.html")),
    ("proposals.html", include_str!("templates/proposals.html")),
    ("report.html", include_str!("templates/report.html")),
    ("reports.html", include_str!("templates/reports.html")),
    (
        "second_factor.html",
        include_str!("templates/second_factor.html"),
    ),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    ("system.html", include_str!("templates/system.html")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    for (name, text) in TEMPLATES {
        if let Err(error) = environment.add_template(name, text) {
            tracing::error!(name, %error, "a template of the console cannot be read");
        }
    }
    environment
});

pub async fn style() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=300"),
        ],
        include_str!("templates/style.css"),
    )
}

/// The values that every page of a person who is signed in has.
#[derive(Serialize)]
struct Frame {
    service: String,
    login: String,
    name: String,
    role: &'static str,
    may_act: bool,
    may_approve: bool,
    may_manage: bool,
    version: String,
    /// Shown before the title: how much is wrong now.
    alarms: usize,
    now: super::when::When,
}

impl Console {
    pub(super) fn times(&self) -> Times {
        let record = &self.app.snapshot().record;
        Times::new(record.zone(), self.app.now())
    }

    /// A page inside the console's frame.
    pub(super) fn page(&self, account: &Account, name: &str, page: impl Serialize) -> Response {
        let snapshot = self.app.snapshot();
        let frame = Frame {
            service: snapshot.record.catalogue.service.clone(),
            login: account.login.clone(),
            name: account.name.clone(),
            role: account.role.word(),
            may_act: account.role >= Role::Operator,
            may_approve: account.role >= Role::Approver,
            may_manage: account.role >= Role::Admin,
            version: self.version(),
            alarms: super::overview::alarms(&snapshot.record),
            now: self.times().at(self.app.now()),
        };
        let (frame, page) = (Value::from(Serde(frame)), Value::from(Serde(page)));
        render(StatusCode::OK, name, context! { frame, page })
    }

    /// A page for a person who is not signed in.
    pub(super) fn open_page(
        &self,
        status: StatusCode,
        name: &str,
        page: impl Serialize,
    ) -> Response {
        let service = self.app.snapshot().record.catalogue.service.clone();
        let page = Value::from(Serde(page));
        render(status, name, context! { service, page })
    }

    /// A sentence instead of a page.
    pub(super) fn message(
        self: &Arc<Self>,
        account: &Account,
        status: StatusCode,
        title: &str,
        text: &str,
    ) -> Response {
        let mut response = self.page(
            account,
            "message.html",
            serde_json::json!({ "title": title, "text": text }),
        );
        *response.status_mut() = status;
        response
    }
}

fn render(status: StatusCode, name: &str, values: Value) -> Response {
    let rendered = ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(values));
    match rendered {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(name, %error, "a page of the console cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
