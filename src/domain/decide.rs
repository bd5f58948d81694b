//! What a command does to the world: pure, deterministic, one command at a time (rules 3, 4 and 5).

mod account;

use std::sync::Arc;

use super::apply;
use super::command::{
    Act, Actor, Answer, Command, CreateCustomer, DeleteCustomer, MatchReport, OnMatch, Outcome,
    UpdateCustomer, Verdict,
};
use super::customer::{Customer, Lifecycle, Status, Stored};
use super::fields::TextField;
use super::history::Operation;
use super::identifier::{Identifier, MatchKey};
use super::matching::{self, Hit};
use super::problem::{Problem, Rejection};
use super::world::{KeyRecord, Missing, World, Written};

/// Why a command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It is refused; nothing took effect.
    Rejected(Rejection),
    /// A fact is missing: tell the world, then decide again.
    Missing(Missing),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<Missing> for Stop {
    fn from(missing: Missing) -> Stop {
        Stop::Missing(missing)
    }
}

/// Decides one command and writes its effect into the world, or leaves the world as it was.
///
/// # Errors
/// [`Stop`]; a rejected command has no effect, one with a missing fact may be decided again.
pub fn decide(world: &mut World, command: &Command) -> Result<Answer, Stop> {
    if let Some(key_use) = &command.idempotency
        && let Some(record) = world.idempotency(&key_use.key)
    {
        if record.fingerprint != key_use.fingerprint {
            return Err(Rejection::KeyReused.into());
        }
        let outcome = remembered(world, record.outcome.clone());
        return Ok(answer(world, outcome, true));
    }
    let actor = &command.actor;
    let without_mail = |(outcome, written)| (outcome, written, None);
    let (outcome, written, mail) = match &command.act {
        Act::Create(create) => without_mail(decide_create(world, create, actor)?),
        Act::Update(update) => without_mail(decide_update(world, update, actor)?),
        Act::Delete(delete) => without_mail(decide_delete(world, delete, actor)?),
        Act::Match(create) => (decide_match(world, create)?, None, None),
        Act::Invite(invite) => account::decide_invite(world, invite, actor)?,
        Act::Consent(consent) => account::decide_consent(world, consent, actor)?,
        Act::Archive(archive) => without_mail(account::decide_archive(world, archive, actor)?),
    };
    if let Some(written) = written {
        world.write(written);
    }
    if let Some(mail) = mail {
        world.order_mail(mail);
    }
    if let Some(key_use) = &command.idempotency {
        let record = KeyRecord { fingerprint: key_use.fingerprint, outcome: outcome.clone() };
        world.keep_outcome(key_use.key, record);
    }
    Ok(answer(world, outcome, false))
}

/// An outcome as it may still be told: of an erased person only what was done, not by which values.
fn remembered(world: &World, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Created { verdict, id, version, .. }
            if world.customer(id).is_some_and(|stored| stored.erased) =>
        {
            Outcome::Created { verdict, id, version, matched_on: None, differs: Vec::new() }
        }
        other => other,
    }
}

fn answer(world: &World, outcome: Outcome, replayed: bool) -> Answer {
    let stored = outcome.record().and_then(|(id, version)| world.version(id, version));
    Answer { outcome, stored, entrypoint: Arc::clone(&world.entrypoint), replayed }
}

/// The keys a command will ask the world for, as far as its request tells; the rest is found missing.
pub fn foreseen_keys(world: &World, command: &Command) -> Vec<MatchKey> {
    match &command.act {
        Act::Create(create) | Act::Match(create) => {
            let country = world.entrypoint.country.as_deref();
            let made;
            let record = match &create.foreseen {
                Some(foreseen) => &foreseen.record,
                None => {
                    made = apply::create(&create.draft, country, world.now).0;
                    &made
                }
            };
            let mut keys = matching::keys(&world.entrypoint, create, record).unwrap_or_default();
            keys.extend(Identifier::customer_username().key(record));
            keys
        }
        Act::Update(update) => {
            let Some(stored) = world.customer(update.id) else { return Vec::new() };
            let (after, _) =
                apply::update(&stored.customer, &update.draft, world.entrypoint.country.as_deref());
            unique_identifiers(world)
                .filter_map(|identifier| {
                    identifier
                        .key(&after)
                        .filter(|key| identifier.key(&stored.customer).as_ref() != Some(key))
                })
                .collect()
        }
        Act::Invite(invite) => account::foreseen_keys(world, invite.id),
        Act::Delete(_) | Act::Consent(_) | Act::Archive(_) => Vec::new(),
    }
}

fn invalid(problems: Vec<Problem>) -> Result<(), Rejection> {
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

/// A create as it stands before anything is written.
struct Weighed {
    record: Customer,
    problems: Vec<Problem>,
    found: matching::Candidates,
    hit: Result<Option<Hit>, Rejection>,
}

fn weigh(world: &World, create: &CreateCustomer) -> Result<Weighed, Stop> {
    let country = world.entrypoint.country.as_deref();
    let (record, problems) = apply::create(&create.draft, country, world.now);
    check_required(world, &create.draft, &record, &problems)?;
    let keys = match matching::keys(&world.entrypoint, create, &record) {
        // A value that would identify, were it right, is what there is to mend.
        Err(_) if !problems.is_empty() => return Err(Rejection::Invalid(problems).into()),
        keys => keys?,
    };
    let found = matching::candidates(world, &keys)?;
    let hit = matching::hit(world, create, &record, &found);
    Ok(Weighed { record, problems, found, hit })
}

/// The entrypoint's `requiredFields`; a full name is met by both names. A mask counts as sent.
fn check_required(
    world: &World,
    draft: &super::draft::Draft,
    record: &Customer,
    problems: &[Problem],
) -> Result<(), Rejection> {
    let has = |field: TextField| record.text(field).is_some() || draft.text(field).value().is_some();
    let met = |field: TextField| {
        has(field) || (field == TextField::Fullname && has(TextField::Firstname) && has(TextField::Lastname))
    };
    let mut missing: Vec<Problem> = world
        .entrypoint
        .required
        .iter()
        .filter(|field| !met(**field))
        .map(|field| {
            Problem::field(
                &[field.name()],
                "required",
                format!("is required at entrypoint {}", world.entrypoint.entry),
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
    world: &mut World,
    create: &CreateCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Written>), Stop> {
    let weighed = weigh(world, create)?;
    let forced = create.on_match == OnMatch::Force;
    if !forced && let Some(hit) = weighed.hit? {
        return existing(world, create, actor, hit);
    }
    invalid(weighed.problems)?;
    let mut record = weighed.record;
    account::settle(None, &mut record);
    check_unique(world, None, &record, &[Identifier::customer_username()])?;
    let verdict = if forced && !weighed.found.is_empty() { Verdict::Forced } else { Verdict::Created };
    let id = world.next_id()?;
    let operation = if verdict == Verdict::Forced { Operation::Forced } else { Operation::Created };
    let after = Arc::new(Stored { id, version: 1, customer: record, erased: false });
    let written =
        Written { before: None, after, operation, actor: actor.clone(), foreseen: create.foreseen.clone() };
    Ok((Outcome::Created { verdict, id, version: 1, matched_on: None, differs: Vec::new() }, Some(written)))
}

/// What a create does to the customer it hits.
fn existing(
    world: &World,
    create: &CreateCustomer,
    actor: &Actor,
    hit: Hit,
) -> Result<(Outcome, Option<Written>), Stop> {
    let stored = Arc::clone(world.customer(hit.id).ok_or(Rejection::Defect)?);
    let country = world.entrypoint.country.as_deref();
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
    check_changed_identity(world, &stored, &after)?;
    let (version, written) = change(world, &stored, after, operation, actor);
    let outcome =
        Outcome::Created { verdict, id: hit.id, version, matched_on: Some(hit.on), differs: Vec::new() };
    Ok((outcome, written))
}

fn decide_update(
    world: &World,
    update: &UpdateCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Written>), Stop> {
    let stored = Arc::clone(world.customer(update.id).ok_or(Rejection::NotFound)?);
    let country = world.entrypoint.country.as_deref();
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
    check_changed_identity(world, &stored, &after)?;
    let (version, written) = change(world, &stored, after, Operation::Updated, actor);
    Ok((Outcome::Changed { id: update.id, version }, written))
}

fn decide_delete(
    world: &World,
    delete: &DeleteCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Written>), Stop> {
    let stored = Arc::clone(world.customer(delete.id).ok_or(Rejection::NotFound)?);
    if !delete.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    let done = if delete.erase { stored.erased } else { stored.customer.is_deleted() };
    if done {
        return Ok((Outcome::Changed { id: delete.id, version: stored.version }, None));
    }
    let old = &stored.customer;
    let (after, operation) = if delete.erase {
        let after =
            Customer::erased(Status::Deleted, Lifecycle::Anonymised, old.balance, old.created_at, world.now);
        (after, Operation::Erased)
    } else {
        let mut after = old.clone();
        after.status = Status::Deleted;
        after.lifecycle = Lifecycle::Deleted;
        after.invitation = None;
        after.archived_from = None;
        after.updated_at = world.now;
        (after, Operation::Deleted)
    };
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: delete.id, version, customer: after, erased: delete.erase });
    let written = Written { before: Some(stored), after, operation, actor: actor.clone(), foreseen: None };
    Ok((Outcome::Changed { id: delete.id, version }, Some(written)))
}

fn decide_match(world: &World, create: &CreateCustomer) -> Result<Outcome, Stop> {
    let weighed = weigh(world, create)?;
    let candidates =
        weighed.found.iter().map(|(key, ids)| (key.identifier.to_string(), ids.clone())).collect();
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
    let would = match weighed.hit {
        Err(rejection) if !forced => Err(rejection.into()),
        Ok(Some(hit)) if !forced => {
            let stored = world.customer(hit.id).ok_or(Rejection::Defect)?;
            report.differs =
                apply::differs(&stored.customer, &create.draft, world.entrypoint.country.as_deref());
            report.id = Some(hit.id);
            report.matched_on = Some(hit.on.clone());
            let nobody = Actor { name: String::new(), jti: String::new() };
            existing(world, create, &nobody, hit).map(|(outcome, _)| outcome)
        }
        _ => {
            invalid(weighed.problems)?;
            check_unique(world, None, &weighed.record, &[Identifier::customer_username()]).map(|()| {
                let verdict = if weighed.found.is_empty() { Verdict::Created } else { Verdict::Forced };
                Outcome::Created { verdict, id: 0, version: 0, matched_on: None, differs: Vec::new() }
            })
        }
    };
    match would {
        Ok(Outcome::Created { verdict, .. }) => report.verdict = Some(verdict),
        Ok(_) => return Err(Rejection::Defect.into()),
        Err(Stop::Rejected(Rejection::Conflict { problems, .. })) => {
            report.conflicts = problems.iter().map(ToString::to_string).collect();
        }
        Err(stop) => return Err(stop),
    }
    Ok(Outcome::Matched(report))
}

/// The next version of a record, or the same where nothing changed (rules 5).
fn change(
    world: &World,
    stored: &Arc<Stored>,
    mut after: Customer,
    operation: Operation,
    actor: &Actor,
) -> (i64, Option<Written>) {
    account::settle(Some(&stored.customer), &mut after);
    if after == stored.customer {
        return (stored.version, None);
    }
    after.updated_at = world.now;
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: stored.id, version, customer: after, erased: false });
    let before = Some(Arc::clone(stored));
    (version, Some(Written { before, after, operation, actor: actor.clone(), foreseen: None }))
}

/// What no two customers may come to share by a change: the policy's identifiers, number and login.
fn unique_identifiers(world: &World) -> impl Iterator<Item = Identifier> + use<> {
    let mut all = world.entrypoint.policy.identifiers.clone();
    for always in [Identifier::customer_number(), Identifier::customer_username()] {
        if !all.contains(&always) {
            all.push(always);
        }
    }
    all.into_iter()
}

fn check_changed_identity(world: &World, stored: &Stored, after: &Customer) -> Result<(), Stop> {
    let changed: Vec<Identifier> = unique_identifiers(world)
        .filter(|identifier| identifier.key(after) != identifier.key(&stored.customer))
        .collect();
    check_unique(world, Some(stored.id), after, &changed)
}

/// Refuses values that another live customer has.
fn check_unique(
    world: &World,
    own: Option<i64>,
    after: &Customer,
    identifiers: &[Identifier],
) -> Result<(), Stop> {
    let mut problems = Vec::new();
    let mut in_the_way = Vec::new();
    for key in identifiers.iter().filter_map(|identifier| identifier.key(after)) {
        let others: Vec<i64> = world.live_with(&key)?.into_iter().filter(|id| Some(*id) != own).collect();
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
