//! What customers are called, and the words for their states at the API.

use serde_json::Value;

use crate::console::ask::{member, shown, text};
use crate::console::written::number;

/// How many records a list of an answer has on all its pages.
pub(in crate::console) fn total_of(list: &Value) -> i64 {
    number(member(list, "Summary"), "totalRecords")
}

/// What a customer is called: by name, else company, else number, else id.
pub(in crate::console) fn name_of(record: &Value) -> String {
    let person = [text(record, "Firstname"), text(record, "Lastname")].join(" ");
    let id = format!("#{}", shown(record, "customerId"));
    let names = [
        person.trim(),
        text(record, "Fullname"),
        text(record, "Company"),
        text(record, "customerNumber"),
        &id,
    ];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}

/// The stages of a customer's life, in their order.
pub(in crate::console) const STAGES: [&str; 8] =
    ["Prospect", "Subscriber", "Active", "Idle", "Churned", "Archived", "Deleted", "Anonymised"];

/// The statuses of a record, as requests write them.
pub(super) const STATUSES: [&str; 4] = ["1", "0", "85", "-99"];

/// The statuses of payment methods, in their order.
pub(in crate::console) const METHOD_STATUSES: [&str; 7] =
    ["Active", "Expiring soon", "Insufficient funds", "Expired", "Invalid", "Manual", "None"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_customer_is_called_by_the_best_name_there_is() {
        for (record, name) in [
            (json!({"Firstname": "Ada", "Lastname": "Low", "Company": "X"}), "Ada Low"),
            (json!({"Firstname": null, "Lastname": "Low"}), "Low"),
            (json!({"Fullname": "Ada Low", "Company": "X"}), "Ada Low"),
            (json!({"Company": "X", "customerNumber": "7"}), "X"),
            (json!({"customerNumber": "C-7", "customerId": 7}), "C-7"),
            (json!({"customerId": 7}), "#7"),
        ] {
            assert_eq!(name_of(&record), name, "{record}");
        }
    }
}
