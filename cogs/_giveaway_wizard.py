"""Putting a giveaway together, page by page: bonus entries, conditions, preview with Start, Edit, Cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import discord

from cogs import _answers
from cogs import _giveaway_forms as forms
from cogs._acting import Work, perform
from cogs._context import Context
from cogs._giveaway_group import require_manager
from cogs._giveaway_wish import Wish, gone_roles, preview_of, require_channel, require_roles
from cogs._messages import embed_of
from cogs._panels import Form, Panel, Press, show
from cogs._services import Services
from core.db import Connection, is_away
from core.errors import UserError
from core.messages import BLUE, GREEN, GREY, Embed
from core.texts import Reader, moment
from giveaway import announcements, presets, templates, wishes
from giveaway import giveaway_system as system
from giveaway.models import CUMULATIVE, HIGHEST, Draft, Entities, Requirement
from giveaway.requirements import KINDS

Page = Callable[[Press], Awaitable[None]]
SUCCESS, DANGER, PRIMARY = discord.ButtonStyle.success, discord.ButtonStyle.danger, discord.ButtonStyle.primary


class Wizard:
    """One person's wish on its way; `template` names what is saved instead of started."""

    def __init__(
        self, services: Services, member: discord.Member, reader: Reader, wish: Wish, template: str | None = None
    ) -> None:  # fmt: skip
        self.services = services
        self.member = member
        self.reader = reader
        self.wish = wish
        self.template = template
        self._finishing = False

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.services.guilds.get(self.member.guild.id).timezone)

    def draft(self, wish: Wish | None = None) -> Draft:
        """Errors: those of every field that cannot be used."""
        return (wish or self.wish).draft(self.zone, self.services.clock.now())

    async def _may(self, press: Press) -> None:
        """Whoever presses must manage giveaways at that moment. Errors: `giveaway.manager_only`."""
        if isinstance(press.user, discord.Member):
            self.member = press.user
        async with self.services.db.reading() as conn:
            await require_manager(self.services, conn, press.user, self.member.guild.id)

    def _panel(self) -> Panel:
        return Panel(self.member.id, self.reader, self._may)

    # -- the first page -----------------------------------------------------------------------------------------

    def basics(self, then: Page) -> Form:
        """Prize, duration, winners, description."""
        return forms.BasicsForm(self.reader, self.wish, then, self._check_basics)

    def _check_basics(self) -> None:
        now = self.services.clock.now()
        self.draft()
        self.wish.new_end(self.zone, now)

    async def open(self, ctx: Context, *, preview: bool) -> None:
        """At once the preview, or the form; where a form cannot open by itself, a button that opens it."""
        if preview:
            page, panel, content = await self._preview("")
            await ctx.send(content=content, embed=embed_of(page), view=panel)
            panel.shown = ctx.interaction
            return
        if ctx.interaction is not None and await _answers.open_form(ctx.interaction, self._first_form()):
            return
        panel = self._panel()

        async def form(interaction: Press) -> None:
            await _answers.open_form(interaction, self._first_form())

        panel.button("giveaway.open_form", form, style=PRIMARY, opens_form=True)
        await ctx.send(embed=embed_of(self._words("giveaway.open_form_text")), view=panel)

    def _first_form(self) -> Form:
        form = self.basics(self.ask_entities)
        form.may = self._may
        return form

    def _words(self, key: str, colour: int = BLUE, **args: object) -> Embed:
        return Embed(description=self.reader(key, **args), colour=colour)

    # -- bonus entries ------------------------------------------------------------------------------------------

    async def ask_entities(self, interaction: Press) -> None:
        """Shall roles give bonus entries?"""
        panel = self._panel()
        panel.button("giveaway.mode_cumulative", self._with_mode(CUMULATIVE), style=PRIMARY)
        panel.button("giveaway.mode_highest", self._with_mode(HIGHEST), style=PRIMARY)
        panel.button("giveaway.mode_none", self._without_entities)
        await self._add_presets(panel)
        title, text = self.reader("giveaway.ask_entities_title"), self.reader("giveaway.ask_entities")
        await show(interaction, Embed(title=title, description=text, colour=BLUE), panel)

    def _with_mode(self, mode: str) -> Page:
        async def chosen(interaction: Press) -> None:
            self.wish.entities = replace(self.wish.entities, enabled=True, mode=mode)
            await self.entities_page(interaction)

        return chosen

    async def _without_entities(self, interaction: Press) -> None:
        self.wish.entities = replace(self.wish.entities, enabled=False)
        await self.requirements_page(interaction)

    async def _add_presets(self, panel: Panel) -> None:
        async with self.services.db.reading() as conn:
            known = await presets.listing(conn, self.member.guild.id)

        async def chosen(interaction: Press, values: list[str]) -> None:
            self.wish.entities = replace(known[values[0]], enabled=True)
            await self.entities_page(interaction)

        if known:
            panel.menu("giveaway.choose_preset", [discord.SelectOption(label=n, value=n) for n in known], chosen, row=1)

    async def entities_page(self, interaction: Press) -> None:
        """Roles and points, as often as wanted."""
        async with self.services.db.reading() as conn:
            tiers = await presets.tiers(conn, self.member.guild.id)
        panel = self._panel()
        add = self._form(lambda: forms.RolePointsForm(self.reader, self.wish, self.entities_page, tiers),
                         self.entities_page)  # fmt: skip
        panel.button("giveaway.add_roles", add, style=PRIMARY, opens_form=True)
        mode = self._form(lambda: forms.ModeForm(self.reader, self.wish, self.entities_page), self.entities_page)
        panel.button("giveaway.change_mode", mode, opens_form=True)
        keep = self._form(lambda: forms.NameForm(self.reader, "giveaway.preset_title", self._keep_preset),
                          self.entities_page)  # fmt: skip
        panel.button("giveaway.keep_preset", keep, disabled=not self.wish.entities.roles, opens_form=True)
        panel.button("giveaway.next", self._after_entities, style=SUCCESS, disabled=not self.wish.entities.roles)
        panel.button("giveaway.mode_none", self._without_entities)
        await self._add_presets(panel)
        self._add_removal(panel)
        lines = announcements.entity_lines(self.reader, self.wish.entities, ())
        text = "\n".join(lines if self.wish.entities.roles else [self.reader("giveaway.no_roles_yet"), *lines])
        await show(interaction, Embed(title=self.reader("giveaway.entities"), description=text, colour=BLUE), panel)

    def _add_removal(self, panel: Panel) -> None:
        guild, roles = self.member.guild, self.wish.entities.roles
        names = {str(one.role_id): getattr(guild.get_role(one.role_id), "name", str(one.role_id)) for one in roles}

        async def chosen(interaction: Press, values: list[str]) -> None:
            kept = tuple(one for one in self.wish.entities.roles if str(one.role_id) not in values)
            self.wish.entities = replace(self.wish.entities, roles=kept)
            await self.entities_page(interaction)

        if names:
            options = [discord.SelectOption(label=f"− {name}"[:100], value=value) for value, name in names.items()]
            panel.menu("giveaway.remove_roles", options, chosen, row=2, most=len(options))

    async def _keep_preset(self, interaction: Press, name: str) -> None:
        async def work(conn: Connection) -> Embed:
            await require_manager(self.services, conn, interaction.user, self.member.guild.id)
            wanted = replace(self.wish.entities, enabled=True)
            await presets.save(conn, self.services.clock, self.member.guild.id, name, wanted, self.member.id)
            return self._words("giveaway.preset_saved", GREEN, name=name)

        saved = await self._perform(interaction, "giveaway.preset_save", work)
        try:
            await self.entities_page(interaction)
        except Exception as error:
            if not is_away(error):
                raise
            panel = self._panel()  # what was saved is told although the next page cannot be read
            panel.button("giveaway.back", self.entities_page)
            await show(interaction, saved, panel)

    async def _perform(self, press: Press, name: str, work: Work) -> Embed:
        return await perform(self.services, press.id, self.member.guild.id, press.user.id, name, work)

    async def _after_entities(self, interaction: Press) -> None:
        self.wish.entities = replace(self.wish.entities, enabled=True)
        await self.requirements_page(interaction)

    # -- conditions ---------------------------------------------------------------------------------------------

    async def requirements_page(self, interaction: Press) -> None:
        """Who may take part."""
        panel = self._panel()
        options = [discord.SelectOption(label=self.reader(f"giveaway.kind.{kind}"), value=kind) for kind in KINDS]
        panel.menu("giveaway.choose_rule", options, self._rule_chosen, row=0, opens_form=True)
        self._add_rule_removal(panel)
        bypass = self._form(lambda: forms.BypassForm(self.reader, self.wish, self.requirements_page),
                            self.requirements_page)  # fmt: skip
        panel.button("giveaway.bypass_title", bypass, row=2, disabled=not self.wish.requirements.rules, opens_form=True)
        panel.button("giveaway.next", self.preview, style=SUCCESS, row=2)
        fields = announcements.terms(self.reader, self.wish.requirements, Entities(), ())
        page = Embed(
            title=self.reader("giveaway.requirements"), colour=BLUE, fields=tuple(fields),
            description="" if fields else self.reader("giveaway.no_rules_yet"),
        )  # fmt: skip
        await show(interaction, page, panel)

    async def _rule_chosen(self, interaction: Press, values: list[str]) -> None:
        kind = values[0]
        if kind in forms.WITHOUT_FORM:
            forms.put_rule(self.wish, Requirement(kind=kind))
            await self.requirements_page(interaction)
            return
        form = forms.RequirementForm(self.reader, self.wish, self.requirements_page, kind)
        form.back, form.may = self.requirements_page, self._may
        await _answers.open_form(interaction, form)

    def _add_rule_removal(self, panel: Panel) -> None:
        async def chosen(interaction: Press, values: list[str]) -> None:
            kept = tuple(rule for rule in self.wish.requirements.rules if rule.kind not in values)
            self.wish.requirements = replace(self.wish.requirements, rules=kept)
            await self.requirements_page(interaction)

        rules = self.wish.requirements.rules
        if rules:
            options = [
                discord.SelectOption(label=f"− {self.reader(f'giveaway.kind.{rule.kind}')}"[:100], value=rule.kind)
                for rule in rules
            ]
            panel.menu("giveaway.remove_rules", options, chosen, row=1, most=len(options))

    # -- preview ------------------------------------------------------------------------------------------------

    async def preview(self, interaction: Press, warning: str = "") -> None:
        page, panel, content = await self._preview(warning)
        await show(interaction, page, panel, content=content)

    async def _preview(self, warning: str) -> tuple[Embed, Panel, str]:
        now = self.services.clock.now()
        draft = self.draft()
        guild_id = self.member.guild.id
        shown = preview_of(draft, guild_id, now)
        if self.wish.edits is not None:
            end = self.wish.new_end(self.zone, now) or self.wish.edits.end_time
            shown = replace(shown, end_time=end, status=self.wish.edits.status)
        async with self.services.db.reading() as conn:
            boosts = await presets.boosts(conn, guild_id, now)
        page = announcements.live_embed(self.reader, shown, 0, boosts)
        title = self.reader("giveaway.preview", channel=f"<#{draft.channel_id}>" if draft.channel_id else "—")
        lines = [warning, title, *self._unseen(draft)]
        return page, self._preview_panel(), "\n".join(line for line in lines if line)

    def _unseen(self, draft: Draft) -> list[str]:
        """What the message itself will not show."""
        options, lines = draft.options, []
        if draft.start_time is not None:
            lines.append(self.reader("giveaway.preview_start", when=moment(draft.start_time, "F")))
        if draft.recurrence is not None:
            lines.append(self.reader(f"giveaway.recurrence.{draft.recurrence}"))
        if options.ping_role_id is not None:
            role = announcements.role_mention(options.ping_role_id)
            lines.append(self.reader("giveaway.preview_ping", role=role))
        if options.winner_role_id is not None:
            role = announcements.role_mention(options.winner_role_id)
            lines.append(self.reader("giveaway.preview_winner_role", role=role))
        if options.claim_hours is not None:
            lines.append(self.reader.count("giveaway.preview_claim", options.claim_hours))
        return lines

    def _preview_panel(self) -> Panel:
        panel = self._panel()
        done = "giveaway.save" if self.wish.edits is not None or self.template else "giveaway.start"
        panel.button(done, self.finish, style=SUCCESS, row=0)
        panel.button(
            "giveaway.edit", self._form(lambda: self.basics(self.preview), self.preview), row=0, opens_form=True
        )
        panel.button("confirm.cancel", self._cancel, style=DANGER, row=0)
        parts = ("entities", "requirements", "look", "options")
        options = [discord.SelectOption(label=self.reader(f"giveaway.part.{part}"), value=part) for part in parts]
        panel.menu("giveaway.change_part", options, self._part, row=1, opens_form=True)
        return panel

    async def _part(self, interaction: Press, values: list[str]) -> None:
        pages: dict[str, Page] = {
            "entities": self.ask_entities,
            "requirements": self.requirements_page,
            "look": self._form(
                lambda: forms.LookForm(self.reader, self.wish, self.preview, self._check_look), self.preview
            ),
            "options": self._form(
                lambda: forms.OptionsForm(self.reader, self.wish, self.preview, self._check_options), self.preview
            ),
        }
        await pages[values[0]](interaction)

    def _check_look(self, wish: Wish) -> None:
        self.draft(wish)
        require_emoji(self.member.guild, wish.options.emoji)

    def _check_options(self, wish: Wish) -> None:
        self.draft(wish)
        if wish.channel_id:
            require_roles(require_channel(self.member.guild, wish.channel_id), self.member, wish.options)

    def _form(self, make: Callable[[], Form], back: Page) -> Page:
        async def opened(interaction: Press) -> None:
            form = make()
            form.back, form.may = back, self._may
            await _answers.open_form(interaction, form)

        return opened

    async def _cancel(self, interaction: Press) -> None:
        await show(interaction, self._words("confirm.cancelled", GREY), None)

    # -- the end ------------------------------------------------------------------------------------------------

    async def finish(self, interaction: Press) -> None:
        """Start, save the changes, or save the template; pressed twice it happens once."""
        if self._finishing:
            await _answers.acknowledge(interaction)
            return
        gone = gone_roles(self.member.guild, self.wish)
        if gone:
            self.wish.drop_roles(gone)
            await self.preview(interaction, self.reader.count("giveaway.roles_gone", len(gone)))
            return
        self._finishing = True
        try:
            page = await self._finished(interaction)
        finally:
            self._finishing = False
        await show(interaction, page, None)
        self._finishing = True

    async def _finished(self, press: Press) -> Embed:
        draft = self.draft()
        require_emoji(self.member.guild, draft.options.emoji)
        if self.wish.channel_id:
            channel = require_channel(self.member.guild, self.wish.channel_id)
            if self.wish.edits is None or self.wish.edits.options != draft.options:
                require_roles(channel, self.member, draft.options)
        if self.template is not None:
            return await self._saved_template(press, draft, self.template)
        return await (self._started(press, draft) if self.wish.edits is None else self._edited(press, draft))

    async def _started(self, press: Press, draft: Draft) -> Embed:
        services, guild = self.services, self.services.guilds.get(self.member.guild.id)

        async def work(conn: Connection) -> Embed:
            await require_manager(services, conn, press.user, guild.guild_id)
            made = await system.create_giveaway(conn, services.tools, guild, draft, press.user.id)
            if self.wish.template_id is not None:
                await templates.count_use(conn, guild.guild_id, self.wish.template_id)
            key = "giveaway.started" if draft.start_time is None else "giveaway.planned"
            when, channel = moment(made.start_time, "F"), f"<#{made.channel_id}>"
            return self._words(key, GREEN, number=str(made.giveaway_id), channel=channel, when=when)

        page = await self._perform(press, "giveaway.create", work)
        services.checker.wake()
        return page

    async def _edited(self, press: Press, draft: Draft) -> Embed:
        services, old = self.services, self.wish.edits
        assert old is not None
        end = self.wish.new_end(self.zone, services.clock.now())

        async def work(conn: Connection) -> Embed:
            await require_manager(services, conn, press.user, old.guild_id)
            await system.edit(conn, services.tools, old, draft, press.user.id, end_time=end)
            key = "giveaway.edited" if old.series_id is None else "giveaway.edited_series"
            return self._words(key, GREEN, number=str(old.giveaway_id))

        page = await self._perform(press, "giveaway.edit", work)
        services.checker.wake()
        return page

    async def _saved_template(self, press: Press, draft: Draft, name: str) -> Embed:
        async def work(conn: Connection) -> Embed:
            guild_id = self.member.guild.id
            await require_manager(self.services, conn, press.user, guild_id)
            await templates.save(conn, self.services.clock, guild_id, name, draft, press.user.id)
            return self._words("giveaway.template_saved", GREEN, name=name)

        return await self._perform(press, "giveaway.template_save", work)


def require_emoji(guild: discord.Guild, emoji: str) -> None:
    """Discord refuses a button whose emoji is none. Errors: `giveaway.bad_emoji`."""
    custom = discord.PartialEmoji.from_str(emoji) if emoji else None
    if custom is not None and custom.id is not None:
        known = discord.utils.get(guild.emojis, id=custom.id)
        if known is None or not known.available:
            raise UserError("giveaway.bad_emoji")
    elif emoji and not wishes.is_emoji(emoji):
        raise UserError("giveaway.bad_emoji")
