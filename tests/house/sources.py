"""The project's own text, parsed."""

from __future__ import annotations

import ast
import functools
import gc
from pathlib import Path


@functools.cache
def parsed(path: Path) -> ast.Module:
    """What `path` says. Callers leave it as it is."""
    # Python before 3.11.8 loses count of its depth where a finalizer that the collector runs parses too (gh-106905).
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()
