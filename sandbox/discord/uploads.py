"""Files that people attach through the control API."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from .errors import RefusedError
from .models import File
from .posting import new_file

if TYPE_CHECKING:
    from .world import DiscordWorld


def file_from(world: DiscordWorld, value: Any) -> File:
    """A stored file from {"filename", "text" or "base64"}."""
    if not isinstance(value, dict) or not value.get("filename"):
        raise RefusedError('a file is given as {"filename": ..., "text": ...} or with "base64"')
    if "base64" in value:
        try:
            content = base64.b64decode(str(value["base64"]), validate=True)
        except binascii.Error as error:
            raise RefusedError("the file's base64 is broken") from error
    else:
        content = str(value.get("text", "")).encode()
    return new_file(world, str(value["filename"]), content)
