"""Drumroll: run | start | migrate | demo | verify | audit. The composition root: the only file that knows everybody."""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.argv[1:2] == ["verify"]:
    # Before everything else is imported: a stranger checks a record with the standard library alone.
    from core import verify

    sys.exit(verify.main(sys.argv[2]) if len(sys.argv) == 3 else "usage: python bot.py verify RECORD.json")

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from dotenv import load_dotenv

from cogs._link_roles import RoleSetter
from cogs._sender import DiscordSender
from cogs import session
from cogs._members import GuildMembers, GuildRoles, MemberLists, TicketCredits
from cogs._services import Services
from core import config as configuration
from core import logs
from core.acts import Acts
from core.attendance import Attendance
from core.beacon import QUICKNET, BeaconChain, BeaconClient
from core.clock import SandboxClock, SystemClock
from core.clock_follower import follow
from core.config import Config
from core.db import Database, is_away, migrate_when_reachable
from core.delivery import Outbox
from core.draws import DrawFinisher, Publisher
from core.embedded_postgres import EmbeddedInUse, EmbeddedPostgres, EmbeddedUnavailable
from core.errors import ConfigError
from core.guilds import Guilds
from core.jobs import Scheduler
from core.kick_events import KickChannelIds, fold
from core.kick_memory import KickMemory
from core.letters import Follower
from core.retention import Retention
from core.supervisor import Fatal, Leadership, Supervisor
from core.texts import Texts
from giveaway.absence import Absence
from giveaway.checker import GiveawayChecker
from giveaway.ending import Ending
from giveaway.facts import Tools
from giveaway.levels import CountedActivity, MessageCounter
from giveaway.publishing import GiveawayPost, GiveawayPublisher
from giveaway.winners import WinnerRoles
from kick.api import KickApi
from kick.listener import KickListener
from kick.people import People
from kick.signature import KickKeys
from kick.webhooks import decode_webhook
from raffle_system import audit, database
from raffle_system.claims import ClaimDeadlines, Claims
from raffle_system.draw import RafflePublisher
from raffle_system.kick_admission import Admission
from raffle_system.kick_inbox import KickInbox
from raffle_system.kick_intake import KickIntake
from raffle_system.link_roles import LinkRoles
from raffle_system.scheduler import RaffleSchedule
from raffle_system.shuffle_links import DECISION_REF, DecisionFollower
from raffle_system.shuffle_tracker import ShuffleTracker
from raffle_system.wager_sources import feed_session
from web import health, kick_metrics, process_metrics
from web.app import WebServer
from web.health import Health
from web.kick_oauth import KickSignIn
from web.kick_routes import KickRoutes
from web.metrics import Metrics

log = logging.getLogger("drumroll")

TICK_SECONDS, SANDBOX_TICK_SECONDS = 1.0, 0.25
STANDBY_RELOAD_SECONDS = 5.0


class Process:
    """Everything that runs while the bot runs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        sandboxed = config.sandbox_clock_start or config.sandbox_clock_url
        self.clock: SandboxClock | SystemClock = SystemClock()
        if sandboxed:
            start = config.sandbox_clock_start or self.clock.now()
            self.clock = SandboxClock(start.astimezone(UTC), config.sandbox_clock_speed or 1.0)
        self.tick_seconds = SANDBOX_TICK_SECONDS if sandboxed else TICK_SECONDS
        self.texts = Texts()
        self.supervisor = Supervisor(self.clock)
        chain = QUICKNET
        if config.drand_chain_hash:
            chain = BeaconChain(
                config.drand_chain_hash, config.drand_public_key or "", config.drand_genesis or 0,
                config.drand_period or 3,
            )  # fmt: skip
        self.beacon = BeaconClient(chain, config.drand_urls)
        self.metrics = Metrics()
        self.health = Health(lambda: self.role, self.supervisor.states)
        host, port = config.listens_on
        self.kick_routes = KickRoutes()
        pages = [self.kick_routes.add_to]
        self.web = WebServer(host, port, self.health, self.metrics.registry, pages, config.health_token)
        self.health.watch(web=self.web.shown)
        self.role = "starting"
        self.embedded: EmbeddedPostgres | None = None
        self.parts: Parts | None = None

    async def run(self) -> int:
        """Run until SIGTERM, SIGINT or something fatal; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.supervisor.stop)
        self.supervisor.start("web", self.web.run)
        self.supervisor.start("life", self._live, "fatal")
        try:
            return await self.supervisor.wait()
        finally:
            await self._close()

    async def _close(self) -> None:
        if self.parts is not None:
            await self.parts.close()
        if self.embedded is not None:
            await self.embedded.stop()

    async def _live(self) -> None:
        """From nothing to leader: database, schema, Kick, then the lead and what only a leader does."""
        url = await self._database_url()
        try:
            await migrate_when_reachable(url)
        except ConfigError as error:
            raise Fatal(str(error), 2) from error
        self.parts = parts = Parts(self, url)
        self.web.records.db = parts.db
        process_metrics.register(
            self.metrics, lambda: self.role, self.supervisor.states, parts.outbox, parts.scheduler, parts.sender.pulse
        )
        await parts.guilds.load()
        if self.config.sandbox_clock_url:
            self.supervisor.start("clock", self._follow_clock)
        self.supervisor.start("kick", parts.kick)
        self.supervisor.start("kick-codes", parts.intake.codes.run)
        acquiring = asyncio.create_task(parts.leadership.acquire())
        await parts.listener.listening(acquiring)
        self.role = "standby"
        reload = asyncio.create_task(self._reload_settings())
        await acquiring
        reload.cancel()
        await parts.guilds.load()
        self.role = "leader"
        self.supervisor.start("discord", self._discord)
        self.supervisor.start("outbox", parts.outbox.run)
        self.supervisor.start("kick-inbox", parts.inbox.run)
        self.supervisor.start("link-roles", parts.link_roles.run)
        self.supervisor.start("draws", parts.finisher.run)
        self.supervisor.start("jobs", parts.scheduler.run)
        self.supervisor.start("member-lists", parts.member_lists.run)
        self.supervisor.start("giveaways", parts.checker.run)
        self.supervisor.start("giveaway-messages", parts.checker.run_messages)
        self.supervisor.start("attendance", parts.attendance.run)
        self.supervisor.start("claims", parts.claims.run)
        self.supervisor.start("message-counter", parts.counter.run)
        self.supervisor.start("wagers", parts.tracker.run)
        await parts.leadership.hold()

    async def _database_url(self) -> str:
        if self.config.database_url:
            return self.config.database_url

        self.embedded = EmbeddedPostgres(_postgres_folder(self.config))
        try:
            url = await self.embedded.start()
        except (EmbeddedInUse, EmbeddedUnavailable) as error:
            self.embedded = None
            raise Fatal(str(error), 2) from error
        self.supervisor.start("postgres", self._keep_postgres)
        return url

    async def _keep_postgres(self) -> None:
        """Bring the embedded server back whenever it ends."""
        assert self.embedded is not None
        while True:
            code = await self.embedded.wait()
            log.error("embedded_postgres_ended", extra={"code": code})
            await self.embedded.restart()

    async def _reload_settings(self) -> None:
        """The standby sees what the leader changes."""

        while self.parts is not None:
            await asyncio.sleep(STANDBY_RELOAD_SECONDS)
            try:
                await self.parts.guilds.load()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("settings_not_reloaded", extra={"error": repr(error)})

    async def _follow_clock(self) -> None:
        assert isinstance(self.clock, SandboxClock)
        await follow(self.clock, self.config.sandbox_clock_url or "")

    async def _discord(self) -> None:
        """One life of the Discord client. Ends by exception only; the supervisor starts the next."""
        assert self.parts is not None
        await session.live(self.parts.services, self.parts.sender)


class Parts:
    """What stands on the database; made once its schema is up to date."""

    def __init__(self, process: Process, url: str) -> None:
        config, clock = process.config, process.clock
        self.clock = clock
        self.db = Database(url)
        self.acts = Acts(self.db, clock)
        self.leadership = Leadership(url)
        self.guilds = Guilds(self.db, clock, config, process.texts)
        self.session = aiohttp.ClientSession()
        self.intake = KickIntake(self.db, clock, self.guilds, config.kick_live_fallback, config.kick_bot_names)
        self.api = KickApi(
            self.session, clock, api_base=config.kick_api_base, id_base=config.kick_id_base,
            client_id=config.kick_client_id, client_secret=config.kick_client_secret,
        )  # fmt: skip
        self.sender = DiscordSender()
        members = GuildMembers(self.sender, clock)
        self.member_lists = MemberLists(self.sender, clock)
        sign_in = KickSignIn(config, self.db, clock, self.guilds, self.api, self.intake.linking, members.names_of)
        memory = KickMemory(self.db, clock)
        self.listener = KickListener(
            self.session, clock, site_base=config.kick_site_base, socket_url=config.kick_ws_url,
            wanted=self._kick_channels, followed=self.intake.follow, on_event=self.intake.on_event,
            recall=memory.recall, remember=memory.remember, api=self.api, leads=lambda: process.role == "leader",
            heard=self.intake.heard, on_events=self.intake.on_events, subscribed=memory.subscribed,
            unsubscribed=self.intake.tell_subscriptions, troubled=self.intake.tell_troubles,
        )  # fmt: skip
        admission = Admission(self.api.configured, self.intake.follows, self.listener.subscriptions.settled)
        self.inbox = KickInbox(self.db, clock, decode_webhook, self.intake.on_webhook, admission)
        process.kick_routes.attach(KickKeys(self.api.public_key), self.inbox, sign_in)
        self.kick = self.listener.run
        people = People(self.session, clock, self.api, config.kick_site_base)
        kick_metrics.register(process.metrics, self.listener, self.intake, self.inbox, process.kick_routes)
        self.feed_session = feed_session(loopback=config.sandboxed)
        self.tracker = ShuffleTracker(self.db, clock, self.guilds, self.feed_session)
        self.schedule = RaffleSchedule(self.db, clock, self.guilds, process.beacon.chain, self.tracker.last_poll,
                                       members.present)  # fmt: skip
        self.link_roles = LinkRoles(self.db, clock, self.guilds, RoleSetter(self.sender))
        self.tools = Tools(clock=clock, guilds=self.guilds, chain=process.beacon.chain, activity=CountedActivity(),
                           credits=TicketCredits())  # fmt: skip
        roles = WinnerRoles(self.db, self.tools, GuildRoles(self.sender))
        ending = Ending(self.db, self.tools, members)
        absence, deadlines = Absence(self.tools), ClaimDeadlines(clock, self.guilds)
        self.attendance = Attendance(self.db, clock, lambda: self.sender.connected, [absence, deadlines])
        self.checker = GiveawayChecker(self.db, self.tools, members, ending, roles, self.attendance)
        self.counter = MessageCounter(self.db, clock)
        decisions = DecisionFollower(clock, self.guilds)
        followers: dict[str, Follower] = {"giveaway": GiveawayPost(self.tools), DECISION_REF: decisions}
        self.outbox = Outbox(self.db, clock, self.guilds, self.sender, followers)
        self.services = Services(
            config=config, clock=clock, db=self.db, acts=self.acts, guilds=self.guilds, texts=process.texts,
            chain=process.beacon.chain, schedule=self.schedule, tracker=self.tracker, intake=self.intake,
            sign_in_url=sign_in.url_for, kick_user_id=people.id_of, tools=self.tools, checker=self.checker,
            counter=self.counter, outbox=self.outbox, members=members, attendance=self.attendance, absence=absence,
        )  # fmt: skip
        publishers: dict[str, Publisher] = {
            "raffle": RafflePublisher(clock, self.guilds, config.web_base_url),
            "giveaway": GiveawayPublisher(self.tools),
        }
        self.finisher = DrawFinisher(self.db, clock, process.beacon, publishers)
        self.claims = Claims(self.db, clock, self.guilds, members, self.attendance)
        self.scheduler = Scheduler(
            self.db, clock, self.guilds, self.schedule.jobs(),
            [self.intake.tick_minutes, self.intake.waiting.tell, *self.schedule.ticks(),
             Retention(self.db, clock).tick], process.tick_seconds,
        )  # fmt: skip
        process.health.watch(
            discord=partial(health.of_discord, lambda: self.sender.connected, process.supervisor.states),
            database=partial(health.of_database, self.db), outbox=partial(health.of_outbox, self.db, clock),
            kick=partial(health.of_kick, self.listener, self.intake.live_by_slug),
            jobs=partial(health.of_jobs, self.scheduler),
        )  # fmt: skip

    def _kick_channels(self) -> Mapping[int, Any]:
        return {
            s.guild_id: KickChannelIds(
                fold(s.kick_channel or ""), s.kick_channel_id, s.kick_chatroom_id, s.kick_broadcaster_user_id
            )
            for s in self.guilds.all()
            if s.kick_channel or s.kick_chatroom_id
        }

    async def close(self) -> None:
        await self.leadership.release()
        await self.session.close()
        await self.feed_session.close()
        await self.db.close()


def _postgres_folder(config: Config) -> Path:
    return Path(config.data_dir).resolve() / "postgres"


def _run(config: Config) -> int:
    if not config.discord_token:
        sys.stderr.write("DISCORD_TOKEN is not set: the bot needs the token of its Discord application.\n")
        return 2

    async def main() -> int:
        return await Process(config).run()

    return asyncio.run(main())


def _audit(config: Config) -> int:
    return asyncio.run(audit.main(config.database_url, _postgres_folder(config)))


def _demo(arguments: argparse.Namespace) -> int:
    """The stand-ins live in a process of their own, which starts this file against itself."""
    command = [sys.executable, "-m", "sandbox", "--port", str(arguments.port), "--speed", str(arguments.speed)]
    command += [flag for flag, wanted in (("--fresh", arguments.fresh), ("--no-story", arguments.no_story)) if wanted]
    os.chdir(Path(__file__).resolve().parent)
    os.execv(sys.executable, command)


def _start(config: Config, arguments: argparse.Namespace) -> int:
    """`make run`: the bot where there is a token, else the demo; says which and why."""
    if config.discord_token:
        print("DISCORD_TOKEN is set: starting the bot. (`make demo` shows the demo.)", flush=True)
        return _run(config)
    print(
        "DISCORD_TOKEN is not set (environment, .env): starting the demo, which needs no account.",
        flush=True,
    )
    return _demo(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python bot.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the bot (needs DISCORD_TOKEN)")
    commands.add_parser("migrate", help="bring the database of DATABASE_URL to the newest schema")
    commands.add_parser("audit", help="recompute all balances from the ledger and say where they differ")
    for name, text in (("demo", "play a raffle month against stand-ins"), ("start", "run with a token, demo without")):
        demo = commands.add_parser(name, help=text)
        demo.add_argument("--port", type=int, default=8765, help="where the sandbox listens (default 8765)")
        demo.add_argument("--speed", type=float, default=1.0, help="seconds of the sandbox's clock to a real one")
        demo.add_argument("--fresh", action="store_true", help="forget what an earlier demo left")
        demo.add_argument("--no-story", action="store_true", help="start without the story of a month")
    commands.add_parser("verify", help="check the record of a draw: verify RECORD.json")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a check or the run failed, 2 something that the operator must set right."""
    arguments = _parser().parse_args(argv)
    load_dotenv()
    try:
        config = configuration.load()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2

    logs.configure(config.log_level, config.secrets)
    for name, meant in configuration.misspelt().items():
        log.warning("variable_unknown", extra={"variable": name, "perhaps": meant})
    match arguments.command:
        case "run":
            return _run(config)
        case "start":
            return _start(config, arguments)
        case "demo":
            return _demo(arguments)
        case "migrate":
            return database.main()
        case _:
            return _audit(config)


if __name__ == "__main__":
    sys.exit(main())
