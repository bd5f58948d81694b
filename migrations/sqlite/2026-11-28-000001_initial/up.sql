-- The tables, with the names and columns that migrations/postgres gives them. Times are microseconds since 1970.
--
-- Two kinds of tables stand here. The directory says who there is: organisations, entrypoints, tokens, signing keys and
-- blocks of customer ids. Everything else belongs to an entrypoint's customers. No foreign key and no statement leads
-- from one kind to the other, and every unique key of a customer table holds within its entrypoint. An INTEGER PRIMARY
-- KEY is SQLite's row id: a number of this file, with which nothing outside of it is named.

-- The service and its directory

-- Values by name, such as the one that checks the master key.
CREATE TABLE service_state (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

-- Keys wrapped by the master key. Entrypoint 0 is the service itself.
CREATE TABLE data_key (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    master_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at_us BIGINT NOT NULL,
    UNIQUE (entrypoint_id, epoch)
);

CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    key_id BIGINT NOT NULL,
    secret BLOB NOT NULL,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE organisation (
    org_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    -- JSON list of identifiers; NULL where the organisation sets none.
    identifiers TEXT,
    -- Whether its staff must have a second factor.
    requires_totp BOOLEAN NOT NULL DEFAULT FALSE,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE entrypoint (
    entrypoint_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entry TEXT NOT NULL UNIQUE,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    -- Grows with every change of these settings and of the organisation's, together with the lock row's.
    settings_version BIGINT NOT NULL DEFAULT 1,
    legal_name TEXT,
    dba_name TEXT,
    country TEXT,
    -- JSON list of identifiers; NULL where the organisation's hold.
    identifiers TEXT,
    -- JSON list of fields.
    required_fields TEXT NOT NULL DEFAULT '[]',
    -- How mails and the portal show the entrypoint; NULL for what is derived.
    store_name TEXT,
    sender_name TEXT,
    language TEXT NOT NULL DEFAULT 'en',
    -- #rrggbb.
    color TEXT,
    -- JSON list of the fields that customers edit themselves; NULL for phone and addresses.
    editable_fields TEXT,
    -- Where card numbers are refused: all, or texts.
    card_guard TEXT NOT NULL DEFAULT 'all',
    -- The most stored methods of a customer.
    max_methods BIGINT NOT NULL DEFAULT 20,
    -- The currency of totals, by its ISO 4217 code; it stays once there is a transaction.
    currency TEXT NOT NULL DEFAULT 'USD',
    -- JSON object of the settings of invoices.
    invoicing TEXT NOT NULL DEFAULT '{}',
    -- Whether it is for tests; it stays so.
    is_test BOOLEAN NOT NULL DEFAULT FALSE,
    -- Who moves its money: 0 nobody, 1 the sandbox, 2 the provider behind HTTP.
    provider SMALLINT NOT NULL DEFAULT 0,
    -- Where payers go if nobody moves its money here.
    payment_url TEXT,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX entrypoint_org ON entrypoint (org_id, entrypoint_id);

-- The entrypoint of each block of 1,024 customer ids.
CREATE TABLE id_block (
    block_no INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id)
);

CREATE TABLE token (
    jti TEXT NOT NULL PRIMARY KEY,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    name TEXT NOT NULL,
    -- JSON lists.
    entries TEXT NOT NULL,
    scopes TEXT NOT NULL,
    requests_per_minute BIGINT,
    -- The tokens in the line by which it was made, as JSON.
    makers TEXT NOT NULL,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    revoked_at_us BIGINT
);
CREATE INDEX token_revoked ON token (expires_at_us) WHERE revoked_at_us IS NOT NULL;

-- Members of staff, who sign in to the console.
CREATE TABLE staff_member (
    -- "staff-" and a random UUID.
    member_id TEXT NOT NULL PRIMARY KEY,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    name TEXT NOT NULL,
    -- viewer, agent, manager, owner.
    role TEXT NOT NULL,
    -- JSON list, or "*".
    entries TEXT NOT NULL,
    -- Keyed hash: over the whole service an address has one member.
    email_digest BLOB NOT NULL UNIQUE,
    key_id BIGINT NOT NULL,
    salt BLOB NOT NULL,
    -- Sealed: e-mail address, hash of the password, second factor.
    document BLOB NOT NULL,
    -- Grows when the member's sessions end.
    epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,
    has_password BOOLEAN NOT NULL,
    has_totp BOOLEAN NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    signed_in_at_us BIGINT,
    disabled_at_us BIGINT
);
CREATE INDEX staff_member_org ON staff_member (org_id, created_at_us, member_id);

-- Links for staff.
CREATE TABLE staff_link (
    -- Of the link's 256 random bits.
    token_hash BLOB NOT NULL PRIMARY KEY,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    -- NULL for the link that makes the first owner.
    member_id TEXT,
    -- owner, invitation, reset.
    kind TEXT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX staff_link_org ON staff_link (org_id, member_id);
CREATE INDEX staff_link_expiry ON staff_link (expires_at_us);

-- Members of staff who are signed in.
CREATE TABLE staff_session (
    -- Of the cookie's 256 random bits.
    token_hash BLOB NOT NULL PRIMARY KEY,
    member_id TEXT NOT NULL,
    -- The member's when the session began.
    epoch BIGINT NOT NULL,
    -- Whether it still waits for the second factor.
    is_half BOOLEAN NOT NULL,
    created_at_us BIGINT NOT NULL,
    seen_at_us BIGINT NOT NULL
);
CREATE INDEX staff_session_member ON staff_session (member_id);
CREATE INDEX staff_session_seen ON staff_session (seen_at_us);

-- Views of the list of customers that members of staff keep.
CREATE TABLE staff_view (
    -- "view-" and a random UUID.
    view_id TEXT NOT NULL PRIMARY KEY,
    member_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The data key of the query.
    key_id BIGINT NOT NULL,
    -- JSON: filters, columns, order and page size; no search text. Sealed, as a filter may name a label.
    query BLOB NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX staff_view_member ON staff_view (member_id, name);

-- What members of staff did to settings, tokens and each other.
CREATE TABLE staff_act (
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    at_us BIGINT NOT NULL,
    -- A random UUID: a number would tell how many acts are not shown.
    act_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The entrypoints that it concerns: a JSON list, or "*".
    entries TEXT NOT NULL,
    -- The id of a token, a member or a secret of webhooks.
    subject_id TEXT,
    -- JSON list of the names of what changed; never a value.
    changed TEXT NOT NULL,
    -- The member, by the name of that time.
    actor_name TEXT NOT NULL,
    actor_jti TEXT NOT NULL,
    PRIMARY KEY (org_id, at_us, act_id)
) WITHOUT ROWID;

-- Customers

-- Every write of an entrypoint locks its row here first.
CREATE TABLE entrypoint_lock (
    entrypoint_id BIGINT NOT NULL PRIMARY KEY,
    -- The version of the settings in the directory that this entrypoint's customers are under.
    settings_version BIGINT NOT NULL,
    -- The next customer id, and the first one beyond the block.
    next_customer_id BIGINT NOT NULL,
    block_end BIGINT NOT NULL,
    -- The number of the next change; every number below was given to exactly one row of history or event.
    next_seq BIGINT NOT NULL,
    -- The data key of new writes.
    key_id BIGINT NOT NULL,
    -- The next id of a secret of webhooks; no id is given twice.
    next_secret_id BIGINT NOT NULL DEFAULT 1,
    -- JSON list of the identifiers for which every live customer has a digest.
    digest_identifiers TEXT NOT NULL,
    -- The data key that a rotation replaces, with the identifiers that it has digests for; NULL while none runs.
    old_key_id BIGINT,
    old_digest_identifiers TEXT NOT NULL DEFAULT '[]',
    live_customers BIGINT NOT NULL,
    -- JSON object: "status/lifecycle" to number of customers.
    counts TEXT NOT NULL
);

CREATE TABLE customer (
    -- Given out by blocks, so that it is unique in the file too.
    customer_id INTEGER PRIMARY KEY NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    status INTEGER NOT NULL,
    lifecycle TEXT NOT NULL,
    -- Ten-thousandths.
    balance_units BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    -- All NULL once the person is erased.
    salt BLOB,
    document BLOB,
    -- The stored payment methods; NULL where there are none.
    methods BLOB,
    -- The subscriptions; NULL where there are none.
    subscriptions BLOB
);
CREATE INDEX customer_entrypoint ON customer (entrypoint_id, customer_id);
-- The list in order of creation, and the customers of a stage or a status of which there are few.
CREATE INDEX customer_created ON customer (entrypoint_id, created_at_us, customer_id);
CREATE INDEX customer_stage ON customer (entrypoint_id, lifecycle, status, customer_id);

-- Append-only. A customer's row must have the newest version here.
CREATE TABLE history (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- The number of the change among all of the entrypoint: 1, 2, 3, without a gap.
    seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    operation TEXT NOT NULL,
    -- What the change is a part of, such as "import:7"; NULL for one that a caller asked for by itself.
    cause TEXT,
    token_name TEXT NOT NULL,
    token_jti TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    -- The sealed document of the version before; NULL once erased.
    document_before BLOB,
    key_id_before BIGINT,
    PRIMARY KEY (entrypoint_id, customer_id, version)
) WITHOUT ROWID;
-- What members of staff changed, for the page of what they did. The bounds are those of their ids.
CREATE INDEX history_staff ON history (entrypoint_id, seq)
    WHERE token_jti >= 'staff-' AND token_jti < 'staff.';

-- Changes that are no new versions of a customer, such as those of comments. Without personal values.
CREATE TABLE event (
    entrypoint_id BIGINT NOT NULL,
    -- From the same counter as history's: each number is in one of the two tables.
    seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    -- Such as "comment.created".
    kind TEXT NOT NULL,
    -- NULL for a transaction that belongs to nobody.
    customer_id BIGINT,
    -- What hangs on the customer and changed, by its id; NULL where there is only one.
    subject_id TEXT,
    -- JSON list of names of fields; NULL where the kind says all.
    changed TEXT,
    actor_name TEXT NOT NULL,
    actor_jti TEXT NOT NULL,
    PRIMARY KEY (entrypoint_id, seq)
) WITHOUT ROWID;
-- With the kind, so that what a token may not see is counted out without reading the rows.
CREATE INDEX event_customer ON event (entrypoint_id, customer_id, seq, kind) WHERE customer_id IS NOT NULL;
CREATE INDEX event_staff ON event (entrypoint_id, seq)
    WHERE actor_jti >= 'staff-' AND actor_jti < 'staff.';

-- Comments on customers.
CREATE TABLE comment (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    -- Within the customer, and never used again.
    comment_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    -- Sealed under the customer's salt: text and author's name.
    document BLOB NOT NULL,
    author_jti TEXT NOT NULL,
    pinned BOOLEAN NOT NULL,
    created_at_us BIGINT NOT NULL,
    -- NULL while the text is the first one.
    edited_at_us BIGINT,
    PRIMARY KEY (entrypoint_id, customer_id, comment_id)
);

-- How many comments a customer has and had; a customer who never had one has no row.
CREATE TABLE comment_book (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    next_comment_id BIGINT NOT NULL,
    comments BIGINT NOT NULL,
    -- How many changes there were.
    version BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, customer_id)
) WITHOUT ROWID;

-- The secrets of payment systems that send webhooks.
CREATE TABLE ingest_secret (
    entrypoint_id BIGINT NOT NULL,
    secret_id BIGINT NOT NULL,
    -- payabli, stripe or standard.
    dialect TEXT NOT NULL,
    -- The header that holds a shared secret; NULL for signatures.
    header TEXT,
    -- What becomes of a payment of somebody unknown: refuse, unlinked or create.
    on_unknown TEXT NOT NULL,
    -- The data key of the secret.
    key_id BIGINT NOT NULL,
    -- Sealed under the key of the entrypoint.
    secret BLOB NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, secret_id)
) WITHOUT ROWID;

-- Money that the payment system moved. A transaction is found by its source and the id that it has there.
CREATE TABLE "transaction" (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its arrival, then 10 random ones.
    trans_id BLOB NOT NULL,
    -- Keyed hash of source and external id.
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    -- NULL while it belongs to nobody. It stays when the person is erased.
    customer_id BIGINT,
    -- 0 sale, 1 refund, 2 chargeback, 3 credit.
    operation SMALLINT NOT NULL,
    -- The number of its state in domain/transactions.
    status SMALLINT NOT NULL,
    -- Ten-thousandths of the currency.
    amount_units BIGINT NOT NULL,
    fee_units BIGINT,
    net_units BIGINT,
    -- The amount in the base currency, as the sender said.
    base_units BIGINT,
    currency TEXT NOT NULL,
    -- card, ach, wallet, ….
    method TEXT,
    -- When it began, and when the first delivery of it came.
    occurred_at_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    -- The digest of the sale that it pays back.
    refund_of BLOB,
    -- Of a sale: the sum of its confirmed refunds in its currency.
    refunded_units BIGINT NOT NULL,
    -- The data key of the hashes and of both sealed columns.
    key_id BIGINT NOT NULL,
    -- Sealed under the key of the entrypoint: its external ids, and when each value was said.
    core BLOB NOT NULL,
    -- Sealed under the customer's salt, or under the key of the entrypoint while it belongs to nobody: what may be
    -- personal, such as the description. NULL where there is nothing, and once the person is erased.
    document BLOB,
    PRIMARY KEY (entrypoint_id, trans_id),
    UNIQUE (entrypoint_id, digest)
) WITHOUT ROWID;
-- Those whose money may still move: their customer is not deleted.
CREATE INDEX transaction_pending ON "transaction" (entrypoint_id, customer_id) WHERE status IN (1, 2);
CREATE INDEX transaction_customer ON "transaction" (entrypoint_id, customer_id, occurred_at_us, trans_id);
CREATE INDEX transaction_time ON "transaction" (entrypoint_id, occurred_at_us, trans_id);
-- It does not begin with the entrypoint, or the planner would take the primary key for as good.
CREATE INDEX transaction_refund ON "transaction" (refund_of) WHERE refund_of IS NOT NULL;

-- The transactions that wait for the customer who pays, by what that customer is found by.
CREATE TABLE transaction_payer (
    entrypoint_id BIGINT NOT NULL,
    -- Keyed hash of an identifier and its values, as in identity_digest.
    digest BLOB NOT NULL,
    trans_id BLOB NOT NULL,
    -- It does not begin with the entrypoint, or a planner would take any index that does for as good.
    PRIMARY KEY (digest, trans_id)
) WITHOUT ROWID;
CREATE INDEX transaction_payer_id ON transaction_payer (trans_id);

-- What erased people were found by, so that no payment registers them again.
CREATE TABLE erased_payer (
    entrypoint_id BIGINT NOT NULL,
    -- Hash of the entrypoint, an identifier and its values, under the service's key, which no rotation of an entrypoint replaces.
    digest BLOB NOT NULL,
    PRIMARY KEY (digest)
) WITHOUT ROWID;

-- What the transactions of a customer come to: a row for each currency, and one for the base currency, whose currency is ''.
CREATE TABLE customer_total (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- All of them, in any state.
    transactions BIGINT NOT NULL,
    -- Approved sales.
    sales BIGINT NOT NULL,
    gross_units BIGINT NOT NULL,
    net_units BIGINT NOT NULL,
    -- In the row of the base currency: how many approved ones lack an amount in it.
    incomplete BIGINT NOT NULL,
    -- The latest one's time, and that of the latest approved sale; 0 for none.
    last_at_us BIGINT NOT NULL,
    last_sale_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, customer_id, currency)
) WITHOUT ROWID;
CREATE INDEX customer_total_sales ON customer_total (entrypoint_id, sales, customer_id) WHERE currency = '';
CREATE INDEX customer_total_gross ON customer_total (entrypoint_id, gross_units, customer_id) WHERE currency = '';
CREATE INDEX customer_total_last ON customer_total (entrypoint_id, last_at_us, customer_id) WHERE currency = '';

-- The labels of live customers, and how many have each.
CREATE TABLE label (
    entrypoint_id BIGINT NOT NULL,
    -- Keyed hash of the label, by case.
    digest BLOB NOT NULL,
    -- The data key of the hash and of the name.
    key_id BIGINT NOT NULL,
    -- Sealed under the key of the entrypoint.
    name BLOB NOT NULL,
    customers BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, digest)
) WITHOUT ROWID;

-- Where each subscription is: the subscriptions themselves are sealed beside their customers.
CREATE TABLE subscription (
    entrypoint_id BIGINT NOT NULL,
    -- From the same blocks as the ids of customers, so that it says whose entrypoint it is of.
    subscription_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    -- Keyed hash of the system that keeps it and of its id there.
    digest BLOB NOT NULL,
    -- 0 ended, 1 paused, 2 trial, 3 running.
    status SMALLINT NOT NULL,
    -- When it is charged next.
    next_at_us BIGINT,
    PRIMARY KEY (entrypoint_id, subscription_id),
    UNIQUE (entrypoint_id, digest)
) WITHOUT ROWID;
CREATE INDEX subscription_customer ON subscription (entrypoint_id, customer_id, subscription_id);
CREATE INDEX subscription_next ON subscription (entrypoint_id, next_at_us, subscription_id) WHERE next_at_us IS NOT NULL;

-- Invoices and credit notes.
CREATE TABLE invoice (
    entrypoint_id BIGINT NOT NULL,
    -- From the same blocks as the ids of customers, so that it says whose entrypoint it is of.
    invoice_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- 0 invoice, 1 credit note.
    kind SMALLINT NOT NULL,
    -- 0 draft, 1 open, 2 partly paid, 4 paid, 99 cancelled.
    state SMALLINT NOT NULL,
    currency TEXT NOT NULL,
    -- Ten-thousandths of the currency.
    total_units BIGINT NOT NULL,
    paid_units BIGINT NOT NULL,
    -- The days of issue and of payment, as numbers of days since 1970; NULL for a draft.
    day BIGINT,
    due_day BIGINT,
    issued_at_us BIGINT,
    -- Keyed hash of the number; NULL for a draft.
    number_digest BLOB,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    sent_at_us BIGINT,
    key_id BIGINT NOT NULL,
    -- Its own, so that it outlives the salt of its customer, whom an erase takes.
    salt BLOB NOT NULL,
    -- Sealed: lines, notes, seller and buyer, payments.
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, invoice_id),
    UNIQUE (entrypoint_id, number_digest)
) WITHOUT ROWID;
CREATE INDEX invoice_customer ON invoice (entrypoint_id, customer_id, invoice_id);

-- The PDF of each issued invoice.
CREATE TABLE invoice_document (
    entrypoint_id BIGINT NOT NULL,
    invoice_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    salt BLOB NOT NULL,
    -- Sealed under its own salt.
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, invoice_id)
);

-- Where the series of numbers stand.
CREATE TABLE invoice_series (
    entrypoint_id BIGINT NOT NULL,
    -- As in invoice.
    kind SMALLINT NOT NULL,
    year BIGINT NOT NULL,
    next_number BIGINT NOT NULL,
    last_day BIGINT,
    PRIMARY KEY (entrypoint_id, kind)
) WITHOUT ROWID;

-- Coupons. A coupon is found by its code.
CREATE TABLE coupon (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its making, then 10 random ones.
    coupon_id BLOB NOT NULL,
    -- Keyed hash of the code, without case.
    digest BLOB NOT NULL,
    version BIGINT NOT NULL,
    -- What it takes off: hundredths of a percent, or ten-thousandths of a currency.
    percent_off BIGINT,
    amount_units BIGINT,
    currency TEXT,
    -- Its first and its last moment.
    starts_at_us BIGINT,
    redeem_by_us BIGINT,
    -- How often it may be redeemed, in all and by one customer.
    max_redemptions BIGINT,
    per_customer_limit BIGINT,
    -- Whether only customers may redeem it whom it is assigned to.
    customers_only BOOLEAN NOT NULL,
    online BOOLEAN NOT NULL,
    -- How many redemptions take a place, and how many there ever were.
    redeemed BIGINT NOT NULL,
    redemptions BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    -- The data key of the hash and of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the key of the entrypoint: code, name and description.
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, coupon_id),
    UNIQUE (entrypoint_id, digest)
) WITHOUT ROWID;
CREATE INDEX coupon_online ON coupon (entrypoint_id, online, coupon_id);

-- What coupons have to do with customers. The counts stay when the customer is deleted or erased.
CREATE TABLE coupon_customer (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    coupon_id BLOB NOT NULL,
    -- NULL where the coupon is not assigned to the customer.
    assigned_at_us BIGINT,
    -- How many redemptions of the customer take a place, and how many there ever were.
    redeemed BIGINT NOT NULL,
    redemptions BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, customer_id, coupon_id)
) WITHOUT ROWID;
-- It does not begin with the entrypoint, or a planner would take any index that does for as good.
CREATE INDEX coupon_customer_coupon ON coupon_customer (coupon_id);

-- Uses of coupons.
CREATE TABLE coupon_redemption (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of the use, then 10 random ones.
    redemption_id BLOB NOT NULL,
    coupon_id BLOB NOT NULL,
    -- It stays when the person is erased.
    customer_id BIGINT NOT NULL,
    -- Keyed hash of coupon, customer and reference; NULL without a reference, once the place is given back, and once the
    -- person is erased.
    digest BLOB,
    -- Ten-thousandths of the currency.
    amount_units BIGINT NOT NULL,
    discount_units BIGINT NOT NULL,
    currency TEXT NOT NULL,
    redeemed_at_us BIGINT NOT NULL,
    -- NULL while it takes a place.
    released_at_us BIGINT,
    -- The data key of the hash and of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the customer's salt: the reference. NULL once the person is erased.
    document BLOB,
    PRIMARY KEY (entrypoint_id, redemption_id),
    UNIQUE (entrypoint_id, digest)
) WITHOUT ROWID;
CREATE INDEX coupon_redemption_coupon ON coupon_redemption (coupon_id, redemption_id);
CREATE INDEX coupon_redemption_customer ON coupon_redemption (customer_id, coupon_id, redemption_id);

-- A small catalogue.
CREATE TABLE product (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its making, then 10 random ones.
    product_id BLOB NOT NULL,
    version BIGINT NOT NULL,
    -- Ten-thousandths of the currency.
    price_units BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- Hundredths of a percent.
    tax_rate BIGINT,
    active BOOLEAN NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    -- The data key of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the key of the entrypoint: name, description and options.
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, product_id)
) WITHOUT ROWID;
CREATE INDEX product_active ON product (entrypoint_id, active, product_id);

-- Orders that staff took.
CREATE TABLE sales_order (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its making, then 10 random ones.
    order_id BLOB NOT NULL,
    -- It stays when the person is erased.
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- 0 pending, 1 completed, 2 cancelled.
    state SMALLINT NOT NULL,
    -- 0 paid, 1 on account, 2 by a payment request.
    collect SMALLINT NOT NULL,
    currency TEXT NOT NULL,
    -- Ten-thousandths of the currency.
    total_units BIGINT NOT NULL,
    invoice_id BIGINT,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    -- The data key of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the customer's salt: lines, coupon, notes. NULL once the person is erased.
    document BLOB,
    PRIMARY KEY (entrypoint_id, order_id)
) WITHOUT ROWID;
CREATE INDEX sales_order_customer ON sales_order (entrypoint_id, customer_id, order_id);

-- What payment providers are asked to do. A row is written before the call is made.
CREATE TABLE provider_call (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its making, then 10 random ones. A charge has the id of its transaction.
    call_id BLOB NOT NULL,
    -- The charge that it is about.
    charge_id BLOB NOT NULL,
    -- NULL while it is not known whose money it moves. It stays when the person is erased.
    customer_id BIGINT,
    -- The request that it answers.
    request_id BLOB,
    version BIGINT NOT NULL,
    -- 1 the sandbox, 2 the provider behind HTTP.
    provider SMALLINT NOT NULL,
    -- 0 charge, 1 refund, 2 void, 3 a page to pay on, 4 a page to leave a method on.
    kind SMALLINT NOT NULL,
    -- 0 requested, 1 pending, 2 requires an action of the payer, 3 succeeded, 4 declined.
    state SMALLINT NOT NULL,
    currency TEXT NOT NULL,
    -- Ten-thousandths of the currency.
    amount_units BIGINT NOT NULL,
    -- After this the provider begins it no more.
    valid_until_us BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    -- How often the provider was asked.
    attempts BIGINT NOT NULL,
    -- When the provider is asked next: a worker that asks moves it ahead, so that no other asks meanwhile. NULL once it is final.
    due_at_us BIGINT,
    -- The data key of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the customer's salt, or the entrypoint's while there is no customer. NULL once the person is erased.
    document BLOB,
    PRIMARY KEY (entrypoint_id, call_id)
) WITHOUT ROWID;
CREATE INDEX provider_call_charge ON provider_call (entrypoint_id, charge_id, call_id);
CREATE INDEX provider_call_running ON provider_call (entrypoint_id, customer_id, call_id)
    WHERE due_at_us IS NOT NULL;
CREATE INDEX provider_call_customer ON provider_call (entrypoint_id, customer_id, call_id);
CREATE INDEX provider_call_request ON provider_call (entrypoint_id, request_id, call_id)
    WHERE request_id IS NOT NULL AND due_at_us IS NOT NULL;
CREATE INDEX provider_call_due ON provider_call (due_at_us, entrypoint_id, call_id) WHERE due_at_us IS NOT NULL;
-- Requests for money and for payment methods.
CREATE TABLE payment_request (
    entrypoint_id BIGINT NOT NULL,
    -- 6 bytes of milliseconds of its making, then 10 random ones.
    request_id BLOB NOT NULL,
    -- 0 money, 1 a payment method.
    kind SMALLINT NOT NULL,
    -- NULL for a reusable one. It stays when the person is erased.
    customer_id BIGINT,
    version BIGINT NOT NULL,
    -- 0 new, 1 in progress, 2 done, 4 declined, 5 cancelled; that it is expired follows from the time.
    state SMALLINT NOT NULL,
    currency TEXT NOT NULL,
    -- Ten-thousandths of the currency; NULL if the payer says how much.
    amount_units BIGINT,
    min_units BIGINT,
    max_units BIGINT,
    -- How often it was answered, and how often it can be; NULL for any number.
    uses BIGINT NOT NULL,
    max_uses BIGINT,
    invoice_id BIGINT,
    -- The order that made it.
    order_id BLOB,
    -- Of the link's 256 random bits.
    link_hash BLOB NOT NULL,
    expires_at_us BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    -- The last transaction that answered it, or tried to.
    last_trans_id BLOB,
    -- The data key of the document.
    key_id BIGINT NOT NULL,
    -- Sealed under the customer's salt, or the entrypoint's: description, addresses, reference. NULL once the person is erased.
    document BLOB,
    PRIMARY KEY (entrypoint_id, request_id),
    UNIQUE (entrypoint_id, link_hash)
) WITHOUT ROWID;
CREATE INDEX payment_request_kind ON payment_request (entrypoint_id, kind, request_id);
CREATE INDEX payment_request_customer ON payment_request (entrypoint_id, customer_id, kind, request_id);

-- Customers whose stage moves at a time, unless something happens before.
CREATE TABLE lifecycle_due (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    due_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, customer_id)
) WITHOUT ROWID;
CREATE INDEX lifecycle_due_time ON lifecycle_due (due_at_us, entrypoint_id, customer_id);

-- What the transactions of all customers come to, by currency.
CREATE TABLE entrypoint_total (
    entrypoint_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    transactions BIGINT NOT NULL,
    sales BIGINT NOT NULL,
    gross_units BIGINT NOT NULL,
    net_units BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, currency)
) WITHOUT ROWID;

-- How many live customers there are of a kind, for statistics.
CREATE TABLE customer_count (
    entrypoint_id BIGINT NOT NULL,
    -- created: the slot is the day of creation. method: it is what the status of the default method follows from.
    kind TEXT NOT NULL,
    slot TEXT NOT NULL,
    customers BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, kind, slot)
) WITHOUT ROWID;

-- Who has which identifier: keyed hashes of their values.
CREATE TABLE identity_digest (
    entrypoint_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, digest, customer_id)
) WITHOUT ROWID;

-- Digests on their way to identity_digest, where each would cost a commit a page of its own.
CREATE TABLE recent_identity_digest (
    recent_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    -- One after another: 16 bytes of digest, 8 of the customer's id, the most significant byte first.
    packed BLOB NOT NULL
);

-- What idempotency keys came to, in the order in which they came: sorted by the hashes of their keys, each record would
-- cost a commit a page of its own.
CREATE TABLE idempotency (
    record_id INTEGER PRIMARY KEY NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    key_hash BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    kind TEXT NOT NULL,
    customer_id BIGINT,
    version BIGINT,
    key_id BIGINT NOT NULL,
    detail BLOB NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at_us);
-- For a rotation and for doctor, which walk the records of an entrypoint.
CREATE INDEX idempotency_entrypoint ON idempotency (entrypoint_id);

-- Which records may be those of a key: the first half of the key's hash.
CREATE TABLE idempotency_digest (
    entrypoint_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    record_id BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, digest, record_id)
) WITHOUT ROWID;

-- Digests on their way to idempotency_digest, as in recent_identity_digest.
CREATE TABLE recent_idempotency_digest (
    recent_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    packed BLOB NOT NULL
);

-- The search index. It belongs to the tables of customers and not to one entrypoint: customer ids are unique there.

-- The terms of new and changed customers, until a segment has them. Of several rows of a customer, the one with the
-- highest sequence number counts.
CREATE TABLE index_memtable (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    -- Whether the customers may have had other terms before.
    replaces BOOLEAN NOT NULL,
    -- For each customer of the row its id, how many terms it has, and these, sorted: eight bytes each.
    terms BLOB NOT NULL
);

CREATE TABLE index_segment (
    segment_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- building, live, retired.
    state TEXT NOT NULL,
    -- The highest sequence number of its rows.
    sequence BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    retired_at_us BIGINT
);

-- Packed lists of the customers of each term.
CREATE TABLE index_block (
    segment_id BIGINT NOT NULL,
    first_term BIGINT NOT NULL,
    first_customer BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (segment_id, first_term, first_customer)
);

-- Customers whose terms in segments of a lower sequence number no longer hold.
CREATE TABLE index_tombstone (
    customer_id BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);

-- One row: who compacts segments, and whether the index is that of this release.
CREATE TABLE index_lease (
    lease_no BIGINT NOT NULL PRIMARY KEY,
    lease_until_us BIGINT NOT NULL,
    is_built BOOLEAN NOT NULL
);
INSERT INTO index_lease (lease_no, lease_until_us, is_built) VALUES (0, 0, FALSE);

-- Jobs

-- Work of many steps: imports, invitations and labels of many customers, rotations of data keys.
CREATE TABLE job (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    -- import, invitation, rotation, label.
    kind TEXT NOT NULL,
    -- uploading, queued, running, finished, cancelled, failed.
    state TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_jti TEXT NOT NULL,
    -- The job whose work this one repeats: an import that was rehearsed has the id of its dry run, and its file.
    parent_id BIGINT,
    -- Keyed hash of what was asked, for kinds that do the same thing once; NULL while it is not known.
    fingerprint BLOB,
    -- The service's key and the job's salt seal the plan and whatever else the job keeps.
    key_id BIGINT NOT NULL,
    salt BLOB NOT NULL,
    -- Sealed: what to do; NULL where the checkpoint says all.
    plan BLOB,
    -- JSON object of the kind: where to go on. All before is done, and its results are committed with it.
    checkpoint TEXT NOT NULL,
    -- How many rows or customers are done, and of how many, where that is known.
    done BIGINT NOT NULL,
    total BIGINT,
    -- JSON object: outcome to number of rows or customers.
    counts TEXT NOT NULL,
    -- Sealed: the first errors as texts.
    errors BLOB,
    failure TEXT,
    cancel_asked BOOLEAN NOT NULL,
    -- Only the holder of the newest lease may move the checkpoint.
    lease_no BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    -- How many workers took the job since it last came forward.
    attempts BIGINT NOT NULL,
    queued_at_us BIGINT NOT NULL,
    touched_at_us BIGINT NOT NULL,
    started_at_us BIGINT,
    ended_at_us BIGINT
);
CREATE INDEX job_entrypoint ON job (entrypoint_id, kind, job_id);
CREATE INDEX job_waiting ON job (kind, job_id) WHERE state IN ('uploading', 'queued', 'running');

-- The file of an import as UTF-8, in sealed pieces. upload_id is the job that was made by the upload.
CREATE TABLE import_chunk (
    entrypoint_id BIGINT NOT NULL,
    upload_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    byte_offset BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, upload_id, seq)
);

-- What became of each row, many rows a piece.
CREATE TABLE import_report (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    first_row BIGINT NOT NULL,
    -- JSON object: outcome to number of rows.
    counts TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, first_row)
);

-- Customers as a dry run would have left them so far, sealed; removed at its end.
CREATE TABLE dry_run_record (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, customer_id)
) WITHOUT ROWID;

-- Keyed hashes of what they are found by.
CREATE TABLE dry_run_record_key (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, digest, customer_id)
) WITHOUT ROWID;

-- Transactions as a dry run would have left them so far, sealed; removed at its end.
CREATE TABLE dry_run_transaction (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    -- Keyed hash of source and external id.
    digest BLOB NOT NULL,
    -- That of the sale that it pays back.
    refund_of BLOB,
    customer_id BIGINT,
    document BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, digest)
) WITHOUT ROWID;
-- It does not begin with the entrypoint, or the planner would take the primary key for as good.
CREATE INDEX dry_run_transaction_refund ON dry_run_transaction (refund_of) WHERE refund_of IS NOT NULL;

-- Those among them that wait for the customer who pays, by what that customer is found by.
CREATE TABLE dry_run_payer (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    -- As in transaction_payer.
    digest BLOB NOT NULL,
    -- The digest of the transaction in dry_run_transaction.
    waiting BLOB NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, digest, waiting)
) WITHOUT ROWID;

-- Who was not invited, and why.
CREATE TABLE invite_report (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    -- The customer in the way.
    other_id BIGINT,
    PRIMARY KEY (entrypoint_id, job_id, customer_id)
);

-- Whose labels were not changed, and why.
CREATE TABLE label_report (
    entrypoint_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (entrypoint_id, job_id, customer_id)
);

-- Mails

-- Mails to be sent, each committed with the change that it reports.
CREATE TABLE mail_outbox (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    -- The member of staff who gets it; then entrypoint and customer are 0. NULL for mails to customers.
    member_id TEXT,
    -- invitation, reset, locked, passwordChanged, emailChanged, usernameChanged, consentOptIn, receipt, invoice, orderConfirmation, paymentRequest, methodLink,
    -- staffInvitation, staffReset.
    kind TEXT NOT NULL,
    -- queued, sending, handingOver, sent, written, failed, uncertain, dropped.
    state TEXT NOT NULL,
    -- The random part of its Message-ID.
    message_id TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    -- Sealed under the service's key and this salt: address, name, link. Both NULL once sent or given up.
    salt BLOB,
    content BLOB,
    attempts BIGINT NOT NULL,
    next_try_us BIGINT NOT NULL,
    -- Only the holder of the newest lease may say what became of it.
    lease_no BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    -- A word of the service; the mail server's own words may hold an address.
    problem TEXT,
    -- Where the file of a written mail is.
    folder TEXT,
    created_at_us BIGINT NOT NULL,
    ended_at_us BIGINT
);
CREATE INDEX mail_outbox_entrypoint ON mail_outbox (entrypoint_id, mail_id);
-- Not partial: the state is a bound value, of which a planner cannot tell whether such an index has it.
CREATE INDEX mail_outbox_due ON mail_outbox (state, next_try_us, mail_id);
CREATE INDEX mail_outbox_held ON mail_outbox (state, lease_until_us);
CREATE INDEX mail_outbox_customer ON mail_outbox (entrypoint_id, customer_id);
CREATE INDEX mail_outbox_ended ON mail_outbox (ended_at_us);

-- The portal

-- Links in mails to customers, at most one of a kind: a new one replaces the one before.
CREATE TABLE portal_link (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    -- invitation, reset, consent.
    kind TEXT NOT NULL,
    -- Of the link's 256 random bits.
    token_hash BLOB NOT NULL,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    -- When somebody, or a mail scanner, first looked at the page.
    opened_at_us BIGINT,
    PRIMARY KEY (entrypoint_id, customer_id, kind),
    UNIQUE (entrypoint_id, token_hash)
);

-- Customers who are signed in.
CREATE TABLE portal_session (
    entrypoint_id BIGINT NOT NULL,
    -- Of the cookie's 256 random bits.
    token_hash BLOB NOT NULL,
    customer_id BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    seen_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, token_hash)
);
CREATE INDEX portal_session_customer ON portal_session (entrypoint_id, customer_id);
CREATE INDEX portal_session_seen ON portal_session (seen_at_us);

-- What was tried lately with a login name, whether or not anybody has it.
CREATE TABLE login_attempt (
    entrypoint_id BIGINT NOT NULL,
    -- Keyed hash of what was tried (to sign in, to get a mail) and the name.
    login_hash BLOB NOT NULL,
    -- JSON array of times, the oldest first.
    times TEXT NOT NULL,
    newest_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, login_hash)
);
CREATE INDEX login_attempt_newest ON login_attempt (newest_at_us);

-- What the planner is told of tables that begin with the entrypoint in several indexes. Without it SQLite takes any entrypoint to have
-- ten rows: it then reads all transactions of one to find twenty by their digests. The statement makes the table of statistics.
ANALYZE entrypoint_total;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('transaction', 'transaction', '1000000 1000000 1'),
    ('transaction', 'sqlite_autoindex_transaction_2', '1000000 1000000 1'),
    ('transaction', 'transaction_pending', '1000 1000 1'),
    ('transaction', 'transaction_customer', '1000000 1000000 10 1 1'),
    ('transaction', 'transaction_time', '1000000 1000000 1 1'),
    ('transaction', 'transaction_refund', '100000 1'),
    ('invoice', 'invoice', '1000000 1000000 1'),
    ('invoice', 'sqlite_autoindex_invoice_2', '1000000 1000000 1'),
    ('invoice', 'invoice_customer', '1000000 1000000 10 1'),
    ('sales_order', 'sales_order', '1000000 1000000 1'),
    ('sales_order', 'sales_order_customer', '1000000 1000000 10 1'),
    ('provider_call', 'provider_call', '1000000 1000000 1'),
    ('provider_call', 'provider_call_charge', '1000000 1000000 1 1'),
    ('provider_call', 'provider_call_customer', '1000000 1000000 10 1'),
    ('provider_call', 'provider_call_running', '1000 1000 1 1'),
    ('provider_call', 'provider_call_request', '1000 1000 1 1'),
    ('provider_call', 'provider_call_due', '1000 1 1 1'),
    ('payment_request', 'payment_request', '1000000 1000000 1'),
    ('payment_request', 'sqlite_autoindex_payment_request_2', '1000000 1000000 1'),
    ('payment_request', 'payment_request_kind', '1000000 1000000 500000 1'),
    ('payment_request', 'payment_request_customer', '1000000 1000000 10 5 1'),
    ('subscription', 'subscription', '100000 100000 1'),
    ('subscription', 'sqlite_autoindex_subscription_2', '100000 100000 1'),
    ('subscription', 'subscription_customer', '100000 100000 2 1'),
    ('subscription', 'subscription_next', '100000 100000 2 1'),
    ('coupon', 'coupon', '100000 100000 1'),
    ('coupon', 'sqlite_autoindex_coupon_2', '100000 100000 1'),
    ('coupon', 'coupon_online', '100000 100000 50000 1'),
    ('coupon_customer', 'coupon_customer', '1000000 1000000 5 1'),
    ('coupon_customer', 'coupon_customer_coupon', '1000000 10'),
    ('coupon_redemption', 'coupon_redemption', '1000000 1000000 1'),
    ('coupon_redemption', 'sqlite_autoindex_coupon_redemption_2', '1000000 1000000 1'),
    ('coupon_redemption', 'coupon_redemption_coupon', '1000000 10 1'),
    ('coupon_redemption', 'coupon_redemption_customer', '1000000 5 2 1'),
    ('product', 'product', '10000 10000 1'),
    ('product', 'product_active', '10000 10000 5000 1');
-- Connections that are open learn it.
ANALYZE sqlite_schema;
