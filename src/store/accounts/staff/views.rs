//! Views of the list of customers that members keep: filters, columns and order under a name, and never the text of a search.

use diesel::prelude::*;

use crate::clock;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::store::Staff;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::staff_view;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::Ad;

/// The most views that a member keeps.
const VIEWS_MAX: i64 = 30;

/// A view that a member keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffView {
    /// The id.
    pub id: String,
    /// What the member calls it.
    pub name: String,
    /// Filters, columns and order, as JSON.
    pub query: String,
}

/// A view as it is stored: a filter may name a label, so what it says is sealed under the key of the service.
#[derive(Queryable, Selectable)]
#[diesel(table_name = staff_view)]
struct ViewRow {
    view_id: String,
    name: String,
    key_id: i64,
    query: Vec<u8>,
}

impl ViewRow {
    fn open(self, conn: &mut Conn, ring: &KeyRing) -> Result<StaffView, StoreError> {
        let corrupt = || StoreError::Corrupt(format!("{} does not open", self.view_id));
        let key = ring.data_key(conn, self.key_id)?;
        let plain = key.seal_key(ENTRYPOINT_SALT)?.open(&ad(&self.view_id), &self.query);
        let query = String::from_utf8(plain.map_err(|_| corrupt())?.to_vec()).map_err(|_| corrupt())?;
        Ok(StaffView { id: self.view_id, name: self.name, query })
    }
}

/// Binds what a view says to its place.
fn ad(view_id: &str) -> Ad {
    Ad::new("staff view", &[]).and(view_id.as_bytes())
}

/// The views of a member, oldest first.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(super) fn of_member(
    conn: &mut Conn,
    ring: &KeyRing,
    member_id: &str,
) -> Result<Vec<StaffView>, StoreError> {
    let rows: Vec<ViewRow> = on!(conn, |c| staff_view::table
        .filter(staff_view::member_id.eq(member_id))
        .order((staff_view::created_at_us, staff_view::view_id))
        .select(ViewRow::as_select())
        .load(c))?;
    rows.into_iter().map(|row| row.open(conn, ring)).collect()
}

/// Removes the views of a member.
///
/// # Errors
/// Database errors.
pub(super) fn forget(conn: &mut Conn, member_id: &str) -> Result<(), StoreError> {
    let own = staff_view::table.filter(staff_view::member_id.eq(member_id));
    on!(conn, |c| diesel::delete(own).execute(c))?;
    Ok(())
}

fn save(conn: &mut Conn, ring: &KeyRing, member_id: &str, view: &StaffView) -> Result<String, StoreError> {
    let key = ring.service_key(conn)?;
    let sealed =
        |id: &str| Ok::<_, StoreError>(key.seal_key(ENTRYPOINT_SALT)?.seal(&ad(id), view.query.as_bytes())?);
    let own = staff_view::table.filter(staff_view::member_id.eq(member_id));
    let same: Option<String> = on!(conn, |c| own
        .filter(staff_view::name.eq(&view.name))
        .select(staff_view::view_id)
        .first(c)
        .optional())?;
    if let Some(id) = same {
        let place = staff_view::table.find(&id);
        let changes = (staff_view::key_id.eq(key.id), staff_view::query.eq(sealed(&id)?));
        on!(conn, |c| diesel::update(place).set(changes).execute(c))?;
        return Ok(id);
    }
    let count: i64 = on!(conn, |c| own.count().get_result(c))?;
    if count >= VIEWS_MAX {
        let problem = Problem::field(&["viewName"], "too_many", "there are 30 views; delete one");
        return Err(Rejection::State(vec![problem]).into());
    }
    on!(conn, |c| diesel::insert_into(staff_view::table)
        .values((
            staff_view::view_id.eq(&view.id),
            staff_view::member_id.eq(member_id),
            staff_view::name.eq(&view.name),
            staff_view::key_id.eq(key.id),
            staff_view::query.eq(sealed(&view.id)?),
            staff_view::created_at_us.eq(clock::now().0),
        ))
        .on_conflict(staff_view::view_id)
        .do_nothing()
        .execute(c))?;
    Ok(view.id.clone())
}

impl Staff<'_> {
    /// The views of a member, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn views(self, member_id: String) -> Result<Vec<StaffView>, StoreError> {
        self.0.look_up(move |conn, ring| of_member(conn, ring, &member_id)).await
    }

    /// Keeps a view of a member, in place of one with the same name; returns its id. Keeping a view with the same id again does
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the member has too many; database errors.
    pub async fn save_view(self, member_id: String, view: StaffView) -> Result<String, StoreError> {
        self.0.administer(move |conn, ring| save(conn, ring, &member_id, &view)).await
    }

    /// Removes a view of a member. To remove none is no error.
    ///
    /// # Errors
    /// Database errors.
    pub async fn delete_view(self, member_id: String, id: String) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                let own = staff_view::table.filter(staff_view::member_id.eq(&member_id));
                on!(conn, |c| diesel::delete(own.filter(staff_view::view_id.eq(&id))).execute(c))?;
                Ok(())
            })
            .await
    }
}
