//! Files of systems for marketing: HubSpot, Mailchimp.

use super::{Columns, Keys, text};
use crate::domain::customers::fields::TextField as F;
use crate::domain::imports::target::Meaning::{Fills, FillsEmpty};
use crate::domain::imports::target::Target;

pub(super) fn is_hubspot(keys: Keys<'_>) -> bool {
    keys.has_one(&["recordid", "recordidcontact"])
        && (keys.has_one(&["contactowner", "leadstatus", "lifecyclestage", "marketingcontactstatus"])
            || keys.0.iter().any(|key| key.starts_with("associatedcompan")))
}

/// HubSpot's contacts. The id of the record becomes the customer number. Left out are stages, owners, consents and what
/// HubSpot counts and guesses.
pub(super) const HUBSPOT: Columns = Columns {
    meanings: &[
        ("recordid", Fills(text(F::CustomerNumber))),
        ("recordidcontact", Fills(text(F::CustomerNumber))),
        ("createdate", Fills(Target::CreatedAt)),
        ("mobilephonenumber", FillsEmpty(text(F::Phone))),
        ("associatedcompany", FillsEmpty(text(F::Company))),
        ("primarycompany", FillsEmpty(text(F::Company))),
        ("primaryassociatedcompany", FillsEmpty(text(F::Company))),
        ("associatedcompany(primary)", FillsEmpty(text(F::Company))),
    ],
    left_out: "contactowner leadstatus lifecyclestage marketingcontactstatus* marketing* status jobtitle jobfunction \
        salutation persona industry annualrevenue numberof* websiteurl website timezone preferredlanguage message \
        buyingrole seniority relationshipstatus gender maritalstatus militarystatus school degree fieldofstudy \
        graduationdate startdate whatsappphonenumber faxnumber emaildomain workemail additionalemailaddresses \
        associated* primaryassociated* original* latest* lastactivity* lastcontacted* lastmodified* lastengagement* \
        lastsequence* lastmeeting* lastbooked* nextactivity* recent* becamea* dateentered* dateexited* \
        timefirst* timelast* timeto* timein* timebetween* firstconversion* firstpage* firstreferring* \
        firstdeal* firstcontact* lastpage* lastreferring* average* event* ip* createdby* updatedby* object* hubspot* \
        hs* owner* campaign* unsubscribed* optedout* invalidemail* emailconfirmation* emailaddressquarantine* \
        quarantine* legalbasis* linkedin* twitter* facebook* google* membership* registration* total* days* score* \
        predictive* likelihood* contactpriority contactunworked",
};

pub(super) fn is_mailchimp(keys: Keys<'_>) -> bool {
    keys.has_one(&["emailaddress", "email"])
        && (keys.has_all(&["leid", "euid"])
            || (keys.has("memberrating") && keys.has_one(&["optintime", "confirmtime", "lastchanged"])))
}

/// Mailchimp's audience. The time of signing up becomes the time of creation. Left out are the consent, which was given to
/// another sender, and what Mailchimp guesses from network addresses (`CC`, `REGION`, `TIMEZONE`).
pub(super) const MAILCHIMP: Columns = Columns {
    meanings: &[
        ("optintime", Fills(Target::CreatedAt)),
        ("confirmtime", FillsEmpty(Target::CreatedAt)),
        ("smsphonenumber", FillsEmpty(text(F::Phone))),
    ],
    left_out: "memberrating optinip confirmip latitude longitude gmtoff dstoff timezone cc region lastchanged leid euid \
        notes status unsub* clean* emailmarketing* smsmarketing* smssubscription* contactstatus source",
};
