//! The program that sends a request: a token with its role.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::actor::{Actor, How};
use people::{Role, Token};

use super::problem::Failed;
use crate::web::console::Console;

/// The sender of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub role: Role,
    /// The actor that the ledger names.
    pub name: String,
    /// The account that made the token, or the token that did.
    pub made_by: String,
    /// The number of the token.
    pub token: i64,
}

impl Caller {
    fn of(token: Token) -> Self {
        Self {
            role: token.role,
            name: format!("token {}", token.name),
            made_by: token.created_by,
            token: token.id.0,
        }
    }

    pub fn actor(&self) -> Actor {
        Actor {
            person: self.name.clone(),
            how: How::Api,
        }
    }

    /// True if it may see addresses of customers.
    pub fn sees_addresses(&self) -> bool {
        self.role >= Role::Operator
    }

    /// Refuses a role that is too low.
    pub fn needs(&self, needed: Role) -> Result<(), Failed> {
        if self.role >= needed {
            return Ok(());
        }
        let detail = format!(
            "this needs the role {needed}; the token has the role {}",
            self.role
        );
        Err(Failed::new(StatusCode::FORBIDDEN, detail))
    }
}

/// Lets a request pass whose token is valid and has the role.
pub async fn only(
    State((console, role)): State<(Arc<Console>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let secret = given.map(str::to_owned);
    let caller = match of(&console, secret).await {
        Ok(caller) => caller,
        Err(failed) => return failed,
    };
    if let Err(failed) = caller.needs(role) {
        return failed.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn of(console: &Arc<Console>, secret: Option<String>) -> Result<Caller, Response> {
    let Some(secret) = secret else {
        return Err(unauthorized(
            "send a token, as `Authorization: Bearer nines_…`",
        ));
    };
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let found = tokio::task::spawn_blocking(move || people.token(&secret, now)).await;
    match found {
        Ok(Ok(Some(token))) => Ok(Caller::of(token)),
        Ok(Ok(None)) => Err(unauthorized("this token is unknown, revoked or expired")),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "people.sqlite cannot be used");
            Err(Failed::unavailable("the tokens cannot be read").into_response())
        }
        Err(_) => Err(Failed::broke_off().into_response()),
    }
}

fn unauthorized(detail: &str) -> Response {
    let mut response = Failed::new(StatusCode::UNAUTHORIZED, detail).into_response();
    let scheme = HeaderValue::from_static("Bearer");
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, scheme);
    response
}
