"""Check a draw's record: `python bot.py verify RECORD.json`.

Recomputes everything that draw protocol 1 derives and compares the rest with the record's checksums. The
standard library is enough; only the beacon's signature needs py-arkworks-bls12381, and where that is
missing the report says that the signature was not checked.

Chains: quicknet's constants are built in. For another chain the caller gives the constants that it
trusts; else the record's own (`public_key`, `genesis`, `period` inside `beacon`) are used, with a note,
because a record that brings its key proves only that it agrees with itself. `checksums` are no proof
either: they are there to name a changed byte. A record without them is checked for all the rest.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from core.beacon import (
    QUICKNET,
    BeaconChain,
    SignatureCheckUnavailable,
    chain_from_environ,
    randomness_of,
    verify_round,
)
from core.fair_draw import (
    Entrants,
    Pick,
    Record,
    checksum,
    commitment,
    derive_seed,
    entrants_sha256,
    parse_utc,
    picks,
    standing,
)
from core.record_fields import FIELDS, OWN_CHAIN, Fault, read_entrants
from core.verify_report import Report, Status


class _Case:
    """A record whose needed fields have the right shape, read."""

    def __init__(self, record: Record, trusted: BeaconChain | None) -> None:
        self.record = record
        self.trusted = trusted

    def time(self, name: str) -> datetime:
        return parse_utc(self.record[name])

    @cached_property
    def entrants(self) -> Entrants:
        return read_entrants(self.record["entrants"])

    @cached_property
    def seed(self) -> bytes:
        """Derived anew, never taken from the record."""
        beacon = self.record["beacon"]
        return derive_seed(
            bytes.fromhex(self.record["server_seed"]),
            self.record["draw_id"],
            entrants_sha256(self.entrants.text),
            beacon["randomness"] if beacon is not None else None,
        )

    @cached_property
    def picks(self) -> list[Pick]:
        return picks(self.seed, self.entrants, len(self.record["picks"]))

    @cached_property
    def chain(self) -> BeaconChain | None:
        """The chain to check against, None where its key is unknown; ValueError for impossible constants."""
        beacon = self.record["beacon"]
        known = [c for c in (QUICKNET, self.trusted) if c and c.chain_hash == beacon["chain_hash"]]
        if known or "public_key" not in beacon:
            return known[0] if known else None
        return BeaconChain(
            beacon["chain_hash"],
            beacon["public_key"],
            beacon["genesis"],
            beacon["period"],
            beacon["network"],
        )


# What must agree: each rule gives what is wrong, or None.


def _draw_id(case: _Case) -> Fault:
    kind, server, *_ = case.record["draw_id"].split("/")
    if kind == "raffle" and server != case.record["guild_id"]:
        return f"belongs to server {server}, the record says guild_id {case.record['guild_id']}"
    return None


def _order(earlier: str, later: str) -> Callable[[_Case], Fault]:
    return lambda case: f"is before {earlier}" if case.time(later) < case.time(earlier) else None


def _equal(name: str, expected: Callable[[_Case], object]) -> Callable[[_Case], Fault]:
    def fault(case: _Case) -> Fault:
        value = expected(case)
        return None if case.record[name] == value else f"should be {value}"

    return fault


def _excluded(case: _Case) -> Fault:
    ids = [row["id"] for row in case.record["excluded"]]
    if len(set(ids)) != len(ids):
        return "an id stands twice"
    both = next((i for i in ids if case.entrants.tickets_of(int(i))), None)
    return f"{both} is among the entrants too" if both else None


def _picks(case: _Case) -> Fault:
    rows, expected = case.record["picks"], case.picks
    if len(rows) > len(expected):
        return f"there are {len(rows)} picks of {len(expected)} entrants"
    for row, pick in zip(rows, expected, strict=True):
        if row != {"id": str(pick.id), "ticket": pick.ticket}:
            return f"pick {pick.index} should be {pick.id} with ticket {pick.ticket}"
    return None


def _winners(case: _Case) -> Fault:
    needed = min(case.record["winners"], len(case.entrants))
    have = len(case.record["picks"])
    return None if have >= needed else f"{needed} picks are needed, the record has {have}"


def _events(case: _Case) -> Fault:
    """Each event takes exactly the next reserve: one passed over would be a choice."""
    winners, pool = case.record["winners"], len(case.record["picks"])
    for index, event in enumerate(case.record["events"]):
        if event["position"] >= min(winners, pool):
            return f"number {index}: there is no place {event['position']}"
        if event["replaced_by"] != winners + index or event["replaced_by"] >= pool:
            return f"number {index}: the next reserve is pick {winners + index} of {pool}"
        if parse_utc(event["at"]) < case.time("drawn_at"):
            return f"number {index}: is before drawn_at"
    return None


def _mode(case: _Case) -> Fault:
    has = case.record["beacon"] is not None
    return None if has == (case.record["mode"] == "beacon") else "mode `beacon` has a round, mode `commit` none"


def _commitment(case: _Case) -> str:
    return commitment(bytes.fromhex(case.record["server_seed"]))


@dataclass(frozen=True)
class _Rule:
    field: str
    needs: tuple[str, ...]
    says: str
    fault: Callable[[_Case], Fault]


_SEED_NEEDS = ("server_seed", "draw_id", "entrants", "mode", "beacon")
_RULES = (
    _Rule("draw_id", ("draw_id", "guild_id"), "names the draw and its server", _draw_id),
    _Rule("frozen_at", ("opened_at", "frozen_at"), "not before opened_at", _order("opened_at", "frozen_at")),
    _Rule("drawn_at", ("frozen_at", "drawn_at"), "not before frozen_at", _order("frozen_at", "drawn_at")),
    _Rule(
        "commitment",
        ("commitment", "server_seed"),
        "is the SHA-256 of server_seed",
        _equal("commitment", _commitment),
    ),
    _Rule(
        "entrants_sha256",
        ("entrants_sha256", "entrants"),
        "is the SHA-256 of the entrant text",
        _equal("entrants_sha256", lambda case: entrants_sha256(case.entrants.text)),
    ),
    _Rule(
        "total_tickets",
        ("total_tickets", "entrants"),
        "is the sum of the tickets",
        _equal("total_tickets", lambda case: case.entrants.total),
    ),
    _Rule("excluded", ("excluded", "entrants"), "nobody excluded took part", _excluded),
    _Rule("beacon", ("mode", "beacon"), "fits the mode", _mode),
    _Rule("seed", ("seed", *_SEED_NEEDS), "derived anew", _equal("seed", lambda case: case.seed.hex())),
    _Rule("picks", ("picks", *_SEED_NEEDS), "every pick computed anew", _picks),
    _Rule("winners", ("winners", "entrants", "picks"), "are among the picks", _winners),
    _Rule("events", ("events", "winners", "picks", "drawn_at"), "each takes the next reserve", _events),
)


def verify(record: object, chain: BeaconChain | None = None) -> Report:
    """Check a record as parsed from JSON; never raises, whatever the record holds.

    `chain` is a chain besides quicknet whose constants the caller trusts.
    """
    report = Report()
    if not isinstance(record, dict):
        report.add(Status.FAILED, "record", "a JSON object is expected")
        return report
    sound = _check_shapes(report, record)
    _check_checksums(report, record)
    case = _Case(record, chain)
    for rule in _RULES:
        if lacking := [name for name in rule.needs if name not in sound]:
            report.add(Status.SKIPPED, rule.field, f"{rule.says}: not checked without {', '.join(lacking)}")
        else:
            report.say(rule.field, rule.fault(case), rule.says)
    if sound.issuperset(("mode", "beacon", "frozen_at", "drawn_at")):
        _check_beacon(report, case)
    if report.ok:
        report.winners = list(_winner_lines(case))
    return report


def _check_shapes(report: Report, record: Record) -> set[str]:
    """Name what is missing, malformed or unknown; gives the fields that can be used."""
    faults = {name: shape(record[name]) if name in record else "is missing" for name, shape in FIELDS.items()}
    for name in record.keys() - FIELDS.keys() - {"checksums"}:
        report.add(Status.FAILED, str(name), "is no field of a record")
    for name, fault in faults.items():
        if fault:
            report.add(Status.FAILED, name, fault)
    sound = {name for name, fault in faults.items() if not fault}
    if report.ok:
        report.add(Status.OK, "record", "every field is there and well formed")
    return sound


def _check_checksums(report: Report, record: Record) -> None:
    if "checksums" not in record:
        report.add(Status.NOTE, "checksums", "the record has none: titles, times and reasons are as told")
        return
    sums, names = record["checksums"], record.keys() - {"checksums"}
    if not isinstance(sums, dict):
        report.add(Status.FAILED, "checksums", "an object is expected")
        return
    wrong = [name for name in record if name in names and not _matches(record[name], sums.get(name))]
    for name in wrong:
        report.add(Status.FAILED, str(name), "differs from its checksum")
    odd = [str(name) for name in [*wrong, *(sums.keys() - names)]]
    report.say("checksums", f"do not fit: {', '.join(odd)}" if odd else None, "every field as it was written")


def _matches(value: object, digest: object) -> bool:
    try:
        return checksum(value) == digest
    except (RecursionError, TypeError, ValueError):
        return False


def _check_beacon(report: Report, case: _Case) -> None:
    beacon = case.record["beacon"]
    if beacon is None:
        report.add(Status.NOTE, "mode", "no beacon: whoever read the server seed early could choose tickets")
        return
    for part, text, fault in (
        ("network", "fits the chain hash", _network(beacon)),
        ("randomness", "is the SHA-256 of the signature", _randomness(beacon)),
    ):
        report.say("beacon", fault, text, part)
    try:
        chain = case.chain
    except ValueError as error:
        report.add(Status.FAILED, "beacon", str(error))
        return
    if not chain or not chain.is_quicknet:
        report.add(Status.NOTE, "beacon", "the record's chain is not drand quicknet", "chain_hash")
    if chain is None:
        report.add(Status.SKIPPED, "beacon", "skipped: the chain's public key is not known", "signature")
        return
    report.say("beacon", _round(case, chain), "the first round 10 s or more after frozen_at", "round")
    _check_signature(report, case, chain)


def _network(beacon: Record) -> Fault:
    same_name = beacon["network"] == QUICKNET.network
    same_hash = beacon["chain_hash"] == QUICKNET.chain_hash
    return None if same_name == same_hash else f"`{QUICKNET.network}` and its chain hash belong together"


def _randomness(beacon: Record) -> Fault:
    expected = randomness_of(beacon["signature"])
    return None if beacon["randomness"] == expected else f"should be {expected}"


def _round(case: _Case, chain: BeaconChain) -> Fault:
    number = case.record["beacon"]["round"]
    try:
        expected, out_at = chain.first_round_after(case.time("frozen_at")), chain.time_of(number)
    except OverflowError:
        return "lies beyond the end of time"
    if number != expected:
        return f"should be {expected}"
    return "came out after drawn_at" if case.time("drawn_at") < out_at else None


def _check_signature(report: Report, case: _Case, chain: BeaconChain) -> None:
    beacon = case.record["beacon"]
    if any(beacon.get(name, getattr(chain, name)) != getattr(chain, name) for name in OWN_CHAIN):
        report.add(Status.FAILED, "beacon", "the record's own constants are not the known chain's")
        return
    if not chain.is_quicknet and chain is not case.trusted:
        report.add(Status.NOTE, "beacon", "checked with the key in the record itself", "public_key")
    try:
        valid = verify_round(chain, beacon["round"], beacon["signature"])
    except SignatureCheckUnavailable as error:
        report.add(Status.SKIPPED, "beacon", f"skipped: {error}", "signature")
        return
    report.say("beacon", None if valid else "is not the chain's", "is the chain's for this round", "signature")


def _winner_lines(case: _Case) -> Iterator[str]:
    """Who won what, with the chance of that very pick; and who holds the place after the events."""
    record, left = case.record, case.entrants.total
    yield f"{record['title']}: {record['prize']}"
    yield f"{len(case.entrants)} entrants, {left} tickets, {record['winners']} to win"
    lines = {}
    for pick in case.picks:
        held = case.entrants.tickets_of(pick.id)
        lines[pick.index] = f"{pick.id} with ticket {pick.ticket}, {held} of {left} tickets ({held / left:.4%})"
        left -= held
    holders = standing(case.picks, record["winners"], record["events"])
    for place, pick in enumerate(holders):
        since = f" (reserve, in place of {case.picks[place].id})" if pick.index != place else ""
        yield f"  {place + 1}. {lines[pick.index]}{since}"


def main(path: str | Path, environ: Mapping[str, str] = os.environ) -> int:
    """Verify a file and print the report: 0 verified, 1 not, 2 for a file that cannot be read.

    The DRAND_* variables in `environ`, where set, name another chain to trust.
    """
    try:
        chain = chain_from_environ(environ)
        record = json.loads(Path(path).read_bytes(), object_pairs_hook=_unique)
    except (OSError, ValueError, RecursionError) as error:
        _print(f"{path}: cannot be checked: {str(error) or type(error).__name__}")
        return 2
    report = verify(record, chain)
    _print(report.render())
    return 0 if report.ok else 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name would be read differently by different readers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m core.verify RECORD.json")
    sys.exit(main(sys.argv[1]))
