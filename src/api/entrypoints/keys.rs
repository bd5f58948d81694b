//! The data keys of an entrypoint, and their rotation (rules 7).

use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use super::text_of;
use crate::api::http::call::{Call, SERVICE};
use crate::api::http::error::Error;
use crate::api::http::params::{EntryPath, KeyHeader};
use crate::domain::accounts::acts::ActKind;
use crate::domain::accounts::token::Scope;
use crate::store::{Rotation, RotationPhase};

/// How far a key rotation is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotationOut {
    /// `running` or `finished`.
    state: &'static str,
    /// What is being done: `customers`, `outcomes` (of idempotency keys), `check`, or `finished`.
    phase: &'static str,
    /// Customers that are under the new key.
    customers_done: i64,
    /// Customers there were at the start, deleted ones included.
    customers_total: i64,
    /// When it began.
    started_at: String,
    /// When the old key was dropped; null while it runs.
    ended_at: Option<String>,
}

impl RotationOut {
    fn new(rotation: &Rotation) -> RotationOut {
        RotationOut {
            state: if rotation.phase == RotationPhase::Finished { "finished" } else { "running" },
            phase: rotation.phase.name(),
            customers_done: rotation.done,
            customers_total: rotation.total,
            started_at: rotation.started_at.to_rfc3339(),
            ended_at: rotation.ended_at.map(crate::domain::kernel::time::Micros::to_rfc3339),
        }
    }
}

/// A data key; of the key itself nothing is ever shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyOut {
    /// Its id, which stands beside everything sealed under it.
    key_id: i64,
    /// The how manieth key of the entrypoint it is.
    epoch: i64,
    /// Which master key wraps it.
    master_key_id: String,
    /// When it was made.
    created_at: String,
}

/// The data keys of an entrypoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeysOut {
    /// The keys in use, newest first: one, or two while a rotation runs.
    keys: Vec<KeyOut>,
    /// The newest rotation; null where there was none.
    rotation: Option<RotationOut>,
}

/// Read an entrypoint's keys and how far their rotation is
///
/// Ids and times of its data keys; the keys themselves are never shown.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath),
    responses((status = 200, description = "The keys and their newest rotation", body = KeysOut)),
)]
#[get("/api/Paypoint/keys/{entry}")]
pub(crate) async fn get_entrypoint_keys(call: Call) -> Result<HttpResponse, Error> {
    let id = call.entry(Scope::Settings).await?;
    call.params().done()?;
    let (keys, rotation) = call.app.store.keys().list(id).await?;
    let keys = keys
        .into_iter()
        .map(|key| KeyOut {
            key_id: key.key_id,
            epoch: key.epoch,
            master_key_id: key.master_key_id,
            created_at: key.created_at.to_rfc3339(),
        })
        .collect();
    Ok(HttpResponse::Ok().json(KeysOut { keys, rotation: rotation.as_ref().map(RotationOut::new) }))
}

/// Rotate an entrypoint's keys
///
/// Makes a new data key. A worker seals and indexes every customer anew under it, and drops the old key in the end;
/// creates, matches and searches go on meanwhile. `GET /api/Paypoint/keys/{entry}` shows how far it is. A service
/// that is killed goes on with it when it starts again. While one runs, this answers how far it is.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath, KeyHeader),
    responses((status = 200, description = "The rotation has begun", body = RotationOut)),
)]
#[post("/api/Paypoint/keys/rotate/{entry}")]
pub(crate) async fn rotate_entrypoint_keys(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let id = call.entry(Scope::Settings).await?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let render = |rotation: Rotation| text_of(&RotationOut::new(&rotation));
    let act = call.act_at(ActKind::KeysRotated);
    let start = async |(), key| call.app.store.keys().start_rotation(id, Some(act), key, render).await;
    mutation.answer(call.params().done(), start).await
}
