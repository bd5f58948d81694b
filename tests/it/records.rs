//! Rules 5 and the record of contract 3: its keys and values (`shape`, `values`), its tags (`tags`), its changes and
//! its removal (`changes`), its history (`history`), lists of records (`lists`), reads of many records at once
//! (`together`), and the record cache (`record_cache`).

mod changes;
mod history;
mod lists;
mod recall;
mod shape;
mod tags;
mod together;
mod values;
