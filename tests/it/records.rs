//! Rules 5 and the record of contract 3: its keys and values (`shape`, `values`), its tags (`etags`), its changes and
//! its removal (`changes`), its history (`history`), lists of records (`lists`), reads of many records at once
//! (`simultaneous_reads`), and the record cache (`record_cache`).

mod changes;
mod etags;
mod history;
mod lists;
mod record_cache;
mod shape;
mod simultaneous_reads;
mod values;
