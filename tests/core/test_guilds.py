"""Settings: the guild's own, else the environment's, and each reader's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.config import Config
from core.db import Database
from core.guilds import Guilds
from core.texts import Texts
from tests.raffle.support import ADMIN, GUILD, MEMBER, OTHER, FakeClock

PO = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "hi"\nmsgstr "{word}"\n'


class Home:
    """Guilds as a process with this environment sees them."""

    def __init__(self, db: Database, folder: Path) -> None:
        for locale, word in (("en", "hello"), ("ar", "marhaba")):
            (folder / f"{locale}.po").write_text(PO.replace("{word}", word), encoding="utf-8")
        self.db = db
        self.clock = FakeClock()
        self.texts = Texts(folder)

    async def guilds(self, config: Config | None = None) -> Guilds:
        made = Guilds(self.db, self.clock, config or Config(), self.texts)
        await made.load()
        return made

    async def change(self, guilds: Guilds, name: str, value: object) -> None:
        async with self.db.transaction() as conn:
            changed = await guilds.change(conn, GUILD, name, value, ADMIN)
        guilds.adopt(changed)

    async def choose(self, guilds: Guilds, locale: str | None) -> None:
        async with self.db.transaction() as conn:
            await guilds.set_member_locale(conn, GUILD, MEMBER, locale)
        guilds.adopt_locale(GUILD, MEMBER, locale)


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[Home]:
    db = Database(database_url)
    yield Home(db, tmp_path)
    await db.close()


async def test_a_new_guild_has_the_environments_settings(home: Home) -> None:
    guilds = await home.guilds(Config(announcement_channel_id=5, prefix="?", gifted_sub_tickets=7))
    assert await guilds.ensure(GUILD)
    assert not await guilds.ensure(GUILD)
    settings = guilds.get(GUILD)
    assert (settings.announcement_channel_id, settings.prefix, settings.gifted_sub_tickets) == (5, "?", 7)
    assert guilds.find(None) is None
    assert guilds.find(GUILD + 1) is None


async def test_channels_of_the_environment_are_the_first_guilds_only(home: Home) -> None:
    guilds = await home.guilds(
        Config(announcement_channel_id=5, kick_channel="streamer", kick_chatroom_id=6, prefix="?")
    )
    await guilds.ensure(GUILD + 1)
    await guilds.ensure(GUILD + 2)
    first, second = guilds.get(GUILD + 1), guilds.get(GUILD + 2)
    assert (first.announcement_channel_id, first.kick_channel, first.kick_chatroom_id) == (5, "streamer", 6)
    assert (second.announcement_channel_id, second.kick_channel, second.kick_chatroom_id) == (None, None, None)
    assert second.prefix == "?"
    assert [one.guild_id for one in guilds.all()] == [GUILD + 1, GUILD + 2]


async def test_a_change_holds_at_once_after_a_restart_and_can_be_taken_back(home: Home) -> None:
    guilds = await home.guilds()
    await guilds.ensure(GUILD)
    await home.change(guilds, "gifted_sub_tickets", 25)
    assert guilds.get(GUILD).gifted_sub_tickets == 25
    assert (await home.guilds(Config(gifted_sub_tickets=3))).get(GUILD).gifted_sub_tickets == 25
    await home.change(guilds, "gifted_sub_tickets", None)
    assert guilds.get(GUILD).gifted_sub_tickets == 15


async def test_a_value_of_false_or_zero_is_a_value(home: Home) -> None:
    guilds = await home.guilds(Config(auto_draw_on_reset=True))
    await guilds.ensure(GUILD)
    await home.change(guilds, "auto_draw_on_reset", False)
    await home.change(guilds, "watchtime_tickets_per_hour", 0)
    assert (guilds.get(GUILD).auto_draw_on_reset, guilds.get(GUILD).watchtime_tickets_per_hour) == (False, 0)


async def test_a_guild_that_removed_the_bot_is_kept_and_left_alone_until_it_comes_back(home: Home) -> None:
    guilds = await home.guilds(Config(kick_channel="streamer"))
    for guild_id in (GUILD, GUILD + 1):
        await guilds.ensure(guild_id)
    assert [await guilds.leave(GUILD), await guilds.leave(GUILD), await guilds.leave(GUILD + 9)] == [True, False, False]
    for known in (guilds, await home.guilds(Config(kick_channel="streamer"))):
        assert [one.guild_id for one in known.all()] == [GUILD + 1]
        assert [known.present(guild_id) for guild_id in (GUILD, GUILD + 1, GUILD + 9)] == [False, True, False]
        assert (known.get(GUILD).kick_channel, known.get(GUILD).left_at) == ("streamer", home.clock.now())
    assert [await guilds.ensure(GUILD), await guilds.ensure(GUILD)] == [True, False]
    assert (await home.guilds()).present(GUILD)


async def test_an_unknown_setting_is_refused(home: Home) -> None:
    guilds = await home.guilds()
    await guilds.ensure(GUILD)
    for name in ("guild_id", "locale = 'x' --"):
        with pytest.raises(KeyError):
            await home.change(guilds, name, 1)


async def test_the_members_language_comes_before_the_guilds(home: Home) -> None:
    guilds = await home.guilds()
    await guilds.ensure(GUILD)
    await home.choose(guilds, "ar")
    assert [guilds.reader(GUILD, who)("hi") for who in (MEMBER, OTHER, None)] == ["marhaba", "hello", "hello"]
    await home.change(guilds, "locale", "ar")
    assert guilds.reader(GUILD, OTHER)("hi") == "marhaba"
    again = await home.guilds()
    assert again.reader(GUILD, MEMBER)("hi") == "marhaba"
    await home.choose(again, "en")
    assert again.reader(GUILD, MEMBER)("hi") == "hello"
    await home.choose(again, None)
    assert again.reader(GUILD, MEMBER)("hi") == "marhaba"


async def test_outside_of_guilds_the_default_language_is_spoken(home: Home) -> None:
    guilds = await home.guilds(Config(locale="ar"))
    assert guilds.reader(None)("hi") == guilds.reader(GUILD + 9)("hi") == "marhaba"
