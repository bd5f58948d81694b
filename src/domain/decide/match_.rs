//! Reports what a create would do, without doing it.

use super::command::{Actor, CreateCustomer, MatchReport, OnMatch, Outcome, Verdict};
use super::create::{evaluate, existing};
use super::effects::Effects;
use super::unique::check_new;
use super::working_set::WorkingSet;
use super::{Undecided, invalid};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::apply;
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_match(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let evaluation = evaluate(working_set, create, sight)?;
    let candidates =
        evaluation.found.iter().map(|(key, ids)| (key.identifier.to_string(), ids.clone())).collect();
    let mut report = MatchReport { candidates, ..MatchReport::default() };
    let forced = create.on_match == OnMatch::Force;
    // Decide the create as usual, and drop the effects.
    let would = match evaluation.hit {
        Err(rejection) if !forced => Err(rejection.into()),
        Ok(Some(hit)) if !forced => {
            let stored = working_set.customer(hit.id).ok_or(Rejection::Defect)?;
            report.differs =
                apply::differs(&stored.customer, &create.draft, working_set.entrypoint.country.as_deref());
            report.id = Some(hit.id);
            report.matched_on = Some(hit.names());
            let nobody = Actor { name: String::new(), jti: String::new() };
            existing(working_set, create, &nobody, sight, &hit).map(|effects| effects.outcome)
        }
        _ => {
            invalid(evaluation.problems)?;
            check_new(working_set, &evaluation.record).map(|()| {
                let verdict = if evaluation.found.is_empty() { Verdict::Created } else { Verdict::Forced };
                Outcome::Created { verdict, id: 0, version: 0, matched_on: None, differs: Vec::new() }
            })
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
    Ok(Effects::new(Outcome::Matched(report), None))
}
