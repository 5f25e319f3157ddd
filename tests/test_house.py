"""What is true of the whole repository: where SQL stands, and how small the pieces are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.house.sources import parsed

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "raffle_system", "giveaway", "kick", "cogs", "web", "sandbox")
LONGEST_FILE = 400


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))
    yield ROOT / "bot.py"


@cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def is_store(path: Path) -> bool:
    return "store" in path.stem or path.parent.name == "stores" or path == ROOT / "core" / "db.py"


def test_sql_stands_in_stores_alone() -> None:
    strangers = [path for path in modules() if "sqlalchemy" in imported(path) and not is_store(path)]
    assert strangers == []


def test_discord_is_known_to_its_edge_alone() -> None:
    edge = {ROOT / "bot.py", *(ROOT / "cogs").rglob("*.py")}
    assert [path for path in modules() if "discord" in imported(path) and path not in edge] == []


def test_files_stay_readable() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules()}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}
