"""Templates: giveaways to make again, from scratch or from one that was held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core import guilds
from core.clock import Clock
from core.db import Connection, Row
from core.errors import UserError
from giveaway import setup_store as store
from giveaway.models import Draft, Entities, Giveaway, Look, Options, Requirements
from giveaway.presets import checked_name

MOST_TEMPLATES = 25


@dataclass(frozen=True, kw_only=True)
class Template:
    """A saved giveaway; its draft names no channel (0) and no start until it is used."""

    template_id: int
    name: str
    owner_id: int
    favourite: bool
    used_count: int
    created_at: datetime
    draft: Draft


def _template(row: Row) -> Template:
    draft = Draft(
        channel_id=0, host_id=row["owner_id"], prize=row["prize"], description=row["description"] or "",
        duration=row["duration"], winners_count=row["winners_count"],
        entities=Entities.from_json(row["entities"]), requirements=Requirements.from_json(row["requirements"]),
        look=Look(**row["look"]), options=Options.from_json(row["settings"]), recurrence=row["recurrence"],
    )  # fmt: skip
    names = ("template_id", "name", "owner_id", "favourite", "used_count", "created_at")
    return Template(**{name: row[name] for name in names}, draft=draft)


def draft_of(giveaway: Giveaway) -> Draft:
    """The wish that a giveaway came from."""
    return Draft(
        channel_id=giveaway.channel_id, host_id=giveaway.host_id, prize=giveaway.prize, duration=giveaway.duration,
        winners_count=giveaway.winners_count, description=giveaway.description, entities=giveaway.entities,
        requirements=giveaway.requirements, look=giveaway.look, options=giveaway.options,
        recurrence=giveaway.recurrence,
    )  # fmt: skip


async def save(conn: Connection, clock: Clock, guild_id: int, name: str, draft: Draft, actor: int) -> int:
    """Keep a checked draft under a name. Errors: `giveaway.bad_name`, `giveaway.name_taken`,
    `giveaway.too_many_templates`."""
    name = checked_name(name)
    if len(await store.templates(conn, guild_id)) >= MOST_TEMPLATES:
        raise UserError("giveaway.too_many_templates", most=MOST_TEMPLATES)
    template_id = await store.put_template(conn, guild_id, _columns(name, draft, actor, clock.now()))
    if template_id is None:
        raise UserError("giveaway.name_taken", name=name)
    await guilds.audit(conn, guild_id, actor, "giveaway_template", {"name": name}, clock.now())
    return template_id


def _columns(name: str, draft: Draft, actor: int, now: datetime) -> Mapping[str, Any]:
    return {
        "name": name, "owner_id": actor, "prize": draft.prize, "description": draft.description or None,
        "duration": draft.duration, "winners_count": draft.winners_count, "entities": draft.entities.to_json(),
        "requirements": draft.requirements.to_json(), "look": asdict(draft.look),
        "settings": draft.options.to_json(), "recurrence": draft.recurrence, "now": now,
    }  # fmt: skip


async def listing(conn: Connection, guild_id: int) -> list[Template]:
    """Favourites first, then the most used, then the newest."""
    return [_template(row) for row in await store.templates(conn, guild_id)]


async def find(conn: Connection, guild_id: int, template_id: int) -> Template:
    """Errors: `giveaway.no_such_template`, also for another guild's."""
    row = await store.template(conn, guild_id, template_id)
    if row is None:
        raise UserError("giveaway.no_such_template")
    return _template(row)


async def count_use(conn: Connection, guild_id: int, template_id: int) -> None:
    """A giveaway was made from the template; one that is gone by now is not counted."""
    await store.count_use(conn, guild_id, template_id)


async def set_favourite(
    conn: Connection, clock: Clock, guild_id: int, template_id: int, favourite: bool, actor: int
) -> None:  # fmt: skip
    """Errors: `giveaway.no_such_template`."""
    if not await store.set_favourite(conn, guild_id, template_id, favourite):
        raise UserError("giveaway.no_such_template")
    detail = {"template": template_id, "favourite": favourite}
    await guilds.audit(conn, guild_id, actor, "giveaway_template_favourite", detail, clock.now())


async def set_default(conn: Connection, clock: Clock, guild_id: int, template_id: int | None, actor: int) -> None:
    """The template that `create` starts from; None for none. Errors: `giveaway.no_such_template`."""
    if template_id is not None:
        await find(conn, guild_id, template_id)
    await store.change_settings(conn, guild_id, {"default_template_id": template_id})
    detail = {"name": "default_template_id", "value": template_id}
    await guilds.audit(conn, guild_id, actor, "giveaway_setting", detail, clock.now())


async def remove(conn: Connection, clock: Clock, guild_id: int, template_id: int, actor: int) -> str:
    """The name of the template that is gone. Errors: `giveaway.no_such_template`."""
    name = await store.remove_template(conn, guild_id, template_id)
    if name is None:
        raise UserError("giveaway.no_such_template")
    await guilds.audit(conn, guild_id, actor, "giveaway_template_removed", {"name": name}, clock.now())
    return name
