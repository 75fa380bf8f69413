//! What people have said that assets need.

use actix_web::{HttpResponse, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_engine::catalog::{Declaration, DeclaredRow, Need};
use shelfmark_engine::operations::references::{self, DeclaredNeed};

use crate::http::assets::asset_of;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, tag};
use crate::web::Problem;

/// What an asset needs, all of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarationBody {
    needs: Vec<NeedBody>,
}

/// One thing that an asset needs: whatever is at a path, or an asset wherever it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedBody {
    /// What it is to the asset, in your words.
    #[schema(example = "font")]
    kind: String,
    #[schema(value_type = Option<String>)]
    path: Option<AssetPath>,
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
}

/// What was declared of an asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeclarationView {
    needs: Vec<NeedView>,
    /// What `If-Match` can insist on; 0 when nothing has ever been declared.
    revision: i64,
}

/// One thing that an asset needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedView {
    kind: String,
    path: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
}

impl NeedBody {
    fn into_need(self) -> Result<DeclaredNeed, Problem> {
        let need = match (self.path, self.asset) {
            (Some(path), None) => Need::Path(path.into()),
            (None, Some(id)) => Need::Asset(AssetId(id.into_bytes())),
            _ => return Err(Problem::invalid("needs", "name each need by its path or by its asset's id, not both")),
        };
        Ok(DeclaredNeed { kind: self.kind, need })
    }
}

impl From<Declaration> for DeclarationView {
    fn from(declaration: Declaration) -> Self {
        let view = |row: DeclaredRow| match row.need {
            Need::Path(path) => NeedView { kind: row.kind, path: Some(path), asset: None },
            Need::Asset(id) => NeedView { kind: row.kind, path: None, asset: Some(Uuid::from_bytes(id.0)) },
        };
        Self { needs: declaration.needs.into_iter().map(view).collect(), revision: declaration.revision }
    }
}

fn answer(declaration: Declaration) -> HttpResponse {
    HttpResponse::Ok().insert_header(tag(declaration.revision)).json(DeclarationView::from(declaration))
}

/// Shows what was declared of an asset.
#[utoipa::path(tag = "references", responses((status = 200, body = DeclarationView)))]
#[get("/projects/{project}/assets/{asset}/declared-references")]
pub async fn read_declared(asked: Asked) -> Result<HttpResponse, Problem> {
    let asset = asset_of(&asked).await?;
    Ok(answer(asked.catalog().declaration(asset.id).await?))
}

/// Declares what an asset needs, though its bytes don't say so. What was declared before is replaced.
#[utoipa::path(tag = "references", request_body = DeclarationBody, responses((status = 200, body = DeclarationView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the declaration is at this revision, in quotes")))]
#[put("/projects/{project}/assets/{asset}/declared-references")]
pub async fn declare_references(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<DeclarationBody>().await?;
    let (project, asset, expected) = (asked.project()?, asked.asset()?, asked.expected_revision()?);
    let needs = body.needs.into_iter().map(NeedBody::into_need).collect::<Result<_, _>>()?;
    let declared = references::declare_references(asked.engine(), &caller, &project, asset, needs, expected).await?;
    Ok(answer(declared))
}
