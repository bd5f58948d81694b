//! Writes, changes and deletes comments on a customer (rules 12).

use super::command::{Actor, ChangeComment, CommentEdit, Outcome, Verdict};
use super::effects::{CommentEffect, Effects};
use super::events::{Event, EventKind};
use super::working_set::WorkingSet;
use super::{Undecided, refused};
use crate::domain::comments::{COMMENTS_MAX, Comment, CommentBook, CommentChange, NewComment};
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_comment(
    working_set: &WorkingSet,
    change: &ChangeComment,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = working_set.customer(change.id).ok_or(Rejection::NotFound)?;
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let (id, now) = (change.id, working_set.now);
    match &change.edit {
        CommentEdit::Add { text, pinned } => {
            let comment = new_comment(working_set, working_set.comment_book(id)?, text, *pinned, actor)?;
            let outcome = Outcome::Commented { id, comment: Some(comment.clone()) };
            Ok(effects(outcome, id, CommentChange::Add(comment), Vec::new(), actor))
        }
        CommentEdit::Change { comment_id, text, pinned, precondition } => {
            let before = own_comment(working_set, change, *comment_id, actor)?;
            if !precondition.holds(before.version) {
                return Err(Rejection::Stale.into());
            }
            let mut after = before.clone();
            let mut changed = Vec::new();
            if let Some(text) = text.as_ref().filter(|text| **text != before.text) {
                after.text.clone_from(text);
                after.edited_at = Some(now.max(before.created_at).max(before.edited_at.unwrap_or_default()));
                changed.push("text");
            }
            if let Some(pinned) = pinned.filter(|pinned| *pinned != before.pinned) {
                after.pinned = pinned;
                changed.push("pinned");
            }
            if changed.is_empty() {
                return Ok(Effects::new(Outcome::Commented { id, comment: Some(after) }, None));
            }
            after.version += 1;
            let outcome = Outcome::Commented { id, comment: Some(after.clone()) };
            Ok(effects(outcome, id, CommentChange::Replace(after), changed, actor))
        }
        CommentEdit::Remove { comment_id, precondition } => {
            let before = own_comment(working_set, change, *comment_id, actor)?;
            if !precondition.holds(before.version) {
                return Err(Rejection::Stale.into());
            }
            let outcome = Outcome::Commented { id, comment: None };
            Ok(effects(outcome, id, CommentChange::Remove(*comment_id), Vec::new(), actor))
        }
    }
}

/// The next comment of a customer.
fn new_comment(
    working_set: &WorkingSet,
    book: CommentBook,
    text: &str,
    pinned: bool,
    actor: &Actor,
) -> Result<Comment, Undecided> {
    if book.count >= COMMENTS_MAX {
        let message =
            format!("the customer has {COMMENTS_MAX} comments, as many as there may be; delete some first");
        return Err(refused("too_many_comments", &message));
    }
    Ok(Comment {
        id: book.next_id,
        version: 1,
        text: text.to_owned(),
        pinned,
        author: actor.name.clone(),
        author_jti: actor.jti.clone(),
        // The newest one may come from a clock that is ahead.
        created_at: working_set.now.max(book.newest_at),
        edited_at: None,
    })
}

/// The comment to change, if the actor wrote it or may change those of others.
fn own_comment<'a>(
    working_set: &'a WorkingSet,
    change: &ChangeComment,
    comment_id: i64,
    actor: &Actor,
) -> Result<&'a Comment, Undecided> {
    let comment = working_set.comment(change.id, comment_id)?.ok_or(Rejection::NotFound)?;
    if comment.author_jti == actor.jti || change.may_change_others {
        Ok(comment)
    } else {
        Err(Rejection::NotAuthor.into())
    }
}

/// The effects of a create, with comments on its customer. Of comments with the same text a customer gets one, so that a file
/// can be imported again.
pub(super) fn with_comments(
    working_set: &WorkingSet,
    mut effects: Effects,
    comments: &[NewComment],
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let Outcome::Created { verdict, id, .. } = effects.outcome else { return Ok(effects) };
    let is_new = matches!(verdict, Verdict::Created | Verdict::Forced);
    let mut book = is_new.then(CommentBook::default);
    let mut written: Vec<&str> = Vec::new();
    for NewComment { text, pinned } in comments {
        if written.contains(&text.as_str()) || (!is_new && working_set.has_comment(id, text)?) {
            continue;
        }
        written.push(text);
        let before = match book {
            Some(book) => book,
            None => working_set.comment_book(id)?,
        };
        let change = CommentChange::Add(new_comment(working_set, before, text, *pinned, actor)?);
        book = Some(before.after(&change));
        effects = with_change(effects, id, change, Vec::new(), actor);
    }
    Ok(effects)
}

fn effects(
    outcome: Outcome,
    customer_id: i64,
    change: CommentChange,
    changed: Vec<&'static str>,
    actor: &Actor,
) -> Effects {
    with_change(Effects::new(outcome, None), customer_id, change, changed, actor)
}

fn with_change(
    mut effects: Effects,
    customer_id: i64,
    change: CommentChange,
    changed: Vec<&'static str>,
    actor: &Actor,
) -> Effects {
    let kind = match &change {
        CommentChange::Add(_) => EventKind::CommentCreated,
        CommentChange::Replace(_) => EventKind::CommentUpdated,
        CommentChange::Remove(_) => EventKind::CommentDeleted,
    };
    let subject_id = Some(change.comment_id().to_string());
    let actor = actor.clone();
    effects.events.push(Event { kind, customer_id: Some(customer_id), subject_id, changed, actor });
    effects.comments.push(CommentEffect { customer_id, change });
    effects
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::customers::record::Stored;
    use crate::domain::decide::command::Precondition;
    use crate::domain::entrypoints::Entrypoint;
    use crate::domain::kernel::time::Micros;

    /// A comment of customer 7 after a change at this time.
    fn after(book: CommentBook, comment: Option<Comment>, now: i64, edit: CommentEdit) -> Comment {
        let mut set = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(now), 0..0);
        set.add_customer(Stored { id: 7, ..Stored::default() });
        set.add_comment_book(7, book);
        if let Some(comment) = comment {
            set.add_comment(7, comment.id, Some(comment));
        }
        let change = ChangeComment { id: 7, edit, may_change_others: true };
        let actor = Actor { name: "test".into(), jti: String::new() };
        match decide_comment(&set, &change, &actor).unwrap().outcome {
            Outcome::Commented { comment: Some(comment), .. } => comment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_12_times_of_comments_never_go_back() {
        let add = || CommentEdit::Add { text: "x".into(), pinned: false };
        let first = after(CommentBook::default(), None, 5_000, add());
        let book = CommentBook::default().after(&CommentChange::Add(first.clone()));
        assert_eq!(after(book, None, 3_000, add()).created_at, first.created_at);
        assert_eq!(after(book, None, 6_000, add()).created_at, Micros(6_000));
        let edit = |text: &str| CommentEdit::Change {
            comment_id: 1,
            text: Some(text.into()),
            pinned: None,
            precondition: Precondition::None,
        };
        let edited = after(book, Some(first), 9_000, edit("y"));
        assert_eq!(edited.edited_at, Some(Micros(9_000)));
        assert_eq!(after(book, Some(edited), 7_000, edit("z")).edited_at, Some(Micros(9_000)));
    }
}
