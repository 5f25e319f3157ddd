"""Private panels and forms: for one person, in that person's language, with errors that lose nothing typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

from cogs import _errors
from cogs._messages import NOBODY, embed_of
from core.messages import GREY, RED, Embed
from core.texts import Reader

# A reply's token lives for 15 minutes after the last press.
PANEL_SECONDS = 840.0
Press = discord.Interaction[Any]
Act = Callable[[Press], Awaitable[None]]


class Panel(discord.ui.View):
    """Buttons and menus for one person; every fault is told to that person and leaves the panel as it was."""

    def __init__(self, owner_id: int, reader: Reader) -> None:
        super().__init__(timeout=PANEL_SECONDS)
        self.owner_id = owner_id
        self.reader = reader
        self.shown: Press | None = None

    def button(
        self, key: str, act: Act, *, style: discord.ButtonStyle = discord.ButtonStyle.secondary, row: int | None = None,
        disabled: bool = False,
    ) -> None:  # fmt: skip
        label = self.reader(key)[:80]
        made: discord.ui.Button[Any] = discord.ui.Button(label=label, style=style, row=row, disabled=disabled)
        made.callback = act  # type: ignore[method-assign, assignment]
        self.add_item(made)

    def menu(
        self, key: str, options: list[discord.SelectOption], chosen: Callable[[Press, list[str]], Awaitable[None]], *,
        row: int | None = None, least: int = 1, most: int = 1,
    ) -> None:  # fmt: skip
        made: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=self.reader(key)[:150], options=options[:25], min_values=least, max_values=most, row=row
        )

        async def picked(interaction: Press) -> None:
            await chosen(interaction, list(made.values))

        made.callback = picked  # type: ignore[method-assign]
        self.add_item(made)

    async def interaction_check(self, interaction: Press) -> bool:
        self.shown = interaction
        if interaction.user.id == self.owner_id:
            return True
        await interaction.response.send_message(self.reader("confirm.not_yours"), ephemeral=True)
        return False

    async def on_error(self, interaction: Press, error: Exception, _item: discord.ui.Item[Any]) -> None:
        await _errors.answer_interaction(interaction, _errors.explain(error, self.reader))

    async def on_timeout(self) -> None:
        """Say that the panel is dead, where Discord still lets us."""
        if self.shown is None:
            return
        page = Embed(description=self.reader("giveaway.panel_over"), colour=GREY)
        try:
            await self.shown.edit_original_response(embed=embed_of(page), view=None, attachments=[])
        except discord.HTTPException as error:
            _errors.log.info("panel_not_closed", extra={"error": repr(error)})


async def show(interaction: Press, page: Embed, panel: Panel | None, *, content: str | None = None) -> None:
    """Put a page in the place of the panel that was pressed; as a private answer where there was none."""
    arguments: dict[str, Any] = {"content": content, "embed": embed_of(page), "allowed_mentions": NOBODY}
    if interaction.message is not None:
        await interaction.response.edit_message(view=panel, **arguments)
    else:
        if panel is not None:
            arguments["view"] = panel
        await interaction.response.send_message(ephemeral=True, **arguments)
    if panel is not None:
        panel.shown = interaction


class Form(discord.ui.Modal):
    """A modal that gives back what was typed when something of it cannot be used.

    `back` leads to the panel that it was opened from.
    """

    def __init__(self, reader: Reader, title_key: str) -> None:
        super().__init__(title=reader(title_key)[:45], timeout=PANEL_SECONDS)
        self.reader = reader
        self.back: Act | None = None

    def text(
        self, key: str, value: str = "", *, long: bool = False, required: bool = True, hint: str = ""
    ) -> discord.ui.TextInput[Any]:
        style = discord.TextStyle.paragraph if long else discord.TextStyle.short
        item: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=style, default=value[:4000] or None, required=required
        )
        self.label(key, item, hint)
        return item

    def roles(
        self, key: str, chosen: Sequence[int], *, most: int = 25, required: bool = True
    ) -> discord.ui.RoleSelect[Any]:
        defaults = [discord.SelectDefaultValue(id=role, type=discord.SelectDefaultValueType.role) for role in chosen]
        item: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            min_values=1 if required else 0, max_values=most, required=required, default_values=defaults[:most]
        )
        self.label(key, item)
        return item

    def users(self, key: str, chosen: Sequence[int]) -> discord.ui.UserSelect[Any]:
        defaults = [discord.SelectDefaultValue(id=user, type=discord.SelectDefaultValueType.user) for user in chosen]
        item: discord.ui.UserSelect[Any] = discord.ui.UserSelect(max_values=25, default_values=defaults[:25])
        self.label(key, item)
        return item

    def choice(self, key: str, options: list[tuple[str, str]], chosen: str) -> discord.ui.RadioGroup[Any]:
        """(value, key of its text) each; one of them is chosen."""
        item: discord.ui.RadioGroup[Any] = discord.ui.RadioGroup(
            options=[
                discord.RadioGroupOption(label=self.reader(text)[:100], value=value, default=value == chosen)
                for value, text in options
            ]
        )
        self.label(key, item)
        return item

    def checks(self, key: str, options: list[tuple[str, str]], chosen: set[str]) -> discord.ui.CheckboxGroup[Any]:
        item: discord.ui.CheckboxGroup[Any] = discord.ui.CheckboxGroup(
            required=False, min_values=0,
            options=[
                discord.CheckboxGroupOption(label=self.reader(text)[:100], value=value, default=value in chosen)
                for value, text in options
            ],
        )  # fmt: skip
        self.label(key, item)
        return item

    def label(self, key: str, item: discord.ui.Item[Any], hint: str = "") -> None:
        description = self.reader(hint)[:100] if hint else None
        self.add_item(discord.ui.Label(text=self.reader(key)[:45], component=item, description=description))

    def again(self) -> Form:
        """The same form with what was typed."""
        raise NotImplementedError

    async def done(self, interaction: Press) -> None:
        """Use what was typed. Errors: a UserError for what cannot be used."""
        raise NotImplementedError

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self.done(interaction)

    async def on_error(self, interaction: Press, error: Exception, /) -> None:  # type: ignore[override]
        """What is wrong, with a way back to the form as it was."""
        text = _errors.explain(error, self.reader)
        if interaction.response.is_done():
            await _errors.answer_interaction(interaction, text)
            return
        panel = Panel(interaction.user.id, self.reader)

        async def reopen(press: Press) -> None:
            await press.response.send_modal(self.again())

        panel.button("giveaway.back_to_form", reopen, style=discord.ButtonStyle.primary)
        if self.back is not None:
            panel.button("giveaway.back", self.back)
        await show(interaction, Embed(description=text, colour=RED), panel)


class Pager(Panel):
    """Pages with a button back and a button on. `page(n)` gives (embed, n within range, number of pages)."""

    def __init__(
        self, owner_id: int, reader: Reader, page: Callable[[int], Awaitable[tuple[Embed, int, int]]]
    ) -> None:  # fmt: skip
        super().__init__(owner_id, reader)
        self._page = page
        self._number = 0

    async def first(self) -> Embed:
        """The first page; the buttons fit to it."""
        return await self._turn(0)

    async def open(self, interaction: Press) -> None:
        """As a private answer."""
        page = await self._turn(0)
        more: dict[str, Any] = {"view": self} if self.children else {}
        await interaction.response.send_message(
            embed=embed_of(page), ephemeral=True, allowed_mentions=NOBODY, **more
        )  # fmt: skip
        self.shown = interaction

    async def _turn(self, to: int) -> Embed:
        page, self._number, pages = await self._page(to)
        self.clear_items()
        if pages > 1:
            self.button("page.back", self._back, disabled=self._number == 0)
            self.button("page.on", self._on, disabled=self._number >= pages - 1)
        return page

    async def _back(self, interaction: Press) -> None:
        page = await self._turn(self._number - 1)
        await interaction.response.edit_message(embed=embed_of(page), view=self)

    async def _on(self, interaction: Press) -> None:
        page = await self._turn(self._number + 1)
        await interaction.response.edit_message(embed=embed_of(page), view=self)
