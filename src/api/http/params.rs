//! Parameters of several routes, as the OpenAPI document describes them; handlers read them by name.
#![expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]

use utoipa::IntoParams;

use crate::domain::exports::Format;
use crate::domain::transactions::statistic::{Freq, Mode};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EntryPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct CustomerPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct SecretPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The secret's number within the entrypoint
    #[param(minimum = 1)]
    secret_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct StatisticPath {
    /// The period
    #[param(inline)]
    mode: Mode,
    /// The length of the intervals
    #[param(inline)]
    freq: Freq,
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct TransactionPath {
    /// The transaction's id: `{entrypoint}-{32 hexadecimal digits}`. The example is a placeholder: the answer to a recording
    /// tells the id as `transId`, and lists do
    trans_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct CustomerTransactionPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The transaction's id: `{entrypoint}-{32 hexadecimal digits}`. The example is a placeholder: the answer to a recording
    /// tells the id as `transId`, and lists do
    trans_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct AddressPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The address's id within the customer
    #[param(minimum = 1)]
    address_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct ReferencePath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The other system, 1–40 of `a-z 0-9 _ -`
    system: String,
    /// The customer's id there, 1–250 characters, case-sensitive; `/` is sent as `%2F`
    external_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct ReferenceQueryPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The other system, 1–40 of `a-z 0-9 _ -`
    system: String,
    /// The customer's id there, 1–250 characters, case-sensitive; `/` is sent as `%2F`
    external_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct CommentPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The comment's number within the customer
    #[param(minimum = 1)]
    comment_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct MemberPath {
    /// The member's id: `staff-` and a UUID. The example is a placeholder: lists tell the ids
    member_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CouponPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The coupon's code; case does not matter
    code: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct RedemptionPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The coupon's code; case does not matter
    code: String,
    /// The redemption's id: `{entrypoint}-{32 hexadecimal digits}`. The example is a placeholder: the answer to a redemption tells it
    redemption_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct ProductPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The product's id: `{entrypoint}-{32 hexadecimal digits}`. The example is a placeholder: the answer that makes a product tells
    /// it, and lists do
    product_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct PagedQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default
    #[param(minimum = 1, maximum = 1000)]
    limit_record: Option<i64>,
    /// The token of a page, from `Summary.pageIdentifier` of the page before
    page_identifier: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct OrganisationPath {
    /// The organisation
    org_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct ImportPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The import's id
    #[param(minimum = 1)]
    job_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct InviteJobPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The invitation's id
    #[param(minimum = 1)]
    job_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct LabelJobPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The id of the change
    #[param(minimum = 1)]
    job_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LabelPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The label, by case
    label: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FormatPath {
    /// The kind of file
    #[param(inline)]
    format: Format,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header, rename_all = "camelCase")]
pub(crate) struct KeyHeader {
    /// As for a create
    idempotency_key: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header, rename_all = "camelCase")]
pub(crate) struct StopKeyHeader {
    /// As for a create; stopping twice is stopping once
    idempotency_key: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatchHeader {
    /// The ETag of the record as it was read; 412 where it has changed since
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct PageQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default
    #[param(minimum = 1, maximum = 1000)]
    limit_record: Option<i64>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ListQuery {
    /// How many records to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many records to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// `asc(field)` or `desc(field)` of any field of the record
    sort_by: Option<String>,
    /// Words or parts of words, all of which must occur
    search: Option<String>,
    /// The token of a page, from `Summary.pageIdentifier` of the one before
    page_identifier: Option<String>,
    /// How many matches to count at most; all by default, and in answers of more than 500 records
    #[param(minimum = 1)]
    total_up_to: Option<i64>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct TransactionListQuery {
    /// How many records to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many records to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// `asc(transactionDate)` or `desc(transactionDate)`; newest first by default
    sort_by: Option<String>,
    /// The token of a page, from `Summary.pageIdentifier` of the one before
    page_identifier: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct TransactionExportQuery {
    /// `Source:Heading,Source2:Heading2`; a source alone is headed as it is written
    columns_export: Option<String>,
    /// How many transactions to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many transactions to export; 0 or less, and by default, all of them
    limit_record: Option<i64>,
    /// `asc(transactionDate)` or `desc(transactionDate)`; oldest first by default
    sort_by: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ExportQuery {
    /// `Source:Heading,Source2:Heading2`; a source alone is headed as it is written
    columns_export: Option<String>,
    /// How many customers to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many customers to export; 0 or less, and by default, all of them
    limit_record: Option<i64>,
    /// `asc(field)` or `desc(field)` of any field of the record; oldest first by default
    sort_by: Option<String>,
    /// Words or parts of words, all of which must occur
    search: Option<String>,
}
