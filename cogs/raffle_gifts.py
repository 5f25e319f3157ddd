"""`raffle gifts`: gifts that wait for an admin's word, with buttons that outlive restarts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import discord

from cogs import _answers, _errors
from cogs._acting import perform
from cogs._checks import admin_only, is_admin, look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._messages import embed_of
from cogs._raffle_group import RaffleGroup
from cogs._services import Services
from core.db import Connection, Row
from core.errors import UserError
from core.guilds import GuildSettings
from core.messages import BLUE, GREEN, GREY, RED, Embed
from core.texts import Reader, escape, mention, moment
from raffle_system import gift_review


def page(reader: Reader, rows: Sequence[Row], waiting: int) -> Embed:
    """What waits: who gave how much, when, and why nobody was paid yet."""
    if not rows:
        return Embed(title=reader("gifts.title"), description=reader("gifts.none"), colour=GREY)
    lines = [
        reader(
            f"gifts.{row['status']}", number=str(row["id"]), subs=reader.count("gift.subs", row["sub_count"]),
            name=escape(row["gifter_kick_name"]) or reader("gifts.anonymous"), when=moment(row["gifted_at"], "R"),
        )
        for row in rows
    ]  # fmt: skip
    lines.append(reader.count("gifts.waiting", waiting))
    return Embed(title=reader("gifts.title"), description="\n".join(lines), colour=BLUE)


def buttons(reader: Reader, rows: Sequence[Row]) -> discord.ui.View:
    """A row of buttons for each gift of the page."""
    view = discord.ui.View(timeout=None)
    for index, row in enumerate(rows):
        for approves in (True, False):
            label = reader("gifts.approve" if approves else "gifts.reject", number=str(row["id"]))
            view.add_item(GiftButton(row["id"], approves=approves, label=label, row=index))
    return view


class GiftButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=re.compile(r"raffle-gift:(?P<act>approve|reject):(?P<id>[0-9]{1,9})"),
):
    """Decides one gift; whoever presses must be an admin at that moment."""

    def __init__(self, gift_id: int, *, approves: bool, label: str = "", row: int | None = None) -> None:
        style = discord.ButtonStyle.success if approves else discord.ButtonStyle.danger
        custom_id = f"raffle-gift:{'approve' if approves else 'reject'}:{gift_id}"
        super().__init__(discord.ui.Button(style=style, label=label or "-", custom_id=custom_id, row=row))
        self._gift_id = gift_id
        self._approves = approves

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> GiftButton:
        _answers.take(interaction)
        return cls(int(match["id"]), approves=match["act"] == "approve")

    async def callback(self, interaction: discord.Interaction) -> None:
        bot: Any = interaction.client
        services: Services = bot.services
        reader = services.guilds.reader(interaction.guild_id, interaction.user.id)
        settings = services.guilds.find(interaction.guild_id)
        rows: Sequence[Row] = ()
        listed = page(reader, rows, 0)

        async def work(conn: Connection) -> Embed:
            nonlocal rows, listed
            if settings is None or not is_admin(interaction.user, settings):
                raise UserError("error.admin_only")
            said = await self._decide(conn, services, settings, reader, interaction.user.id)
            rows, waiting = await gift_review.waiting(conn, settings.guild_id)
            listed = page(reader, rows, waiting)
            return said

        try:
            said = await perform(
                services, interaction.id, interaction.guild_id, interaction.user.id, "raffle.gift", work
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - rendered for the person who pressed
            await _errors.answer_interaction(interaction, _errors.explain(error, reader))
            return
        await _answers.in_place(interaction, said, listed, view=buttons(reader, rows) if rows else None)

    async def _decide(
        self, conn: Connection, services: Services, settings: GuildSettings, reader: Reader, actor: int
    ) -> Embed:  # fmt: skip
        if not self._approves:
            row, taken = await gift_review.reject(conn, settings, self._gift_id, actor, services.clock.now())
            key = "gifts.rejected_back" if taken else "gifts.rejected"
            tickets = reader.count("count.tickets", taken)
            return Embed(description=reader(key, number=str(row["id"]), tickets=tickets), colour=RED)
        row, award = await services.intake.approve_gift(conn, settings, self._gift_id, actor)
        if award is None or award.total is None or award.discord_id is None:
            return Embed(description=reader("gifts.approved_unpaid", number=str(row["id"])), colour=GREEN)
        text = reader(
            "gifts.approved", number=str(row["id"]), member=mention(award.discord_id),
            tickets=reader.count("count.tickets", award.tickets),
        )  # fmt: skip
        return Embed(description=text, colour=GREEN)


class RaffleGifts(RaffleGroup):
    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @look_cooldown()
    async def gifts(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            rows, waiting = await gift_review.waiting(conn, ctx.settings.guild_id)
        answer = embed_of(page(ctx.reader, rows, waiting))
        more: dict[str, Any] = {"view": buttons(ctx.reader, rows)} if rows else {}
        await ctx.send(embed=answer, **more)
