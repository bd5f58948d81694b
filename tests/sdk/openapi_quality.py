"""Checks that /openapi.json is a valid and well described OpenAPI 3.1 document.

Valid: by the OpenAPI 3.1 meta-schema, every schema by JSON Schema 2020-12, every reference resolves, path parameters
agree with the path, and every example satisfies the schema that it illustrates.
Explained: a unique operationId and a summary or description on every operation, a description and an example on every
parameter, a description on every schema property and response, the headers of every response, an example of success for
every operation and one for every error status. Small: what operations share is told once.
Only CUSTOMARY_URL is needed; see support.py.
"""

import re
import sys
from collections import Counter

import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31

from support import http

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Invoices, coupons, products and orders need 160,000 of them, requests for money and for payment methods
# 70,000, charges 40,000.
BYTES_MAX = 860_000
SUBSCHEMAS = (
    "items",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "additionalProperties",
    "unevaluatedItems",
)
SUBSCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SUBSCHEMA_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")


class Document:
    def __init__(self, document):
        self.root = document
        self.problems = []

    def problem(self, place, text):
        self.problems.append(f"{place}: {text}")

    def resolve(self, node):
        """The target of a local reference; fields beside the reference, such as a description, override it."""
        seen = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"] not in seen:
            seen.add(node["$ref"])
            target = self.target(node["$ref"])
            if target is None:
                return {}
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def target(self, reference):
        node = self.root
        if not reference.startswith("#/"):
            return None
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or step not in node:
                return None
            node = node[step]
        return node

    def operations(self):
        for path, item in self.root.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield path, method, item, item[method]


def the_document_is_valid_openapi_3_1(document):
    version = document.root.get("openapi", "")
    if not re.fullmatch(r"3\.1\.\d+", version):
        document.problem("openapi", f"expected 3.1.x, found {version!r}")
    for error in jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(document.root):
        document.problem("/" + "/".join(map(str, error.instance_path)), error.message[:300])
    for field in ("title", "version", "description"):
        if not text(document.root.get("info", {}).get(field)):
            document.problem("info", f"no {field}")


def every_reference_resolves(document):
    def walk(node, place):
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and document.target(reference) is None:
                document.problem(place, f"{reference} leads nowhere")
            for key, value in node.items():
                if key not in ("example", "examples"):
                    walk(value, f"{place}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{place}/{index}")

    walk(document.root, "")


def every_operation_is_named_and_described(document):
    ids = Counter(operation.get("operationId") for _, _, _, operation in document.operations())
    for path, method, _, operation in document.operations():
        place = f"{method.upper()} {path}"
        name = operation.get("operationId")
        if not text(name):
            document.problem(place, "no operationId")
        elif ids[name] > 1:
            document.problem(place, f"operationId {name} is used {ids[name]} times")
        if not text(operation.get("summary")) and not text(operation.get("description")):
            document.problem(place, "neither summary nor description")


def every_parameter_is_described(document):
    for path, method, item, operation in document.operations():
        place = f"{method.upper()} {path}"
        in_path = set()
        for parameter in parameters_of(document, item, operation):
            name = parameter.get("name")
            if not text(parameter.get("description")):
                document.problem(place, f"parameter {name} has no description")
            if not any(example is not None for example in examples_of(document, parameter)):
                document.problem(place, f"parameter {name} has no example")
            if parameter.get("in") == "path":
                in_path.add(name)
        if in_path != set(re.findall(r"{([^}]+)}", path)):
            document.problem(place, f"path parameters declared: {sorted(in_path)}")


def every_schema_is_valid_and_its_properties_are_described(document):
    for place, schema in all_schemas(document):
        if isinstance(schema, dict):
            without_references = {key: value for key, value in schema.items() if key != "$ref"}
            if not jsonschema_rs.meta.is_valid({"$schema": DIALECT, **without_references}):
                document.problem(place, "not a JSON Schema of 2020-12")
            for name, property_schema in schema.get("properties", {}).items():
                if not described(document, property_schema):
                    document.problem(place, f"property {name} has no description")


def every_response_is_described_and_has_an_example(document):
    for path, method, _, operation in document.operations():
        place = f"{method.upper()} {path}"
        responses = {status: document.resolve(response) for status, response in operation.get("responses", {}).items()}
        for status, response in responses.items():
            if not text(response.get("description")):
                document.problem(place, f"response {status} has no description")
            if "X-Request-Id" not in response.get("headers", {}):
                document.problem(place, f"response {status} does not tell its headers")
            if status.startswith(("4", "5")) and not has_example(document, response):
                document.problem(place, f"error {status} has no example")
        successes = [response for status, response in responses.items() if status.startswith("2")]
        redirects = [status for status in responses if status.startswith("3")]
        if successes and not any(has_example(document, response) for response in successes):
            document.problem(place, "no example of success")
        if not successes and not redirects:
            document.problem(place, "no response of success")


def every_example_satisfies_its_schema(document):
    for path, method, item, operation in document.operations():
        place = f"{method.upper()} {path}"
        for parameter in parameters_of(document, item, operation):
            check_examples(document, f"{place} parameter {parameter.get('name')}", parameter)
        body = document.resolve(operation.get("requestBody", {}))
        for media_type, media in body.get("content", {}).items():
            check_examples(document, f"{place} request {media_type}", media)
        for status, response in operation.get("responses", {}).items():
            for media_type, media in document.resolve(response).get("content", {}).items():
                check_examples(document, f"{place} response {status} {media_type}", media)


def parameters_of(document, item, operation):
    return [document.resolve(parameter) for parameter in item.get("parameters", []) + operation.get("parameters", [])]


def check_examples(document, place, holder):
    schema = holder.get("schema")
    if schema is None:
        return
    try:
        components = document.root.get("components", {})
        validator = jsonschema_rs.Draft202012Validator({"allOf": [schema], "components": components})
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        document.problem(place, f"its schema can not be used: {str(error).splitlines()[0]}")
        return
    for example in examples_of(document, holder):
        for error in validator.iter_errors(example):
            where = "/" + "/".join(map(str, error.instance_path))
            document.problem(place, f"its example does not satisfy its schema at {where}: {error.message[:200]}")


def examples_of(document, holder):
    """The examples beside a schema and those within it."""
    found = [holder["example"]] if "example" in holder else []
    for example in holder.get("examples", {}).values():
        example = document.resolve(example)
        found += [example["value"]] if "value" in example else []
    schema = document.resolve(holder.get("schema", {}))
    found += [schema["example"]] if "example" in schema else []
    return found + schema.get("examples", [])


def has_example(document, response):
    return any(examples_of(document, media) for media in response.get("content", {}).values())


def all_schemas(document):
    """Every schema with its place: named, in parameters, headers, requests and responses, and nested."""
    components = document.root.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield from nested(f"schema {name}", schema)
    for path, method, item, operation in document.operations():
        place = f"{method.upper()} {path}"
        for parameter in parameters_of(document, item, operation):
            yield from nested(f"{place} parameter {parameter.get('name')}", parameter.get("schema", {}))
        for media_type, media in document.resolve(operation.get("requestBody", {})).get("content", {}).items():
            yield from nested(f"{place} request {media_type}", media.get("schema", {}))
        for status, response in operation.get("responses", {}).items():
            response = document.resolve(response)
            for media_type, media in response.get("content", {}).items():
                yield from nested(f"{place} response {status} {media_type}", media.get("schema", {}))
            for name, header in response.get("headers", {}).items():
                yield from nested(
                    f"{place} response {status} header {name}", document.resolve(header).get("schema", {})
                )


def nested(place, schema):
    yield place, schema
    if not isinstance(schema, dict):
        return
    for keyword in SUBSCHEMAS:
        if keyword in schema:
            yield from nested(f"{place}/{keyword}", schema[keyword])
    for keyword in SUBSCHEMA_LISTS:
        for index, inner in enumerate(schema.get(keyword, [])):
            yield from nested(f"{place}/{keyword}/{index}", inner)
    for keyword in SUBSCHEMA_MAPS:
        for name, inner in schema.get(keyword, {}).items():
            yield from nested(f"{place}/{name}", inner)


def described(document, schema):
    """Whether a property has a description: beside its reference, in the target, or in one arm of a choice."""
    schema = document.resolve(schema)
    if not isinstance(schema, dict):
        return False
    if text(schema.get("description")):
        return True
    arms = [arm for keyword in ("allOf", "oneOf", "anyOf") for arm in schema.get(keyword, [])]
    return any(described(document, arm) for arm in arms)


def text(value):
    return isinstance(value, str) and value.strip() != ""


CHECKS = [
    the_document_is_valid_openapi_3_1,
    every_reference_resolves,
    every_operation_is_named_and_described,
    every_parameter_is_described,
    every_schema_is_valid_and_its_properties_are_described,
    every_response_is_described_and_has_an_example,
    every_example_satisfies_its_schema,
]


def main():
    answer = http("GET", "/openapi.json")
    if answer.status != 200:
        sys.exit(f"openapi_quality: GET /openapi.json answers {answer.status}")
    document = Document(answer.json())
    if len(answer.text) > BYTES_MAX:
        document.problem("the document", f"has {len(answer.text)} bytes, and {BYTES_MAX} are enough")
    operations = list(document.operations())
    if not operations:
        document.problem("paths", "no operation at all")
    for check in CHECKS:
        check(document)
    # The properties of a named schema occur again wherever it is inlined.
    problems = list(dict.fromkeys(document.problems))
    for problem in problems:
        print(problem)
    schemas = len(document.root.get("components", {}).get("schemas", {}))
    print(f"openapi_quality: {len(operations)} operations, {schemas} named schemas, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
