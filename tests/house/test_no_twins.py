"""No twins: what stands in the bot is called by the bot.

A rule that only tests call is a second copy of the rule that pays. Tests would prove the copy and say nothing of the
one that counts, so nothing may stand in the bot's packages that no running bot reaches.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests.house.sources import parsed

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "raffle_system", "giveaway", "kick", "cogs", "web")
# Entry points by convention: discord.py calls an extension's `setup`, Python a script's `main`.
ENTRIES = frozenset({"main", "setup"})
# One pass of what production does in a loop, and a way to write entrants down: no rule is in them, and tests need them.
FOR_TESTS = [
    "core.delivery.Outbox.deliver_due", "core.fair_draw.Entrants.from_pairs",
    "raffle_system.link_roles.LinkRoles.do_due",
]  # fmt: skip
# Decorators that only change how a definition is called. Any other decorator hands it to somebody who calls it.
PLAIN = frozenset(
    {"abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager", "dataclass",
     "final", "lru_cache", "overload", "override", "property", "runtime_checkable", "staticmethod", "total_ordering"}
)  # fmt: skip

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Thing:
    """A function, a class, or a method (`owner` is its class). `uses` are the names in its own body."""

    module: str
    owner: str
    name: str
    handed_over: bool
    uses: frozenset[str] = field(compare=False)

    @property
    def path(self) -> str:
        return ".".join(part for part in (self.module, self.owner, self.name) if part)


@dataclass
class Module:
    """A module's definitions, and the names that its other lines use. `bound`: what an imported name stands for."""

    name: str
    bound: dict[str, str]
    things: list[Thing]
    uses: frozenset[str]


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def bindings(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dotted(node: ast.expr) -> str:
    """`a.b.c` of such an expression; empty for any other."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def uses_in(nodes: Iterator[ast.AST], bound: dict[str, str], module: str) -> Iterator[str]:
    """What the nodes name: full paths where an import or the module itself tells them, `.name` of any attribute."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield bound.get(node.id, f"{module}.{node.id}")
        elif isinstance(node, ast.Attribute):
            head, _, rest = dotted(node).partition(".")
            yield f"{bound[head]}.{rest}" if head in bound and rest else f".{node.attr}"
            yield f".{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield f"'{node.value}"


def is_handed_over(node: Definition) -> bool:
    for decorator in node.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
        if name not in PLAIN:
            return True
    return False


def body_of(node: Definition) -> Iterator[ast.AST]:
    """All nodes of a function; of a class those that stand outside of its methods."""
    yield from (part for decorator in node.decorator_list for part in ast.walk(decorator))
    if isinstance(node, ast.ClassDef):
        methods = (ast.FunctionDef, ast.AsyncFunctionDef)
        rest: list[ast.AST] = [*node.bases, *node.keywords, *(n for n in node.body if not isinstance(n, methods))]
        yield from (part for one in rest for part in ast.walk(one))
    else:
        yield from ast.walk(node)


def read(path: Path, root: Path) -> Module:
    tree, name = parsed(path), module_name(path, root)
    bound = bindings(tree)
    things: list[Thing] = []
    for node in tree.body:
        if not isinstance(node, Definition):
            continue
        inner = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for one, owner in [(node, ""), *((n, node.name) for n in inner if isinstance(node, ast.ClassDef))]:
            uses = frozenset(uses_in(body_of(one), bound, name))
            things.append(Thing(name, owner, one.name, is_handed_over(one), uses))
    rest = (n for part in tree.body if not isinstance(part, Definition | ast.Import | ast.ImportFrom)
            for n in ast.walk(part))  # fmt: skip
    return Module(name, bound, things, frozenset(uses_in(rest, bound, name)))


@cache
def is_foreign(thing: Thing) -> bool:
    """Whether a library calls the method: its class has it from a library's class, or hears that one's events."""
    if not thing.owner or thing.name.startswith("__"):
        return bool(thing.owner)
    cls = getattr(importlib.import_module(thing.module), thing.owner)
    bases = [base for base in inspect.getmro(cls)[1:] if base.__module__.partition(".")[0] not in PACKAGES]
    return any(thing.name in vars(base) or thing.name.startswith("on_") for base in bases if base is not object)


def unreached(modules: list[Module], roots: list[Module]) -> list[str]:
    """Definitions of `modules` that nothing alive names. `roots` are alive as a whole."""
    aliases = {
        f"{m.name}.{local}": target for m in modules for local, target in m.bound.items() if target != local
    }  # fmt: skip
    alive = {use for module in roots for use in module.uses}
    alive |= {use for module in roots for thing in module.things for use in thing.uses}
    alive |= {use for module in modules for use in module.uses}
    waiting = [thing for module in modules for thing in module.things]
    while True:
        named = alive | {aliases[use] for use in alive if use in aliases}
        named |= {aliases[use] for use in named if use in aliases}
        reached: list[Thing] = []
        left: list[Thing] = []
        for thing in waiting:
            (reached if _is_named(thing, named) else left).append(thing)
        if not reached:
            return sorted(thing.path for thing in left)
        waiting = left
        alive |= {use for thing in reached for use in thing.uses}


def _is_named(thing: Thing, named: set[str]) -> bool:
    if thing.handed_over or thing.name in ENTRIES or is_foreign(thing):
        return True
    if thing.owner:
        return f".{thing.name}" in named or f"'{thing.name}" in named
    return thing.path in named


def test_nothing_stands_in_the_bot_that_the_bot_does_not_reach() -> None:
    modules = [read(path, ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    roots = [read(ROOT / "bot.py", ROOT), *(read(path, ROOT) for path in (ROOT / "migrations").rglob("*.py"))]
    assert set(unreached(modules, roots)) <= set(FOR_TESTS)


BOT = "from a.pay import pay\n\npay(5)\n"
PAY = """
from a import store
from b import rules

def pay(amount):
    return Ledger().add(rules.worth(amount))

def worth(amount):
    return amount * store.RATE

def twin(amount):
    return worth(amount) + twin(0)

class Ledger:
    def add(self, amount):
        return amount

    def take(self, amount):
        return self.take(amount)
"""


def test_a_twin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one of the same name as a rule that is called, one that only a twin calls, and one that calls itself."""
    written = {
        "bot.py": BOT,
        "a/pay.py": PAY,
        "a/store.py": "RATE = 2\n",
        "b/rules.py": "def worth(x):\n    return x\n",
    }
    for name, content in written.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    modules = [read(tmp_path / name, tmp_path) for name in written if name != "bot.py"]
    found = unreached(modules, [read(tmp_path / "bot.py", tmp_path)])
    assert found == ["a.pay.Ledger.take", "a.pay.twin", "a.pay.worth"]
