//! The description of all this for programs: `OpenAPI`, made from what stands at each handler.
//!
//! A route can't be had without its description: [`routes!`](utoipa_axum::routes) takes path and
//! method from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Required};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use super::Served;
use super::answer::json_text;
use super::replay;
use crate::views::api::Problem;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vigie",
        description = "A deployment checklist, kept true. Reading is free; whatever writes needs a \
                       bearer token with the scope for it.\n\nTimes are RFC 3339 in UTC, lengths are \
                       seconds. Errors are problems as RFC 9457 has them.",
    ),
    components(schemas(Problem)),
    modifiers(&Bearer),
    tags(
        (name = "checklist", description = "How the lines stand."),
        (name = "acts", description = "What people answer for."),
        (name = "deployments", description = "What was rolled out."),
        (name = "daemon", description = "For probes, scrapers, and whoever runs it."),
        (name = "pages", description = "For people."),
    )
)]
pub(super) struct Document;

/// How a client shows who it is.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description =
            Some("A token whose digest stands in the file named by `--tokens`.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// A problem: its status, what it is about, and the header that comes with it.
type Refusal = (u16, &'static str, Option<(&'static str, &'static str)>);

fn described((status, about, header): Refusal) -> (String, RefOr<Described>) {
    let problem = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(problem)).build();
    let mut response =
        ResponseBuilder::new().description(about).content(Problem::CONTENT_TYPE, content);
    if let Some((name, about)) = header {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header = HeaderBuilder::new().schema(Some(text)).description(Some(about)).build();
        response = response.header(name, header);
    }
    (status.to_string(), RefOr::T(response.build()))
}

/// Names sets of problems that routes share.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = [$($refusal:expr),+ $(,)?];)+) => {$(
        $(#[$doc])*
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                [$($refusal),+].into_iter().map(described).collect()
            }
        }
    )+};
}

const CHALLENGE: Option<(&str, &str)> = Some(("WWW-Authenticate", "What credential would do."));
const WAIT: Option<(&str, &str)> = Some(("Retry-After", "How long to wait, in seconds."));

problems! {
    /// What can befall every request.
    Defect = [(500, "A defect of Vigie; its log says more.", None)];

    /// What can befall what is asked for by its id.
    Missing = [(404, "Nothing has this id.", None)];

    /// What can befall what depends on how things are.
    Impossible = [(409, "It is not possible as things are.", None)];

    /// What can befall every request to write.
    Refused = [
        (401, "The token is missing or unknown.", CHALLENGE),
        (403, "Writing is not enabled, or the token lacks the scope.", None),
        (408, "The body did not arrive in time.", None),
        (413, "The body is larger than 64 KiB.", None),
        (429, "Too many requests: of this token, or of refused ones from this address.", WAIT),
        (500, "It could not be done; the detail or the log says why.", None),
        (503, "It can't be recorded, or the file of tokens can't be used.", None),
    ];

    /// What can befall every request with a body.
    Unreadable = [
        (400, "The body is not what is wanted, or the key is no key.", None),
        (422, "What it says can't be taken, or its key was used for another request.", None),
    ];
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "daemon",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value), Defect)
)]
pub(super) async fn document(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    json_text(&headers, served.document.clone())
}

/// The header that names a request, so that it may be sent again.
pub(super) enum IdempotencyKey {}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(replay::LONGEST_KEY))
            .pattern(Some("^[!-~]+$"));
        let about = "A name for this request: sent again under it within a day, it is done once, and \
                     answered as it was then. Without it, the same body from the same token within a \
                     minute counts as the same request.";
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(key.build()));
        vec![header.build()]
    }
}
