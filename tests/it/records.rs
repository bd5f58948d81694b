//! Rules 5 and the record of contract 3: its keys and values (`shape`, `values`), its tags (`tags`), how it is changed and
//! removed (`changes`), what is kept of its changes (`history`), lists of records (`lists`), reads of
//! many at once (`together`), and of what was read before (`recall`).

mod changes;
mod history;
mod lists;
mod recall;
mod shape;
mod tags;
mod together;
mod values;
