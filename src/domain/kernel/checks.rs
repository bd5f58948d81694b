//! Derived checks of request types (`#[derive(Validate)]`), with the codes and messages of our problems.

use std::borrow::Cow;

use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use super::problem::{Problem, ValueError};
use super::text::{NO_CONTROL, at_most, has_control};

/// Refuses control characters.
///
/// # Errors
/// The text has one.
pub fn no_control(text: &str) -> Result<(), ValidationError> {
    let refusal = || ValidationError::new("control_character").with_message(NO_CONTROL.into());
    if has_control(text) { Err(refusal()) } else { Ok(()) }
}

/// What derived checks found, as problems of the body's members, in the order of their names.
pub fn problems_of(checked: Result<(), ValidationErrors>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (field, kind) in checked.err().unwrap_or_default().into_errors() {
        match kind {
            // One problem a field is enough; a custom check comes last and says more than a length.
            ValidationErrorsKind::Field(errors) => problems.extend(errors.last().map(|error| {
                let (code, message) = value_error(error);
                Problem::field(&[&member_name(&field)], code, message)
            })),
            // The wire has the members of the inner struct beside those of the outer one.
            ValidationErrorsKind::Struct(inner) => problems.extend(problems_of(Err(*inner))),
            ValidationErrorsKind::List(_) => {}
        }
    }
    problems.sort_by(|a, b| a.at.cmp(&b.at));
    problems
}

fn value_error(error: &ValidationError) -> ValueError {
    let limit = |name: &str| error.params.get(name).map(ToString::to_string).unwrap_or_default();
    match &error.code {
        Cow::Borrowed("length") => ("too_long", at_most(limit("max"))),
        Cow::Borrowed("range") => {
            ("invalid_value", format!("must be an integer from {} to {}", limit("min"), limit("max")))
        }
        Cow::Borrowed(code) => (*code, error.message.clone().unwrap_or_default().into_owned()),
        Cow::Owned(_) => ("invalid_value", error.to_string()),
    }
}

/// `expires_in_days` as `expiresInDays`.
fn member_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    for (index, word) in field.split('_').enumerate() {
        let (first, rest) = word.split_at_checked(1).filter(|_| index > 0).unwrap_or(("", word));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use validator::Validate;

    use super::*;

    #[derive(Validate)]
    struct Outer {
        #[validate(length(max = 3), custom(function = no_control))]
        store_name: String,
        #[validate(range(min = 1, max = 9))]
        expires_in_days: Option<i64>,
        #[validate(nested)]
        inner: Inner,
    }

    #[derive(Validate)]
    struct Inner {
        #[validate(length(max = 1))]
        color: Option<String>,
    }

    #[test]
    fn derived_checks_report_one_problem_for_each_member() {
        let found = |store_name: &str, days, color: Option<&str>| {
            let inner = Inner { color: color.map(str::to_owned) };
            let outer = Outer { store_name: store_name.into(), expires_in_days: days, inner };
            let problems = problems_of(outer.validate());
            problems.iter().map(|it| format!("{} {it}", it.code)).collect::<Vec<_>>()
        };
        assert!(found("éé1", Some(9), None).is_empty());
        assert_eq!(
            found("éé12", Some(10), Some("ab")),
            [
                "too_long color: must have at most 1 characters",
                "invalid_value expiresInDays: must be an integer from 1 to 9",
                "too_long storeName: must have at most 3 characters",
            ]
        );
        assert_eq!(
            found("a\nbcd", None, None),
            ["control_character storeName: must not hold control characters"]
        );
    }
}
