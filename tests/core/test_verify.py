"""Verifying a record: good ones pass, and whatever is changed in one is named."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import fair_draw
from core.beacon import QUICKNET, BeaconChain, BeaconRound, randomness_of
from core.fair_draw import DrawFacts, Entrants, Record
from core.record_fields import FIELDS
from core.verify import main, verify
from core.verify_report import Status
from sandbox.beacon import Beacon

ROOT = Path(__file__).parents[2]
FROZEN = datetime(2025, 12, 1, tzinfo=UTC)
STAND_IN = Beacon(lambda: FROZEN, secret=b"a beacon for tests")
CHAIN = BeaconChain(STAND_IN.chain_hash, STAND_IN.public_key, STAND_IN.genesis, STAND_IN.period)
KNOWN_SIGNATURE = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"


def make(beacon: dict[str, Any] | None, draw_id: str, frozen: datetime = FROZEN) -> Record:
    """A record with two winners, two reserves and one reroll."""
    entrants = Entrants([9, 10, 99, 100, 101], [1, 20, 3, 4, 7])
    server_seed = bytes(range(32))
    digest = fair_draw.entrants_sha256(entrants.text)
    randomness = beacon["randomness"] if beacon else None
    seed = fair_draw.derive_seed(server_seed, draw_id, digest, randomness)
    drawn = frozen + timedelta(seconds=20)
    event = fair_draw.draw_event(drawn + timedelta(days=2), "reroll", 0, 2, by=5, reason="silent")
    facts = DrawFacts(
        draw_id=draw_id,
        title="November",
        prize="$500",
        guild_id=900,
        mode="beacon" if beacon else "commit",
        opened_at=frozen - timedelta(days=30),
        frozen_at=frozen,
        drawn_at=drawn,
        server_seed=server_seed,
        entrants=entrants,
        excluded=[(77, "left"), (78, "banned")],
        beacon=beacon,
        winners=2,
        picks=fair_draw.picks(seed, entrants, 4),
        events=[event],
    )
    record: Record = json.loads(fair_draw.record_bytes(facts))
    return record


def own_chain_record() -> Record:
    number = CHAIN.first_round_after(FROZEN)
    return make(CHAIN.record(BeaconRound(number, *STAND_IN.sign(number))), "raffle/900/11")


BEACON_RECORD = own_chain_record()
COMMIT_RECORD = make(None, "giveaway/7")
RECORDS = {"beacon": BEACON_RECORD, "commit": COMMIT_RECORD}


def quicknet_record() -> Record:
    """Frozen so that the round of the protocol's known answer is the one to take."""
    drawn = BeaconRound(1000, KNOWN_SIGNATURE, randomness_of(KNOWN_SIGNATURE))
    return make(QUICKNET.record(drawn), "raffle/900/11", QUICKNET.time_of(1000) - timedelta(seconds=11))


def texts(record: object, status: Status, chain: BeaconChain | None = None) -> list[str]:
    return [check.text for check in verify(record, chain).checks if check.status is status]


def test_good_records() -> None:
    assert verify(BEACON_RECORD, CHAIN).ok
    assert texts(BEACON_RECORD, Status.NOTE, CHAIN) == ["the record's chain is not drand quicknet"]
    assert not texts(BEACON_RECORD, Status.SKIPPED, CHAIN)
    assert verify(COMMIT_RECORD).ok
    assert any("no beacon" in text for text in texts(COMMIT_RECORD, Status.NOTE))


def test_a_quicknet_record_needs_no_note() -> None:
    record = quicknet_record()
    assert verify(record).ok
    assert {check.status for check in verify(record).checks} == {Status.OK}


def test_a_record_that_brings_its_own_key_is_noted() -> None:
    assert verify(BEACON_RECORD).ok
    assert any("key in the record itself" in text for text in texts(BEACON_RECORD, Status.NOTE))


def test_another_chain_without_a_key_is_skipped_and_said() -> None:
    record = changed(BEACON_RECORD, "beacon", lambda b: {k: v for k, v in b.items() if k not in OWN})
    assert verify(record).ok
    assert any("public key is not known" in text for text in texts(record, Status.SKIPPED))
    assert not texts(record, Status.SKIPPED, CHAIN)
    assert verify(record, CHAIN).ok


def test_the_report_tells_winners_tickets_and_odds() -> None:
    text = verify(COMMIT_RECORD).render()
    first, second, third = COMMIT_RECORD["picks"][:3]
    held = dict(COMMIT_RECORD["entrants"])
    left = 35 - held[first["id"]]
    odds = f"{held[second['id']]} of {left} tickets ({held[second['id']] / left:.4%})"
    assert f"2. {second['id']} with ticket {second['ticket']}, {odds}" in text
    assert f"1. {third['id']} with ticket {third['ticket']}" in text
    assert f"(reserve, in place of {first['id']})" in text
    assert text.endswith("VERIFIED")


def test_a_record_of_another_implementation_has_no_checksums() -> None:
    record = {name: value for name, value in COMMIT_RECORD.items() if name != "checksums"}
    assert verify(record).ok
    assert any("has none" in text for text in texts(record, Status.NOTE))


# Every byte of meaning: whatever is changed, the field is named.

OWN = ("public_key", "genesis", "period")


def leaf_changes(value: object) -> Iterator[object]:
    """Other values in the place of a leaf: for a text its characters, one by one; of a long one every ninth."""
    if isinstance(value, str):
        for index in range(0, len(value), 1 if len(value) <= 12 else 9):
            yield value[:index] + ("1" if value[index] == "0" else "0") + value[index + 1 :]
            yield value[:index] + value[index + 1 :]
        yield from (value + "0", value + " ", value.swapcase() + "\u200f", None, [value])
    elif isinstance(value, int):
        yield from (value + 1, value - 1, -value - 1, str(value), float(value), value == 1, None, 10**400)
    else:
        yield from (0, "", {}, [])


def mutations(value: Any) -> Iterator[Any]:
    """Every copy of the value with one leaf, key or item changed."""
    if isinstance(value, dict):
        for name in value:
            rest = {key: item for key, item in value.items() if key != name}
            yield rest
            yield from ({**rest, other: value[name]} for other in (name + "x", name[:-1] + "~", name.upper()))
            yield from ({**value, name: item} for item in mutations(value[name]))
        yield {**value, "more": 1}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            yield [*value, item]
            yield from ([*value[:index], other, *value[index + 1 :]] for other in mutations(item))
        if len(value) > 1:
            yield value[::-1]
    else:
        yield from leaf_changes(value)


CASES = [(kind, name) for kind, record in RECORDS.items() for name in record]


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_whatever_is_changed_is_named(kind: str, name: str) -> None:
    record = RECORDS[kind]
    values = list(mutations(record[name]))
    assert len(values) > 2
    for value in values:
        assert name in verify({**record, name: value}, CHAIN).failed, value


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_renamed_or_missing_field_is_named(kind: str, name: str) -> None:
    rest = {key: value for key, value in RECORDS[kind].items() if key != name}
    for index in range(len(name)):
        other = name[:index] + "~" + name[index + 1 :]
        failed = verify({**rest, other: RECORDS[kind][name]}, CHAIN).failed
        assert other in failed
        assert name in failed or name == "checksums"
    assert (name in verify(rest, CHAIN).failed) == (name != "checksums")


def changed(record: Record, name: str, change: Callable[[Any], Any]) -> Record:
    return resealed(record, name, change(copy.deepcopy(record[name])))


def resealed(record: Record, name: str, value: object) -> Record:
    """A forger's change: the field with its checksum made to fit."""
    sums = record["checksums"] | {name: fair_draw.checksum(value)}
    return {**record, name: value, "checksums": sums}


BOUND = ["protocol", "draw_id", "mode", "commitment", "server_seed", "seed"]
BOUND += ["entrants", "entrants_sha256", "total_tickets"]


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in RECORDS for name in BOUND])
def test_what_the_draw_rests_on_cannot_be_changed_with_its_checksum(kind: str, name: str) -> None:
    for value in mutations(RECORDS[kind][name]):
        assert not verify(resealed(RECORDS[kind], name, value), CHAIN).ok, value


def put(**fields: Any) -> Callable[[Any], Any]:
    return lambda value: {**value, **fields}


def at(index: int, **fields: Any) -> Callable[[Any], Any]:
    return lambda rows: [*rows[:index], {**rows[index], **fields}, *rows[index + 1 :]]


ROUND = BEACON_RECORD["beacon"]["round"]
FORGERIES: list[tuple[str, Callable[[Any], Any]]] = [
    ("opened_at", lambda _: "2025-12-01T00:00:00.000001Z"),
    ("frozen_at", lambda _: "2025-12-01T00:00:30Z"),
    ("drawn_at", lambda _: "2025-11-30T23:59:59Z"),
    ("drawn_at", lambda _: "2025-12-01T00:00:09Z"),
    ("guild_id", lambda _: "901"),
    ("excluded", at(0, id="9")),
    ("excluded", at(0, id="78")),
    ("picks", lambda rows: rows[:1]),
    ("picks", lambda rows: rows[::-1]),
    ("picks", at(3, ticket=2)),
    ("winners", lambda _: 5),
    ("winners", lambda _: 0),
    ("events", at(0, position=2)),
    ("events", at(0, replaced_by=3)),
    ("events", at(0, replaced_by=1)),
    ("events", at(0, kind="whim")),
    ("events", at(0, at="2025-12-01T00:00:19Z")),
    ("events", lambda rows: rows * 3),
    ("beacon", lambda _: None),
    ("beacon", put(network="drand quicknet")),
    ("beacon", put(chain_hash=QUICKNET.chain_hash)),
    ("beacon", put(round=ROUND + 1)),
    ("beacon", put(round=2**63 - 1)),
    ("beacon", put(period=4)),
    ("beacon", put(genesis=STAND_IN.genesis + 3)),
    ("beacon", put(public_key=QUICKNET.public_key)),
    ("beacon", put(randomness="0" * 64)),
    ("beacon", lambda b: b | dict(zip(("signature", "randomness"), STAND_IN.sign(ROUND + 1), strict=True))),
]


@pytest.mark.parametrize(("name", "change"), FORGERIES)
def test_a_forgery_with_its_checksum_made_to_fit(name: str, change: Callable[[Any], Any]) -> None:
    assert not verify(changed(BEACON_RECORD, name, change), CHAIN).ok


def test_a_key_of_ones_own_does_not_pass_for_a_trusted_chain() -> None:
    forger = Beacon(lambda: FROZEN, secret=b"somebody else")
    signature, randomness = forger.sign(ROUND)
    fields = CHAIN.record(BeaconRound(ROUND, signature, randomness)) | {"public_key": forger.public_key}
    record = make(fields, "raffle/900/11")
    assert verify(record).ok
    assert verify(record, CHAIN).failed == ["beacon"]


def test_constants_that_no_chain_has() -> None:
    record = changed(BEACON_RECORD, "beacon", put(genesis=2**62))
    assert verify(record).failed == ["beacon"]


def test_the_end_of_time() -> None:
    record = changed(BEACON_RECORD, "frozen_at", lambda _: "9999-12-31T23:59:59Z")
    assert "beacon" in verify(record, CHAIN).failed


def test_fewer_entrants_than_prizes() -> None:
    record = COMMIT_RECORD | {"winners": 9, "events": []}
    del record["checksums"]
    assert verify(record).failed == ["winners"]
    seed = bytes.fromhex(record["seed"])
    entrants = Entrants.from_pairs((int(entrant), tickets) for entrant, tickets in record["entrants"])
    everybody = fair_draw.picks(seed, entrants, 9)
    record["picks"] = [{"id": str(pick.id), "ticket": pick.ticket} for pick in everybody]
    assert verify(record).ok


# Input of any kind.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.thorough
@given(json_values)
def test_arbitrary_json_never_raises(value: object) -> None:
    report = verify(value)
    assert not report.ok
    assert "NOT VERIFIED" in report.render()


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from([*FIELDS, "checksums"]), json_values, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_arbitrary_fields_in_a_good_record_never_raise(fields: dict[str, Any]) -> None:
    verify({**BEACON_RECORD, **fields}, CHAIN).render()


@pytest.mark.thorough
@given(st.sampled_from(["beacon", "events", "excluded", "picks", "entrants"]), st.data())
def test_arbitrary_values_inside_never_raise(name: str, data: st.DataObject) -> None:
    value = copy.deepcopy(BEACON_RECORD[name])
    inner = value if isinstance(value, dict) else data.draw(st.sampled_from(value))
    keys = list(inner) if isinstance(inner, dict) else [0, 1]
    inner[data.draw(st.sampled_from(keys))] = data.draw(json_values)
    verify({**BEACON_RECORD, name: value}, CHAIN).render()


def test_a_deep_value_never_raises() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "title" in verify({**COMMIT_RECORD, "title": deep}).failed


# The command.


def saved(path: Path, record: Record) -> Path:
    file = path / "record.json"
    file.write_text(json.dumps(record, indent=1))
    return file


def test_the_command_accepts_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(saved(tmp_path, BEACON_RECORD), STAND_IN.environ("http://127.0.0.1")) == 0
    assert capsys.readouterr().out.rstrip().endswith("VERIFIED")
    assert main(saved(tmp_path, {**BEACON_RECORD, "prize": "$5000"}), {}) == 1
    assert "NOT VERIFIED: prize" in capsys.readouterr().out


UNREADABLE = [b"", b"{", b"\xff\xff", b"<html>", b'{"a": 1, "a": 2}', b"[" * 100_000, b"1" * 5000]


@pytest.mark.parametrize("content", UNREADABLE)
def test_an_unreadable_file_is_one_line(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "record.json"
    file.write_bytes(content)
    assert main(file, {}) == 2
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_no_file_and_a_bad_chain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path / "none.json", {}) == 2
    assert main(saved(tmp_path, COMMIT_RECORD), {"DRAND_PERIOD": "3"}) == 2
    assert "DRAND_CHAIN_HASH" in capsys.readouterr().out


@pytest.mark.thorough
def test_any_byte_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every third byte replaced: the record says the same, or is refused."""
    written, file = json.dumps(COMMIT_RECORD, indent=1).encode(), tmp_path / "record.json"
    for index in range(0, len(written), 3):
        content = written[:index] + b"7" + written[index + 1 :]
        file.write_bytes(content)
        if main(file, {}) == 0:
            assert json.loads(content) == COMMIT_RECORD
    capsys.readouterr()


def test_nothing_in_a_record_steers_a_terminal() -> None:
    record = changed(COMMIT_RECORD, "title", lambda _: "\x1b[2J\u202e\ud83d\n")
    text = verify(record).render()
    assert verify(record).ok
    assert not set(text) & {"\x1b", "\u202e", "\ud83d"}


STDLIB_ONLY = """
import sys
sys.path.insert(0, sys.argv[1])
from core.verify import main
code = main(sys.argv[2], {})
foreign = {"aiohttp", "py_arkworks_bls12381", "discord", "sqlalchemy"} & set(sys.modules)
assert not foreign, foreign
sys.exit(code)
"""


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_standard_library_is_enough(tmp_path: Path, encoding: str) -> None:
    file = saved(tmp_path, changed(BEACON_RECORD, "title", lambda _: "نوفمبر"))
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-c", STDLIB_ONLY, str(ROOT), str(file)],
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    assert b"skipped: py-arkworks-bls12381 is not installed" in done.stdout
    assert done.stdout.rstrip().endswith(b"VERIFIED")
