//! The filters of lists and exports as a schema, so that generated clients know them by name and type.

use serde_json::{Map, Value, json};

use super::reference;
use crate::domain::customers::record::Status;
use crate::domain::filter::{ADDITIONAL_PREFIX, FilterField, Kind, Op};
use crate::domain::methods;
use crate::domain::transactions::filter as payments;
use strum::VariantArray as _;

/// The name of the schema.
pub(super) const NAME: &str = "CustomerFilters";

/// One member for each field with each operator that it takes. `FilterField` decides which these are.
pub(super) fn schema() -> Value {
    let mut properties = Map::new();
    for field in FilterField::all() {
        for op in field.ops() {
            properties.insert(format!("{}({})", field.name(), op.name()), member(&field, *op));
        }
    }
    json!({
        "type": "object",
        "description": format!(
            "Filters, all of which must hold. A member is a field with an operator: `field(operator)`. A filter by an \
             additional field is `{ADDITIONAL_PREFIX}<name>(operator)`, with the operators eq, ne, ct and nct."
        ),
        "properties": properties,
    })
}

/// The name of the schema of filters of transactions.
pub(super) const OF_TRANSACTIONS: &str = "TransactionFilters";

/// One member for each field of transactions with each operator that it takes.
pub(super) fn of_transactions() -> Value {
    let mut properties = Map::new();
    for name in payments::Name::VARIANTS {
        let field = payments::Field::Named(*name);
        for op in field.ops() {
            let value = match (field.kind(), op) {
                (_, Op::In | Op::Nin) => json!({"type": "string"}),
                (payments::Kind::Number, _) => json!({"type": "integer", "format": "int64"}),
                (payments::Kind::Money, _) => json!({"type": "number", "format": "double"}),
                _ => json!({"type": "string"}),
            };
            let name = field.name();
            let note = if matches!(field.kind(), payments::Kind::Moment) { MOMENT } else { "" };
            let value = described(value, in_words(&name, *op, note));
            properties.insert(format!("{name}({})", op.name()), value);
        }
    }
    json!({
        "type": "object",
        "description": format!(
            "Filters, all of which must hold. A member is a field with an operator: `field(operator)`. A filter by an \
             additional value is `{ADDITIONAL_PREFIX}<name>(operator)`, with the operators eq, ne, ct and nct."
        ),
        "properties": properties,
    })
}

fn member(field: &FilterField, op: Op) -> Value {
    let schema = match (field.kind(), op) {
        (_, Op::In | Op::Nin)
        | (Kind::Text | Kind::Name | Kind::Email | Kind::Phone | Kind::Country | Kind::Moment, _) => {
            json!({"type": "string"})
        }
        (Kind::Number, _) => json!({"type": "integer", "format": "int64"}),
        (Kind::Money, _) => json!({"type": "number", "format": "double"}),
        (Kind::Status, _) => {
            let codes: Vec<i32> = Status::VARIANTS.iter().map(|status| status.code()).collect();
            json!({"type": "integer", "enum": codes})
        }
        (Kind::Lifecycle, _) => reference("schemas", "Lifecycle"),
        (Kind::MethodStatus, _) => {
            json!({"type": "string", "enum": methods::status_words().collect::<Vec<_>>()})
        }
    };
    let note = match field.kind() {
        Kind::Moment => MOMENT,
        Kind::Phone => " (digits are compared)",
        _ => "",
    };
    described(schema, in_words(&field.name(), op, note))
}

/// How moments are written.
const MOMENT: &str = " (a time as RFC 3339, or a date for that day in UTC)";

fn described(mut schema: Value, description: String) -> Value {
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".into(), description.into());
    }
    schema
}

/// What a filter asks for; `value` says more of the value.
fn in_words(name: &str, op: Op, value: &str) -> String {
    match op {
        Op::Eq => format!("{name} is this{value}"),
        Op::Ne => format!("{name} is not this{value}"),
        Op::Gt => format!("{name} is greater{value}"),
        Op::Ge => format!("{name} is greater or this{value}"),
        Op::Lt => format!("{name} is less{value}"),
        Op::Le => format!("{name} is less or this{value}"),
        Op::Ct => format!("{name} contains this{value}"),
        Op::Nct => format!("{name} does not contain this{value}"),
        Op::In => format!("{name} is one of these, divided by |"),
        Op::Nin => format!("{name} is none of these, divided by |"),
    }
}
