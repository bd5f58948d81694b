//! Rules 5 and the record of contract 3: its keys and values (`shape`, `values`), its tags (`tags`), how it is changed and
//! removed (`changes`), what is kept of its changes (`history`), lists of records (`lists`), and reads of
//! many at once (`together`).

mod changes;
mod history;
mod lists;
mod shape;
mod tags;
mod together;
mod values;
