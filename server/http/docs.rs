//! The description of the API, generated from the handlers, and a page that shows it.

use std::sync::OnceLock;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, route};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, Object, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required,
    ResponseBuilder, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_actix_web::OpenApiFactory as _;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::web::problem::ProblemDocument;

const ADDRESS: &str = "/api/v1/openapi.json";

/// What stands in addresses.
const SEGMENTS: &[(&str, &str)] = &[
    ("project", "The project's name"),
    ("path", "Where the asset is found; its slashes stay as they are"),
    ("asset", "The asset's id"),
    ("version", "The version's number, counted from 1"),
    ("release", "The release's number, such as R-12"),
    ("build", "The build's name, such as R-12.3"),
    ("environment", "The environment's name"),
    ("schedule", "The schedule's number"),
    ("revision", "The revision of the deployment, as the environment counts them"),
    ("token", "The token's id"),
    ("waiver", "The waiver's number"),
    ("point", "The number of the checklist's point"),
    ("deployment", "The environment's revision after the deployment"),
    ("user", "The person's name, without @"),
    ("search", "The saved search's name"),
    ("proposal", "The proposal's number, counted from 1"),
    ("webhook", "The webhook's id"),
    ("sequence", "The event's sequence, which is that of its audit entry"),
    ("subscription", "The subscription's id"),
    ("key", "The key in a letter"),
    ("audience", "Whom the notes are for: editors, platforms or users"),
    ("item", "The work item's number, such as W-7"),
    ("comment", "The comment's number within its item, counted from 1"),
];

/// Bytes of any kind.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Binary(#[expect(dead_code, reason = "stands for bytes in the description only")] Vec<u8>);

/// The header that marks repetitions of a request.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Repeatable {
    /// At most 200 characters. A request that was sent before with this key has no second effect: it gets what came of
    /// the first one. The same key on another request is refused.
    #[param(rename = "Idempotency-Key")]
    #[expect(dead_code, reason = "stands for the header in the description only")]
    idempotency_key: Option<String>,
}

/// The description of the whole API.
pub fn description() -> OpenApi {
    let api = super::api();
    let mut schemas = Vec::new();
    api.schemas(&mut schemas);
    ProblemDocument::schemas(&mut schemas);
    schemas.push((ProblemDocument::name().into_owned(), ProblemDocument::schema()));
    let token = SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).build());
    let components = ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme("token", token).build();
    let mut paths = api.paths();
    for (address, item) in &mut paths.paths {
        operations(item).for_each(|operation| complete(address, operation));
        if let Some(operation) = &mut item.head {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_head"));
        }
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Shelfmark").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build())
        .paths(paths)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .build()
}

const ABOUT: &str = "Digital asset versioning and release service. Send a token as `Authorization: Bearer smt_...`. \
    Every error is a problem document (RFC 9457). Lists are paged: give `next_cursor` back as `cursor`. Mutable \
    resources carry an `ETag` and honour `If-Match`. Whatever changes a project or makes a token honours \
    `Idempotency-Key`.";

/// The operations of an address.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
    all.into_iter().flatten()
}

/// Adds what all operations have in common: the names in their address, and how they fail.
fn complete(address: &str, operation: &mut Operation) {
    let names = address.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<RefOr<Parameter>> = names.map(|name| RefOr::T(segment(name))).collect();
    operation.parameters.get_or_insert_default().splice(0..0, parameters);
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            response.description = said_of(status).to_owned();
        }
    }
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let response = ResponseBuilder::new().description("A problem").content("application/problem+json", problem).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}

fn said_of(status: &str) -> &'static str {
    match status {
        "201" => "It has been made",
        "202" => "It will be done",
        "206" => "The part that was asked for",
        "304" => "The client has it already",
        _ => "Done",
    }
}

fn segment(name: &str) -> Parameter {
    let description = SEGMENTS.iter().find(|(known, _)| *known == name).map(|(_, description)| *description);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(description)
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| description().to_json().expect("the description consists of texts"))
}

#[route("/api/v1/openapi.json", method = "GET", method = "HEAD")]
async fn read_description() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(document())
}

#[route("/api/docs", method = "GET", method = "HEAD")]
async fn redirect_to_page() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((LOCATION, "/api/docs/")).finish()
}

/// Adds the description and the page. The page's files are part of this program, so it works without a network.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_description).service(redirect_to_page);
    config.service(SwaggerUi::new("/api/docs/{_:.*}").config(Config::from(ADDRESS)));
}
