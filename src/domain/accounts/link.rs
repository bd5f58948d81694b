//! The links in mails to customers, and the addresses they have.

/// What a link in a mail is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Setting the first password.
    Invitation,
    /// Setting another password.
    Reset,
    /// Confirming consent.
    Consent,
}

impl LinkKind {
    /// All of them.
    pub const ALL: [LinkKind; 3] = [LinkKind::Invitation, LinkKind::Reset, LinkKind::Consent];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            LinkKind::Invitation => "invitation",
            LinkKind::Reset => "reset",
            LinkKind::Consent => "consent",
        }
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<LinkKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The address of an entrypoint's portal, where customers sign in; `public_url` without a slash at its end.
pub fn portal_url(public_url: &str, entry: &str) -> String {
    format!("{public_url}/portal/{entry}")
}

/// The address that a link of a kind has.
pub fn link_url(public_url: &str, entry: &str, kind: LinkKind, token: &str) -> String {
    let page = match kind {
        LinkKind::Invitation | LinkKind::Reset => "set-password",
        LinkKind::Consent => "consent",
    };
    format!("{public_url}/portal/{entry}/{page}/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_page_of_their_kind() {
        let url = |kind| link_url("https://pay.example", "shop", kind, "abc");
        assert_eq!(url(LinkKind::Invitation), "https://pay.example/portal/shop/set-password/abc");
        assert_eq!(url(LinkKind::Reset), url(LinkKind::Invitation));
        assert_eq!(url(LinkKind::Consent), "https://pay.example/portal/shop/consent/abc");
        for kind in LinkKind::ALL {
            assert_eq!(LinkKind::of_name(kind.name()), Some(kind));
        }
    }
}
