//! The page token: the first record of the page and the size of the list, sealed and bound to the query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::domain::filter::SortKey;
use crate::domain::kernel::problem::Problem;

const KIND: &str = "cursor";

#[derive(Serialize, Deserialize)]
struct Cursor {
    after: SortKey,
    total: usize,
    /// Whether there are more.
    #[serde(default)]
    has_uncounted: bool,
}

/// The size of a list, and whether there are more records than were counted.
pub(super) type Total = (usize, bool);

/// The token of the next page, if there is one.
///
/// # Errors
/// 503 without the database.
pub(super) async fn seal(
    app: &App,
    context: [u8; 32],
    next: Option<SortKey>,
    (total, has_uncounted): Total,
) -> Result<Option<String>, Error> {
    let Some(after) = next else { return Ok(None) };
    let text = serde_json::to_vec(&Cursor { after, total, has_uncounted }).unwrap_or_default();
    Ok(Some(URL_SAFE_NO_PAD.encode(app.store.keys().seal_note(KIND, context, text).await?)))
}

/// Opens the page token of the same query, if one was sent.
///
/// # Errors
/// 400 for a token of another query, or an invalid token.
pub(super) async fn open(
    app: &App,
    context: [u8; 32],
    token: Option<&str>,
) -> Result<(Option<SortKey>, Option<Total>), Error> {
    let Some(token) = token else { return Ok((None, None)) };
    let refused = || {
        let message = "is no token of this list; send it with the filters, search and order it came from";
        Error::invalid(Problem::parameter("pageIdentifier", "invalid_page", message))
    };
    let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let text = app.store.keys().open_note(KIND, context, sealed).await?.ok_or_else(refused)?;
    let cursor: Cursor = serde_json::from_slice(&text).map_err(|_| refused())?;
    Ok((Some(cursor.after), Some((cursor.total, cursor.has_uncounted))))
}
