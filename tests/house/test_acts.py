"""What a request changes is changed in an act; everything else at the edges reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import parsed

ROOT = Path(__file__).resolve().parents[2]
EDGES = [*sorted((ROOT / "cogs").glob("*.py")), *sorted((ROOT / "web").glob("*.py"))]
NOBODYS_REQUEST = {
    ("client.py", "_register_commands"),  # at the start, and again at the next one
}


def calls(path: Path) -> Iterator[tuple[str, ast.Attribute]]:
    """(the function around it, what is called) for every call of a method in a file."""
    for function in ast.walk(parsed(path)):
        if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield function.name, node.func


def test_the_edges_open_no_transaction_that_could_write() -> None:
    """A block of `reading` is refused every change by PostgreSQL; one of `Acts` has its request's key."""
    found = {
        (path.name, name)
        for path in EDGES
        for name, called in calls(path)
        if called.attr in ("transaction", "statements")
    }
    assert found == NOBODYS_REQUEST


def test_presses_are_answered_in_one_place() -> None:
    """Else an answer meets the acknowledgement that is on its way."""
    found = {
        path.name
        for path in EDGES
        for _name, called in calls(path)
        if isinstance(called.value, ast.Attribute) and called.value.attr in ("response", "followup")
    }
    assert found == {"_answers.py"}
