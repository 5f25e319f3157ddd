"""`giveaway config`, `blacklist`, `preset`, `tier`, `boost`: what a server sets up once."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

import discord

from cogs._checks import act_cooldown, admin_only, look_cooldown
from cogs._commands import subcommand
from cogs._context import Context
from cogs._giveaway_group import GiveawayGroup, author, manager_only
from cogs._roles import require_giveable, require_manageable, require_pingable
from core.db import Connection
from core.durations import parse_end, plain
from core.errors import UserError
from core.messages import BLUE, GREEN, Embed, EmbedField
from core.texts import Reader, escape, mention
from giveaway import announcements, presets, settings
from giveaway.models import Entities, RoleEntity, Settings

SHOWN = 30


class GiveawaySetup(GiveawayGroup):
    def _done(self, ctx: Context, key: str, **args: object) -> Embed:
        return Embed(description=ctx.reader(key, **args), colour=GREEN)

    async def _page(self, ctx: Context, key: str, lines: list[str]) -> None:
        text = "\n".join(lines) or ctx.reader("giveaway.list_empty")
        await ctx.say(Embed(title=ctx.reader(key), description=text, colour=BLUE))

    # -- settings -----------------------------------------------------------------------------------------------

    @subcommand(GiveawayGroup.config, name="show")
    @manager_only()
    @look_cooldown()
    async def config_show(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            known = await settings.load(conn, ctx.settings.guild_id)
        await ctx.say(_settings_page(ctx.reader, known))

    @subcommand(GiveawayGroup.config, name="set")
    @admin_only()
    @act_cooldown()
    async def config_set(
        self, ctx: Context, log_channel: discord.TextChannel | None = None, ping_role: discord.Role | None = None,
        winner_role: discord.Role | None = None, claim_hours: int | None = None, max_active: int | None = None,
    ) -> None:  # fmt: skip
        if winner_role is not None:
            require_giveable(author(ctx), winner_role)
        if ping_role is not None:
            require_pingable(author(ctx), ping_role)
        wanted = {
            "log_channel_id": log_channel.id if log_channel else None, "claim_hours": claim_hours,
            "ping_role_id": ping_role.id if ping_role else None, "max_active": max_active,
            "winner_role_id": winner_role.id if winner_role else None,
        }  # fmt: skip

        async def work(conn: Connection) -> Embed:
            for name, value in wanted.items():
                if value is not None:
                    await settings.change(conn, ctx.services.clock, ctx.settings.guild_id, name, value, ctx.author.id)
            known = await settings.load(conn, ctx.settings.guild_id)
            return _settings_page(ctx.reader, known)

        await ctx.act("giveaway.config_set", work)

    @subcommand(GiveawayGroup.config, name="clear")
    @admin_only()
    @act_cooldown()
    async def config_clear(
        self, ctx: Context, setting: Literal["log_channel", "ping_role", "winner_role", "claim_hours", "entities"]
    ) -> None:
        name = f"{setting}_id" if setting != "claim_hours" else setting
        clock, guild_id, who = ctx.services.clock, ctx.settings.guild_id, ctx.author.id

        async def work(conn: Connection) -> Embed:
            if setting == "entities":
                await settings.change_defaults(conn, clock, guild_id, Entities(), who)
            else:
                await settings.change(conn, clock, guild_id, name, None, who)
            known = await settings.load(conn, guild_id)
            return _settings_page(ctx.reader, known)

        await ctx.act("giveaway.config_clear", work)

    @subcommand(GiveawayGroup.config, name="defaults")
    @admin_only()
    @act_cooldown()
    async def config_defaults(
        self, ctx: Context, roles: str, mode: Literal["cumulative", "highest"] = "cumulative", cap: int | None = None
    ) -> None:
        """The roles and points that every new giveaway starts from."""

        async def work(conn: Connection) -> Embed:
            tiers = await presets.tiers(conn, ctx.settings.guild_id)
            wanted = Entities(enabled=True, mode=mode, roles=_roles(ctx, roles, tiers), cap=cap)
            await settings.change_defaults(conn, ctx.services.clock, ctx.settings.guild_id, wanted, ctx.author.id)
            known = await settings.load(conn, ctx.settings.guild_id)
            return _settings_page(ctx.reader, known)

        await ctx.act("giveaway.config_defaults", work)

    async def _change_list(self, ctx: Context, name: str, value: int, add: bool) -> None:
        async def work(conn: Connection) -> Embed:
            changed = await settings.change_list(
                conn, ctx.services.clock, ctx.settings.guild_id, name, value, add=add, actor=ctx.author.id
            )
            return self._done(ctx, "giveaway.list_changed" if changed else "giveaway.list_unchanged")

        await ctx.act("giveaway.change_list", work)

    @subcommand(GiveawayGroup.config, name="manager")
    @admin_only()
    @act_cooldown()
    async def config_manager(self, ctx: Context, role: discord.Role, remove: bool = False) -> None:
        if not remove:
            require_manageable(author(ctx), role)
        await self._change_list(ctx, "manager_role_ids", role.id, not remove)

    @subcommand(GiveawayGroup.config, name="bypass")
    @admin_only()
    @act_cooldown()
    async def config_bypass(self, ctx: Context, role: discord.Role, remove: bool = False) -> None:
        await self._change_list(ctx, "bypass_roles", role.id, not remove)

    # -- blacklist ----------------------------------------------------------------------------------------------

    @subcommand(GiveawayGroup.blacklist, name="add")
    @manager_only()
    @act_cooldown()
    async def blacklist_add(
        self, ctx: Context, user: discord.User | None = None, role: discord.Role | None = None
    ) -> None:
        await self._blacklist(ctx, user, role, add=True)

    @subcommand(GiveawayGroup.blacklist, name="remove")
    @manager_only()
    @act_cooldown()
    async def blacklist_remove(
        self, ctx: Context, user: discord.User | None = None, role: discord.Role | None = None
    ) -> None:
        await self._blacklist(ctx, user, role, add=False)

    async def _blacklist(
        self, ctx: Context, user: discord.User | None, role: discord.Role | None, *, add: bool
    ) -> None:  # fmt: skip
        if (user is None) == (role is None):
            raise UserError("giveaway.member_or_role")
        if role is not None and role.is_default() and add:
            raise UserError("giveaway.not_everyone")
        if user is not None:
            await self._change_list(ctx, "blacklist", user.id, add)
        elif role is not None:
            await self._change_list(ctx, "blacklist_roles", role.id, add)

    @subcommand(GiveawayGroup.blacklist, name="list")
    @manager_only()
    @look_cooldown()
    async def blacklist_list(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            known = await settings.load(conn, ctx.settings.guild_id)
        lines = [announcements.role_mention(role) for role in sorted(known.blacklist_roles)]
        lines += [mention(user) for user in sorted(known.blacklist)]
        more = [ctx.reader.count("giveaway.and_more", len(lines) - SHOWN)] if len(lines) > SHOWN else []
        await self._page(ctx, "giveaway.blacklist_title", lines[:SHOWN] + more)

    # -- presets, tiers, boosts ---------------------------------------------------------------------------------

    @subcommand(GiveawayGroup.preset, name="save")
    @manager_only()
    @act_cooldown()
    async def preset_save(
        self, ctx: Context, name: str, roles: str, mode: Literal["cumulative", "highest"] = "cumulative",
        cap: int | None = None,
    ) -> None:  # fmt: skip

        async def work(conn: Connection) -> Embed:
            tiers = await presets.tiers(conn, ctx.settings.guild_id)
            wanted = Entities(enabled=True, mode=mode, roles=_roles(ctx, roles, tiers), cap=cap)
            await presets.save(conn, ctx.services.clock, ctx.settings.guild_id, name, wanted, ctx.author.id)
            return self._done(ctx, "giveaway.preset_saved", name=escape(name))

        await ctx.act("giveaway.preset_save", work)

    @subcommand(GiveawayGroup.preset, name="list")
    @manager_only()
    @look_cooldown()
    async def preset_list(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            known = await presets.listing(conn, ctx.settings.guild_id)
        lines = [f"**{escape(name)}**: {_sum_up(ctx.reader, wanted)}" for name, wanted in known.items()]
        await self._page(ctx, "giveaway.presets_title", lines)

    @subcommand(GiveawayGroup.preset, name="delete")
    @manager_only()
    @act_cooldown()
    async def preset_delete(self, ctx: Context, *, name: str) -> None:
        async def work(conn: Connection) -> Embed:
            await presets.remove(conn, ctx.services.clock, ctx.settings.guild_id, name, ctx.author.id)
            return self._done(ctx, "giveaway.removed", name=escape(name))

        await ctx.act("giveaway.preset_delete", work)

    @subcommand(GiveawayGroup.tier, name="set")
    @manager_only()
    @act_cooldown()
    async def tier_set(self, ctx: Context, name: str, points: int) -> None:
        async def work(conn: Connection) -> Embed:
            await presets.set_tier(conn, ctx.services.clock, ctx.settings.guild_id, name, points, ctx.author.id)
            shown = ctx.reader.count("giveaway.points", points)
            return self._done(ctx, "giveaway.tier_saved", name=escape(name), points=shown)

        await ctx.act("giveaway.tier_set", work)

    @subcommand(GiveawayGroup.tier, name="list")
    @look_cooldown()
    async def tier_list(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            known = await presets.tiers(conn, ctx.settings.guild_id)
        lines = [f"**{escape(name)}**: {ctx.reader.count('giveaway.points', points)}" for name, points in known]
        await self._page(ctx, "giveaway.tiers_title", lines)

    @subcommand(GiveawayGroup.tier, name="delete")
    @manager_only()
    @act_cooldown()
    async def tier_delete(self, ctx: Context, *, name: str) -> None:
        async def work(conn: Connection) -> Embed:
            await presets.remove_tier(conn, ctx.services.clock, ctx.settings.guild_id, name, ctx.author.id)
            return self._done(ctx, "giveaway.removed", name=escape(name))

        await ctx.act("giveaway.tier_delete", work)

    @subcommand(GiveawayGroup.boost, name="add")
    @manager_only()
    @act_cooldown()
    async def boost_add(self, ctx: Context, factor: int, until: str, role: discord.Role | None = None) -> None:
        """Until a moment, or for a span from now on."""
        end = parse_end(until, ZoneInfo(ctx.settings.timezone), ctx.services.clock.now())

        async def work(conn: Connection) -> Embed:
            made = await presets.add_boost(
                conn, ctx.services.clock, ctx.settings.guild_id, factor=factor, until=end,
                role_id=role.id if role else None, actor=ctx.author.id,
            )  # fmt: skip
            return self._done(ctx, "giveaway.boost_saved", boost=announcements.boost_text(ctx.reader, made))

        await ctx.act("giveaway.boost_add", work)

    @subcommand(GiveawayGroup.boost, name="list")
    @look_cooldown()
    async def boost_list(self, ctx: Context) -> None:
        async with ctx.services.db.reading() as conn:
            known = await presets.boosts(conn, ctx.settings.guild_id, ctx.services.clock.now())
        lines = [f"`{one.boost_id}` {announcements.boost_text(ctx.reader, one)}" for one in known]
        await self._page(ctx, "giveaway.boosts_title", lines)

    @subcommand(GiveawayGroup.boost, name="remove")
    @manager_only()
    @act_cooldown()
    async def boost_remove(self, ctx: Context, boost: int) -> None:
        async def work(conn: Connection) -> Embed:
            await presets.remove_boost(conn, ctx.services.clock, ctx.settings.guild_id, boost, ctx.author.id)
            return self._done(ctx, "giveaway.removed", name=str(boost))

        await ctx.act("giveaway.boost_remove", work)


def _roles(ctx: Context, typed: str, tiers: list[tuple[str, int]]) -> tuple[RoleEntity, ...]:
    if ctx.guild is None:
        raise UserError("error.guild_only")
    names = {plain(role.name): role.id for role in ctx.guild.roles}
    return presets.parse_roles(typed, names, tiers)


def _sum_up(reader: Reader, wanted: Entities) -> str:
    roles = ", ".join(f"{announcements.role_mention(one.role_id)} {one.points}" for one in wanted.roles)
    cap = [reader("giveaway.cap_line", points=reader.count("giveaway.points", wanted.cap))] if wanted.cap else []
    return "; ".join([roles, reader(f"giveaway.mode_{wanted.mode}"), *cap])


def _settings_page(reader: Reader, known: Settings) -> Embed:
    unset = reader("config.unset")
    roles = ", ".join(map(announcements.role_mention, known.manager_role_ids))
    bypass = ", ".join(map(announcements.role_mention, known.bypass_roles))
    role = announcements.role_mention
    rows = {
        "log_channel": f"<#{known.log_channel_id}>" if known.log_channel_id else "",
        "managers": roles, "bypass": bypass,
        "ping_role": role(known.ping_role_id) if known.ping_role_id else "",
        "winner_role": role(known.winner_role_id) if known.winner_role_id else "",
        "claim_hours": str(known.claim_hours or ""), "max_active": str(known.max_active),
        "entities": _sum_up(reader, known.default_entities) if known.default_entities.enabled else "",
    }  # fmt: skip
    fields = tuple(
        EmbedField(name=reader(f"giveaway.setting.{name}"), value=value or unset) for name, value in rows.items()
    )
    return Embed(title=reader("giveaway.config_title"), colour=BLUE, fields=fields)
