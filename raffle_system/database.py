"""`python -m raffle_system.database`: bring the schema of DATABASE_URL to the newest version."""

from __future__ import annotations

import asyncio
import sys

from dotenv import load_dotenv

from core import config
from core.db import migrate_at_once
from core.errors import ConfigError


def main() -> int:
    """Exit code 0 when the schema is up to date, 2 when DATABASE_URL is missing or unusable."""
    load_dotenv()
    try:
        url = config.load().database_url
        if url is None:
            raise ConfigError("DATABASE_URL is not set: there is nothing to migrate.")
        asyncio.run(migrate_at_once(url))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("The database is up to date.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
