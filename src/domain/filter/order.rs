//! The spelling of a sort order, `asc(field)` or `desc(field)`, and the sort orders of lists with few fields.

use std::str::FromStr;

use strum::VariantNames;

use crate::domain::kernel::problem::ValueError;

/// Reads a sort order: whether it is descending, and the name of its field. `None` if the text is none.
pub fn direction(text: &str) -> Option<(bool, &str)> {
    let (word, name) = text.trim().strip_suffix(')')?.split_once('(')?;
    match word.trim().to_ascii_lowercase().as_str() {
        "asc" => Some((false, name.trim())),
        "desc" => Some((true, name.trim())),
        _ => None,
    }
}

/// The sort order of a list by one of few fields `F`. Ids order records with equal values, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListOrder<F> {
    /// The field; `None` for the id alone.
    pub by: Option<F>,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl<F> Default for ListOrder<F> {
    /// The newest first.
    fn default() -> Self {
        ListOrder { by: None, descending: true }
    }
}

impl<F: FromStr + VariantNames> ListOrder<F> {
    /// Reads `asc(field)` or `desc(field)`.
    ///
    /// # Errors
    /// The text is no such order.
    pub fn parse(text: &str) -> Result<ListOrder<F>, ValueError> {
        let found = direction(text).and_then(|(descending, name)| {
            name.parse().ok().map(|field| ListOrder { by: Some(field), descending })
        });
        found.ok_or_else(|| {
            let fields = F::VARIANTS.join(", ");
            ("invalid_sort", format!("must be asc(field) or desc(field), and the field one of {fields}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::invoices::filter::InvoiceField;

    #[test]
    fn rules_8_an_order_names_a_field_and_a_direction() {
        let parse = ListOrder::<InvoiceField>::parse;
        let by_day = Some(InvoiceField::InvoiceDate);
        assert_eq!(parse("desc(invoiceDate)"), Ok(ListOrder { by: by_day, descending: true }));
        assert_eq!(parse(" ASC( invoicedate ) "), Ok(ListOrder { by: by_day, descending: false }));
        for wrong in ["", "invoiceDate", "desc(colour)", "down(invoiceDate)", "desc(invoiceDate"] {
            let (code, message) = parse(wrong).unwrap_err();
            assert_eq!(code, "invalid_sort");
            assert!(message.contains("dueDate, createdAt"), "{message}");
        }
    }
}
