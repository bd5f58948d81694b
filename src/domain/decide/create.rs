//! Get or create: what a create does, with a match and without one (rules 3); `matching` finds the match.

use std::sync::Arc;

use super::command::{Actor, CreateCustomer, Hung, OnMatch, Outcome, Verdict};
use super::effects::{Effects, Revision};
use super::unique::{check_changed_identity, check_new};
use super::working_set::WorkingSet;
use super::{Undecided, apply_consequences, comment, further, guard, hung, invalid, write};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::apply;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::history::Operation;
use crate::domain::customers::matching::{self, Hit};
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::kernel::problem::{Problem, Rejection};

/// The evaluation of a create, before anything is written.
pub(super) struct Evaluation {
    pub(super) record: Customer,
    pub(super) problems: Vec<Problem>,
    pub(super) found: matching::Candidates,
    pub(super) hit: Result<Option<Hit>, Rejection>,
}

pub(super) fn evaluate(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    sight: Sight,
) -> Result<Evaluation, Undecided> {
    guard::check_create(&working_set.entrypoint.policy, &create.draft, sight)?;
    let country = working_set.entrypoint.country.as_deref();
    let (record, problems) = apply::create(&create.draft, country, working_set.now);
    let lacks = check_required(working_set, &create.draft, &record, &problems);
    if working_set.row_before.is_none() {
        lacks.clone()?;
    }
    let keys = match matching::keys(&working_set.entrypoint, create, &record) {
        Ok(keys) => keys,
        Err(unidentified) => {
            lacks?;
            // The caller must correct the invalid value before it can identify anybody.
            let rejection = if problems.is_empty() { unidentified } else { Rejection::Invalid(problems) };
            return Err(rejection.into());
        }
    };
    let found = matching::candidates(working_set, &keys)?;
    let hit = matching::hit(working_set, create, &record, &found);
    // A further row of a customer need not repeat what the first one has.
    let is_further = |hit: &Hit| further::is_further(working_set, create, hit.id);
    if !matches!(&hit, Ok(Some(hit)) if is_further(hit)) {
        lacks?;
    }
    Ok(Evaluation { record, problems, found, hit })
}

/// Checks `requiredFields`. First and last name together count as the full name; a mask counts as sent.
pub(super) fn check_required(
    working_set: &WorkingSet,
    draft: &Draft,
    record: &Customer,
    problems: &[Problem],
) -> Result<(), Rejection> {
    let has = |field: TextField| record.text(field).is_some() || draft.text(field).value().is_some();
    let met = |field: TextField| {
        has(field) || (field == TextField::Fullname && has(TextField::Firstname) && has(TextField::Lastname))
    };
    let mut missing: Vec<Problem> = working_set
        .entrypoint
        .required
        .iter()
        .filter(|field| !met(**field))
        .map(|field| {
            Problem::field(
                &[field.name()],
                "required",
                format!("is required at entrypoint {}", working_set.entrypoint.entry),
            )
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.extend(problems.iter().filter(|problem| problem.code != "masked_value").cloned());
    Err(Rejection::Invalid(missing))
}

pub(super) fn decide_create(
    working_set: &mut WorkingSet,
    create: &CreateCustomer,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let Hung { comments, methods, random } = &create.hung;
    if !comments.is_empty() {
        guard::check_comment(sight)?;
    }
    let mut effects = decide_record(working_set, create, actor, sight)?;
    if !comments.is_empty() {
        effects = comment::with_comments(working_set, effects, comments, actor)?;
    }
    if methods.is_empty() {
        return Ok(effects);
    }
    let changes = matches!(create.on_match, OnMatch::Merge | OnMatch::Replace);
    hung::with_methods(working_set, effects, methods, (*random, changes), sight, actor)
}

fn decide_record(
    working_set: &mut WorkingSet,
    create: &CreateCustomer,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let evaluation = evaluate(working_set, create, sight)?;
    let forced = create.on_match == OnMatch::Force;
    if !forced && let Some(hit) = evaluation.hit? {
        return existing(working_set, create, actor, sight, &hit);
    }
    invalid(evaluation.problems)?;
    let mut record = evaluation.record;
    apply_consequences(None, &mut record);
    check_new(working_set, &record)?;
    let verdict = if forced && !evaluation.found.is_empty() { Verdict::Forced } else { Verdict::Created };
    let id = working_set.next_id()?;
    let operation = if verdict == Verdict::Forced { Operation::Forced } else { Operation::Created };
    let after = Arc::new(Stored { id, version: 1, customer: record, erased: false });
    let revision = Revision {
        before: None,
        after,
        operation,
        actor: actor.clone(),
        precomputed: create.precomputed.clone(),
        is_blind: false,
    };
    let outcome = Outcome::Created { verdict, id, version: 1, matched_on: None, differs: Vec::new() };
    Ok(Effects::new(outcome, Some(revision)))
}

/// What a create does to the customer that it matches.
pub(super) fn existing(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    actor: &Actor,
    sight: Sight,
    hit: &Hit,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(hit.id).ok_or(Rejection::Defect)?);
    let country = working_set.entrypoint.country.as_deref();
    let draft = guard::marked(&create.draft, sight);
    if further::is_further(working_set, create, hit.id) {
        let listed = further::listed(working_set, &stored.customer, &draft);
        return add_addresses(working_set, (create.on_match, listed), &stored, actor, sight, hit);
    }
    let (verdict, operation, (mut after, problems)) = match create.on_match {
        OnMatch::Get | OnMatch::Force => {
            let (_, problems) = apply::merge(&stored.customer, &draft, country);
            invalid(problems)?;
            let outcome = Outcome::Created {
                verdict: Verdict::Matched,
                id: hit.id,
                version: stored.version,
                matched_on: Some(hit.names()),
                differs: apply::differs(&stored.customer, &draft, country),
            };
            return Ok(Effects::new(outcome, None));
        }
        OnMatch::Replace => {
            (Verdict::Replaced, Operation::Replaced, apply::replace(&stored.customer, &draft, country))
        }
        OnMatch::Merge => {
            (Verdict::Merged, Operation::Merged, apply::merge(&stored.customer, &draft, country))
        }
    };
    invalid(problems)?;
    guard::check_existing(&stored.customer, &mut after, &create.draft, hit, sight)?;
    check_changed_identity(working_set, &stored, &after)?;
    // A replacement also empties what it does not send, whether or not there is something.
    let is_blind =
        guard::is_blind(&create.draft, &hit.on, sight) || (create.on_match == OnMatch::Replace && !sight.pii);
    let (version, revision) = write(working_set, &stored, after, operation, actor, is_blind);
    let matched_on = Some(hit.names());
    let outcome = Outcome::Created { verdict, id: hit.id, version, matched_on, differs: Vec::new() };
    Ok(Effects::new(outcome, revision))
}

/// What a further row of a customer does: it adds addresses, and writes the rest if the import writes onto existing customers.
fn add_addresses(
    working_set: &WorkingSet,
    (on_match, listed): (OnMatch, Draft),
    stored: &Arc<Stored>,
    actor: &Actor,
    sight: Sight,
    hit: &Hit,
) -> Result<Effects, Undecided> {
    let country = working_set.entrypoint.country.as_deref();
    let (mut after, problems) = apply::merge(&stored.customer, &listed, country);
    invalid(problems)?;
    let matched_on = Some(hit.names());
    let (mut written, mut differs) = (listed, Vec::new());
    if on_match == OnMatch::Get {
        let addresses = std::mem::take(&mut written.addresses);
        differs = apply::differs(&stored.customer, &written, country);
        if !addresses.is_sent() {
            let verdict = Verdict::Matched;
            let (id, version) = (stored.id, stored.version);
            let outcome = Outcome::Created { verdict, id, version, matched_on, differs };
            return Ok(Effects::new(outcome, None));
        }
        let is_blind = written.is_blind;
        written = Draft::default();
        (written.addresses, written.is_blind) = (addresses, is_blind);
        (after, _) = apply::merge(&stored.customer, &written, country);
    }
    guard::check_existing(&stored.customer, &mut after, &written, hit, sight)?;
    check_changed_identity(working_set, stored, &after)?;
    let is_blind = guard::is_blind(&written, &hit.on, sight);
    let (version, revision) = write(working_set, stored, after, Operation::Merged, actor, is_blind);
    let outcome = Outcome::Created { verdict: Verdict::Merged, id: stored.id, version, matched_on, differs };
    Ok(Effects::new(outcome, revision))
}
