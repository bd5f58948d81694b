//! Pages of a list that is sorted by one value, and by id where values are equal.

/// The rows of a page, one more than asked for. `key` is the value as SQL, if the request names one; `after` is the place of the
/// row before the page, with an id as the database has it.
macro_rules! ordered {
    ($rows:expr, $request:expr, id: $id:expr, key: $key:expr, after: $after:expr) => {{
        let (mut rows, id) = ($rows, $id);
        let key = $key.map(diesel::dsl::sql::<diesel::sql_types::BigInt>);
        rows = match (key, $request.order.descending, $after) {
            (None, true, None) => rows.order(id.desc()),
            (None, true, Some((_, last))) => rows.filter(id.lt(last)).order(id.desc()),
            (None, false, None) => rows.order(id.asc()),
            (None, false, Some((_, last))) => rows.filter(id.gt(last)).order(id.asc()),
            (Some(key), true, None) => rows.order((key.desc(), id.desc())),
            (Some(key), true, Some((value, last))) => rows
                .filter(key.clone().lt(value).or(key.clone().eq(value).and(id.lt(last))))
                .order((key.desc(), id.desc())),
            (Some(key), false, None) => rows.order((key.asc(), id.asc())),
            (Some(key), false, Some((value, last))) => rows
                .filter(key.clone().gt(value).or(key.clone().eq(value).and(id.gt(last))))
                .order((key.asc(), id.asc())),
        };
        rows.offset($request.skip).limit($request.limit.saturating_add(1))
    }};
}
pub(crate) use ordered;
