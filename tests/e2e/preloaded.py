"""What the process imports from which bots are forked: all that a bot imports until it is ready."""

from __future__ import annotations

from importlib import import_module

import bot  # noqa: F401 - the whole program
from cogs import _answers
from cogs.client import COG_MODULES
from core import db
from core.texts import Texts
from tests.patience import FACTOR

for _name in COG_MODULES:
    import_module(_name)
# The stand-in waits for an answer so much longer, too.
_answers.ACKNOWLEDGE_SECONDS *= FACTOR
db.POOL_SECONDS *= FACTOR
Texts()  # compiled once
