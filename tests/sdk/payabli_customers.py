"""Payabli's own Python SDK, unmodified, against a running server: only the base URL and the token are changed.

The proofs cover what an integrator sees of create, read, update, delete, list, export, import and token exchange:
parsed models, raw JSON and typed errors, with the synchronous and the asynchronous client. No other program may use the
entrypoint meanwhile, because a proof counts the list before and after; other records may exist. Settings: see
support.py.
"""

import asyncio
import base64
import csv
import datetime as dt
import io
import json
import random
import tempfile
from pathlib import Path

from payabli import Asyncpayabli, payabli
from payabli.core.api_error import ApiError
from payabli.errors import BadRequestError, UnauthorizedError
from payabli.types.customer_query_records import CustomerQueryRecords
from payabli.types.convert_token import ConvertToken
from payabli.types.payabli_error_body import PayabliErrorBody
from payabli.types.payor_data_request import PayorDataRequest

from support import RUN, Failed, entrypoint, equal, full_token, http, mail, read_token, run_proofs, server_url, true

ENTRY = entrypoint()
TOKEN = full_token()
BASE = server_url() + "/api"
UNKNOWN_ID = 2**53 - 1
OURS = ["Fullname", "Birthday", "Labels", "Lifecycle"]


# The SDK repeats a request on 409 and 5xx. Without repeats a proof sees the first answer.
def client(token=TOKEN, **options):
    return payabli(base_url=BASE, token=token, max_retries=0, **options)


api = client()


class Created:
    """One create through the SDK: the parsed record and the raw answer."""

    def __init__(self, response):
        self.envelope = response.data
        self.record = response.data.response_data
        self.id = self.record.customer_id
        self.raw = response.response.json()
        self.text = response.response.text
        self.headers = response.headers


def create(via=api, entry=ENTRY, **fields):
    return Created(via.customer.with_raw_response.add_customer(entry, **fields))


def read(customer_id):
    return api.customer.get_customer(customer_id)


def etag_of(customer_id, via=api):
    return via.customer.with_raw_response.get_customer(customer_id).headers["etag"]


def body_of(error):
    body = error.body
    return body.model_dump(by_alias=True) if isinstance(body, PayabliErrorBody) else body


def refused(status, kind, call, *arguments, **fields):
    """Asserts that the call fails with exactly this type and status, and with the one error body."""
    try:
        call(*arguments, **fields)
    except ApiError as error:
        equal("status", error.status_code, status)
        equal("type of the error", type(error), kind)
        check_error_body(error)
        return error
    raise Failed(f"expected {kind.__name__} with status {status}, but the call succeeded")


def check_error_body(error):
    body = body_of(error)
    missing = {"isSuccess", "responseCode", "responseText", "message", "responseData", "errors", "requestId"} - set(
        body
    )
    equal("missing keys of the error body", missing, set())
    equal("isSuccess", body["isSuccess"], False)
    equal("type of responseCode", type(body["responseCode"]), int)
    true(f"responseText says nothing: {body['responseText']!r}", body["responseText"])
    equal("message", body["message"], body["responseText"])
    for key in ("explanation", "todoAction"):
        true(f"responseData has no {key}: {body['responseData']}", body["responseData"].get(key))
    for problem in body["errors"]:
        true(f"a problem without a place: {problem}", {"pointer", "parameter", "header", "line"} & set(problem))
        true(f"a problem without code and message: {problem}", problem["code"] and problem["message"])
    equal("requestId", body["requestId"], error.headers["x-request-id"])
    equal("content type", error.headers["content-type"].split(";")[0], "application/json")


def bare(created):
    """The record of a create's answer without the outcome of the create."""
    told = {"outcome", "matchedOn", "differs"}
    return {key: value for key, value in created.raw["responseData"].items() if key not in told}


def pointers(error):
    return {problem.get("pointer") for problem in body_of(error)["errors"]}


def with_body(**fields):
    return {"additional_body_parameters": fields}


def with_query(**parameters):
    return {"additional_query_parameters": parameters}


def with_headers(headers):
    return {"additional_headers": headers}


# Create and read


def create_returns_the_whole_record():
    created_at = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.timezone.utc)
    created = create(
        force_customer_creation=False,
        replace_existing=0,
        idempotency_key=f"whole-{RUN}",
        customer_number=f"WHOLE-{RUN}",
        customer_username=f"whole-{RUN}",
        customer_psw=f"never-shown-{RUN}",
        customer_status=85,
        company="Roe & Daughters",
        firstname=" Ada ",
        lastname="Roe",
        phone="(202) 555-0117",
        email=mail("whole"),
        address="9 Elm Row",
        address_1="Flat 2",
        city="Oakton",
        state="VA",
        zip="22124",
        country="USA",
        shipping_address="1 Dock Road",
        shipping_address_1="Gate 7",
        shipping_city="Ottawa",
        shipping_state="ON",
        shipping_zip="K1A 0B1",
        shipping_country="Canada",
        balance=12.5,
        time_zone=-5,
        additional_fields={"tier": "gold", "nothing": None},
        identifier_fields=["email"],
        created_at=created_at,
        request_options=with_body(fullname="Ada M. Roe", birthday="1990-02-28", labels=["vip", "news"]),
    )
    equal("is_success", created.envelope.is_success, True)
    equal("response_text", created.envelope.response_text, "Success")
    equal("outcome", created.raw["responseData"]["outcome"], "created")
    equal("matchedOn", created.raw["responseData"]["matchedOn"], None)

    record = created.record
    expected = {
        "customer_number": f"WHOLE-{RUN}",
        "customer_username": f"whole-{RUN}",
        "customer_status": 85,
        "company": "Roe & Daughters",
        "firstname": "Ada",
        "lastname": "Roe",
        "phone": "+12025550117",
        "email": mail("whole"),
        "address": "9 Elm Row",
        "address_1": "Flat 2",
        "city": "Oakton",
        "state": "VA",
        "zip": "22124",
        "country": "US",
        "shipping_address": "1 Dock Road",
        "shipping_address_1": "Gate 7",
        "shipping_city": "Ottawa",
        "shipping_state": "ON",
        "shipping_zip": "K1A 0B1",
        "shipping_country": "CA",
        "balance": 12.5,
        "time_zone": -5,
        "additional_fields": {"tier": "gold"},
        "identifier_fields": ["email"],
        "created": created_at,
        "mfa": False,
        "mfa_mode": 0,
        "paypoint_entryname": ENTRY,
    }
    for field, value in expected.items():
        equal(field, getattr(record, field), value)
    true("customer_id is positive and safe for JavaScript", 0 < record.customer_id <= UNKNOWN_ID)
    age = dt.datetime.now(dt.timezone.utc) - record.last_updated
    true(f"last_updated is not now: {record.last_updated}", abs(age) < dt.timedelta(minutes=5))

    raw = created.raw["responseData"]
    equal("Fullname", raw["Fullname"], "Ada M. Roe")
    equal("Birthday", raw["Birthday"], "1990-02-28")
    equal("Labels", sorted(raw["Labels"]), ["news", "vip"])
    equal("Lifecycle of a customer with a password", raw["Lifecycle"], "Active")
    for key in ("customerId", "customerStatus", "TimeZone", "MFAMode", "ParentOrgId"):
        equal(f"JSON type of {key}", type(raw[key]), int)
    true("Balance is a JSON number", type(raw["Balance"]) in (int, float))
    true("the answer must not contain the password", f"never-shown-{RUN}" not in created.text)


def every_key_of_the_sdk_model_is_on_the_wire():
    created = create(email=mail("keys"))
    expected = {field.alias or name for name, field in CustomerQueryRecords.model_fields.items()}
    missing = (expected | set(OURS)) - set(created.raw["responseData"])
    equal("missing keys of a created record", missing, set())
    raw = api.customer.with_raw_response.get_customer(created.id).response.json()
    equal("missing keys of a read record", (expected | set(OURS)) - set(raw), set())


def an_almost_empty_customer_has_the_defaults():
    record = create(email=mail("plain")).record
    equal("customer_status", record.customer_status, 1)
    equal("balance", record.balance, 0.0)
    equal("email", record.email, mail("plain"))
    for field in ("customer_number", "customer_username", "company", "firstname", "lastname", "phone", "address"):
        equal(field, getattr(record, field), None)
    for field in ("address_1", "city", "zip", "country", "shipping_zip", "time_zone"):
        equal(field, getattr(record, field), None)
    for field in ("additional_fields", "subscriptions", "stored_methods"):
        true(f"{field} is not empty", not getattr(record, field))
    age = dt.datetime.now(dt.timezone.utc) - record.created
    true(f"created is not now: {record.created}", abs(age) < dt.timedelta(minutes=5))


def get_returns_what_create_returned():
    created = create(email=mail("same"), firstname="Sam", balance=3.25, additional_fields={"a": "1"})
    response = api.customer.with_raw_response.get_customer(created.id)
    equal("raw record", response.response.json(), bare(created))
    true(f"ETag is not strong: {response.headers['etag']}", response.headers["etag"].startswith('"'))
    equal("ETag", response.headers["etag"], created.headers["etag"])
    equal("Cache-Control", response.headers["cache-control"], "private, no-cache")


def none_and_empty_text_mean_absent_on_create():
    record = create(
        email=mail("absent"),
        company=None,
        city="",
        time_zone=None,
        balance=None,
        additional_fields={"gone": None, "kept": "x"},
    ).record
    equal("company", record.company, None)
    equal("city", record.city, None)
    equal("time_zone", record.time_zone, None)
    equal("balance", record.balance, 0.0)
    equal("additional_fields", record.additional_fields, {"kept": "x"})


def a_balance_survives_as_it_was_sent():
    for number, balance in enumerate([0.1, 10.0, -42.5, 1234567.8901, 99999999999.9999]):
        created = create(email=mail(f"balance{number}"), balance=balance)
        equal("balance of create", created.record.balance, balance)
        equal("balance of get", read(created.id).balance, balance)


def payablis_example_phone_is_stored_in_e164():
    equal("phone", create(email=mail("phone"), country="US", phone="(555) 555-0100").record.phone, "+15555550100")


def a_creation_time_a_little_ahead_counts_as_now():
    now = dt.datetime.now(dt.timezone.utc)
    created = create(email=mail("clock"), created_at=now + dt.timedelta(minutes=2)).record.created
    true(f"created in the future: {created}", created < now + dt.timedelta(minutes=1))


# One identity, one record


def the_same_create_twice_is_matched():
    first = create(email=mail("twice"), lastname="Roe")
    second = create(email=f" {mail('twice')} ", lastname="Vane")
    equal("customer_id", second.id, first.id)
    equal("outcome", second.raw["responseData"]["outcome"], "matched")
    equal("matchedOn", second.raw["responseData"]["matchedOn"], ["email"])
    equal("differs", second.raw["responseData"]["differs"], ["lastname"])
    equal("stored lastname", second.record.lastname, "Roe")
    equal("stored lastname of get", read(first.id).lastname, "Roe")


def the_same_customer_number_is_matched():
    first = create(customer_number=f"NUM-{RUN}", email=mail("number"))
    second = create(customer_number=f"NUM-{RUN}")
    equal("customer_id", second.id, first.id)
    equal("matchedOn", second.raw["responseData"]["matchedOn"], ["customerNumber"])
    other = create(customer_number=f"num-{RUN}")
    equal("outcome for another case of the letters", other.raw["responseData"]["outcome"], "created")


def replace_existing_empties_what_was_not_sent():
    first = create(
        email=mail("replace"),
        firstname="Ada",
        city="Oakton",
        balance=7.5,
        customer_status=0,
        additional_fields={"tier": "gold"},
    )
    second = create(email=mail("replace"), firstname="Eve", replace_existing=1)
    equal("outcome", second.raw["responseData"]["outcome"], "replaced")
    equal("customer_id", second.id, first.id)
    record = read(first.id)
    equal("firstname", record.firstname, "Eve")
    equal("city", record.city, None)
    true("additional_fields are gone", not record.additional_fields)
    equal("balance stays", record.balance, 7.5)
    equal("status stays", record.customer_status, 0)
    equal("created stays", record.created, first.record.created)


def merge_existing_writes_only_what_was_sent():
    first = create(email=mail("merge"), firstname="Ada", city="Oakton", additional_fields={"tier": "gold"})
    second = create(
        email=mail("merge"),
        firstname="Eve",
        additional_fields={"club": "blue"},
        request_options=with_query(mergeExisting=1),
    )
    equal("outcome", second.raw["responseData"]["outcome"], "merged")
    equal("customer_id", second.id, first.id)
    record = read(first.id)
    equal("firstname", record.firstname, "Eve")
    equal("city", record.city, "Oakton")
    equal("additional_fields", record.additional_fields, {"tier": "gold", "club": "blue"})


def force_makes_a_second_record_and_the_oldest_is_matched():
    first = create(email=mail("force"), force_customer_creation=True)
    equal("outcome of the first", first.raw["responseData"]["outcome"], "created")
    second = create(email=mail("force"), force_customer_creation=True)
    equal("outcome of the second", second.raw["responseData"]["outcome"], "forced")
    true("the forced record is a new one", second.id != first.id)
    third = create(email=mail("force"))
    equal("outcome of the third", third.raw["responseData"]["outcome"], "matched")
    equal("customer_id of the third", third.id, first.id)


def two_flags_at_once_are_refused():
    refused(
        400,
        BadRequestError,
        api.customer.add_customer,
        ENTRY,
        email=mail("flags"),
        force_customer_creation=True,
        replace_existing=1,
    )


def identifier_fields_are_used_instead_of_the_policy():
    lastname = f"Roe{RUN}"
    first = create(email=mail("ident1"), firstname="Ada", lastname=lastname)
    second = create(
        email=mail("ident2"), firstname="ADA", lastname=lastname.upper(), identifier_fields=["firstname", "lastname"]
    )
    equal("outcome", second.raw["responseData"]["outcome"], "matched")
    equal("customer_id", second.id, first.id)
    equal("matchedOn", sorted(second.raw["responseData"]["matchedOn"]), ["firstname", "lastname"])
    true(f"differs names the e-mail: {second.raw['responseData']['differs']}", "email" in second.raw["responseData"]["differs"])

    phone = f"+1202555{random.randrange(10_000):04}"
    by_phone = create(email=mail("ident3"), phone=phone)
    again = create(phone=f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}", country="US", identifier_fields=["phone"])
    true("the oldest record with that phone is matched", again.id <= by_phone.id and again.raw["responseData"]["outcome"] == "matched")
    equal("matchedOn", again.raw["responseData"]["matchedOn"], ["phone"])


def an_additional_field_can_be_the_identifier():
    fields = {"clientId": f"c-{RUN}"}
    first = create(additional_fields=fields, identifier_fields=["clientId"], firstname="Ada")
    second = create(additional_fields=fields, identifier_fields=["clientId"], firstname="Eve")
    equal("customer_id", second.id, first.id)
    equal("matchedOn", second.raw["responseData"]["matchedOn"], ["clientId"])


def without_a_value_for_its_identifier_the_number_decides():
    first = create(customer_number=f"FALL-{RUN}")
    second = create(customer_number=f"FALL-{RUN}", identifier_fields=["email"])
    equal("customer_id", second.id, first.id)
    error = refused(
        400,
        BadRequestError,
        api.customer.add_customer,
        ENTRY,
        firstname="Ada",
        lastname="Roe",
        identifier_fields=["email"],
    )
    true(f"text: {error.body['responseText']}", error.body["responseText"].startswith("Invalid customer identifiers"))


# Idempotency


def an_idempotency_key_replays_the_first_answer():
    fields = {"email": mail("key"), "idempotency_key": f"key-{RUN}", "force_customer_creation": True}
    first = create(**fields)
    second = create(**fields)
    equal("customer_id", second.id, first.id)
    equal("answer", second.raw, first.raw)
    equal("Idempotent-Replayed of the first", first.headers.get("idempotent-replayed"), None)
    equal("Idempotent-Replayed of the second", second.headers.get("idempotent-replayed"), "true")


def an_idempotency_key_with_another_body_is_422():
    first = create(email=mail("key422"), idempotency_key=f"key422-{RUN}")
    refused(
        422,
        ApiError,
        api.customer.add_customer,
        ENTRY,
        email=mail("key422"),
        firstname="Eve",
        replace_existing=1,
        idempotency_key=f"key422-{RUN}",
    )
    equal("firstname is untouched", read(first.id).firstname, None)


def a_refused_create_does_not_use_up_its_key():
    key = f"retry-{RUN}"
    refused(400, BadRequestError, api.customer.add_customer, ENTRY, city="Oakton", idempotency_key=key)
    equal("outcome", create(email=mail("retry"), idempotency_key=key).raw["responseData"]["outcome"], "created")


def the_sdks_key_and_the_standard_header_are_one():
    key = f"std-{RUN}"
    first = create(email=mail("std"), force_customer_creation=True, idempotency_key=key)
    second = create(
        email=mail("std"), force_customer_creation=True, request_options=with_headers({"Idempotency-Key": f'"{key}"'})
    )
    equal("customer_id", second.id, first.id)


# Typed errors


def a_create_without_an_identifier_is_a_bad_request():
    error = refused(400, BadRequestError, api.customer.add_customer, ENTRY, city="Oakton")
    true(f"text: {error.body['responseText']}", error.body["responseText"].startswith("Invalid customer identifiers"))
    text = json.dumps(error.body)
    for field in ("email", "phone", "customerNumber", "fullname", "firstname", "lastname", "company"):
        true(f"{field} is not named among the fields that would do: {text}", field in text)


def an_invalid_email_is_a_bad_request():
    error = refused(400, BadRequestError, api.customer.add_customer, ENTRY, email="ada.example.test")
    equal("pointers", pointers(error), {"/email"})
    true("the error must not contain the value", "ada.example.test" not in json.dumps(error.body))


def all_problems_are_reported_at_once():
    error = refused(
        400,
        BadRequestError,
        api.customer.add_customer,
        ENTRY,
        email="nobody",
        city="x" * 251,
        customer_status=7,
        time_zone=15,
        balance=0.12345,
        customer_psw="short",
        additional_fields={"k" * 41: "v"},
        created_at=dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=10),
        request_options=with_body(nickname="Addie", birthday="1899-12-31"),
    )
    found = pointers(error)
    expected = {
        "/email",
        "/city",
        "/customerStatus",
        "/timeZone",
        "/balance",
        "/customerPsw",
        "/createdAt",
        "/birthday",
    }
    equal("problems not reported", (expected | {"/nickname"}) - found, set())
    true(f"no problem under additionalFields: {found}", any(p.startswith("/additionalFields") for p in found))
    equal("number of problems", len(found), 10)


def a_deleted_status_can_not_be_written():
    error = refused(400, BadRequestError, api.customer.add_customer, ENTRY, email=mail("status"), customer_status=-99)
    equal("pointers", pointers(error), {"/customerStatus"})
    created = create(email=mail("status"))
    error = refused(400, BadRequestError, api.customer.update_customer, created.id, customer_status=-99)
    equal("pointers", pointers(error), {"/customerStatus"})


def an_unknown_query_parameter_is_a_bad_request():
    refused(
        400,
        BadRequestError,
        api.customer.add_customer,
        ENTRY,
        email=mail("query"),
        request_options=with_query(forceCustomerCreaton="true"),
    )


def a_bad_token_is_unauthorized():
    head, payload, signature = TOKEN.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    tampered = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    bad = ["garbage", f"{head}.{payload}.{tampered}", f"{unsigned}.{payload}.", f"{head}.{payload}."]
    created = create(email=mail("token"))
    for token in bad:
        error = refused(401, UnauthorizedError, client(token).customer.get_customer, created.id)
        equal("type of the body", type(error.body), PayabliErrorBody)
        equal("is_success", error.body.is_success, False)
        refused(401, UnauthorizedError, client(token).customer.add_customer, ENTRY, email=mail("token"))
        refused(401, UnauthorizedError, client(token).query.list_customers, ENTRY)
        refused(401, UnauthorizedError, client(token).customer.delete_customer, created.id)


def an_unknown_record_or_entrypoint_is_404():
    nowhere = f"nowhere-{RUN}"
    refused(404, ApiError, api.customer.get_customer, UNKNOWN_ID)
    refused(404, ApiError, api.customer.update_customer, UNKNOWN_ID, city="Oakton")
    refused(404, ApiError, api.customer.delete_customer, UNKNOWN_ID)
    refused(404, ApiError, api.customer.add_customer, nowhere, email=mail("nowhere"))
    refused(404, ApiError, api.query.list_customers, nowhere)
    # The service looks for the record before it checks the body.
    refused(404, ApiError, api.customer.add_customer, nowhere, email="nobody")
    refused(404, ApiError, api.customer.update_customer, UNKNOWN_ID, email="nobody")


def linking_an_unknown_transaction_is_404():
    created = create(email=mail("link"))
    refused(404, ApiError, api.customer.link_customer_transaction, created.id, "45-unknown")


def contradicting_identities_are_a_conflict():
    by_email = create(email=mail("conflict1"))
    by_number = create(customer_number=f"CONF-{RUN}", email=mail("conflict2"))
    error = refused(
        409, ApiError, api.customer.add_customer, ENTRY, email=mail("conflict1"), customer_number=f"CONF-{RUN}"
    )
    text = json.dumps(error.body)
    for word in (str(by_email.id), str(by_number.id), "email", "customerNumber"):
        true(f"the conflict does not name {word}: {text}", word in text)

    # Different numbers conflict unless the caller names the identifying fields.
    error = refused(
        409, ApiError, api.customer.add_customer, ENTRY, email=mail("conflict2"), customer_number=f"OTHER-{RUN}"
    )
    true(f"the conflict does not name {by_number.id}", str(by_number.id) in json.dumps(error.body))
    same = create(email=mail("conflict2"), customer_number=f"OTHER-{RUN}", identifier_fields=["email"])
    equal("customer_id", same.id, by_number.id)


def an_identity_can_not_be_taken_from_another():
    owner = create(email=mail("owner"), customer_number=f"OWN-{RUN}", customer_username=f"own-{RUN}")
    other = create(email=mail("other"))
    for change in (
        {"email": mail("owner")},
        {"customer_number": f"OWN-{RUN}"},
        {"customer_username": f"own-{RUN}"},
    ):
        error = refused(409, ApiError, api.customer.update_customer, other.id, **change)
        true(f"the conflict does not name {owner.id}", str(owner.id) in json.dumps(error.body))
    refused(409, ApiError, api.customer.add_customer, ENTRY, email=mail("third"), customer_username=f"own-{RUN}")
    equal("email is untouched", read(other.id).email, mail("other"))


# Update and delete


def update_changes_only_what_is_sent():
    created = create(
        email=mail("update"),
        firstname="Ada",
        company="Roe",
        city="Oakton",
        country="US",
        additional_fields={"a": "1", "b": "2"},
    )
    answer = api.customer.update_customer(
        created.id,
        lastname="Roe-Vane",
        phone="(202) 555-0188",
        company=None,
        city="",
        balance=99.99,
        customer_status=0,
        additional_fields={"a": None, "c": "3"},
    )
    equal("response_code", answer.response_code, 1)
    equal("is_success", answer.is_success, True)
    equal("response_text", answer.response_text, "Success")
    equal("room_id", answer.room_id, 0)
    equal("page_identifier", answer.page_identifier, None)
    true(f"response_data: {answer.response_data!r}", isinstance(answer.response_data, (str, int)))
    record = read(created.id)
    expected = {
        "firstname": "Ada",
        "lastname": "Roe-Vane",
        "email": mail("update"),
        "phone": "+12025550188",
        "company": None,
        "city": None,
        "balance": 99.99,
        "customer_status": 0,
        "additional_fields": {"b": "2", "c": "3"},
        "created": created.record.created,
    }
    for field, value in expected.items():
        equal(field, getattr(record, field), value)
    true("last_updated must advance", record.last_updated > created.record.last_updated)


def update_ignores_identifier_fields_and_creation_time():
    created = create(email=mail("ignored"))
    before = etag_of(created.id)
    long_ago = dt.datetime(2001, 1, 1, tzinfo=dt.timezone.utc)
    api.customer.update_customer(created.id, identifier_fields=["phone"], created_at=long_ago)
    equal("created", read(created.id).created, created.record.created)
    equal("ETag of a record that was not changed", etag_of(created.id), before)


def an_invalid_update_changes_nothing():
    created = create(email=mail("invalid"), city="Oakton")
    error = refused(400, BadRequestError, api.customer.update_customer, created.id, city="Ottawa", email="nobody")
    equal("pointers", pointers(error), {"/email"})
    equal("city", read(created.id).city, "Oakton")


def a_stale_if_match_is_refused():
    created = create(email=mail("etag"))
    first = etag_of(created.id)
    api.customer.update_customer(created.id, city="Oakton", request_options=with_headers({"If-Match": first}))
    stale = with_headers({"If-Match": first})
    refused(412, ApiError, api.customer.update_customer, created.id, city="Ottawa", request_options=stale)
    refused(412, ApiError, api.customer.delete_customer, created.id, request_options=stale)
    equal("city", read(created.id).city, "Oakton")


def a_deleted_customer_still_answers_and_frees_its_identity():
    created = create(email=mail("delete"), customer_number=f"DEL-{RUN}")
    answer = api.customer.delete_customer(created.id)
    equal("response_code", answer.response_code, 1)
    equal("response_text", answer.response_text, "Success")
    equal("customer_status", read(created.id).customer_status, -99)
    equal("deleting it again", api.customer.delete_customer(created.id).is_success, True)
    refused(409, ApiError, api.customer.update_customer, created.id, city="Oakton")
    listed = api.query.list_customers(ENTRY, limit_record=0).records
    true("the list must not contain a deleted customer", created.id not in [record.customer_id for record in listed])
    again = create(email=mail("delete"), customer_number=f"DEL-{RUN}")
    equal("outcome", again.raw["responseData"]["outcome"], "created")
    true("the new customer must have a new id", again.id != created.id)


# List


def consent_is_requested_by_mail():
    made = create(firstname="Con", email=mail("consent"))
    answer = api.customer.request_consent(made.id)
    equal("the answer", (answer.is_success, answer.response_text, answer.response_data), (True, "Success", " "))
    consent = read(made.id).customer_consent
    equal("consent to e-mail is pending", consent.e_communication.status, -1)
    equal("consent to messages was not asked for", consent.sms.status, 0)
    true("the time is there", consent.e_communication.updated_at is not None)
    without = create(customer_number=f"no-mail-{RUN}")
    refused(409, ApiError, api.customer.request_consent, without.id)
    refused(404, ApiError, api.customer.request_consent, UNKNOWN_ID)


def the_list_is_paged_newest_first():
    before = api.query.list_customers(ENTRY, limit_record=1).summary.total_records
    ids = [create(email=mail(f"list{number}")).id for number in range(5)][::-1]
    total = before + 5

    page = api.query.list_customers(ENTRY, from_record=1, limit_record=3)
    equal("ids of the page", [record.customer_id for record in page.records], ids[1:4])
    equal("email of its first record", page.records[0].email, mail("list3"))
    equal("page_size", page.summary.page_size, 3)
    equal("total_records", page.summary.total_records, total)
    equal("total_pages", page.summary.total_pages, -(-total // 3))
    equal("type of total_amount", type(page.summary.total_amount), float)
    equal("type of total_net_amount", type(page.summary.total_net_amount), float)

    usual = api.query.list_customers(ENTRY)
    equal("page_size without limit_record", usual.summary.page_size, 20)
    equal("records without limit_record", len(usual.records), min(20, total))

    everything = api.query.list_customers(ENTRY, limit_record=0)
    found = [record.customer_id for record in everything.records]
    equal("number of all records", len(found), total)
    equal("order of all records", found, sorted(set(found), reverse=True))
    equal("page_identifier where nothing follows", everything.summary.page_identifier, None)

    beyond = api.query.list_customers(ENTRY, from_record=total, limit_record=3)
    equal("records beyond the end", beyond.records, [])
    equal("total_records beyond the end", beyond.summary.total_records, total)


def a_listed_record_equals_the_read_one():
    created = create(email=mail("listed"), firstname="Lis", additional_fields={"tier": "gold"})
    newest = api.query.list_customers(ENTRY, limit_record=1).records[0]
    equal("record", newest.model_dump(), read(created.id).model_dump())


def an_unknown_filter_is_a_bad_request():
    options = with_query(**{"shoesize(eq)": "43"})
    refused(400, BadRequestError, api.query.list_customers, ENTRY, request_options=options)
    refused(400, BadRequestError, api.query.list_customers, ENTRY, parameters={"shoesize(eq)": "43"})
    refused(400, BadRequestError, api.query.list_customers, ENTRY, sort_by="up(shoesize)")


# Files

# The SDK expects JSON, so a file reaches its caller as the body of an ApiError with status 200 (contract 6.4).


def exported(call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except ApiError as error:
        equal("status", error.status_code, 200)
        equal("content type", error.headers["content-type"], "text/csv; charset=utf-8")
        true(f"no file name: {error.headers}", "filename=" in error.headers["content-disposition"])
        return list(csv.DictReader(io.StringIO(error.body, newline="")))
    raise Failed("a file was taken for JSON")


def exports_reach_the_caller_as_text():
    created = create(email=mail("export"), firstname="=1+1", lastname="Roe", balance=12.5)
    create(email=mail("export-other"))
    wanted = {"email(eq)": mail("export")}
    columns = "customerId,Email:mail,Firstname,Balance"
    row = {"customerId": str(created.id), "mail": mail("export"), "Firstname": "'=1+1", "Balance": "12.5"}
    fields = {"columns_export": columns, "parameters": wanted}
    equal("export", exported(api.export.export_customers, "csv", ENTRY, **fields), [row])
    equal("export of 1", exported(api.export.export_customers_org, "csv", 1, **fields, limit_record=1), [row])
    options = with_query(columnsExport=columns)
    as_list = exported(
        api.query.list_customers, ENTRY, export_format="csv", parameters=wanted, request_options=options
    )
    equal("list as a file", as_list, [row])
    of_org = exported(
        api.query.list_customers_org, 1, export_format="csv", parameters=wanted, request_options=options
    )
    equal("list of 1 as a file", of_org, [row])
    whole = exported(api.export.export_customers, "csv", ENTRY, parameters=wanted)
    record = bare(created)
    for key in ("Created", "Email", "Lastname", "customerNumber"):
        equal(key, whole[0][key], record[key] or "")


def an_impossible_export_is_a_bad_request():
    refused(400, BadRequestError, api.export.export_customers, "pdf", ENTRY)
    refused(400, BadRequestError, api.export.export_customers, "csv", ENTRY, columns_export="shoesize")
    refused(400, BadRequestError, api.query.list_customers, ENTRY, export_format="pdf")


def every_filter_of_the_contract_works_in_both_styles():
    people = [
        dict(
            email=mail("filter-a"),
            customer_number=f"FLT-A-{RUN}",
            customer_username=f"flt-a-{RUN}",
            firstname="Ada",
            lastname="Roe",
            company="Roe & Daughters",
            phone="+12025550117",
            address="9 Elm Row",
            city="Oakton",
            state="VA",
            zip="22124",
            country="US",
            shipping_address="1 Dock Road",
            shipping_city="Ottawa",
            shipping_state="ON",
            shipping_zip="K1A 0B1",
            shipping_country="CA",
            balance=12.5,
            customer_status=1,
            created_at=dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.timezone.utc),
            additional_fields={"tier": "Gold"},
        ),
        dict(
            email=mail("filter-b"),
            customer_number=f"FLT-B-{RUN}",
            customer_username=f"flt-b-{RUN}",
            firstname="Zoë",
            lastname="Straße",
            company="Adam's",
            phone="+12025550188",
            address="10 Elm Row",
            city="Ångström",
            state="ON",
            zip="K1A 0B1",
            country="CA",
            shipping_address="2 Dock Road",
            shipping_city="Oakton",
            shipping_state="VA",
            shipping_zip="22124",
            shipping_country="US",
            balance=-3,
            customer_status=0,
            created_at=dt.datetime(2024, 5, 7, 0, 0, 0, tzinfo=dt.timezone.utc),
            additional_fields={"tier": "silver"},
        ),
        dict(
            email=mail("filter-c"),
            customer_status=85,
            created_at=dt.datetime(2024, 5, 7, 23, 59, 59, tzinfo=dt.timezone.utc),
        ),
    ]
    ids = []
    for person in people:
        person["additional_fields"] = person.get("additional_fields", {}) | {"run": RUN}
        ids.append(create(**person).id)
    record = read(ids[0])
    org = record.parent_org_id
    every = []

    def found(**how):
        entry = [listed.customer_id for listed in api.query.list_customers(ENTRY, limit_record=100, **how).records]
        whole = [listed.customer_id for listed in api.query.list_customers_org(org, limit_record=100, **how).records]
        equal(f"the organisation's records by {how}", whole, entry)
        return sorted(entry)

    def check(field, op, value, expected):
        """`expected` says for each of the three whether the filter finds it."""
        condition = {f"{field}({op})": value, "additional-run": RUN}
        wanted = [customer_id for customer_id, is_wanted in zip(ids, expected) if is_wanted]
        equal(f"typed argument {condition}", found(parameters=condition), wanted)
        equal(f"query parameters {condition}", found(request_options=with_query(**condition)), wanted)
        every.append((field, op))

    def check_texts(field, own, value, part, ops=("ne", "eq", "ct", "nct")):
        """Checks a whole value and a part of one, in the spelling of a user."""
        own = [text.casefold() for text in own]
        whole, part_folded = value.casefold(), part.casefold()
        for op in ops:
            holds = [text == whole for text in own] if op in ("eq", "ne") else [part_folded in text for text in own]
            negative = op in ("ne", "nct")
            check(field, op, value if op in ("eq", "ne") else part, [is_held != negative for is_held in holds])

    def own(argument):
        return [person.get(argument) or "" for person in people]

    for field, argument, value, part in (
        ("customernumber", "customer_number", f"flt-a-{RUN}", "-B-"),
        ("firstname", "firstname", "ZOË", "DA"),
        ("lastname", "lastname", "STRASSE", "ro"),
        ("address", "address", "9 elm row", "elm"),
        ("city", "city", "ångström", "TON"),
        ("country", "country", "us", "C"),
        ("zip", "zip", "k1a 0b1", "212"),
        ("state", "state", "va", "o"),
        ("shippingaddress", "shipping_address", "1 DOCK ROAD", "2 dock"),
        ("shippingcity", "shipping_city", "oakton", "TT"),
        ("shippingcountry", "shipping_country", "ca", "u"),
        ("shippingzip", "shipping_zip", "22124", "0b"),
        ("shippingstate", "shipping_state", "on", "A"),
        ("email", "email", mail("FILTER-A"), "r-b"),
        ("company", "company", "roe & daughters", "ADA"),
        ("username", "customer_username", f"FLT-B-{RUN}", "-a-"),
    ):
        check_texts(field, own(argument), value, part)
    check_texts("additional-tier", ["Gold", "silver", ""], "GOLD", "lve")
    check_texts("name", ["Ada Roe", "Zoë Straße", ""], "", "Ë STRASS", ops=("ct", "nct"))
    phones = [phone.removeprefix("+") for phone in own("phone")]
    for op, value, digits in (
        ("eq", "+1 (202) 555-0117", "12025550117"),
        ("ne", "+1 (202) 555-0117", "12025550117"),
        ("ct", "555-018", "555018"),
        ("nct", "555.018", "555018"),
    ):
        holds = [digits == phone if op in ("eq", "ne") else digits in phone for phone in phones]
        check("phone", op, value, [is_held != (op in ("ne", "nct")) for is_held in holds])

    for op, value, expected in (
        ("gt", "2024-05-06", "bc"),
        ("ge", "2024-05-07T00:00:00", "bc"),
        ("lt", "2024-05-07T23:59:59", "ab"),
        ("le", "2024-05-06", "a"),
        ("eq", "2024-05-07", "bc"),
        ("ne", "2024-05-06T07:08:09", "bc"),
    ):
        check("createdDate", op, value, [letter in expected for letter in "abc"])
    for op, value, expected in (
        ("gt", "0", "a"),
        ("ge", "0.0", "ac"),
        ("lt", "12.5", "bc"),
        ("le", "-3", "b"),
        ("eq", "12.5000", "a"),
        ("ne", "0", "ab"),
    ):
        check("balance", op, value, [letter in expected for letter in "abc"])
    for op, value, expected in (("in", "0|85", "bc"), ("nin", "0|85", "a"), ("eq", "85", "c"), ("ne", "1", "bc")):
        check("status", op, value, [letter in expected for letter in "abc"])

    check("orgId", "eq", str(org), "abc")
    check("orgId", "eq", str(org + 1), "")
    # The record does not contain the entrypoint's number; the right number is the one that finds the records.
    own_numbers = [
        number
        for number in range(1, 10)
        if found(parameters={"paypointId(eq)": str(number), "additional-run": RUN}) == sorted(ids)
    ]
    equal("numbers of one entrypoint", len(own_numbers), 1)
    check("paypointId", "eq", str(own_numbers[0]), "abc")
    check("paypointId", "ne", str(own_numbers[0]), "")
    check("paypointId", "ne", str(own_numbers[0] + 1), "abc")
    for field, value in (
        ("paypointLegal", record.paypoint_legalname or ""),
        ("paypointDba", record.paypoint_dbaname or ""),
        ("orgName", record.parent_org_name or ""),
    ):
        for other in (value, "nobody's"):
            check_texts(field, [value] * 3, other.upper(), other[:4])

    equal("conditions of contract 6.2 that were tried", len(set(every)), 6 + 4 * 17 + 2 + 4 + 6 + 4 + 1 + 2 + 4 * 3)

    both = {"additional-run": RUN, "firstname(ct)": "d", "status(in)": "1|0", "phone(ct)": None}
    equal("several at once, and one without a value", found(parameters=both), ids[:1])
    by_name = api.query.list_customers(ENTRY, parameters={"additional-run": RUN}, sort_by="asc(firstname)").records
    equal("order by first name", [listed.customer_id for listed in by_name], [ids[2], ids[0], ids[1]])


# Tokens and views


def sheet(*rows):
    """A file with a header line, as the SDK takes one: a name and bytes."""
    header = "customerNumber,firstname,company,email"
    return "customers.csv", "\r\n".join([header, *rows, ""]).encode()


def an_import_counts_rows_and_tells_errors_as_texts():
    number = f"IMP-{RUN}"
    rows = [f"{number}-1,Ada,Roe Ltd,{mail('imp1')}", f"{number}-2,Bad,,nobody", f"{number}-3,Eve,,{mail('imp3')}"]
    response = api.import_.with_raw_response.import_customer(ENTRY, file=sheet(*rows))
    answer = response.data
    equal("is_success", answer.is_success, True)
    equal("response_code", answer.response_code, 1)
    equal("response_text", answer.response_text, "Success")
    equal("page_identifier", answer.page_identifier, None)
    equal("added", answer.response_data.added, 2)
    equal("rejected", answer.response_data.rejected, 1)
    equal("errors", len(answer.response_data.errors), 1)
    told = answer.response_data.errors[0]
    true(f"the error is {told!r}", isinstance(told, str) and told.startswith("Error on line 3: email: "))
    found = api.query.list_customers(ENTRY, parameters={"customerNumber(ct)": number}).records
    equal("imported", sorted(record.firstname for record in found), ["Ada", "Eve"])
    # The same file is the same import: the same report, and no customer twice.
    again = api.import_.with_raw_response.import_customer(ENTRY, file=sheet(*rows))
    equal("added", again.data.response_data.added, 2)
    equal("repeated", again.response.json()["responseData"]["repeated"], True)
    equal("job", *(sent.response.json()["responseData"]["jobId"] for sent in (again, response)))
    total = api.query.list_customers(ENTRY, parameters={"customerNumber(ct)": number}).summary.total_records
    equal("customers", total, 2)


def an_import_replaces_only_where_that_is_asked_for():
    number, email = f"REP-{RUN}", mail("rep")
    created = create(customer_number=number, email=email, firstname="Ada", company="Roe Ltd", city="Oakton")
    row = f"{number},Eve,,{email}"

    def send(replace):
        return api.import_.with_raw_response.import_customer(ENTRY, file=sheet(row), replace_existing=replace)

    data = send(0).response.json()["responseData"]
    equal("counts", [data[name] for name in ("added", "matched", "replaced", "rejected")], [0, 1, 0, 0])
    equal("firstname", read(created.id).firstname, "Ada")
    data = send(1).response.json()["responseData"]
    equal("counts", [data[name] for name in ("added", "matched", "replaced", "rejected")], [0, 0, 1, 0])
    record = read(created.id)
    equal("fields", [record.firstname, record.company, record.city], ["Eve", None, None])


def an_import_takes_files_as_the_sdk_takes_them():
    def content(number):
        return f"email\n{mail(f'form{number}')}\n".encode()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "from disk.csv")
        path.write_bytes(content(4))
        with path.open("rb") as opened:
            files = [
                content(1),
                ("name only", content(2)),
                ("typed.bin", content(3), "application/octet-stream"),
                opened,
                content(5).decode(),
            ]
            for file in files:
                equal("added", api.import_.import_customer(ENTRY, file=file).response_data.added, 1)


def an_impossible_import_is_a_bad_request():
    file = ("customers.csv", f"email,frist name\n{mail('never')},Ada\n".encode())
    error = refused(400, BadRequestError, api.import_.import_customer, ENTRY, file=file)
    problem = body_of(error)["errors"][0]
    equal("line", problem["line"], 1)
    true(f"the nearest field is not named: {problem}", "did you mean firstname?" in problem["message"])
    refused(400, BadRequestError, api.import_.import_customer, ENTRY, file=("empty.csv", b""))
    refused(400, BadRequestError, api.import_.import_customer, ENTRY, file=sheet(), replace_existing=2)


def both_headers_work_and_must_agree():
    created = create(email=mail("headers"))
    by_key = payabli(base_url=BASE + "/", api_key=TOKEN, max_retries=0)
    equal("customer_id", by_key.customer.get_customer(created.id).customer_id, created.id)
    same = with_headers({"requestToken": TOKEN})
    equal("customer_id", api.customer.get_customer(created.id, request_options=same).customer_id, created.id)
    different = with_headers({"requestToken": read_token()})
    refused(401, UnauthorizedError, api.customer.get_customer, created.id, request_options=different)


def client_credentials_are_exchanged_for_a_token():
    payload = TOKEN.split(".")[1]
    client_id = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]
    answer = api.token.create_server_side_token(client_id=client_id, client_secret=TOKEN, state="s-17")
    equal("token_type", answer.token_type, "Bearer")
    equal("expires_in", answer.expires_in, 3600)
    equal("state", answer.state, "s-17")
    created = create(client(answer.access_token), email=mail("exchanged"))
    equal("outcome", created.raw["responseData"]["outcome"], "created")

    by_credentials = payabli(base_url=BASE, client_id=client_id, client_secret=TOKEN, max_retries=0)
    equal("email", by_credentials.customer.get_customer(created.id).email, mail("exchanged"))

    try:
        api.token.create_server_side_token(client_id=client_id, client_secret=read_token())
    except BadRequestError as error:
        equal("errorType", error.body["errorType"], "InvalidCredentials")
        true("errorMessage says nothing", error.body["errorMessage"])
    else:
        raise Failed("a token was given for wrong credentials")


def without_pii_read_the_view_is_masked():
    created = create(
        email=mail("masked"),
        firstname="Ada",
        lastname="Roe",
        company="Roe & Co",
        phone="+12025550117",
        address="9 Elm Row",
        address_1="Flat 2",
        city="Oakton",
        shipping_address="1 Dock Road",
        additional_fields={"tier": "gold"},
        request_options=with_body(birthday="1990-02-28"),
    )
    reader = client(read_token())
    response = reader.customer.with_raw_response.get_customer(created.id)
    record = response.data
    expected = {
        "email": "m***@e***.test",
        "phone": "+1******0117",
        "address": "***",
        "address_1": "***",
        "shipping_address": "***",
        "additional_fields": {"tier": "***"},
        "firstname": "Ada",
        "lastname": "Roe",
        "company": "Roe & Co",
        "city": "Oakton",
    }
    for field, value in expected.items():
        equal(field, getattr(record, field), value)
    equal("Birthday", response.response.json()["Birthday"], "***")
    equal("email in the list", reader.query.list_customers(ENTRY, limit_record=1).records[0].email, "m***@e***.test")
    true("both views have one ETag", response.headers["etag"] != etag_of(created.id))


def a_written_mask_means_unchanged():
    created = create(email=mail("mask"))
    api.customer.update_customer(created.id, email="m***@e***.test", city="Oakton")
    equal("email", read(created.id).email, mail("mask"))
    equal("city", read(created.id).city, "Oakton")
    error = refused(400, BadRequestError, api.customer.update_customer, created.id, email="z***@e***.test")
    equal("pointers", pointers(error), {"/email"})


def a_missing_scope_is_403():
    created = create(email=mail("scope"))
    reader = client(read_token())
    refused(403, ApiError, reader.customer.add_customer, ENTRY, email=mail("scope2"))
    refused(403, ApiError, reader.customer.update_customer, created.id, city="Oakton")
    refused(403, ApiError, reader.customer.delete_customer, created.id)
    equal("customer_status", read(created.id).customer_status, 1)


# The asynchronous client


def the_asynchronous_client_does_the_same():
    asyncio.run(asynchronous_round())


async def asynchronous_round():
    client = Asyncpayabli(base_url=BASE, token=TOKEN, max_retries=0)
    fields = {"email": mail("async"), "firstname": "Ada", "balance": 1.5}
    raced = await asyncio.gather(*[client.customer.with_raw_response.add_customer(ENTRY, **fields) for _ in range(10)])
    outcomes = sorted(response.response.json()["responseData"]["outcome"] for response in raced)
    equal("outcomes of ten creates at once", outcomes, ["created"] + ["matched"] * 9)
    ids = {response.data.response_data.customer_id for response in raced}
    equal("number of records", len(ids), 1)

    customer_id = ids.pop()
    answer = await client.customer.update_customer(customer_id, city="Oakton", firstname=None)
    equal("response_code", answer.response_code, 1)
    record = await client.customer.get_customer(customer_id)
    equal("city", record.city, "Oakton")
    equal("firstname", record.firstname, None)
    equal("balance", record.balance, 1.5)
    page = await client.query.list_customers(ENTRY, limit_record=1)
    equal("newest record", page.records[0].customer_id, customer_id)
    equal("is_success", (await client.customer.delete_customer(customer_id)).is_success, True)
    equal("customer_status", (await client.customer.get_customer(customer_id)).customer_status, -99)

    stranger = Asyncpayabli(base_url=BASE, token="garbage")
    for status, kind, call in (
        (400, BadRequestError, lambda: client.customer.add_customer(ENTRY, email="nobody")),
        (404, ApiError, lambda: client.customer.get_customer(UNKNOWN_ID)),
        (409, ApiError, lambda: client.customer.update_customer(customer_id, city="Ottawa")),
        (401, UnauthorizedError, lambda: stranger.customer.get_customer(customer_id)),
    ):
        try:
            await call()
        except ApiError as error:
            equal("status", error.status_code, status)
            equal("type of the error", type(error), kind)
            check_error_body(error)
        else:
            raise Failed(f"expected status {status}, but the call succeeded")


def plain_http_sees_the_same_record():
    created = create(email=mail("http"), firstname="Ada")
    answer = http("GET", f"/api/Customer/{created.id}", TOKEN)
    equal("status", answer.status, 200)
    equal("record", answer.json(), bare(created))


def tokens_are_stored_read_changed_and_removed():
    email = mail("token")
    payer = PayorDataRequest(first_name="Ada", last_name="Roe", billing_email=email)
    token = ConvertToken(method="card", token_id=f"tok-{RUN}")
    added = api.token_storage.add_method(entry_point=ENTRY, customer_data=payer, payment_method=token)
    equal("text of the answer", added.response_text, "Success")
    method, customer = added.response_data.reference_id, added.response_data.customer_id
    equal("method reference", added.response_data.method_reference_id, method)
    record = read(customer)
    equal("e-mail", record.email, email)
    equal("methods on file", [stored.id_pmethod for stored in record.stored_methods], [method])
    equal("kind", record.stored_methods[0].method, "card")
    found = api.token_storage.get_method(method)
    equal("id", found.response_data.id_pmethod, method)
    equal("customer", found.response_data.customers[0].customer_id, customer)
    changed = api.token_storage.update_method(
        method,
        entry_point=ENTRY,
        customer_data=PayorDataRequest(customer_id=customer),
        payment_method=ConvertToken(method="ach", token_id=f"tok-{RUN}-2"),
    )
    equal("changed method", changed.response_data.reference_id, method)
    equal("kind after the change", read(customer).stored_methods[0].method, "ach")
    removed = api.token_storage.remove_method(method)
    equal("removed method", removed.response_data.reference_id, method)
    equal("methods on file after the end", read(customer).stored_methods, None)
    refused(404, ApiError, api.token_storage.get_method, method)




def subscriptions_of_another_system_are_read_and_listed():
    created = create(email=mail("subscriber"), firstname="Ada", customer_number=f"SUB-{RUN}")
    place = f"/api/Subscription/external/{ENTRY}/billing/{RUN}"
    body = {"customerId": created.id, "status": "trial", "amount": 12.5, "currency": "USD", "plan": "Gold"}
    body |= {"frequency": "monthly", "startDate": "2026-01-01", "nextDate": "2026-04-01", "totalCycles": 12, "leftCycles": 9}
    put = http("PUT", place, TOKEN, body).json()["responseData"]
    found = api.subscription.get_subscription(put["idSub"])
    expected = {
        "id_sub": put["idSub"],
        "sub_status": 1,
        "frequency": "monthly",
        "total_amount": 12.5,
        "net_amount": 12.5,
        "total_cycles": 12,
        "left_cycles": 9,
        "until_cancelled": False,
        "source": "billing",
        "paypoint_entryname": ENTRY,
        "start_date": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
        "next_date": dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc),
        "end_date": None,
    }
    for field, value in expected.items():
        equal(field, getattr(found, field), value)
    equal("whose it is", found.customer.customer_id, created.id)
    listed = api.query.list_subscriptions(ENTRY, limit_record=5, parameters={"customerId(eq)": str(created.id)})
    equal("listed ids", [one.id_sub for one in listed.records], [put["idSub"]])
    equal("how many", listed.summary.total_records, 1)
    none = api.query.list_subscriptions(ENTRY, parameters={"status(eq)": "0", "customerId(eq)": str(created.id)})
    equal("paused ones", none.records, [])
    organisation = created.raw["responseData"]["ParentOrgId"]
    listed = api.query.list_subscriptions_org(organisation, parameters={"customerId(eq)": str(created.id)})
    equal("listed ids of the organisation", [one.id_sub for one in listed.records], [put["idSub"]])
    record = read(created.id)
    equal("subscriptions of the record", [one.id_sub for one in record.subscriptions], [put["idSub"]])
    raw = api.customer.with_raw_response.get_customer(created.id).response.json()
    equal("stage", raw["Lifecycle"], "Subscriber")
    refused(404, ApiError, api.subscription.get_subscription, UNKNOWN_ID)
    new = {"entryPoint": ENTRY, "customerData": {"customerId": created.id}}
    equal("status of a new one", http("POST", "/api/Subscription/add", TOKEN, new).status, 409)
    http("PUT", place, TOKEN, {"status": "ended"})
    equal("stage after the end", http("GET", f"/api/Customer/{created.id}", TOKEN).json()["Lifecycle"], "Churned")


PROOFS = [
    subscriptions_of_another_system_are_read_and_listed,
    tokens_are_stored_read_changed_and_removed,
    create_returns_the_whole_record,
    every_key_of_the_sdk_model_is_on_the_wire,
    an_almost_empty_customer_has_the_defaults,
    get_returns_what_create_returned,
    none_and_empty_text_mean_absent_on_create,
    a_balance_survives_as_it_was_sent,
    payablis_example_phone_is_stored_in_e164,
    a_creation_time_a_little_ahead_counts_as_now,
    the_same_create_twice_is_matched,
    the_same_customer_number_is_matched,
    replace_existing_empties_what_was_not_sent,
    merge_existing_writes_only_what_was_sent,
    force_makes_a_second_record_and_the_oldest_is_matched,
    two_flags_at_once_are_refused,
    identifier_fields_are_used_instead_of_the_policy,
    an_additional_field_can_be_the_identifier,
    without_a_value_for_its_identifier_the_number_decides,
    an_idempotency_key_replays_the_first_answer,
    an_idempotency_key_with_another_body_is_422,
    a_refused_create_does_not_use_up_its_key,
    the_sdks_key_and_the_standard_header_are_one,
    a_create_without_an_identifier_is_a_bad_request,
    an_invalid_email_is_a_bad_request,
    all_problems_are_reported_at_once,
    a_deleted_status_can_not_be_written,
    an_unknown_query_parameter_is_a_bad_request,
    a_bad_token_is_unauthorized,
    an_unknown_record_or_entrypoint_is_404,
    linking_an_unknown_transaction_is_404,
    contradicting_identities_are_a_conflict,
    an_identity_can_not_be_taken_from_another,
    update_changes_only_what_is_sent,
    update_ignores_identifier_fields_and_creation_time,
    an_invalid_update_changes_nothing,
    a_stale_if_match_is_refused,
    a_deleted_customer_still_answers_and_frees_its_identity,
    consent_is_requested_by_mail,
    the_list_is_paged_newest_first,
    a_listed_record_equals_the_read_one,
    an_unknown_filter_is_a_bad_request,
    exports_reach_the_caller_as_text,
    an_impossible_export_is_a_bad_request,
    every_filter_of_the_contract_works_in_both_styles,
    an_import_counts_rows_and_tells_errors_as_texts,
    an_import_replaces_only_where_that_is_asked_for,
    an_import_takes_files_as_the_sdk_takes_them,
    an_impossible_import_is_a_bad_request,
    both_headers_work_and_must_agree,
    client_credentials_are_exchanged_for_a_token,
    without_pii_read_the_view_is_masked,
    a_written_mask_means_unchanged,
    a_missing_scope_is_403,
    the_asynchronous_client_does_the_same,
    plain_http_sees_the_same_record,
]

if __name__ == "__main__":
    run_proofs("payabli_customers", PROOFS)
