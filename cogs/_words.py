"""How what follows `!command` is cut into words: an apostrophe is a letter, and a prize may have several words."""

from __future__ import annotations

import re
from typing import Annotated, Any

from discord.ext import commands
from discord.ext.commands.view import StringView

from cogs._services import Services
from giveaway import queries

MOST_WORDS = 12
_CLOSING = {
    '"': '"”', "“": '”"', "„": "“”", "‘": "’", "«": "»", "‹": "›", "「": "」", "『": "』", "＂": "＂",
}  # fmt: skip
_NUMBER = re.compile(r"#?[0-9]{1,18}")


class Words(StringView):
    """Quotes hold words together only where they stand in a pair around them; discord.py refuses any other quote."""

    @classmethod
    def after(cls, view: StringView) -> Words:
        """The same text, read as far as the view was."""
        words = cls(view.buffer)
        words.index, words.previous = view.index, view.previous
        return words

    def get_quoted_word(self) -> str | None:
        if self.eof:
            return None
        closing = _CLOSING.get(self.buffer[self.index], "")
        for end in range(self.index + 1, self.end):
            if self.buffer[end] in closing and self.buffer[end + 1 : end + 2].strip() == "":
                self.previous, start = self.index, self.index + 1
                self.index = end + 1
                return self.buffer[start:end]
        return self.get_word()


class GivenName(commands.Converter[str]):
    """A giveaway as it was typed: of the words that follow, as many as its prize has."""

    async def convert(self, ctx: commands.Context[Any], argument: str) -> str:
        if ctx.interaction is not None or ctx.guild is None or _NUMBER.fullmatch(argument) or " " in argument:
            return argument
        services: Services = ctx.bot.services
        rest = ctx.view.buffer[ctx.view.index :]
        async with services.db.reading() as conn:
            for count in range(min(len(rest.split()), MOST_WORDS), 0, -1):
                more = re.match(rf"(?:\s+\S+){{{count}}}", rest)
                assert more is not None
                name = " ".join((argument + more[0]).split())
                if await queries.choices(conn, ctx.guild.id, name, queries.ANY_STATUS):
                    ctx.view.index += more.end()
                    return name
        return argument


GiveawayName = Annotated[str, GivenName]
