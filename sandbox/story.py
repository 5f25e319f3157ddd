"""One raffle month, played by people against the real bot, and told line by line."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.bot_process import ROOT
from sandbox.driver import Discord, Message
from sandbox.run import Demo

VIEWERS = ("viewer1", "viewer2", "viewer3")
CODE = re.compile(r"[A-Z]{3}[2-9]{3}")
FAST, NORMAL = 900.0, 1.0
PRIZE = "$500 Cash"
LINE = 420
MENTION, MOMENT = re.compile(r"<@(\d+)>"), re.compile(r"<t:(\d+)(?::\w)?>")


class Story:
    """Everything here is done as people would do it: in Discord, in the Kick chat, and with a clock."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.clock = demo.clock
        self.kick = demo.sandbox.kick
        self.discord = Discord(f"{demo.sandbox.url}/discord")

    def say(self, text: str) -> None:
        print(f"{self.clock.now():%d %b %H:%M}  {text}", flush=True)

    def _plain(self, message: Message) -> str:
        """A message as one line of text, with names for mentions."""
        text = MENTION.sub(lambda found: "@" + self.demo.sandbox.discord.user(found.group(1)).username, message.text)
        text = MOMENT.sub(lambda found: f"{datetime.fromtimestamp(int(found.group(1)), UTC):%d %b %H:%M:%S}", text)
        return " | ".join(line.strip() for line in text.replace("**", "").splitlines() if line.strip())[:LINE]

    async def tell(self) -> None:
        """Play the month; raises where something did not happen as it should."""
        try:
            await self.discord.wait_until_ready()
            self.say("the bot is online in Discord")
            await self._eventually("the bot listens to the Kick chat", self._kick_is_heard)
            for name in VIEWERS:
                await self._link(name)
            await self._stream(hours=3, chatters=VIEWERS)
            await self._gifts()
            await self._tomorrow()
            await self._stream(hours=2, chatters=VIEWERS[:2])
            await self._bonus()
            await self._look()
            await self._month_end()
            await self._draw()
        finally:
            await self.discord.close()

    async def _eventually(self, text: str, look: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
        for _ in range(int(seconds / 0.2)):
            if await look():
                self.say(text)
                return
            await asyncio.sleep(0.2)
        raise RuntimeError(f"did not happen: {text}")

    async def _kick_is_heard(self) -> bool:
        return bool(self.kick.state()["subscribed"])

    async def _link(self, name: str) -> None:
        answer = await (await self.discord.as_user(name).slash("link kick", channel="raffle")).answer()
        found = CODE.search(answer.text)
        if found is None:
            raise RuntimeError(f"no code in: {answer.text}")
        await self.kick.chat(name, found.group())
        await self.discord.wait_for_message("raffle", containing=f"**{name}**", timeout=15)
        self.say(f"{name} typed the code {found.group()} in the Kick chat and is linked")

    async def _stream(self, hours: int, chatters: tuple[str, ...]) -> None:
        """A stream in fast motion: everybody says something every five minutes."""
        await self.kick.go_live()
        self.say(f"the stream is live; {', '.join(chatters)} chat for {hours} hours")
        self.clock.turn(speed=FAST)
        end = self.clock.now() + timedelta(hours=hours, minutes=2)
        while self.clock.now() < end:
            for name in chatters:
                await self.kick.chat(name, "what a stream")
            await self.clock.wait(5 * 60)
        self.clock.turn(speed=NORMAL)
        await self.kick.go_offline()
        self.say("the stream is over")

    async def _gifts(self) -> None:
        await self.kick.gift("viewer2", 5)
        await self.kick.replay_last_gift()
        paid = await self.discord.wait_for_message("announcements", containing="for gifting", timeout=15)
        self.say(f"viewer2 gifted 5 subs on Kick (told in six frames, all twice): {self._plain(paid)}")
        await self.kick.gift("Anonymous", 2, anonymous=True)
        self.say("somebody gifted 2 subs anonymously and stays unnamed")

    async def _tomorrow(self) -> None:
        self.clock.turn(forward=timedelta(days=1))
        await asyncio.sleep(1.5)
        self.say("a day later")

    async def _bonus(self) -> None:
        mod = self.discord.as_user("moderator")
        await self._converted()
        given = await (
            await mod.slash("raffle give", channel="raffle", user="viewer3", amount=50, reason="Won the quiz")
        ).answer()
        self.say(f"moderator: {self._plain(given)}")
        taken = await (
            await mod.slash("raffle remove", channel="raffle", user="viewer3", amount=10, reason="Spam")
        ).answer()
        self.say(f"moderator: {self._plain(taken)}")

    async def _converted(self) -> None:
        """The hourly conversion comes with the clock."""
        self.clock.turn(forward=timedelta(hours=1))
        await asyncio.sleep(1.5)

    async def _look(self) -> None:
        for name in VIEWERS:
            answer = await (await self.discord.as_user(name).slash("tickets", channel="raffle")).answer()
            self.say(self._plain(answer))

    async def _month_end(self) -> None:
        self.clock.to_month_end(before=timedelta(seconds=5))
        turned = await self.discord.wait_for_message("announcements", containing="A new raffle has started", timeout=30)
        self.say(f"the month is over: {self._plain(turned)}")

    async def _draw(self) -> None:
        owner = self.discord.as_user("streamer")
        question = await (await owner.slash("raffle draw", channel="raffle", prize=PRIZE)).answer()
        self.say(f"streamer: /raffle draw; the bot asks: {self._plain(question)}")
        await owner.click(question, "Draw now")
        frozen = await self.discord.wait_for_message("announcements", containing="the entrants are final", timeout=15)
        self.say(f"the entrants are published: {self._plain(frozen)}")
        winner = await self.discord.wait_for_message("announcements", containing="Winning ticket", timeout=60)
        self.say(f"the winner: {self._plain(winner)}")
        await self._verify(winner)

    async def _verify(self, winner: Message) -> None:
        """As a stranger: only the published file, and the program that checks it."""
        record = await self.discord.file(winner.attachments[0]["url"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.json"
            path.write_bytes(record)
            checking = await asyncio.create_subprocess_exec(
                sys.executable, "bot.py", "verify", str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )  # fmt: skip
            said, _ = await checking.communicate()
        if checking.returncode != 0:
            raise RuntimeError(said.decode())
        self.say("record verified: `bot.py verify` checked the commitment, the entrants, the beacon and every pick")
