//! What every subject uses: text, time, money, JSON members, and the problems of a request.

pub mod card;
pub mod checks;
pub mod invisible;
pub mod members;
pub mod money;
pub mod percent;
pub mod plain;
pub mod problem;
pub mod text;
pub mod time;
pub mod values;
