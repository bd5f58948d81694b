"""Schemathesis against /openapi.json: all checks except those that Customary's rules contradict, each with its reason.

The program first creates some customers and offers their ids, so that not every generated id is unknown.
SCHEMATHESIS_EXAMPLES (default 10) limits the generated cases of an operation, SCHEMATHESIS_SEED (default 1) repeats a
run, SCHEMATHESIS_PHASES (default all) chooses the kinds of cases. Further settings: see support.py.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support import entrypoint, full_token, http, mail, server_url, setting

CUSTOMERS = 50
HOOKS = Path(__file__).with_name("schemathesis_hooks.py").resolve()

CONFIG = """
hooks = "{hooks}"

[cache]
enabled = false

# Schemathesis reads the token from the environment, so that the list of processes does not show it.
[headers]
requestToken = "${{CUSTOMARY_TOKEN}}"

[dictionaries]
customers = {{ values = {customers} }}
imports = {{ values = [{job}] }}

# Mostly existing customers, sometimes others. Every generated entrypoint would be unknown.
[parameters]
"path.entry" = "{entry}"
"path.customerId" = {{ dictionary = "customers", probability = 0.8 }}
"path.jobId" = {{ dictionary = "imports", probability = 0.8 }}

# Added to the usual refusals: 412, because an unreadable If-Match is a failed precondition, and 413, because the
# service refuses a body that is too large before it checks the content.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]

# Added to the usual answers for writes, because a schema cannot express every requirement of the service:
# 400 - one of several identifiers is required, phone numbers follow libphonenumber, birthdays are past, the service
#       refuses text that looks like a mask, two flags or two different idempotency keys exclude each other;
# 412 - a generated If-Match does not match the record.
[[operations]]
include-method = ["POST", "PUT", "DELETE"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 429, "5xx"]

# The service answers 404 to an unknown customer before it checks the body, so updates use one that is never deleted.
[[operations]]
include-method = "PUT"
parameters = {{ "path.customerId" = {updated} }}

# A transaction that is wrong refuses itself, and not the request.
[[operations]]
include-path-regex = "^/api/Transaction/"
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]

# The server seals the cursor of a list, and checks sort fields, filters and columns by name: a schema cannot describe
# them.
[[operations]]
include-path-regex = "^/api/(Query|Export)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 429, "5xx"]

# The configured customer replaces a generated one, so a wrong id in the path never reaches the service. The status of a
# subscription may also be a number, which the schema leaves out so that generated clients have one type.
[[operations]]
include-path-regex = "^/api/(Customer/[^/]+/comments|Subscription/external)/"
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]

# Receipts and invoices go to the customer's own address alone, which a schema cannot know.
[[operations]]
include-path-regex = "^/api/(MoneyIn/sendreceipt|Invoice/send|PaymentLink)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 429, "5xx"]

# So it does for lists of coupons, products, orders and requests.
[[operations]]
include-path-regex = "^/api/(Coupon/|Product/|PaymentRequests?/|Customer/[^/]+/(coupons|orders|paymentRequests|methodLinks))"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 429, "5xx"]
"""


def create_customers():
    ids = []
    for number in range(CUSTOMERS):
        body = {"email": mail(f"known{number}"), "firstname": f"Known {number}"}
        answer = http("POST", f"/api/Customer/single/{entrypoint()}", full_token(), body)
        if answer.status != 200:
            sys.exit(f"schemathesis_run: a customer was not created: {answer.status} {answer.text}")
        ids.append(answer.json()["responseData"]["customerId"])
    return ids


def dry_run():
    """The id of a dry run."""
    boundary = "a-boundary"
    form = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        f"email\r\n{mail('rehearsed')}\r\n--{boundary}--\r\n"
    )
    path = f"/api/Import/customersForm/{entrypoint()}?dryRun=true"
    answer = http("POST", path, full_token(), form.encode(), f"multipart/form-data; boundary={boundary}")
    if answer.status != 200:
        sys.exit(f"schemathesis_run: nothing was imported: {answer.status} {answer.text}")
    return answer.json()["responseData"]["jobId"]


def without_rules_that_it_breaks(document):
    """The document without rules that Schemathesis breaks in vain. It puts the entrypoint of the settings in where it broke a
    rule for entrypoints. And the empty text is taken as no value, whatever the format of a field."""
    for field in document["components"]["schemas"]["CustomerIn"]["properties"].values():
        field.pop("format", None)
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    lists = [operation.get("parameters", []) for operation in operations if isinstance(operation, dict)]
    for parameter in [*document["components"]["parameters"].values(), *(each for some in lists for each in some)]:
        if parameter.get("name") == "entry":
            parameter["schema"] = {"type": "string"}
    return document


def with_addresses(document):
    """The document with whole addresses as paths: Schemathesis knows one server, but health has another."""
    base = document.pop("servers")[0]["url"]
    paths = document["paths"].items()
    document["paths"] = {
        ("" if "servers" in item else base) + path: {key: value for key, value in item.items() if key != "servers"}
        for path, item in paths
    }
    return document


def main():
    updated, *customers = create_customers()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "schemathesis.toml")
        config.write_text(CONFIG.format(hooks=HOOKS, entry=entrypoint(), customers=customers, updated=updated, job=dry_run()))
        document = Path(folder, "openapi.json")
        document.write_text(json.dumps(without_rules_that_it_breaks(with_addresses(http("GET", "/openapi.json").json()))))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={config}",
            "run",
            str(document),
            f"--url={server_url()}",
            "--checks=all",
            # A deleted customer still answers GET by id, with status -99, so that its history keeps an owner.
            "--exclude-checks=use_after_free",
            # Bodies come from the document's examples, from the limits of each field, at random, and in sequences
            # such as create, read, delete.
            f"--phases={setting('SCHEMATHESIS_PHASES', 'examples,coverage,fuzzing,stateful')}",
            f"--max-examples={setting('SCHEMATHESIS_EXAMPLES', '10')}",
            f"--seed={setting('SCHEMATHESIS_SEED', '1')}",
            # Without a database of earlier runs, one seed always generates the same cases.
            "--generation-database=none",
            # A second, generated credential beside the token would turn most cases into a 401. The check ignored_auth
            # tests missing and invented credentials.
            "--generation-with-security-parameters=false",
            # A slow machine is no failure; a slow answer is.
            "--suppress-health-check=all",
            "--request-timeout=30",
            "--continue-on-failure",
            "--no-color",
        ]
        result = subprocess.run(command, cwd=folder, env={**os.environ, "CUSTOMARY_TOKEN": full_token()})
    print(f"schemathesis_run: {'nothing found' if result.returncode == 0 else 'see the failures above'}")
    sys.exit(result.returncode)


if __name__ == "__main__":
    main()
