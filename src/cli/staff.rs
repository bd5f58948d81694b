//! `customary staff`: members of staff. It works on the database directly, also while a server runs.

use std::process::ExitCode;

use anstream::println;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use customary::config::Global;
use customary::domain::accounts::staff::{
    INVITATION_SECS, Member, NewMember, Role, StaffLinkKind, member_email, staff_link_url,
};
use customary::domain::accounts::token::Entries;
use customary::domain::decide::command::Actor;
use customary::domain::kernel::problem::{Problem, Rejection};
use customary::domain::kernel::time::Micros;
use customary::store::TheirTokens;
use strum::VariantArray as _;

use super::Done;
use super::admin::{checked_name, refused, with_store};

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Invite a member: mail and print the link by which it sets a password, within seven days
    Invite(Box<Invite>),
    /// List members: id, name, e-mail address, organisation, role, entrypoints, state
    List {
        /// List only the members of this organisation
        #[arg(long, value_name = "ID")]
        org: Option<i64>,
    },
    /// Remove a member; its sessions end at once
    Remove {
        /// The member's id, as `staff list` shows it
        #[arg(value_name = "ID")]
        id: String,
        /// Also revoke the tokens that the member made
        #[arg(long)]
        revoke_tokens: bool,
    },
    /// Mail and print a link by which a member sets another password within an hour, or the first one
    Reset {
        /// The member's id, as `staff list` shows it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(super) struct Invite {
    /// The organisation
    #[arg(long, value_name = "ID")]
    org: i64,
    /// The e-mail address, by which the member signs in
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The name, as history and comments show it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the member may do
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(Role::VARIANTS.iter().map(|role| role.name())))]
    role: String,
    /// An entrypoint that the member sees; repeatable [default: all of the organisation]
    #[arg(long, value_name = "ENTRY")]
    entry: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// URL at which people reach the service
    #[arg(long, env = "CUSTOMARY_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    public_url: String,
}

impl Place {
    /// The address of a new link to a member.
    fn link(&self, member: &Member, token: &str) -> String {
        let kind = if member.has_password { StaffLinkKind::Reset } else { StaffLinkKind::Invitation };
        staff_link_url(self.public_url.trim_end_matches('/'), kind, token)
    }
}

pub(super) fn run(global: &Global, command: StaffCommand) -> Done {
    match command {
        StaffCommand::Invite(invite) => self::invite(global, *invite)?,
        StaffCommand::List { org } => {
            let members = with_store(global, async |store| {
                let all = store.entrypoints().organisations().await?;
                let mut members = Vec::new();
                for (id, ..) in all.into_iter().filter(|(id, ..)| org.is_none_or(|org| org == *id)) {
                    members.extend(store.staff().members(id).await?);
                }
                Ok(members)
            })?;
            for member in members {
                println!("{}", line(&member));
            }
        }
        StaffCommand::Remove { id, revoke_tokens } => {
            let theirs = TheirTokens { claims: None, revoked: revoke_tokens };
            let tokens = with_store(global, async |store| {
                let member = store.staff().find(id.clone()).await?.ok_or(Rejection::NotFound)?;
                store.staff().remove(member.org_id, member.id, theirs.clone()).await
            })?;
            println!("removed; the member's sessions have ended");
            for token in tokens {
                if revoke_tokens {
                    println!("revoked the token {}  {}", token.jti, token.sub);
                } else {
                    println!("still in force: the token {}  {}", token.jti, token.sub);
                }
            }
        }
        StaffCommand::Reset { id, place } => {
            let (member, token) = with_store(global, async |store| store.staff().link_of(id.clone()).await)?;
            println!("{}", place.link(&member, &token));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn invite(global: &Global, invite: Invite) -> Result<(), customary::app::Failure> {
    let name = checked_name(&invite.name)?;
    if name.is_empty() {
        return Err(refused(&[Problem::field(&["name"], "required", "must not be empty")]));
    }
    let email = member_email(&invite.email);
    let email = email.map_err(|(code, message)| refused(&[Problem::field(&["email"], code, message)]))?;
    let entries = if invite.entry.is_empty() { Entries::All } else { Entries::Listed(invite.entry) };
    let role = invite.role.parse().unwrap_or(Role::Viewer);
    let new = NewMember { org_id: invite.org, name, email, role, entries };
    let by = Actor::cli();
    let (member, token) =
        with_store(global, async |store| store.staff().invite(new, by, INVITATION_SECS).await)?;
    println!("{}", invite.place.link(&member, &token));
    Ok(())
}

fn line(member: &Member) -> String {
    let entries = match &member.entries {
        Entries::All => "*".to_owned(),
        Entries::Listed(entries) => entries.join(","),
    };
    let state = match (member.is_disabled, member.has_password, member.has_totp) {
        (true, ..) => "disabled",
        (_, false, _) => "invited",
        (.., true) => "active, with a second factor",
        _ => "active",
    };
    let seen = member.signed_in_at.map_or_else(|| "never".into(), Micros::to_rfc3339);
    let Member { id, name, email, org_id, role, .. } = member;
    format!("{id}  {name}  {email}  org {org_id}  {}  {entries}  {state}  signed in {seen}", role.name())
}
