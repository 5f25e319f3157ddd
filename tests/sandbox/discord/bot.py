"""A real discord.py bot with one of everything that the stand-in must carry."""

from __future__ import annotations

from tests.patience import patient

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from yarl import URL

Bot = commands.AutoShardedBot
Ctx = commands.Context[Any]
Press = discord.Interaction[Any]


def field(label: discord.ui.Label[Any]) -> Any:
    """The component in a label, whose type the label does not know."""
    return label.component


class ConfirmView(discord.ui.View):
    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.danger, custom_id="confirm")
    async def confirm(self, interaction: Press, _: discord.ui.Button[ConfirmView]) -> None:
        await interaction.response.edit_message(content="Confirmed", view=None)

    @discord.ui.button(label="Slow", custom_id="slow")
    async def slow(self, interaction: Press, _: discord.ui.Button[ConfirmView]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send("First")
        await interaction.followup.send("Second", ephemeral=True)
        await interaction.edit_original_response(content="First, edited")

    @discord.ui.button(label="Silent", custom_id="silent")
    async def silent(self, interaction: Press, _: discord.ui.Button[ConfirmView]) -> None:
        return

    @discord.ui.select(placeholder="Pick", options=[discord.SelectOption(label=one) for one in ("A", "B")])
    async def pick(self, interaction: Press, chosen: discord.ui.Select[ConfirmView]) -> None:
        await interaction.response.send_message(f"You picked {chosen.values[0]}")

    @discord.ui.select(cls=discord.ui.UserSelect, placeholder="Who", max_values=2)
    async def who(self, interaction: Press, chosen: discord.ui.UserSelect[ConfirmView]) -> None:
        await interaction.response.send_message(" and ".join(one.name for one in chosen.values))


class Counter(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"count:(?P<number>\d+)"):
    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(discord.ui.Button(label=f"Count {number}", custom_id=f"count:{number}"))

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: discord.ui.Item[Any], match: re.Match[str]) -> Counter:
        return cls(int(match["number"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(Counter(self.number + 1))
        await interaction.response.edit_message(view=view)


class Everything(discord.ui.Modal, title="Everything"):
    prize: discord.ui.Label[Any] = discord.ui.Label(
        text="Prize", component=discord.ui.TextInput(custom_id="prize", max_length=20)
    )
    mode: discord.ui.Label[Any] = discord.ui.Label(
        text="Mode",
        component=discord.ui.RadioGroup(
            custom_id="mode",
            options=[
                discord.RadioGroupOption(label="Cumulative", value="cumulative", default=True),
                discord.RadioGroupOption(label="Highest", value="highest"),
            ],
        ),
    )
    role: discord.ui.Label[Any] = discord.ui.Label(
        text="Role", component=discord.ui.RoleSelect(custom_id="role", required=False)
    )
    extras: discord.ui.Label[Any] = discord.ui.Label(
        text="Extras",
        component=discord.ui.CheckboxGroup(
            custom_id="extras",
            required=False,
            options=[discord.CheckboxGroupOption(label=one, value=one) for one in ("dm", "ping")],
        ),
    )
    proof: discord.ui.Label[Any] = discord.ui.Label(
        text="Proof", component=discord.ui.FileUpload(custom_id="proof", required=False)
    )

    async def on_submit(self, interaction: Press) -> None:
        roles = [one.name for one in field(self.role).values]
        files = [(one.filename, (await one.read()).decode()) for one in field(self.proof).values]
        lines = (
            field(self.prize).value,
            field(self.mode).value,
            roles,
            field(self.extras).values,
            files,
        )
        await interaction.response.send_message(" / ".join(str(one) for one in lines), ephemeral=True)


class Checks(discord.ui.Modal, title="Checks"):
    agreed: discord.ui.Label[Any] = discord.ui.Label(text="Agreed", component=discord.ui.Checkbox(custom_id="agreed"))
    who: discord.ui.Label[Any] = discord.ui.Label(
        text="Who", component=discord.ui.UserSelect(custom_id="who", max_values=3)
    )
    where: discord.ui.Label[Any] = discord.ui.Label(text="Where", component=discord.ui.ChannelSelect(custom_id="where"))
    size: discord.ui.Label[Any] = discord.ui.Label(
        text="Size",
        component=discord.ui.Select(
            custom_id="size", options=[discord.SelectOption(label="Big"), discord.SelectOption(label="Small")]
        ),
    )

    async def on_submit(self, interaction: Press) -> None:
        who = [one.name for one in field(self.who).values]
        where = field(self.where).values[0].name
        text = f"{field(self.agreed).value} {who} {where} {field(self.size).values}"
        await interaction.response.send_message(text)


def make_bot(intents: discord.Intents | None = None) -> Bot:
    bot = Bot("!", intents=intents or discord.Intents.all(), guild_ready_timeout=0.05, help_command=None)
    _add_plain(bot)
    _add_forms(bot)
    _add_menus(bot)
    return bot


def _add_plain(bot: Bot) -> None:
    @bot.hybrid_command(description="Says it back")  # type: ignore[arg-type]
    async def echo(ctx: Ctx, text: str, times: commands.Range[int, 1, 3] = 1) -> None:
        await ctx.send(" ".join([text] * times), ephemeral=True)

    @bot.hybrid_command(description="Whose tickets")  # type: ignore[arg-type]
    async def tickets(ctx: Ctx, member: discord.Member | None = None) -> None:
        embed = discord.Embed(title="Tickets", colour=0x123456)
        embed.add_field(name="Member", value=(member or ctx.author).display_name)
        await ctx.send(embed=embed)

    @bot.command()
    async def report(ctx: Ctx) -> None:
        file = discord.File(io.BytesIO(b'{"winner": 1}'), "record.json", description="The record")
        picture = discord.File(io.BytesIO(b"\x89PNG"), "chart.png")
        embed = discord.Embed(title="Chart").set_image(url="attachment://chart.png")
        await ctx.reply("Here", embed=embed, files=[file, picture])

    @bot.command()
    async def knock(ctx: Ctx) -> None:
        try:
            await ctx.author.send("Hello in private")
        except discord.Forbidden as error:
            await ctx.send(f"closed: {error.code}")

    @bot.command()
    async def promote(ctx: Ctx, member: discord.Member, role: discord.Role) -> None:
        await member.add_roles(role, reason="test")
        await ctx.message.add_reaction("✅")

    @bot.command()
    async def once(ctx: Ctx) -> None:
        for _ in range(3):
            try:
                await ctx.channel.send("Only once", nonce="n-1")
                return
            except (discord.DiscordServerError, aiohttp.ClientError):
                continue


def _add_forms(bot: Bot) -> None:
    @bot.command()
    async def ask(ctx: Ctx) -> None:
        await ctx.send("Sure?", view=ConfirmView())

    @bot.command()
    async def counter(ctx: Ctx) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(Counter(1))
        await ctx.send("Counting", view=view)

    @bot.tree.command(description="Opens the form")
    @app_commands.default_permissions(manage_guild=True)
    async def form(interaction: Press) -> None:
        await interaction.response.send_modal(Everything())

    @bot.tree.command(description="Opens the other form")
    async def checks(interaction: Press) -> None:
        await interaction.response.send_modal(Checks())


def _add_menus(bot: Bot) -> None:
    group = app_commands.Group(name="raffle", description="The raffle")
    inner = app_commands.Group(name="admin", description="For admins", parent=group)

    @group.command(description="Gives")
    async def give(interaction: Press, user: discord.User, amount: int, where: discord.TextChannel) -> None:
        await interaction.response.send_message(f"{user.name} {amount} {where.name}")

    @inner.command(description="Reads a file")
    async def read(interaction: Press, file: discord.Attachment) -> None:
        await interaction.response.send_message((await file.read()).decode())

    @group.command(description="Chooses")
    async def choose(interaction: Press, fruit: str) -> None:
        await interaction.response.send_message(fruit)

    @choose.autocomplete("fruit")
    async def offer(_: Press, typed: str) -> list[app_commands.Choice[str]]:
        fruits = ("apple", "apricot", "banana")
        return [app_commands.Choice(name=one.title(), value=one) for one in fruits if one.startswith(typed)]

    bot.tree.add_command(group)

    @bot.tree.context_menu(name="Tickets")
    async def tickets_of(interaction: Press, member: discord.Member) -> None:
        await interaction.response.send_message(f"Tickets of {member.name}", ephemeral=True)

    @bot.tree.context_menu(name="Quote")
    async def quote(interaction: Press, message: discord.Message) -> None:
        await interaction.response.send_message(f"> {message.content}")


@asynccontextmanager
async def running(bot: Bot, api_base: str, token: str) -> AsyncIterator[Bot]:
    """The bot connected to a stand-in, its commands synced; stopped afterwards."""
    before = discord.http.Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    discord.http.Route.BASE = api_base
    # discord.py goes back to this address when a session is invalidated.
    DiscordWebSocket.DEFAULT_GATEWAY = URL(api_base.replace("http", "ws", 1).replace("/api/v10", "/gateway"))
    bot.add_dynamic_items(Counter)
    task: asyncio.Task[None] | None = None
    try:
        await bot.login(token)
        await bot.tree.sync()
        task = asyncio.create_task(bot.connect())
        await asyncio.wait_for(bot.wait_until_ready(), patient(20))
        yield bot
    finally:
        await bot.close()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        discord.http.Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
