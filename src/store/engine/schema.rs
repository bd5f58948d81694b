//! The tables. They are the same on both databases, except where a comment says otherwise.

diesel::table! {
    service_state (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    data_key (key_id) {
        key_id -> BigInt,
        entrypoint_id -> BigInt,
        epoch -> BigInt,
        master_key_id -> Text,
        wrapped -> Binary,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    signing_key (kid) {
        kid -> Text,
        key_id -> BigInt,
        secret -> Binary,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    organisation (org_id) {
        org_id -> BigInt,
        name -> Text,
        identifiers -> Nullable<Text>,
        requires_totp -> Bool,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    entrypoint (entrypoint_id) {
        entrypoint_id -> BigInt,
        entry -> Text,
        org_id -> BigInt,
        settings_version -> BigInt,
        legal_name -> Nullable<Text>,
        dba_name -> Nullable<Text>,
        country -> Nullable<Text>,
        identifiers -> Nullable<Text>,
        required_fields -> Text,
        store_name -> Nullable<Text>,
        sender_name -> Nullable<Text>,
        language -> Text,
        color -> Nullable<Text>,
        editable_fields -> Nullable<Text>,
        card_guard -> Text,
        max_methods -> BigInt,
        currency -> Text,
        invoicing -> Text,
        is_test -> Bool,
        provider -> SmallInt,
        payment_url -> Nullable<Text>,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    id_block (block_no) {
        block_no -> BigInt,
        entrypoint_id -> BigInt,
    }
}

diesel::table! {
    token (jti) {
        jti -> Text,
        org_id -> BigInt,
        name -> Text,
        entries -> Text,
        scopes -> Text,
        requests_per_minute -> Nullable<BigInt>,
        makers -> Text,
        issued_at_us -> BigInt,
        expires_at_us -> BigInt,
        revoked_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_member (member_id) {
        member_id -> Text,
        org_id -> BigInt,
        name -> Text,
        role -> Text,
        entries -> Text,
        email_digest -> Binary,
        key_id -> BigInt,
        salt -> Binary,
        document -> Binary,
        epoch -> BigInt,
        version -> BigInt,
        has_password -> Bool,
        has_totp -> Bool,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        signed_in_at_us -> Nullable<BigInt>,
        disabled_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_link (token_hash) {
        token_hash -> Binary,
        org_id -> BigInt,
        member_id -> Nullable<Text>,
        kind -> Text,
        expires_at_us -> BigInt,
    }
}

diesel::table! {
    staff_session (token_hash) {
        token_hash -> Binary,
        member_id -> Text,
        epoch -> BigInt,
        is_half -> Bool,
        created_at_us -> BigInt,
        seen_at_us -> BigInt,
    }
}

diesel::table! {
    staff_view (view_id) {
        view_id -> Text,
        member_id -> Text,
        name -> Text,
        key_id -> BigInt,
        query -> Binary,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    staff_act (org_id, at_us, act_id) {
        org_id -> BigInt,
        at_us -> BigInt,
        act_id -> Text,
        kind -> Text,
        entries -> Text,
        subject_id -> Nullable<Text>,
        changed -> Text,
        actor_name -> Text,
        actor_jti -> Text,
    }
}

diesel::table! {
    entrypoint_lock (entrypoint_id) {
        entrypoint_id -> BigInt,
        settings_version -> BigInt,
        next_customer_id -> BigInt,
        block_end -> BigInt,
        next_seq -> BigInt,
        key_id -> BigInt,
        next_secret_id -> BigInt,
        digest_identifiers -> Text,
        old_key_id -> Nullable<BigInt>,
        old_digest_identifiers -> Text,
        live_customers -> BigInt,
        counts -> Text,
    }
}

diesel::table! {
    customer (entrypoint_id, customer_id) {
        customer_id -> BigInt,
        entrypoint_id -> BigInt,
        version -> BigInt,
        status -> Integer,
        lifecycle -> Text,
        balance_units -> BigInt,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        key_id -> BigInt,
        salt -> Nullable<Binary>,
        document -> Nullable<Binary>,
        methods -> Nullable<Binary>,
        subscriptions -> Nullable<Binary>,
    }
}

diesel::table! {
    history (entrypoint_id, customer_id, version) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        version -> BigInt,
        seq -> BigInt,
        at_us -> BigInt,
        operation -> Text,
        cause -> Nullable<Text>,
        token_name -> Text,
        token_jti -> Text,
        key_id -> BigInt,
        document_before -> Nullable<Binary>,
        key_id_before -> Nullable<BigInt>,
    }
}

diesel::table! {
    event (entrypoint_id, seq) {
        entrypoint_id -> BigInt,
        seq -> BigInt,
        at_us -> BigInt,
        kind -> Text,
        customer_id -> Nullable<BigInt>,
        subject_id -> Nullable<Text>,
        changed -> Nullable<Text>,
        actor_name -> Text,
        actor_jti -> Text,
    }
}

diesel::table! {
    comment (entrypoint_id, customer_id, comment_id) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        comment_id -> BigInt,
        version -> BigInt,
        key_id -> BigInt,
        document -> Binary,
        author_jti -> Text,
        pinned -> Bool,
        created_at_us -> BigInt,
        edited_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    comment_book (entrypoint_id, customer_id) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        next_comment_id -> BigInt,
        comments -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    ingest_secret (entrypoint_id, secret_id) {
        entrypoint_id -> BigInt,
        secret_id -> BigInt,
        dialect -> Text,
        header -> Nullable<Text>,
        on_unknown -> Text,
        key_id -> BigInt,
        secret -> Binary,
        created_at_us -> BigInt,
    }
}

diesel::table! {
    transaction (entrypoint_id, trans_id) {
        entrypoint_id -> BigInt,
        trans_id -> Binary,
        digest -> Binary,
        source -> Text,
        customer_id -> Nullable<BigInt>,
        operation -> SmallInt,
        status -> SmallInt,
        amount_units -> BigInt,
        fee_units -> Nullable<BigInt>,
        net_units -> Nullable<BigInt>,
        base_units -> Nullable<BigInt>,
        currency -> Text,
        method -> Nullable<Text>,
        occurred_at_us -> BigInt,
        received_at_us -> BigInt,
        refund_of -> Nullable<Binary>,
        refunded_units -> BigInt,
        key_id -> BigInt,
        core -> Binary,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    transaction_payer (digest, trans_id) {
        entrypoint_id -> BigInt,
        digest -> Binary,
        trans_id -> Binary,
    }
}

diesel::table! {
    erased_payer (digest) {
        entrypoint_id -> BigInt,
        digest -> Binary,
    }
}

diesel::table! {
    customer_total (entrypoint_id, customer_id, currency) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        currency -> Text,
        transactions -> BigInt,
        sales -> BigInt,
        gross_units -> BigInt,
        net_units -> BigInt,
        incomplete -> BigInt,
        last_at_us -> BigInt,
        last_sale_at_us -> BigInt,
    }
}

diesel::table! {
    label (entrypoint_id, digest) {
        entrypoint_id -> BigInt,
        digest -> Binary,
        key_id -> BigInt,
        name -> Binary,
        customers -> BigInt,
    }
}

diesel::table! {
    subscription (entrypoint_id, subscription_id) {
        entrypoint_id -> BigInt,
        subscription_id -> BigInt,
        customer_id -> BigInt,
        digest -> Binary,
        status -> SmallInt,
        next_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    invoice (entrypoint_id, invoice_id) {
        entrypoint_id -> BigInt,
        invoice_id -> BigInt,
        customer_id -> BigInt,
        version -> BigInt,
        kind -> SmallInt,
        state -> SmallInt,
        currency -> Text,
        total_units -> BigInt,
        paid_units -> BigInt,
        day -> Nullable<BigInt>,
        due_day -> Nullable<BigInt>,
        issued_at_us -> Nullable<BigInt>,
        number_digest -> Nullable<Binary>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        sent_at_us -> Nullable<BigInt>,
        key_id -> BigInt,
        salt -> Binary,
        document -> Binary,
    }
}

diesel::table! {
    invoice_document (entrypoint_id, invoice_id) {
        entrypoint_id -> BigInt,
        invoice_id -> BigInt,
        key_id -> BigInt,
        salt -> Binary,
        document -> Binary,
    }
}

diesel::table! {
    invoice_series (entrypoint_id, kind) {
        entrypoint_id -> BigInt,
        kind -> SmallInt,
        year -> BigInt,
        next_number -> BigInt,
        last_day -> Nullable<BigInt>,
    }
}

diesel::table! {
    coupon (entrypoint_id, coupon_id) {
        entrypoint_id -> BigInt,
        coupon_id -> Binary,
        digest -> Binary,
        version -> BigInt,
        percent_off -> Nullable<BigInt>,
        amount_units -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        starts_at_us -> Nullable<BigInt>,
        redeem_by_us -> Nullable<BigInt>,
        max_redemptions -> Nullable<BigInt>,
        per_customer_limit -> Nullable<BigInt>,
        customers_only -> Bool,
        online -> Bool,
        redeemed -> BigInt,
        redemptions -> BigInt,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        key_id -> BigInt,
        document -> Binary,
    }
}

diesel::table! {
    coupon_customer (entrypoint_id, customer_id, coupon_id) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        coupon_id -> Binary,
        assigned_at_us -> Nullable<BigInt>,
        redeemed -> BigInt,
        redemptions -> BigInt,
    }
}

diesel::table! {
    coupon_redemption (entrypoint_id, redemption_id) {
        entrypoint_id -> BigInt,
        redemption_id -> Binary,
        coupon_id -> Binary,
        customer_id -> BigInt,
        digest -> Nullable<Binary>,
        amount_units -> BigInt,
        discount_units -> BigInt,
        currency -> Text,
        redeemed_at_us -> BigInt,
        released_at_us -> Nullable<BigInt>,
        key_id -> BigInt,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    product (entrypoint_id, product_id) {
        entrypoint_id -> BigInt,
        product_id -> Binary,
        version -> BigInt,
        price_units -> BigInt,
        currency -> Text,
        tax_rate -> Nullable<BigInt>,
        active -> Bool,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        key_id -> BigInt,
        document -> Binary,
    }
}

diesel::table! {
    sales_order (entrypoint_id, order_id) {
        entrypoint_id -> BigInt,
        order_id -> Binary,
        customer_id -> BigInt,
        version -> BigInt,
        state -> SmallInt,
        collect -> SmallInt,
        currency -> Text,
        total_units -> BigInt,
        invoice_id -> Nullable<BigInt>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        key_id -> BigInt,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    provider_call (entrypoint_id, call_id) {
        entrypoint_id -> BigInt,
        call_id -> Binary,
        charge_id -> Binary,
        customer_id -> Nullable<BigInt>,
        request_id -> Nullable<Binary>,
        version -> BigInt,
        provider -> SmallInt,
        kind -> SmallInt,
        state -> SmallInt,
        currency -> Text,
        amount_units -> BigInt,
        valid_until_us -> BigInt,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        attempts -> BigInt,
        due_at_us -> Nullable<BigInt>,
        key_id -> BigInt,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    payment_request (entrypoint_id, request_id) {
        entrypoint_id -> BigInt,
        request_id -> Binary,
        kind -> SmallInt,
        customer_id -> Nullable<BigInt>,
        version -> BigInt,
        state -> SmallInt,
        currency -> Text,
        amount_units -> Nullable<BigInt>,
        min_units -> Nullable<BigInt>,
        max_units -> Nullable<BigInt>,
        uses -> BigInt,
        max_uses -> Nullable<BigInt>,
        invoice_id -> Nullable<BigInt>,
        order_id -> Nullable<Binary>,
        link_hash -> Binary,
        expires_at_us -> BigInt,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        last_trans_id -> Nullable<Binary>,
        key_id -> BigInt,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    lifecycle_due (entrypoint_id, customer_id) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        due_at_us -> BigInt,
    }
}

diesel::table! {
    entrypoint_total (entrypoint_id, currency) {
        entrypoint_id -> BigInt,
        currency -> Text,
        transactions -> BigInt,
        sales -> BigInt,
        gross_units -> BigInt,
        net_units -> BigInt,
    }
}

diesel::table! {
    customer_count (entrypoint_id, kind, slot) {
        entrypoint_id -> BigInt,
        kind -> Text,
        slot -> Text,
        customers -> BigInt,
    }
}

diesel::table! {
    label_report (entrypoint_id, job_id, customer_id) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        customer_id -> BigInt,
        outcome -> Text,
    }
}

diesel::table! {
    identity_digest (entrypoint_id, digest, customer_id) {
        entrypoint_id -> BigInt,
        digest -> Binary,
        customer_id -> BigInt,
    }
}

diesel::table! {
    /// On SQLite only.
    recent_identity_digest (recent_id) {
        recent_id -> BigInt,
        entrypoint_id -> BigInt,
        packed -> Binary,
    }
}

diesel::table! {
    idempotency (entrypoint_id, key_hash) {
        /// On SQLite only; the row id.
        record_id -> BigInt,
        entrypoint_id -> BigInt,
        key_hash -> Binary,
        fingerprint -> Binary,
        kind -> Text,
        customer_id -> Nullable<BigInt>,
        version -> Nullable<BigInt>,
        key_id -> BigInt,
        detail -> Binary,
        expires_at_us -> BigInt,
    }
}

diesel::table! {
    /// On SQLite only.
    idempotency_digest (entrypoint_id, digest, record_id) {
        entrypoint_id -> BigInt,
        digest -> Binary,
        record_id -> BigInt,
    }
}

diesel::table! {
    /// On SQLite only.
    recent_idempotency_digest (recent_id) {
        recent_id -> BigInt,
        entrypoint_id -> BigInt,
        packed -> Binary,
    }
}

diesel::table! {
    index_memtable (sequence) {
        sequence -> BigInt,
        entrypoint_id -> BigInt,
        replaces -> Bool,
        terms -> Binary,
    }
}

diesel::table! {
    index_segment (segment_id) {
        segment_id -> BigInt,
        state -> Text,
        sequence -> BigInt,
        postings -> BigInt,
        retired_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    index_block (segment_id, first_term, first_customer) {
        segment_id -> BigInt,
        first_term -> BigInt,
        first_customer -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    index_tombstone (customer_id) {
        customer_id -> BigInt,
        sequence -> BigInt,
    }
}

diesel::table! {
    index_lease (lease_no) {
        lease_no -> BigInt,
        lease_until_us -> BigInt,
        is_built -> Bool,
    }
}

diesel::table! {
    job (entrypoint_id, job_id) {
        job_id -> BigInt,
        entrypoint_id -> BigInt,
        kind -> Text,
        state -> Text,
        actor_name -> Text,
        actor_jti -> Text,
        parent_id -> Nullable<BigInt>,
        fingerprint -> Nullable<Binary>,
        key_id -> BigInt,
        salt -> Binary,
        plan -> Nullable<Binary>,
        checkpoint -> Text,
        done -> BigInt,
        total -> Nullable<BigInt>,
        counts -> Text,
        errors -> Nullable<Binary>,
        failure -> Nullable<Text>,
        cancel_asked -> Bool,
        lease_no -> BigInt,
        lease_until_us -> BigInt,
        attempts -> BigInt,
        queued_at_us -> BigInt,
        touched_at_us -> BigInt,
        started_at_us -> Nullable<BigInt>,
        ended_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    import_chunk (entrypoint_id, upload_id, seq) {
        entrypoint_id -> BigInt,
        upload_id -> BigInt,
        seq -> BigInt,
        byte_offset -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    import_report (entrypoint_id, job_id, first_row) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        first_row -> BigInt,
        counts -> Text,
        data -> Binary,
    }
}

diesel::table! {
    dry_run_record (entrypoint_id, job_id, customer_id) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        customer_id -> BigInt,
        version -> BigInt,
        document -> Binary,
    }
}

diesel::table! {
    dry_run_record_key (entrypoint_id, job_id, digest, customer_id) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        digest -> Binary,
        customer_id -> BigInt,
    }
}

diesel::table! {
    dry_run_transaction (entrypoint_id, job_id, digest) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        digest -> Binary,
        refund_of -> Nullable<Binary>,
        customer_id -> Nullable<BigInt>,
        document -> Binary,
    }
}

diesel::table! {
    dry_run_payer (entrypoint_id, job_id, digest, waiting) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        digest -> Binary,
        waiting -> Binary,
    }
}

diesel::table! {
    invite_report (entrypoint_id, job_id, customer_id) {
        entrypoint_id -> BigInt,
        job_id -> BigInt,
        customer_id -> BigInt,
        outcome -> Text,
        other_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    mail_outbox (entrypoint_id, mail_id) {
        mail_id -> BigInt,
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        member_id -> Nullable<Text>,
        kind -> Text,
        state -> Text,
        message_id -> Text,
        key_id -> BigInt,
        salt -> Nullable<Binary>,
        content -> Nullable<Binary>,
        attempts -> BigInt,
        next_try_us -> BigInt,
        lease_no -> BigInt,
        lease_until_us -> BigInt,
        problem -> Nullable<Text>,
        folder -> Nullable<Text>,
        created_at_us -> BigInt,
        ended_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    portal_link (entrypoint_id, customer_id, kind) {
        entrypoint_id -> BigInt,
        customer_id -> BigInt,
        kind -> Text,
        token_hash -> Binary,
        issued_at_us -> BigInt,
        expires_at_us -> BigInt,
        opened_at_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    portal_session (entrypoint_id, token_hash) {
        entrypoint_id -> BigInt,
        token_hash -> Binary,
        customer_id -> BigInt,
        created_at_us -> BigInt,
        seen_at_us -> BigInt,
    }
}

diesel::table! {
    login_attempt (entrypoint_id, login_hash) {
        entrypoint_id -> BigInt,
        login_hash -> Binary,
        times -> Text,
        newest_at_us -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(organisation, entrypoint);
diesel::allow_tables_to_appear_in_same_query!(customer, history);
diesel::joinable!(entrypoint -> organisation (org_id));
