"""Schemathesis against /openapi.json: all checks, but for what Customary's rules contradict, each explained beside it.

Some customers are created first and their ids offered, so that not every generated id is unknown.
SCHEMATHESIS_EXAMPLES (default 20) bounds the generated cases of an operation, SCHEMATHESIS_SEED (default 1) repeats a
run. Further settings: see support.py.
"""

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

# The token is read from the environment, so that it is not shown in the list of processes.
[headers]
requestToken = "${{CUSTOMARY_TOKEN}}"

[dictionaries]
customers = {{ values = {customers} }}
imports = {{ values = [{rehearsal}] }}

# Mostly customers that exist, sometimes others. Generated entrypoints would all be unknown.
[parameters]
"path.entry" = "{entry}"
"path.customerId" = {{ dictionary = "customers", probability = 0.8 }}
"path.jobId" = {{ dictionary = "imports", probability = 0.8 }}

# Added to the usual refusals: 412, because an If-Match that can not be read is a failed precondition, and 413, because
# a body too large is refused before it is judged.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]

# Added to the usual answers for writes, because a schema can not say all that the service asks of a request:
# 400 - one of several identifiers must be there, phone numbers follow libphonenumber, birthdays are past, text that
#       looks like a mask is refused, two flags or two different idempotency keys exclude each other;
# 412 - a generated If-Match is not the record's.
[[operations]]
include-method = ["POST", "PUT", "DELETE"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 429, "5xx"]

# An unknown customer is a 404 before the body is looked at, so updates go to one that exists and that no DELETE meets.
[[operations]]
include-method = "PUT"
parameters = {{ "path.customerId" = {updated} }}

# The cursor of a list is sealed by the server, and the fields that sort, filter or head a column are judged by name: a
# schema describes none of them.
[[operations]]
include-path-regex = "^/api/(Query|Export)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 429, "5xx"]
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


def rehearse():
    """The id of an import that wrote nothing."""
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


def main():
    rehearsal = rehearse()
    updated, *customers = create_customers()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "schemathesis.toml")
        config.write_text(CONFIG.format(hooks=HOOKS, entry=entrypoint(), customers=customers, updated=updated, rehearsal=rehearsal))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={config}",
            "run",
            f"{server_url()}/openapi.json",
            "--checks=all",
            # A deleted customer still answers GET by id, with status -99, so that its history keeps an owner.
            "--exclude-checks=use_after_free",
            # Bodies come from the document's examples, from the limits of each field, at random, and in sequences
            # such as create, read, delete.
            "--phases=examples,coverage,fuzzing,stateful",
            f"--max-examples={setting('SCHEMATHESIS_EXAMPLES', '10')}",
            f"--seed={setting('SCHEMATHESIS_SEED', '1')}",
            # Nothing is remembered from an earlier run: with one seed every run draws the same cases.
            "--generation-database=none",
            # A second, generated credential beside the token would turn most cases into a 401; that a missing or an
            # invented one is refused is asked on its own, by the check ignored_auth.
            "--generation-with-security-parameters=false",
            # A slow machine is no finding; a slow answer is.
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
