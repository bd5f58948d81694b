"""Every operation of /openapi.json as it stands: with the first example of each parameter and the first of the body, as
Swagger UI fills them in, from the top of its page to the end, with the token of the first start (CUSTOMARY_FIRST_TOKEN).
Like a person, the program looks at the answer of an operation before it goes on: it waits for queued jobs and mails.

Further settings: see support.py.
"""

import json
import re
import sys
import time
import urllib.parse

from support import http, setting

METHODS = ("get", "put", "post", "delete")
# What a first token cannot do where other machines may reach the service: it lacks `settings`, `tokens`, `staff` and `service` there
# (rules 1). Each refusal says how to make a token that can.
REFUSED = re.compile(r"/(Activity|Organization|Paypoint(?!/labels)|Staff|Token)\b")
# The service chooses the ids of stored methods, transactions, redemptions, products, invoices, orders and requests, so the
# document cannot know them.
UNKNOWN = ("{methodId}", "{transId}", "{redemptionId}", "{productId}", "{invoiceId}", "{orderId}", "{paymentRequestId}", "{linkId}", "{memberId}")
# There is no billing engine.
NEVER = {("post", "/Subscription/add")}
# There is no payment provider, and a first token may not charge where other machines may reach the service.
CHARGING = {("post", "/Customer/{customerId}/charges"), ("post", "/MoneyIn/getpaid")}
CHARGED = re.compile(r"/MoneyIn/(refund|void)/")
# The payment provider proves itself, and needs no token.
UNPROVEN = {("post", "/Ingest/{entry}/provider")}
SECONDS = 30


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


def wait(what, is_so):
    until = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > until:
            sys.exit(f"try_it_out: after {SECONDS} s still not: {what}")
        time.sleep(0.05)


def settle(answer):
    """Waits for the job that an answer leads to, and for all mails."""
    token = setting("CUSTOMARY_FIRST_TOKEN")
    if answer.status == 202:
        place = answer.headers["location"]
        wait(f"{place} is over", lambda: http("GET", place, token).json()["state"] in ("finished", "failed", "cancelled"))
    waiting = ("queued", "sending", "handingOver")
    mails = lambda state: http("GET", f"/api/Mail/outbox/demo?state={state}", token).json()["Summary"]["totalRecords"]
    wait("no mail waits", lambda: not any(mails(state) for state in waiting))


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
    tags = [tag["name"] for tag in document["tags"]]
    # Swagger UI shows the operations by tag, and otherwise in the document's order.
    operations = [
        (method, path)
        for tag in tags
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS and item[method]["tags"][0] == tag
    ]
    has_every_right = setting("FIRST_TOKEN_HAS_EVERY_RIGHT") == "yes"
    wrong = []
    for method, path in operations:
        answer = executed(document, method, path, document["paths"][path][method], bases[path])
        charges = (method, path) in CHARGING or bool(CHARGED.match(path))
        is_refused = (charges or bool(REFUSED.match(path))) and not has_every_right
        is_never = (method, path) in NEVER or (method, path) in CHARGING
        is_unknown = (
            any(name in path for name in UNKNOWN)
            or (path in ("/Invoice/{target}", "/PaymentRequest/{target}") and method != "post")
            or path == "/PaymentLink/{target}"
        )
        expected = {403} if is_refused else {409} if is_never else {404} if is_unknown else {200, 202}
        if (method, path) in UNPROVEN:
            expected = {401}
        if answer.status not in expected:
            wrong.append(f"{method} {path}: {answer.status} {answer.text[:600]}")
        elif is_refused and "customary token create" not in answer.text:
            wrong.append(f"{method} {path}: no command in {answer.text[:600]}")
        if method != "get":
            settle(answer)
    for problem in wrong:
        print(problem)
    print(f"try_it_out: {len(operations)} operations executed, {len(wrong)} problems")
    sys.exit(1 if wrong or len(operations) < 40 else 0)


if __name__ == "__main__":
    main()
