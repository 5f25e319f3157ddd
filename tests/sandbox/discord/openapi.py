"""Checks requests and answers against Discord's own API description, where that file is at hand.

The file lies beside the repository (`../shared/discord-openapi.json`); tests that need it carry
`needs_openapi` and are skipped without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).resolve().parents[3].parent / "shared" / "discord-openapi.json"
URI = "urn:discord"
JSON = "application/json"

needs_openapi = pytest.mark.skipif(not FILE.exists(), reason="the API description is not at hand")


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    # discord.py sends ids as numbers in places; Discord takes both.
    document["components"]["schemas"]["SnowflakeType"] = {
        "anyOf": [{"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}, {"type": "integer", "minimum": 0}]
    }
    # The description calls the codes inside an error tree numbers; Discord's documentation shows names.
    document["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]["items"] = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
    }
    return document


@cache
def _registry() -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(_document(), default_specification=DRAFT202012)
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource(URI, resource).crawl()
    return registry


@cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{URI}#{pointer}"}, registry=_registry())


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


@cache
def _templates() -> list[tuple[str, list[str]]]:
    rows = [(path, path.strip("/").split("/")) for path in _document()["paths"]]
    return sorted(rows, key=lambda row: sum(part.startswith("{") for part in row[1]))


def find_path(path: str) -> str:
    """The description's template for a concrete path; AssertionError where it knows none."""
    parts = path.split("?")[0].strip("/").split("/")
    for template, wanted in _templates():
        if len(wanted) == len(parts) and all(
            want == part or (want.startswith("{") and not part.startswith("@"))
            for want, part in zip(wanted, parts, strict=True)
        ):
            return template
    raise AssertionError(f"Discord knows no path {path}")


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    template = find_path(path)
    operations = _document()["paths"][template]
    assert method.lower() in operations, f"Discord knows no {method} {template}"
    pointer = f"/paths/{_escape(template)}/{method.lower()}"
    return pointer, operations[method.lower()]


def _failures(pointer: str, body: Any) -> Iterator[str]:
    for error in _validator(pointer).iter_errors(body):
        deepest = best_match([error]) or error
        where = "/".join(str(step) for step in deepest.absolute_path)
        yield f"{where or '(body)'}: {deepest.message[:300]}"


def validate_request(method: str, path: str, body: Any) -> None:
    """`path` without `/api/v10`; `body` is the JSON (of a multipart request: payload_json).

    Raises AssertionError naming every place where the description disagrees.
    """
    pointer, operation = _operation(method, path)
    content = operation.get("requestBody", {}).get("content", {})
    if JSON not in content:
        assert body in (None, {}, ""), f"{method} {path} takes no JSON, got {body!r}"
        return
    if body is None and not operation["requestBody"].get("required"):
        return
    problems = list(_failures(f"{pointer}/requestBody/content/application~1json/schema", body))
    assert not problems, f"{method} {path}: " + "; ".join(problems)


def validate_response(method: str, path: str, status: int, body: Any) -> None:
    """Raises AssertionError where the description does not know the status or the body's shape."""
    pointer, operation = _operation(method, path)
    responses = operation["responses"]
    key = str(status) if str(status) in responses else f"{str(status)[0]}XX"
    assert key in responses, f"{method} {path} does not answer {status}, but {sorted(responses)}"
    content_pointer, content = _content(f"{pointer}/responses/{key}", responses[key])
    if JSON not in content:
        assert body is None, f"{method} {path} answers {status} without a body, got {body!r}"
        return
    problems = list(_failures(f"{content_pointer}/content/application~1json/schema", body))
    assert not problems, f"{method} {path} -> {status}: " + "; ".join(problems)


def _content(pointer: str, response: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = _document()["components"]["responses"][pointer.rsplit("/", 1)[1]]
    return pointer, response.get("content", {})
