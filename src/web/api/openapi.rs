//! The OpenAPI document, made from the table of routes and the types of the wire.

use axum::http::header;
use axum::response::IntoResponse;
use people::Role;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{ENDPOINTS, wire};

/// Errors that every request with a token may get.
const ERRORS: &[(&str, &str)] = &[
    ("400", "The query, a header or the body is malformed"),
    ("401", "The token is missing, unknown, revoked or expired"),
    ("403", "The role of the token is too low"),
    ("404", "There is no such thing"),
    ("503", "The service cannot answer now"),
];
/// Errors of requests with a body.
const BODY_ERRORS: &[(&str, &str)] = &[
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("422", "The body has another form than this document says"),
    ("429", "The token used too many Idempotency-Keys"),
];

/// The document of the API.
pub fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = ComponentsBuilder::new().schema("Problem", wire::Problem::schema());
    let mut schemas = Vec::new();
    wire::Problem::schemas(&mut schemas);
    for endpoint in ENDPOINTS {
        let (own, described, _) = (endpoint.route)();
        schemas.extend(own);
        for (path, mut item) in described.paths {
            complete(&mut item, endpoint.role);
            match paths.paths.get_mut(&path) {
                Some(known) => known.merge_operations(item),
                None => _ = paths.paths.insert(path, item),
            }
        }
    }
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = components.security_scheme("token", scheme).build();
    let info = InfoBuilder::new()
        .title("Nines")
        .version("1")
        .description(Some(
            "Reading and acting by programs. Times are UTC (RFC 3339). Errors are problem details (RFC 9457).",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .build()
}

/// The methods of a path.
pub fn operations(item: PathItem) -> impl Iterator<Item = (&'static str, Operation)> {
    let all = [
        ("GET", item.get),
        ("POST", item.post),
        ("PATCH", item.patch),
        ("PUT", item.put),
        ("DELETE", item.delete),
    ];
    let given = all.into_iter();
    given.filter_map(|(method, operation)| Some((method, operation?)))
}

/// Adds to the operations of a path their role and the errors that are common to all.
fn complete(item: &mut PathItem, role: Option<Role>) {
    let all = [
        &mut item.get,
        &mut item.post,
        &mut item.patch,
        &mut item.put,
        &mut item.delete,
    ];
    for operation in all {
        *operation = operation.take().map(|operation| completed(operation, role));
    }
}

fn completed(mut operation: Operation, role: Option<Role>) -> Operation {
    let Some(role) = role else {
        operation.security = Some(Vec::new());
        return operation;
    };
    operation.security = Some(vec![SecurityRequirement::new(
        "token",
        Vec::<String>::new(),
    )]);
    let needs = format!("Role: {role}.");
    let text = operation.description.take();
    operation.description = Some(match text {
        Some(text) => format!("{text}\n\n{needs}"),
        None => needs,
    });
    let has_body = operation.request_body.is_some();
    let of_bodies = BODY_ERRORS.iter().filter(|_| has_body);
    for (status, text) in ERRORS.iter().chain(of_bodies) {
        let known = &mut operation.responses.responses;
        known
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(problem(text)));
    }
    operation
}

fn problem(text: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(text)
        .content("application/problem+json", content)
        .build()
}

/// Read this document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    responses((status = 200, body = Object))
)]
pub async fn served() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, document().to_json().unwrap_or_default())
}
