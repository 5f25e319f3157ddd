"""Draw protocol 1 against its vectors, a naive drum, and records as they are written."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import fair_draw
from core.fair_draw import DrawFacts, Entrants, Pick

VECTORS = json.loads((Path(__file__).parent / "draw_vectors.json").read_text())
SEED = bytes(range(32))
NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)

drums = st.dictionaries(st.integers(1, 2**64 - 1), st.integers(1, 40), min_size=1, max_size=40)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["draw_id"] for vector in VECTORS])
def test_vectors(vector: dict[str, Any]) -> None:
    server_seed = bytes.fromhex(vector["server_seed"])
    pairs = ((int(entrant), tickets) for entrant, tickets in reversed(vector["entrants"]))
    text = Entrants.from_pairs(pairs).text
    entrants = fair_draw.parse_entrant_text(text)
    digest = fair_draw.entrants_sha256(text)
    seed = fair_draw.derive_seed(server_seed, vector["draw_id"], digest, vector["beacon_randomness"])
    found = fair_draw.picks(seed, entrants, len(vector["picks"]))

    assert fair_draw.commitment(server_seed) == vector["commitment"]
    assert digest == vector["entrants_sha256"]
    assert entrants.total == vector["total_tickets"]
    assert seed.hex() == vector["seed"]
    assert [{"id": str(pick.id), "ticket": pick.ticket} for pick in found] == vector["picks"]


def naive_picks(seed: bytes, drum: dict[int, int], count: int) -> list[Pick]:
    """One list element for each ticket, as the protocol's text describes it."""
    left = [entrant for entrant in sorted(drum) for _ in range(drum[entrant])]
    numbered = list(enumerate(left, 1))
    found = []
    for index in range(min(count, len(drum))):
        attempt = 0
        while True:
            message = f"{index}:{attempt}".encode()
            value = int.from_bytes(hmac.new(seed, message, hashlib.sha256).digest(), "big")
            if value < 2**256 - (2**256 % len(numbered)):
                break
            attempt += 1
        ticket, holder = numbered[value % len(numbered)]
        found.append(Pick(index, holder, ticket))
        numbered = [row for row in numbered if row[1] != holder]
    return found


@given(drums, st.binary(min_size=32, max_size=32), st.integers(0, 50))
def test_picks_equal_the_naive_drum(drum: dict[int, int], seed: bytes, count: int) -> None:
    assert fair_draw.picks(seed, Entrants.from_pairs(drum.items()), count) == naive_picks(seed, drum, count)


@given(drums, st.binary(min_size=32, max_size=32))
def test_picks_take_everybody_once_and_a_ticket_of_their_own(drum: dict[int, int], seed: bytes) -> None:
    entrants = Entrants.from_pairs(drum.items())
    found = fair_draw.picks(seed, entrants, len(drum) + 3)

    assert sorted(pick.id for pick in found) == sorted(drum)
    assert [pick.index for pick in found] == list(range(len(drum)))
    for pick in found:
        before = sum(tickets for entrant, tickets in drum.items() if entrant < pick.id)
        assert before < pick.ticket <= before + drum[pick.id]
    assert fair_draw.picks(seed, entrants, 2) == found[:2]


def test_a_value_in_the_incomplete_stretch_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {b"0:0": b"\xff" * 32, b"0:1": (2**256 - 2).to_bytes(32, "big"), b"0:2": bytes(31) + b"\x02"}
    monkeypatch.setattr(hmac, "digest", lambda _key, message, _name: answers[message])
    # 2^256 mod 7 = 2: the two highest values are refused.
    assert fair_draw.picks(SEED, Entrants([5, 6], [2, 5]), 1) == [Pick(0, 6, 3)]


@pytest.mark.thorough
def test_a_large_draw_of_everybody() -> None:
    entrants = Entrants.from_pairs((number, number % 9 + 1) for number in range(1, 10_001))
    found = fair_draw.picks(SEED, entrants, 10_000)
    assert len({pick.id for pick in found}) == 10_000


def test_nobody_and_nothing() -> None:
    assert Entrants.from_pairs([]).text == b""
    assert fair_draw.picks(SEED, fair_draw.parse_entrant_text(b""), 3) == []
    assert fair_draw.picks(SEED, Entrants([1], [1]), 0) == []
    with pytest.raises(ValueError, match="0 or more"):
        fair_draw.picks(SEED, Entrants([1], [1]), -1)


def test_entrant_text_is_sorted_by_number() -> None:
    assert Entrants.from_pairs([(100, 2), (9, 1), (10, 3)]).text == b"9 1\n10 3\n100 2\n"


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 0)],
        [(1, -5)],
        [(1, 2), (1, 3)],
        [(1, 2), (1, 2)],
        [(0, 1)],
        [(-1, 1)],
        [(2**64, 1)],
        [(1, 2**63)],
        [(1, 2**62), (2, 2**62)],
    ],
)
def test_bad_pairs(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        assert Entrants.from_pairs(pairs).text


@given(drums)
def test_the_text_reads_back(drum: dict[int, int]) -> None:
    text = Entrants.from_pairs(drum.items()).text
    entrants = fair_draw.parse_entrant_text(text)
    assert dict(zip(entrants.ids, entrants.tickets, strict=True)) == drum
    assert Entrants(entrants.ids, entrants.tickets).text == text == entrants.text
    assert all(entrants.tickets_of(entrant) == tickets for entrant, tickets in drum.items())
    assert entrants.tickets_of(max(drum) + 1) == 0


def test_a_text_of_many_blocks_reads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_draw, "_BLOCK_BYTES", 7)
    monkeypatch.setattr(fair_draw, "_BLOCK_ROWS", 3)
    pairs = [(number * number, number) for number in range(1, 60)]
    text = b"".join(b"%d %d\n" % pair for pair in pairs)
    entrants = fair_draw.parse_entrant_text(text)
    assert list(zip(entrants.ids, entrants.tickets, strict=True)) == pairs
    assert Entrants.from_pairs(pairs).text == text


CANONICAL = b"9 1\n10 12\n"


@pytest.mark.parametrize(
    "text",
    [
        b"9 1",
        b"9 1\n10 12",
        b"9 1\n\n10 12\n",
        b"9  1\n",
        b" 9 1\n",
        b"9 1 \n",
        b"9 1\r\n",
        b"9 1\n 10\n",
        b"9 \n",
        b"9\n",
        b"9 1 2\n",
        b"09 1\n",
        b"9 01\n",
        b"9 0\n",
        b"0 1\n",
        b"9 +1\n",
        b"9 -1\n",
        b"9 1_0\n",
        b"9 \xd9\xa1\n",
        b"10 1\n9 1\n",
        b"9 1\n9 1\n",
        b"18446744073709551616 1\n",
        b"9 9223372036854775808\n",
        b"9 " + b"1" * 5000 + b"\n",
        b"\n",
        b" \n",
    ],
)
def test_only_the_canonical_text_is_read(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fair_draw.parse_entrant_text(text)


def test_a_text_without_its_last_line_end_is_refused_by_its_shape() -> None:
    for text in (b"1 2\n3", b"1 2\n3 4", b"1"):
        with pytest.raises(ValueError, match="and nothing else"):
            fair_draw.parse_entrant_text(text)


def test_a_text_is_cut_into_pieces_in_bounded_time() -> None:
    assert list(fair_draw._line_blocks(b"1 2\n3")) == [b"1 2\n3"]


@given(st.integers(0, len(CANONICAL) - 1), st.integers(0, 255))
def test_what_is_read_is_what_is_written(position: int, byte: int) -> None:
    text = CANONICAL[:position] + bytes([byte]) + CANONICAL[position + 1 :]
    try:
        entrants = fair_draw.parse_entrant_text(text)
    except ValueError:
        return
    assert Entrants(entrants.ids, entrants.tickets).text == text


@pytest.mark.parametrize(
    ("server_seed", "draw_id", "digest", "randomness"),
    [
        (bytes(31), "raffle/1/1", "0" * 64, None),
        (bytes(32), "raffle 1", "0" * 64, None),
        (bytes(32), "", "0" * 64, None),
        (bytes(32), "raffle/\u0661", "0" * 64, None),
        (bytes(32), "raffle/1/1", "A" * 64, None),
        (bytes(32), "raffle/1/1", "0" * 64, "-"),
        (bytes(32), "raffle/1/1", "0" * 64, "F" * 64),
    ],
)
def test_bad_seed_material(server_seed: bytes, draw_id: str, digest: str, randomness: str | None) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fair_draw.derive_seed(server_seed, draw_id, digest, randomness)


def test_an_empty_randomness_is_no_commit_mode() -> None:
    with pytest.raises(ValueError, match="randomness"):
        fair_draw.derive_seed(bytes(32), "raffle/1/1", "0" * 64, "")


def test_a_short_seed_has_no_commitment() -> None:
    with pytest.raises(ValueError, match="32"):
        fair_draw.commitment(b"short")


def test_times_are_written_in_utc_and_read_back() -> None:
    cairo = timezone(timedelta(hours=2))
    assert fair_draw.utc_text(datetime(2025, 11, 1, 2, tzinfo=cairo)) == "2025-11-01T00:00:00Z"
    fine = NOON.replace(microsecond=120)
    assert fair_draw.utc_text(fine) == "2025-11-01T12:00:00.000120Z"
    assert fair_draw.parse_utc(fair_draw.utc_text(fine)) == fine
    with pytest.raises(ValueError, match="aware"):
        fair_draw.utc_text(datetime(2025, 11, 1))  # noqa: DTZ001 - a naive moment is the point


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-01",
        "2025-11-01 00:00:00Z",
        "2025-11-01T00:00:00",
        "2025-11-01T00:00:00+00:00",
        "20251101T000000Z",
    ],
)
def test_other_ways_to_write_a_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="written"):
        fair_draw.parse_utc(text)


def facts(**changes: Any) -> DrawFacts:
    entrants = Entrants([9, 10, 99, 100], [1, 2, 3, 4])
    base = DrawFacts(
        draw_id="raffle/900/11",
        title="نوفمبر ],[ \ud83d",
        prize='"$500"',
        guild_id=900,
        mode="commit",
        opened_at=NOON,
        frozen_at=NOON + timedelta(days=1),
        drawn_at=NOON + timedelta(days=1, seconds=12),
        server_seed=SEED,
        entrants=entrants,
        excluded=[(77, "left the server")],
        beacon=None,
        winners=1,
        picks=[],
    )
    seed = fair_draw.derive_seed(SEED, base.draw_id, fair_draw.entrants_sha256(entrants.text), None)
    return replace(base, **{"picks": fair_draw.picks(seed, entrants, 3), **changes})


def written(given_facts: DrawFacts) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(fair_draw.record_bytes(given_facts))
    return made


def test_the_record_reads_as_the_protocol_says() -> None:
    record = written(facts())
    assert record["protocol"] == 1
    assert record["guild_id"] == "900"
    assert record["opened_at"] == "2025-11-01T12:00:00Z"
    assert record["entrants"] == [["9", 1], ["10", 2], ["99", 3], ["100", 4]]
    assert record["total_tickets"] == 10
    assert record["excluded"] == [{"id": "77", "reason": "left the server"}]
    assert record["beacon"] is None
    assert record["server_seed"] == SEED.hex()
    assert record["commitment"] == hashlib.sha256(SEED).hexdigest()
    assert len(record["picks"]) == 3
    assert record["checksums"].keys() == record.keys() - {"checksums"}
    for name, digest in record["checksums"].items():
        assert digest == fair_draw.checksum(record[name]), name


@pytest.mark.parametrize("entrants", [Entrants([9, 10], [1, 2]), Entrants([9], [1]), Entrants([], [])])
def test_however_many_entrants_the_record_is_json(entrants: Entrants) -> None:
    rows = [[str(entrant), tickets] for entrant, tickets in zip(entrants.ids, entrants.tickets, strict=True)]
    assert written(facts(entrants=entrants, picks=[]))["entrants"] == rows


def test_a_written_record_is_for_people() -> None:
    lines = fair_draw.record_bytes(facts()).decode().splitlines()
    assert ' "mode": "commit",' in lines
    assert '  ["10",2],' in lines
    assert '  ["100",4]' in lines
    assert any("نوفمبر" in line for line in lines)


@pytest.mark.parametrize("changes", [{"mode": "beacon"}, {"mode": "magic"}, {"beacon": {"randomness": "0" * 64}}])
def test_mode_and_beacon_belong_together(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mode"):
        written(facts(**changes))


def test_a_reroll_is_an_event_of_the_record() -> None:
    first = fair_draw.draw_event(NOON + timedelta(days=3), "reroll", 0, 1, by=5, reason="no answer")
    second = fair_draw.draw_event(NOON + timedelta(days=4), "disqualified", 0, 2, by=5, reason="second account")
    plain, record = written(facts()), written(facts(events=[first, second]))
    assert (plain["events"], record["events"]) == ([], [first, second])
    assert record["checksums"]["events"] == fair_draw.checksum([first, second])
    assert record["checksums"]["picks"] == plain["checksums"]["picks"]
    assert fair_draw.standing(record["picks"], record["winners"], record["events"]) == [record["picks"][2]]


def test_an_event_has_a_known_kind() -> None:
    with pytest.raises(ValueError, match="reroll"):
        fair_draw.draw_event(NOON, "whim", 0, 1, by=5, reason="")


def test_standing_keeps_the_other_places() -> None:
    events = [
        {"position": 1, "replaced_by": 3},
        {"position": 1, "replaced_by": 4},
        {"position": 0, "replaced_by": 5},
    ]
    assert fair_draw.standing("abcdefg", 3, events) == ["f", "e", "c"]
