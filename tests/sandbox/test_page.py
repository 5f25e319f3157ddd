"""The page as it is served: its policy, its words, its scripts, and that it asks nobody else."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from core import fair_draw
from sandbox import page
from sandbox.affiliate import Trouble
from sandbox.app import Sandbox
from sandbox.driver import Discord
from sandbox.panels import SENT_LINES
from sandbox.run import Demo
from tests.patience import FACTOR

NODE = shutil.which("node")
OUTSIDE = re.compile(r"""(?:src|href|url|import|from|fetch|EventSource)\W{0,4}["'(]\s*(?:https?:)?//""")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    found = Sandbox()
    await found.start()
    yield found
    await found.stop()


async def fetch(sandbox: Sandbox, path: str, **more: Any) -> tuple[int, Mapping[str, str], bytes]:
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + path, **more) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_the_page_may_talk_to_this_server_only(sandbox: Sandbox) -> None:
    status, headers, body = await fetch(sandbox, "/")
    assert status == 200
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src")} == {"'self'"}
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{sandbox.port}"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<title>" in body


async def test_every_file_is_served_with_its_type_and_cached_by_its_tag(sandbox: Sandbox) -> None:
    for name, path in page.files().items():
        status, headers, body = await fetch(sandbox, f"/static/{name}")
        assert status == 200, name
        assert headers["Content-Type"].startswith(page.TYPES[path.suffix]), name
        assert body == path.read_bytes(), name
        again, _, _ = await fetch(sandbox, f"/static/{name}", headers={"If-None-Match": headers["ETag"]})
        assert again == 304, name


@pytest.mark.parametrize("name", ["../page.py", "..%2fpage.py", "js/../../page.py", "nothing.js", "%2fetc%2fpasswd"])
async def test_nothing_outside_the_folder_is_served(sandbox: Sandbox, name: str) -> None:
    status, _, body = await fetch(sandbox, f"/static/{name}")
    assert status == 404
    assert b"add_routes" not in body


def test_no_file_asks_another_server() -> None:
    for name, path in page.files().items():
        text = path.read_text()
        assert not OUTSIDE.search(text), name
        assert "innerHTML" not in text, name
        assert "eval(" not in text, name
        assert len(text.splitlines()) < 400, name


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(str(value))
            if name == "style" or name.startswith("on"):
                self.inline.append(name)


def test_the_document_names_files_that_exist_and_nothing_inline() -> None:
    tags = _Tags()
    tags.feed(page.files()["index.html"].read_text())
    assert not tags.inline
    assert tags.addresses
    assert {one.removeprefix("/static/") for one in tags.addresses} <= set(page.files())


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(page.files()[f"lang/{language}.json"].read_text())
    return found


def test_both_languages_say_the_same_things() -> None:
    english, arabic = words("en"), words("ar")
    assert list(english) == list(arabic)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", arabic[key])), key
        assert set(re.findall(r"`[^`]+`", text)) == set(re.findall(r"`[^`]+`", arabic[key])), key
    same = {key for key in english if english[key] == arabic[key]}
    assert not same


def test_every_word_that_is_used_exists() -> None:
    used = set()
    for name, path in page.files().items():
        if name.endswith(".js"):
            used |= set(re.findall(r"""\bt\("([\w.]+)\"""", path.read_text()))
        if name.endswith(".html"):
            used |= set(re.findall(r'data-t(?:-label)?="([\w.]+)"', path.read_text()))
    assert len(used) > 100
    assert used <= set(words("en"))


def test_every_trouble_of_the_wager_feed_can_be_chosen() -> None:
    script = page.files()["js/panels/wagers.js"].read_text()
    listed = re.search(r"TROUBLES = (\[.*\]);", script)
    assert listed
    assert set(json.loads(listed.group(1))) == set(get_args(Trouble))
    assert {f"wagers.trouble_{one or 'none'}" for one in get_args(Trouble)} <= set(words("en"))


def test_every_part_of_the_tour_has_its_words() -> None:
    script = page.files()["js/tour.js"].read_text()
    steps = re.findall(r'name: "(\w+)"', script)
    assert steps == ["link", "chat", "gift", "tickets", "wager", "draw", "verify", "giveaway"]
    parts = re.findall(r'key: "(\w+)"', script)
    known = words("en")
    assert all(f"tour.{step}" in known and f"tour.{step}.why" in known for step in steps)
    assert sum(any(f"tour.{step}.{part}" in known for step in steps) for part in parts) == len(parts)


PARSE = """
import { readFileSync } from "node:fs";
import { SourceTextModule } from "node:vm";
for (const [name, text] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  try { new SourceTextModule(text); } catch (error) { console.log(`${name}: ${error}`); }
}
"""


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_every_script_parses() -> None:
    scripts = {name: path.read_text() for name, path in page.files().items() if name.endswith(".js")}
    command = [str(NODE), "--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e", PARSE]
    done = subprocess.run(command, input=json.dumps(scripts), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


# -- the draw, checked in the browser --------------------------------------------------------------

CHECK = """
import { readFileSync } from "node:fs";
const { picksOf, seedOf, sound, standing, verifyRecord } = await import(process.argv[1]);
const { records, vectors } = JSON.parse(readFileSync(0, "utf8"));
const told = [];
for (const record of records) {
  const checks = await verifyRecord(record);
  const bad = checks.filter((one) => one.ok === false).map((one) => one.name);
  told.push({ sound: sound(checks), bad, winners: standing(record).map((one) => one.id) });
}
const computed = [];
for (const one of vectors) {
  const facts = { ...one, mode: "beacon", beacon: { randomness: one.beacon_randomness ?? "-" } };
  const seed = await seedOf(facts, one.entrants_sha256);
  computed.push({ seed, picks: await picksOf(one.seed, one.entrants, one.picks.length) });
}
console.log(JSON.stringify({ told, computed }));
"""
VECTORS = Path(__file__).resolve().parent.parent / "core" / "draw_vectors.json"
SEED = bytes(range(32))
AT = datetime(2026, 9, 1, tzinfo=UTC)


def record_of(mode: str, holdings: dict[int, int], winners: int) -> dict[str, Any]:
    """A record as the bot makes it, with invented randomness."""
    entrants = fair_draw.Entrants.from_pairs(holdings.items())
    signature = "ab" * 48
    randomness = hashlib.sha256(bytes.fromhex(signature)).hexdigest() if mode == "beacon" else None
    beacon = {"network": "sandbox", "round": 7, "signature": signature, "randomness": randomness}
    digest = fair_draw.entrants_sha256(entrants.text)
    seed = fair_draw.derive_seed(SEED, "raffle/900/1", digest, randomness)
    facts = fair_draw.DrawFacts(
        draw_id="raffle/900/1", title="September 2026", prize="", guild_id=900, mode=mode, opened_at=AT, frozen_at=AT,
        drawn_at=AT, server_seed=SEED, entrants=entrants, excluded=[], beacon=beacon if mode == "beacon" else None,
        winners=winners, picks=fair_draw.picks(seed, entrants, winners + 1),
    )  # fmt: skip
    made: dict[str, Any] = json.loads(fair_draw.record_bytes(facts))
    return made


def in_node(records: list[dict[str, Any]], vectors: list[dict[str, Any]]) -> dict[str, Any]:
    script = page.files()["js/verify.js"].as_uri()
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", CHECK, script],
        input=json.dumps({"records": records, "vectors": vectors}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


HOLDINGS = {9: 1, 10: 1, 77: 120, 1234567890123456789: 35}
TAMPERED: dict[str, dict[str, Any]] = {
    "commitment": {"server_seed": "11" * 32},
    "entrants": {"total_tickets": 1},
    "randomness": {"beacon": {"signature": "cd" * 48, "randomness": "00" * 32}},
    "seed": {"seed": "22" * 32},
    "picks": {"picks": [{"id": "9", "ticket": 1}, {"id": "10", "ticket": 2}, {"id": "77", "ticket": 3}]},
    "protocol": {"protocol": 2},
}


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_browser_finds_true_records_sound_and_names_what_was_changed() -> None:
    good = [record_of(mode, HOLDINGS, 2) for mode in ("beacon", "commit")]
    changed = [{**record_of("beacon", HOLDINGS, 2), **change} for change in TAMPERED.values()]
    told = in_node([*good, *changed], [])["told"]
    for record, one in zip(good, told, strict=False):
        assert one == {"sound": True, "bad": [], "winners": [pick["id"] for pick in record["picks"][:2]]}
    for name, one in zip(TAMPERED, told[2:], strict=True):
        assert name in one["bad"], (name, one)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_browser_reproduces_the_protocols_vectors() -> None:
    vectors = json.loads(VECTORS.read_text())
    for one, found in zip(vectors, in_node([], vectors)["computed"], strict=True):
        assert found["seed"] == one["seed"]
        assert found["picks"] == one["picks"]


# -- the panels ------------------------------------------------------------------------------------


async def post(sandbox: Sandbox, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(sandbox.url + path, json=body) as answer:
        return answer.status, await answer.json()


async def panels(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await fetch(sandbox, "/panels/state"))[2])
    return found


async def test_the_panels_show_kicks_chat_once_for_each_thing_said(sandbox: Sandbox) -> None:
    await sandbox.kick.go_live()
    await sandbox.kick.chat("viewer1", "hello", badges=("vip",))
    await sandbox.kick.gift("viewer2", 250)
    await sandbox.kick.gift("viewer2", 3, anonymous=True, correlated=False)
    lines = [{key: one[key] for key in one if key != "number"} for one in (await panels(sandbox))["lines"]]
    assert lines[0] == {"kind": "live"}
    assert lines[1] == {"kind": "chat", "who": "viewer1", "text": "hello", "badges": ["vip"]}
    assert [(one["who"], one["count"]) for one in lines[2:]] == [("viewer2", 250), ("Anonymous", 3)]


@pytest.mark.thorough
async def test_a_crowd_leaves_the_newest_lines_only(sandbox: Sandbox) -> None:
    await sandbox.kick.crowd(5000)
    lines = (await panels(sandbox))["lines"]
    assert len(lines) == SENT_LINES
    assert lines[-1]["who"] == "viewer_5000"


async def test_the_events_tell_what_changed_and_nothing_else(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.url + "/panels/socket") as stream:
        first = await stream.receive_json()
        assert set(first) == {"kick", "wagers", "beacon", "faults", "clock"}
        await sandbox.kick.chat("viewer1", "hello")
        changed = await stream.receive_json()
        assert [one["text"] for one in changed["lines"]] == ["hello"]
        assert "wagers" not in changed
        await post(sandbox, "/affiliate/control/turn", {"username": "viewer1", "amount": "12.50"})
        assert {"who": "viewer1", "amount": "12.50"} in (await stream.receive_json())["wagers"]["rows"]
        await post(sandbox, "/clock", {"speed": 60})
        assert (await stream.receive_json())["clock"]["speed"] == 60


@pytest.mark.parametrize("path", ["/panels/socket", "/discord/control/socket?as=viewer1"])
async def test_the_sockets_are_for_the_servers_own_page(sandbox: Sandbox, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(sandbox.url + path, headers={"Origin": sandbox.url}) as own:
            assert await own.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(sandbox.url + path, headers={"Origin": "https://elsewhere.example"})
    assert refused.value.status == 403


SAY = "/discord/control/act/say"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (SAY, {}, 200), (SAY, {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"}, 200),
        (SAY, {"Origin": "http://evil.example"}, 403), (SAY, {"Origin": "null"}, 403),
        (SAY, {"Host": "evil.example"}, 403), (SAY, {"Host": "evil.example:80", "Origin": "http://evil.example"}, 403),
        (SAY, {"Sec-Fetch-Site": "cross-site"}, 403), (SAY, {"Sec-Fetch-Site": "same-site"}, 403),
        (SAY, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ("/clock", {"Origin": "http://evil.example"}, 403), ("/clock", {"Origin": "https://kick.com"}, 403),
    ],
)  # fmt: skip
async def test_no_other_page_drives_the_sandbox(
    sandbox: Sandbox, path: str, headers: dict[str, str], status: int
) -> None:
    """Neither by a form or script of its own, nor under a name that it turned to this machine."""
    said = {"as": "viewer1", "channel": "general", "content": "hello"} if path == SAY else {"speed": 60}
    own = {name: value.replace("{own}", sandbox.url) for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(sandbox.url + path, data=json.dumps(said), headers=own) as answer,
    ):
        assert answer.status == status
    channel = next(one for one in sandbox.discord.channels.values() if one.name == "general")
    assert len([m for m in channel.messages.values() if m.content == "hello"]) == (status == 200)
    assert sandbox.clock.speed == 1


async def test_the_sandbox_is_looked_at_under_this_machines_names_and_by_links(sandbox: Sandbox) -> None:
    local = {"Host": f"localhost:{sandbox.port}"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for headers, status in ((local, 200), (link, 200), ({"Host": "evil.example"}, 403), ({"Host": "[bad"}, 403)):
        assert (await fetch(sandbox, "/", headers=headers))[0] == status
    assert (await fetch(sandbox, "/discord/control/state", headers={"Sec-Fetch-Site": "cross-site"}))[0] == 403


def test_the_demos_folder_is_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    Demo(folder).save()
    assert [one.stat().st_mode & 0o777 for one in (folder, folder / "world.json")] == [0o700, 0o600]


async def test_a_persons_socket_tells_what_that_person_sees(sandbox: Sandbox) -> None:
    path = sandbox.url + "/discord/control/socket?as="
    async with aiohttp.ClientSession() as session, Discord(f"{sandbox.url}/discord", patience=FACTOR) as discord:
        async with session.ws_connect(path + "viewer1") as viewer, session.ws_connect(path + "moderator") as mod:
            assert [(await one.receive_json())["name"] for one in (viewer, mod)] == ["WATCHING", "WATCHING"]
            await discord.as_user("moderator").say("mods", "for the team")
            await discord.as_user("moderator").say("general", "for all")
            assert (await viewer.receive_json())["data"]["content"] == "for all"
            assert (await mod.receive_json())["data"]["content"] == "for the team"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(path + "nobody")


async def test_the_beacon_is_turned(sandbox: Sandbox) -> None:
    assert await post(sandbox, "/panels/beacon", {"mode": "delayed", "seconds": 90}) == (
        200,
        {"mode": "delayed", "seconds": 90.0},
    )
    assert sandbox.beacon.newest() == int((sandbox.clock.now().timestamp() - 90 - sandbox.beacon.genesis) // 3) + 1
    assert (await post(sandbox, "/panels/beacon", {"mode": "down"}))[0] == 200
    assert sandbox.beacon.mode.name == "down"


@pytest.mark.parametrize(
    "body", [{}, {"mode": "off"}, {"mode": "delayed", "seconds": -1}, {"mode": "delayed", "seconds": "x"}]
)
async def test_nonsense_leaves_the_beacon_as_it_is(sandbox: Sandbox, body: dict[str, Any]) -> None:
    status, answer = await post(sandbox, "/panels/beacon", body)
    assert status == 409
    assert answer["error"]
    assert sandbox.beacon.mode.name == "running"
