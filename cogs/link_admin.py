"""`raffle linkuser, unlinkuser`: an admin binds a member to a Kick account, or lets it go."""

from __future__ import annotations

import discord

from cogs._checks import act_cooldown, admin_only
from cogs._commands import subcommand
from cogs._context import Context
from cogs._raffle_group import RaffleGroup
from core import identity
from core.db import Connection
from core.errors import UserError
from core.messages import GREEN, Embed
from core.texts import escape, mention

LONGEST_NAME = 64


class LinkAdmin(RaffleGroup):
    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def linkuser(self, ctx: Context, user: discord.User, kickname: str) -> None:
        name = kickname.strip().lstrip("@")
        if not 1 <= len(name) <= LONGEST_NAME or not name.replace("_", "").replace("-", "").isalnum():
            raise UserError("link.bad_name", name=name[:LONGEST_NAME])
        services, guild_id = ctx.services, ctx.settings.guild_id
        async with services.db.reading() as conn:
            known = await identity.known_kick_id(conn, guild_id, name)
        kick_id = known if known is not None else await services.kick_user_id(name)

        async def work(conn: Connection) -> Embed:
            await services.intake.linking.bind(
                conn, guild_id, user.id, name, kick_id, actor=ctx.author.id, channel_id=None
            )
            key = "link.admin_done" if kick_id is not None else "link.admin_done_unseen"
            text = ctx.reader(key, member=mention(user.id), name=escape(name))
            return Embed(description=text, colour=GREEN)

        await ctx.act("raffle.linkuser", work)

    @subcommand(RaffleGroup.raffle)
    @admin_only()
    @act_cooldown()
    async def unlinkuser(self, ctx: Context, user: discord.User) -> None:
        async def work(conn: Connection) -> Embed:
            linking = ctx.services.intake.linking
            name = await linking.end(conn, ctx.settings.guild_id, user.id, ctx.author.id)
            text = ctx.reader("link.admin_ended", member=mention(user.id), name=escape(name))
            return Embed(description=text, colour=GREEN)

        await ctx.act("raffle.unlinkuser", work)
