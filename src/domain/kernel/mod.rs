//! What every subject uses: text, time, money, JSON members, and the problems that a request can have.

pub mod members;
pub mod money;
pub mod problem;
pub mod text;
pub mod time;
