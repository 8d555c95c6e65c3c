"""The OpenAPI document with a whole example of every request and answer, made from the examples of the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lineshaft.doors.rest.frame.problem import PROBLEM

Json = dict[str, Any]

_PROBLEM: Json = {
    "type": "urn:lineshaft:problem:gate.forbidden",
    "title": "The gate says no",
    "status": 403,
    "detail": "Olli may not do spares.edit",
    "code": "gate.forbidden",
    "where": "",
    "hint": "this needs the role planner",
}


def mount(app: FastAPI) -> None:
    """Serve the document, made once when it is first asked for."""

    def document() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = complete(
                get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = document


def complete(document: Json) -> Json:
    """Add examples, the problem answer and the two ways to log in."""
    shapes: Json = document.setdefault("components", {}).setdefault("schemas", {})
    shapes["Problem"] = {
        "type": "object",
        "description": "RFC 9457: what is wrong, where, how to mend it, and a stable code.",
        "properties": {name: {"type": "integer" if name == "status" else "string"} for name in _PROBLEM},
        "required": list(_PROBLEM),
    }
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`lineshaft token create --role ROLE --name NAME`"},
        "session": {"type": "apiKey", "in": "cookie", "name": "lineshaft_session"},
    }
    document["security"] = [{"token": []}, {"session": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            _complete_operation(operation, shapes)
    return document


def _complete_operation(operation: Json, shapes: Json) -> None:
    contents = [operation.get("requestBody", {}).get("content", {})]
    operation["responses"].pop("422", None)
    contents += [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in contents:
        for media in content.values():
            if "example" not in media and "examples" not in media and "schema" in media:
                media["example"] = example(media["schema"], shapes)
    for parameter in operation.get("parameters", []):
        if "example" not in parameter and "schema" in parameter:
            parameter["example"] = example(parameter["schema"], shapes)
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _PROBLEM}
    operation["responses"]["default"] = {"description": "A problem (RFC 9457).", "content": {PROBLEM: problem}}


def example(schema: Mapping[str, Any], shapes: Mapping[str, Any], depth: int = 0) -> Any:
    """Return an example that fits a schema: the field's own, its default, or one put together from its parts."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return example(shapes[schema["$ref"].rsplit("/", 1)[1]], shapes, depth + 1) if depth < 12 else None
    if "properties" in schema:
        return {name: example(part, shapes, depth + 1) for name, part in schema["properties"].items()}
    chosen = next((schema[word] for word in ("const", "default") if schema.get(word) is not None), None)
    if chosen is not None or "enum" in schema:
        return schema["enum"][0] if chosen is None else chosen
    return _from_parts(schema, shapes, depth)


def _from_parts(schema: Mapping[str, Any], shapes: Mapping[str, Any], depth: int) -> Any:
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            some = [part for part in schema[word] if part.get("type") != "null"]
            return example(some[0], shapes, depth + 1) if some else None
    if schema.get("type") == "array":
        return [example(schema["items"], shapes, depth + 1)] if schema.get("items") else []
    if isinstance(schema.get("additionalProperties"), dict):
        return {"name": example(schema["additionalProperties"], shapes, depth + 1)}
    plain: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "object": {}}
    return plain.get(str(schema.get("type")))
