//! Rules 5 and the record of contract 3: its keys and values (`shape`, `values`), its tags (`tags`), how it is changed and
//! removed (`changes`), what is kept of its changes (`history`), and lists of records (`lists`).

mod changes;
mod history;
mod lists;
mod shape;
mod tags;
mod values;
