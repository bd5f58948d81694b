//! What a change of a customer does to links, sessions, mails and other data of the customer.

use strum::VariantArray as _;

use std::sync::Arc;

use compact_str::CompactString;

use super::effects::Revision;
use crate::domain::accounts::link::LinkKind;
use crate::domain::accounts::sign_in::login_names;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::{Status, Stored};

/// Work to do in the transaction of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowUp {
    /// End the sessions in the portal.
    EndSessions,
    /// Forget the failed sign-in attempts with some names.
    ForgetFailures(Vec<CompactString>),
    /// Take back the mails that are not sent yet.
    DropMails,
    /// End links of some kinds, and take back the mails that carry them.
    EndLinks(&'static [LinkKind]),
    /// Erase the person from all sealed data.
    Erase(Arc<Stored>),
}

impl Revision {
    /// The follow-ups of the change. Another password, or leaving "active", ends the sessions. Unlocking forgets the
    /// failures. Links end when their address, password or invitation changes;
    /// another spelling of the address is no other address.
    pub fn follow_ups(&self) -> Vec<FollowUp> {
        let Some(before) = &self.before else { return Vec::new() };
        let (old, new) = (&before.customer, &self.after.customer);
        let has_other_password = old.password_hash != new.password_hash;
        let mut all = Vec::new();
        if has_other_password || (old.status == Status::Active && new.status != Status::Active) {
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
            all.push(FollowUp::DropMails);
        }
        if is_gone || !old.is_same(TextField::Email, new) {
            all.push(FollowUp::EndLinks(LinkKind::VARIANTS));
        } else if has_other_password {
            all.push(FollowUp::EndLinks(&[LinkKind::Invitation, LinkKind::Reset]));
        } else if old.invitation.is_some() && new.invitation.is_none() {
            all.push(FollowUp::EndLinks(&[LinkKind::Invitation]));
        }
        all
    }
}
