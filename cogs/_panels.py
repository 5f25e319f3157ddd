"""Private panels and forms: for one person, in that person's language, with errors that lose nothing typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

from cogs import _answers, _errors
from cogs._answers import Press as Press
from cogs._messages import embed_of
from core.messages import GREY, RED, Embed
from core.texts import Reader

# A reply's token lives for 15 minutes after the last press.
PANEL_SECONDS = 840.0
Act = Callable[[Press], Awaitable[None]]


class Panel(discord.ui.View):
    """Buttons and menus for one person; every fault is told to that person and leaves the panel as it was.

    `may` is asked at every press that does more than open a form, of the presser as they are then: it raises what
    refuses them.
    """

    def __init__(self, owner_id: int, reader: Reader, may: Act | None = None) -> None:
        super().__init__(timeout=PANEL_SECONDS)
        self.owner_id = owner_id
        self.reader = reader
        self._may = may
        self.shown: Press | None = None

    def button(
        self, key: str, act: Act, *, style: discord.ButtonStyle = discord.ButtonStyle.secondary, row: int | None = None,
        disabled: bool = False, opens_form: bool = False,
    ) -> None:  # fmt: skip
        """A press that `opens_form` waits for nothing: Discord takes no form after an acknowledgement."""
        made: discord.ui.Button[Any] = discord.ui.Button(
            label=self.reader(key)[:80], style=style, row=row, disabled=disabled, custom_id=_answers.live_id()
        )

        async def pressed(interaction: Press) -> None:
            if self._may is not None and not opens_form:
                await self._may(interaction)
            await act(interaction)

        made.callback = pressed  # type: ignore[method-assign]
        self.add_item(made)

    def menu(
        self, key: str, options: list[discord.SelectOption], chosen: Callable[[Press, list[str]], Awaitable[None]], *,
        row: int | None = None, least: int = 1, most: int = 1, opens_form: bool = False,
    ) -> None:  # fmt: skip
        made: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=self.reader(key)[:150], options=options[:25], min_values=least, max_values=most, row=row,
            custom_id=_answers.live_id(),
        )  # fmt: skip

        async def picked(interaction: Press) -> None:
            if self._may is not None and not opens_form:
                await self._may(interaction)
            await chosen(interaction, list(made.values))

        made.callback = picked  # type: ignore[method-assign]
        self.add_item(made)

    async def interaction_check(self, interaction: Press) -> bool:
        _answers.take(interaction)
        if interaction.user.id == self.owner_id:
            self.shown = interaction
            return True
        await _answers.privately(interaction, Embed(description=self.reader("confirm.not_yours"), colour=GREY))
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
    await _answers.in_place(interaction, page, view=panel, content=content)
    if panel is not None:
        panel.shown = interaction


class Form(discord.ui.Modal):
    """A modal that gives back what was typed when something of it cannot be used.

    `back` leads to the panel that it was opened from; `may` is asked when it is sent, as in a `Panel`. Each field's id
    is the key of its label, so that what was typed can be given back by a process that never made the form.
    """

    def __init__(self, reader: Reader, title_key: str, may: Act | None = None) -> None:
        super().__init__(title=reader(title_key)[:45], timeout=PANEL_SECONDS, custom_id=_answers.live_id())
        self.reader = reader
        self.back: Act | None = None
        self.may = may

    def text(
        self, key: str, value: str = "", *, long: bool = False, required: bool = True, hint: str = ""
    ) -> discord.ui.TextInput[Any]:
        style = discord.TextStyle.paragraph if long else discord.TextStyle.short
        item: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=style, default=value[:4000] or None, required=required, custom_id=key
        )
        self.label(key, item, hint)
        return item

    def roles(
        self, key: str, chosen: Sequence[int], *, most: int = 25, required: bool = True
    ) -> discord.ui.RoleSelect[Any]:
        defaults = [discord.SelectDefaultValue(id=role, type=discord.SelectDefaultValueType.role) for role in chosen]
        item: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            min_values=1 if required else 0, max_values=most, required=required, default_values=defaults[:most],
            custom_id=key,
        )  # fmt: skip
        self.label(key, item)
        return item

    def users(self, key: str, chosen: Sequence[int]) -> discord.ui.UserSelect[Any]:
        defaults = [discord.SelectDefaultValue(id=user, type=discord.SelectDefaultValueType.user) for user in chosen]
        item: discord.ui.UserSelect[Any] = discord.ui.UserSelect(
            max_values=25, default_values=defaults[:25], custom_id=key
        )
        self.label(key, item)
        return item

    def choice(self, key: str, options: list[tuple[str, str]], chosen: str) -> discord.ui.RadioGroup[Any]:
        """(value, key of its text) each; one of them is chosen."""
        item: discord.ui.RadioGroup[Any] = discord.ui.RadioGroup(
            custom_id=key,
            options=[
                discord.RadioGroupOption(label=self.reader(text)[:100], value=value, default=value == chosen)
                for value, text in options
            ],
        )
        self.label(key, item)
        return item

    def checks(self, key: str, options: list[tuple[str, str]], chosen: set[str]) -> discord.ui.CheckboxGroup[Any]:
        item: discord.ui.CheckboxGroup[Any] = discord.ui.CheckboxGroup(
            required=False, min_values=0, custom_id=key,
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

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        _answers.take(interaction)
        return True

    async def on_submit(self, interaction: discord.Interaction) -> None:
        if self.may is not None:
            await self.may(interaction)
        await self.done(interaction)

    async def on_error(self, interaction: Press, error: Exception, /) -> None:  # type: ignore[override]
        """What is wrong, with a way back to the form as it was."""
        panel = Panel(interaction.user.id, self.reader)

        async def reopen(press: Press) -> None:
            form = self.again()
            form.may = self.may
            await _answers.open_form(press, form)

        panel.button("giveaway.back_to_form", reopen, style=discord.ButtonStyle.primary, opens_form=True)
        if self.back is not None:
            panel.button("giveaway.back", self.back)
        await show(interaction, Embed(description=_errors.explain(error, self.reader), colour=RED), panel)


class Pager(Panel):
    """Pages with a button back and a button on. `page(n)` gives (embed, n within range, number of pages)."""

    def __init__(
        self, owner_id: int, reader: Reader, page: Callable[[int], Awaitable[tuple[Embed, int, int]]],
        may: Act | None = None,
    ) -> None:  # fmt: skip
        super().__init__(owner_id, reader, may)
        self._page = page
        self._number = 0

    async def first(self) -> Embed:
        """The first page; the buttons fit to it."""
        return await self._turn(0)

    async def open(self, interaction: Press) -> None:
        """As a private answer."""
        page = await self._turn(0)
        more: dict[str, Any] = {"view": self} if self.children else {}
        await _answers.privately(interaction, page, **more)
        self.shown = interaction

    async def _turn(self, to: int) -> Embed:
        page, self._number, pages = await self._page(to)
        self.clear_items()
        if pages > 1:
            self.button("page.back", self._back, disabled=self._number == 0)
            self.button("page.on", self._on, disabled=self._number >= pages - 1)
        return page

    async def _back(self, interaction: Press) -> None:
        await _answers.in_place(interaction, await self._turn(self._number - 1), view=self)

    async def _on(self, interaction: Press) -> None:
        await _answers.in_place(interaction, await self._turn(self._number + 1), view=self)
