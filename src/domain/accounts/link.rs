//! The links in mails to customers, and their addresses.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// The purpose of a link in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum LinkKind {
    /// Setting the first password.
    Invitation,
    /// Setting another password.
    Reset,
    /// Confirming consent.
    Consent,
}

impl LinkKind {
    /// The name in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The address of an entrypoint's portal, where customers sign in. `public_url` has no trailing slash.
pub fn portal_url(public_url: &str, entry: &str) -> String {
    format!("{public_url}/portal/{entry}")
}

/// The address of a link.
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
        for kind in LinkKind::VARIANTS {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
    }
}
