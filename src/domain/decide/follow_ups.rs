//! What a change of a customer does to links, sessions, mails and other data of the customer.

use strum::VariantArray as _;

use std::sync::Arc;

use compact_str::CompactString;

use super::effects::{MailOrder, Revision};
use crate::domain::accounts::link::LinkKind;
use crate::domain::accounts::sign_in::{customer_actor, login_names};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::Identifier;
use crate::domain::customers::record::{Customer, Status, Stored};
use crate::domain::mail::MailKind;

/// Work to do in the transaction of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowUp {
    /// End the sessions in the portal.
    EndSessions,
    /// Forget the failed sign-in attempts with some names.
    ForgetFailures(Vec<CompactString>),
    /// Take the coupons away that are assigned to the customer.
    TakeCoupons,
    /// Take back the mails that are not sent yet.
    DropMails,
    /// End links of some kinds, and take back the mails that carry them.
    EndLinks(&'static [LinkKind]),
    /// Erase the person from all sealed data.
    Erase(Arc<Stored>),
}

impl Revision {
    /// The follow-ups of the change. Another password or login name, or leaving "active", ends the sessions. Unlocking
    /// forgets the failures. Links end when their address, password or invitation changes;
    /// another spelling of the address is no other address.
    pub fn follow_ups(&self) -> Vec<FollowUp> {
        let Some(before) = &self.before else { return Vec::new() };
        let (old, new) = (&before.customer, &self.after.customer);
        let has_other_password = old.password_hash != new.password_hash;
        let mut all = Vec::new();
        if has_other_password
            || self.has_other_login_name()
            || (old.status == Status::Active && new.status != Status::Active)
        {
            all.push(FollowUp::EndSessions);
        }
        if old.status == Status::Locked && new.status == Status::Active {
            all.push(FollowUp::ForgetFailures(
                login_names(old).into_iter().chain(login_names(new)).collect(),
            ));
        }
        if self.after.erased {
            all.push(FollowUp::Erase(Arc::clone(before)));
        }
        let is_gone = new.is_deleted() && (!old.is_deleted() || self.after.erased);
        if is_gone {
            all.push(FollowUp::TakeCoupons);
            all.push(FollowUp::DropMails);
        }
        if is_gone || !old.is_same(TextField::Email, new) {
            all.push(FollowUp::EndLinks(LinkKind::VARIANTS));
        } else if has_other_password || self.has_other_login_name() {
            all.push(FollowUp::EndLinks(&[LinkKind::Invitation, LinkKind::Reset]));
        } else if old.invitation.is_some() && new.invitation.is_none() {
            all.push(FollowUp::EndLinks(&[LinkKind::Invitation]));
        }
        all
    }

    /// Whether the change gives the customer another name to sign in with.
    fn has_other_login_name(&self) -> bool {
        self.is_other(TextField::Email) || self.is_other(TextField::CustomerUsername)
    }

    /// Whether a field has another value than before, in the form in which identities compare.
    fn is_other(&self, field: TextField) -> bool {
        let key = |stored: &Stored| Identifier::of(field).key(&stored.customer);
        self.before.as_ref().is_some_and(|before| key(before) != key(&self.after))
    }

    /// The mails that tell the owner of an account, or of an invitation, that somebody changed the login. They go to the
    /// address before the change: the new one may be a stranger's. The portal itself confirms a password that its owner
    /// changed there.
    pub fn notices(&self) -> Vec<MailOrder> {
        let Some(before) = &self.before else { return Vec::new() };
        let (old, new) = (&before.customer, &self.after.customer);
        let has_login =
            |customer: &Customer| customer.password_hash.is_some() || customer.invitation.is_some();
        if new.is_deleted() || !(has_login(old) || has_login(new)) {
            return Vec::new();
        }
        let told = [
            (MailKind::EmailChanged, self.is_other(TextField::Email) && old.text(TextField::Email).is_some()),
            (MailKind::UsernameChanged, self.is_other(TextField::CustomerUsername)),
            (
                MailKind::PasswordChanged,
                old.password_hash != new.password_hash && self.actor != customer_actor(),
            ),
        ];
        let to = old.text(TextField::Email).is_some().then(|| Arc::clone(before));
        let order = |kind| MailOrder { to: to.clone(), ..MailOrder::of(self.after.id, kind) };
        told.into_iter().filter(|(_, is_told)| *is_told).map(|(kind, _)| order(kind)).collect()
    }
}
