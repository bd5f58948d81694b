//! What a command does to the working set: pure, deterministic, one command at a time (rules 3, 4 and 5).

mod account;
pub mod command;
pub mod working_set;

use std::sync::Arc;

use self::command::{
    Action, Actor, Answer, Command, CreateCustomer, DeleteCustomer, MatchReport, OnMatch, Outcome,
    UpdateCustomer, Verdict,
};
use self::working_set::{IdempotencyRecord, Missing, Revision, WorkingSet};
use super::customers::apply;
use super::customers::fields::TextField;
use super::customers::history::Operation;
use super::customers::identifier::{Identifier, MatchKey};
use super::customers::matching::{self, Hit};
use super::customers::record::{Customer, Lifecycle, Status, Stored};
use super::kernel::problem::{Problem, Rejection};

/// Why a command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// It is refused; nothing took effect.
    Rejected(Rejection),
    /// A fact is missing: tell the working set, then decide again.
    Missing(Missing),
}

impl From<Rejection> for Undecided {
    fn from(rejection: Rejection) -> Undecided {
        Undecided::Rejected(rejection)
    }
}

impl From<Missing> for Undecided {
    fn from(missing: Missing) -> Undecided {
        Undecided::Missing(missing)
    }
}

/// Decides one command and writes its effect into the working set, or leaves the working set as it was.
///
/// # Errors
/// [`Undecided`]; a rejected command has no effect, one with a missing fact may be decided again.
pub fn decide(working_set: &mut WorkingSet, command: &Command) -> Result<Answer, Undecided> {
    if let Some(key_use) = &command.idempotency
        && let Some(record) = working_set.idempotency(&key_use.key)
    {
        if record.fingerprint != key_use.fingerprint {
            return Err(Rejection::KeyReused.into());
        }
        let outcome = remembered(working_set, record.outcome.clone());
        return Ok(answer(working_set, outcome, true));
    }
    let actor = &command.actor;
    let without_mail = |(outcome, revision)| (outcome, revision, None);
    let (outcome, revision, mail) = match &command.action {
        Action::Create(create) => without_mail(decide_create(working_set, create, actor)?),
        Action::Update(update) => without_mail(decide_update(working_set, update, actor)?),
        Action::Delete(delete) => without_mail(decide_delete(working_set, delete, actor)?),
        Action::Match(create) => (decide_match(working_set, create)?, None, None),
        Action::Invite(invite) => account::decide_invite(working_set, invite, actor)?,
        Action::Consent(consent) => account::decide_consent(working_set, consent, actor)?,
        Action::Archive(archive) => without_mail(account::decide_archive(working_set, archive, actor)?),
        Action::Replay(problems) => return Err(Rejection::Invalid(problems.clone()).into()),
    };
    if let Some(revision) = revision {
        working_set.write(revision);
    }
    if let Some(mail) = mail {
        working_set.order_mail(mail);
    }
    if let Some(key_use) = &command.idempotency {
        let record = IdempotencyRecord { fingerprint: key_use.fingerprint, outcome: outcome.clone() };
        working_set.keep_outcome(key_use.key, record);
    }
    Ok(answer(working_set, outcome, false))
}

/// An outcome as it may still be told: of an erased person only what was done, not by which values.
fn remembered(working_set: &WorkingSet, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Created { verdict, id, version, .. }
            if working_set.customer(id).is_some_and(|stored| stored.erased) =>
        {
            Outcome::Created { verdict, id, version, matched_on: None, differs: Vec::new() }
        }
        other => other,
    }
}

fn answer(working_set: &WorkingSet, outcome: Outcome, replayed: bool) -> Answer {
    let stored = outcome.record().and_then(|(id, version)| working_set.version(id, version));
    Answer { outcome, stored, entrypoint: Arc::clone(&working_set.entrypoint), replayed }
}

/// The keys a command will ask the working set for, as far as its request tells; the rest is found missing.
pub fn precomputed_keys(working_set: &WorkingSet, command: &Command) -> Vec<MatchKey> {
    match &command.action {
        Action::Create(create) | Action::Match(create) => {
            let country = working_set.entrypoint.country.as_deref();
            let made;
            let record = match &create.precomputed {
                Some(precomputed) => &precomputed.record,
                None => {
                    made = apply::create(&create.draft, country, working_set.now).0;
                    &made
                }
            };
            let mut keys = matching::keys(&working_set.entrypoint, create, record).unwrap_or_default();
            keys.extend(Identifier::customer_username().key(record));
            keys
        }
        Action::Update(update) => {
            let Some(stored) = working_set.customer(update.id) else { return Vec::new() };
            let (after, _) =
                apply::update(&stored.customer, &update.draft, working_set.entrypoint.country.as_deref());
            unique_identifiers(working_set)
                .filter_map(|identifier| {
                    identifier
                        .key(&after)
                        .filter(|key| identifier.key(&stored.customer).as_ref() != Some(key))
                })
                .collect()
        }
        Action::Invite(invite) => account::precomputed_keys(working_set, invite.id),
        Action::Delete(_) | Action::Consent(_) | Action::Archive(_) | Action::Replay(_) => Vec::new(),
    }
}

fn invalid(problems: Vec<Problem>) -> Result<(), Rejection> {
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

/// A create as it stands before anything is written.
struct Evaluation {
    record: Customer,
    problems: Vec<Problem>,
    found: matching::Candidates,
    hit: Result<Option<Hit>, Rejection>,
}

fn evaluate(working_set: &WorkingSet, create: &CreateCustomer) -> Result<Evaluation, Undecided> {
    let country = working_set.entrypoint.country.as_deref();
    let (record, problems) = apply::create(&create.draft, country, working_set.now);
    check_required(working_set, &create.draft, &record, &problems)?;
    let keys = match matching::keys(&working_set.entrypoint, create, &record) {
        // A value that would identify, were it right, is what there is to mend.
        Err(_) if !problems.is_empty() => return Err(Rejection::Invalid(problems).into()),
        keys => keys?,
    };
    let found = matching::candidates(working_set, &keys)?;
    let hit = matching::hit(working_set, create, &record, &found);
    Ok(Evaluation { record, problems, found, hit })
}

/// The entrypoint's `requiredFields`; a full name is met by both names. A mask counts as sent.
fn check_required(
    working_set: &WorkingSet,
    draft: &super::customers::draft::Draft,
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

fn decide_create(
    working_set: &mut WorkingSet,
    create: &CreateCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>), Undecided> {
    let evaluation = evaluate(working_set, create)?;
    let forced = create.on_match == OnMatch::Force;
    if !forced && let Some(hit) = evaluation.hit? {
        return existing(working_set, create, actor, hit);
    }
    invalid(evaluation.problems)?;
    let mut record = evaluation.record;
    account::apply_consequences(None, &mut record);
    check_unique(working_set, None, &record, &[Identifier::customer_username()])?;
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
    };
    Ok((Outcome::Created { verdict, id, version: 1, matched_on: None, differs: Vec::new() }, Some(revision)))
}

/// What a create does to the customer it hits.
fn existing(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    actor: &Actor,
    hit: Hit,
) -> Result<(Outcome, Option<Revision>), Undecided> {
    let stored = Arc::clone(working_set.customer(hit.id).ok_or(Rejection::Defect)?);
    let country = working_set.entrypoint.country.as_deref();
    let (verdict, operation, (after, problems)) = match create.on_match {
        OnMatch::Get | OnMatch::Force => {
            let (_, problems) = apply::merge(&stored.customer, &create.draft, country);
            invalid(problems)?;
            let outcome = Outcome::Created {
                verdict: Verdict::Matched,
                id: hit.id,
                version: stored.version,
                matched_on: Some(hit.on),
                differs: apply::differs(&stored.customer, &create.draft, country),
            };
            return Ok((outcome, None));
        }
        OnMatch::Replace => {
            (Verdict::Replaced, Operation::Replaced, apply::replace(&stored.customer, &create.draft, country))
        }
        OnMatch::Merge => {
            (Verdict::Merged, Operation::Merged, apply::merge(&stored.customer, &create.draft, country))
        }
    };
    invalid(problems)?;
    check_changed_identity(working_set, &stored, &after)?;
    let (version, revision) = change(working_set, &stored, after, operation, actor);
    let outcome =
        Outcome::Created { verdict, id: hit.id, version, matched_on: Some(hit.on), differs: Vec::new() };
    Ok((outcome, revision))
}

fn decide_update(
    working_set: &WorkingSet,
    update: &UpdateCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>), Undecided> {
    let stored = Arc::clone(working_set.customer(update.id).ok_or(Rejection::NotFound)?);
    let country = working_set.entrypoint.country.as_deref();
    let (after, problems) = apply::update(&stored.customer, &update.draft, country);
    // A deleted record answers 409 whatever was sent; its masks and zips no longer matter.
    if !stored.customer.is_deleted() {
        invalid(problems)?;
    }
    if !update.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    check_changed_identity(working_set, &stored, &after)?;
    let (version, revision) = change(working_set, &stored, after, Operation::Updated, actor);
    Ok((Outcome::Changed { id: update.id, version }, revision))
}

fn decide_delete(
    working_set: &WorkingSet,
    delete: &DeleteCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>), Undecided> {
    let stored = Arc::clone(working_set.customer(delete.id).ok_or(Rejection::NotFound)?);
    if !delete.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    let done = if delete.erase { stored.erased } else { stored.customer.is_deleted() };
    if done {
        return Ok((Outcome::Changed { id: delete.id, version: stored.version }, None));
    }
    let old = &stored.customer;
    let (after, operation) = if delete.erase {
        let after = Customer::erased(
            Status::Deleted,
            Lifecycle::Anonymised,
            old.balance,
            old.created_at,
            working_set.now,
        );
        (after, Operation::Erased)
    } else {
        let mut after = old.clone();
        after.status = Status::Deleted;
        after.lifecycle = Lifecycle::Deleted;
        after.invitation = None;
        after.archived_from = None;
        after.updated_at = working_set.now;
        (after, Operation::Deleted)
    };
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: delete.id, version, customer: after, erased: delete.erase });
    let revision =
        Revision { before: Some(stored), after, operation, actor: actor.clone(), precomputed: None };
    Ok((Outcome::Changed { id: delete.id, version }, Some(revision)))
}

fn decide_match(working_set: &WorkingSet, create: &CreateCustomer) -> Result<Outcome, Undecided> {
    let evaluation = evaluate(working_set, create)?;
    let candidates =
        evaluation.found.iter().map(|(key, ids)| (key.identifier.to_string(), ids.clone())).collect();
    let mut report = MatchReport {
        verdict: None,
        id: None,
        matched_on: None,
        differs: Vec::new(),
        candidates,
        conflicts: Vec::new(),
    };
    let forced = create.on_match == OnMatch::Force;
    // What a create would do is what deciding it comes to; only the effect is dropped.
    let would = match evaluation.hit {
        Err(rejection) if !forced => Err(rejection.into()),
        Ok(Some(hit)) if !forced => {
            let stored = working_set.customer(hit.id).ok_or(Rejection::Defect)?;
            report.differs =
                apply::differs(&stored.customer, &create.draft, working_set.entrypoint.country.as_deref());
            report.id = Some(hit.id);
            report.matched_on = Some(hit.on.clone());
            let nobody = Actor { name: String::new(), jti: String::new() };
            existing(working_set, create, &nobody, hit).map(|(outcome, _)| outcome)
        }
        _ => {
            invalid(evaluation.problems)?;
            check_unique(working_set, None, &evaluation.record, &[Identifier::customer_username()]).map(
                |()| {
                    let verdict =
                        if evaluation.found.is_empty() { Verdict::Created } else { Verdict::Forced };
                    Outcome::Created { verdict, id: 0, version: 0, matched_on: None, differs: Vec::new() }
                },
            )
        }
    };
    match would {
        Ok(Outcome::Created { verdict, .. }) => report.verdict = Some(verdict),
        Ok(_) => return Err(Rejection::Defect.into()),
        Err(Undecided::Rejected(Rejection::Conflict { problems, .. })) => {
            report.conflicts = problems.iter().map(ToString::to_string).collect();
        }
        Err(stop) => return Err(stop),
    }
    Ok(Outcome::Matched(report))
}

/// The next version of a record, or the same where nothing changed (rules 5).
fn change(
    working_set: &WorkingSet,
    stored: &Arc<Stored>,
    mut after: Customer,
    operation: Operation,
    actor: &Actor,
) -> (i64, Option<Revision>) {
    account::apply_consequences(Some(&stored.customer), &mut after);
    if after == stored.customer {
        return (stored.version, None);
    }
    after.updated_at = working_set.now;
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: stored.id, version, customer: after, erased: false });
    let before = Some(Arc::clone(stored));
    (version, Some(Revision { before, after, operation, actor: actor.clone(), precomputed: None }))
}

/// What no two customers may come to share by a change: the policy's identifiers, number and login.
fn unique_identifiers(working_set: &WorkingSet) -> impl Iterator<Item = Identifier> + use<> {
    let mut all = working_set.entrypoint.policy.identifiers.clone();
    for always in [Identifier::customer_number(), Identifier::customer_username()] {
        if !all.contains(&always) {
            all.push(always);
        }
    }
    all.into_iter()
}

fn check_changed_identity(
    working_set: &WorkingSet,
    stored: &Stored,
    after: &Customer,
) -> Result<(), Undecided> {
    let changed: Vec<Identifier> = unique_identifiers(working_set)
        .filter(|identifier| identifier.key(after) != identifier.key(&stored.customer))
        .collect();
    check_unique(working_set, Some(stored.id), after, &changed)
}

/// Refuses values that another live customer has.
fn check_unique(
    working_set: &WorkingSet,
    own: Option<i64>,
    after: &Customer,
    identifiers: &[Identifier],
) -> Result<(), Undecided> {
    let mut problems = Vec::new();
    let mut in_the_way = Vec::new();
    for key in identifiers.iter().filter_map(|identifier| identifier.key(after)) {
        let others: Vec<i64> =
            working_set.live_with(&key)?.into_iter().filter(|id| Some(*id) != own).collect();
        if others.is_empty() {
            continue;
        }
        let mut problem = matching::taken(&key, &others, "belongs to");
        if key.identifier == Identifier::customer_username() {
            problem.message = format!("same username exists already: {}", problem.message);
        }
        problems.push(problem);
        in_the_way.extend(others);
    }
    if problems.is_empty() {
        return Ok(());
    }
    in_the_way.sort_unstable();
    in_the_way.dedup();
    Err(Rejection::Conflict { problems, ids: in_the_way }.into())
}
