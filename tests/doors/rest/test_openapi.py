from __future__ import annotations

from typing import Any

import pytest

from tests.doors.conftest import House


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    return house.client.get("/api/openapi.json").json()


def operations(document: dict[str, Any]):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_anybody_may_read_how_to_ask(document):
    assert document["openapi"].startswith("3.")
    assert len(document["paths"]) > 40


def test_every_request_and_answer_has_an_example(document):
    without = []
    for name, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for content in contents:
            without += [f"{name} {kind}" for kind, media in content.items() if media.get("example") in (None, {}, [])]
        without += [f"{name} ?{p['name']}" for p in operation.get("parameters", []) if "example" not in p]
        if not {"200", "201", "202"} & set(operation["responses"]):
            without.append(name)
    assert without == []


def test_every_operation_says_what_it_does_and_how_it_fails(document):
    for name, operation in operations(document):
        assert operation.get("description"), name
        assert "application/problem+json" in operation["responses"]["default"]["content"], name


def test_examples_fit_their_own_requests(house: House, document):
    example = document["paths"]["/api/v1/purchases"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert house.post("purchases", example).status_code == 201
    example = document["paths"]["/api/v1/values"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert house.post("values", example).json()["received"] == 2


def test_an_example_is_put_together_from_its_parts():
    from lineshaft.doors.rest.frame.openapi import example

    shapes = {"Part": {"properties": {"n": {"type": "integer"}, "at": {"type": "string", "examples": ["now"]}}}}
    schema = {"properties": {"parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}, "z": {"const": 4}}}
    assert example(schema, shapes) == {"parts": [{"n": 1, "at": "now"}], "z": 4}
    assert example({"anyOf": [{"type": "null"}, {"enum": ["a", "b"]}]}, {}) == "a"
    assert example({"type": "object", "additionalProperties": {"type": "number"}}, {}) == {"name": 1.5}
    ring = {"Ring": {"properties": {"next": {"$ref": "#/components/schemas/Ring"}}}}
    assert "next" in example({"$ref": "#/components/schemas/Ring"}, ring)
