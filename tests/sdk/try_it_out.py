"""Every operation of /openapi.json as it stands: with the first example of each parameter and the example of the body, as
Swagger UI fills them in, and with the rights of the first token (CUSTOMARY_FIRST_TOKEN).

Further settings: see support.py.
"""

import json
import sys
import urllib.parse

from support import http, setting

METHODS = ("get", "put", "post", "delete")
# What is executed first and last, so that there is something to read and nothing is deleted before it is changed.
FIRST = [
    ("post", "/Customer/single/{entry}"),
    ("post", "/Import/customersForm/{entry}"),
    ("post", "/Customer/{customerId}/invite"),
    ("post", "/Customer/invite/{entry}"),
    ("post", "/Customer/{customerId}/archive"),
    ("post", "/Customer/{customerId}/unarchive"),
]
LAST = ("delete", "/Customer/{customerId}")
# The statuses of operations that cannot succeed as they stand: the first token lacks the scopes `settings` and `tokens`,
# no dry run is finished, no mail has failed, and no document holds real credentials.
OTHER_STATUSES = [
    ("/v2/Token/serverside", {400}),
    ("/Organization", {403}),
    ("/Paypoint", {403}),
    ("/Token", {403}),
    ("/commit", {409}),
    ("/retry", {409}),
    # Job 1 is the import.
    ("/Customer/invite/{entry}/{jobId}", {404}),
]


def resolved(document, node):
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def first_example(holder):
    if "example" in holder:
        return holder["example"]
    return next(iter(holder["examples"].values()))["value"]


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value)


def executed(document, method, path, operation, base):
    query, body, media = [], None, "application/json"
    for parameter in operation.get("parameters", []):
        parameter = resolved(document, parameter)
        name, value = parameter["name"], first_example(parameter)
        # Swagger UI sends nothing for an empty field. Headers are optional, and their examples stand for none or any version.
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", urllib.parse.quote(as_text(value), safe=""))
        elif parameter["in"] == "query" and isinstance(value, dict):
            query += [(f"{name}[{key}]", as_text(item)) for key, item in value.items()]
        elif parameter["in"] == "query" and isinstance(value, list):
            query += [(name, as_text(item)) for item in value]
        elif parameter["in"] == "query" and value != "":
            query.append((name, as_text(value)))
        elif parameter["in"] == "header" and value not in ("", "*"):
            sys.exit(f"try_it_out: {method} {path} would send {name}: {value}")
    if "requestBody" in operation:
        media, content = next(iter(operation["requestBody"]["content"].items()))
        example = first_example(content)
        body = example.encode() if isinstance(example, str) else example
    address = base + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
    return http(method.upper(), address, setting("CUSTOMARY_FIRST_TOKEN"), body, media)


def main():
    document = http("GET", "/openapi.json").json()
    base = document["servers"][0]["url"]
    bases = {path: item.get("servers", [{"url": base}])[0]["url"].rstrip("/") for path, item in document["paths"].items()}
    operations = [(method, path) for path, item in document["paths"].items() for method in METHODS if method in item]
    rest = [operation for operation in operations if operation not in FIRST and operation != LAST]
    wrong = []
    for method, path in [*FIRST, *rest, LAST]:
        answer = executed(document, method, path, document["paths"][path][method], bases[path])
        expected = next((statuses for part, statuses in OTHER_STATUSES if part in path), {200, 202})
        if answer.status not in expected:
            wrong.append(f"{method} {path}: {answer.status} {answer.text[:600]}")
        elif answer.status == 403 and "customary token create" not in answer.text:
            wrong.append(f"{method} {path}: no command in {answer.text[:600]}")
    for problem in wrong:
        print(problem)
    print(f"try_it_out: {len(operations)} operations executed, {len(wrong)} problems")
    sys.exit(1 if wrong or len(operations) < 40 else 0)


if __name__ == "__main__":
    main()
