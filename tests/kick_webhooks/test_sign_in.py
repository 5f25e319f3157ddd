"""Linking by signing in with Kick: PKCE, a state for one person and one time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from core import identity
from core.config import Config
from kick import oauth
from kick.oauth import State
from sandbox.kick import CLIENT_ID, CLIENT_SECRET
from sandbox.kick.frames import viewer_id
from tests.kick_webhooks.conftest import Rig
from tests.raffle.support import MEMBER, OTHER
from web.kick_oauth import KickSignIn

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def sign_in(rig: Rig) -> KickSignIn:
    base = str(rig.kick.official.webhook_url).removesuffix("/webhooks/kick")
    config = replace(
        Config(), kick_id_base=rig.url, kick_client_id=CLIENT_ID, kick_client_secret=CLIENT_SECRET, web_base_url=base
    )
    made = KickSignIn(config, rig.raffle.db, rig.clock, rig.raffle.guilds, rig.api, rig.intake.linking)
    rig.routes._sign_in = made
    return made


async def _visit(rig: Rig, url: str | URL) -> tuple[int, str]:
    async with rig.session.get(url) as answer:
        return answer.status, await answer.text()


async def _linked(rig: Rig, member: int = MEMBER) -> str | None:
    async with rig.raffle.db.transaction() as conn:
        link = await identity.link_of(conn, rig.raffle.guild_id, member)
    return link.kick_name if link else None


def test_a_state_is_ours_unchanged_and_in_time_or_nothing() -> None:
    state = State(5, 6, "nonce", NOW + timedelta(minutes=10))
    text = oauth.signed_state(state, "secret")
    assert oauth.read_state(text, "secret", NOW) == state
    assert oauth.read_state(text, "other", NOW) is None
    assert oauth.read_state(text, "secret", NOW + timedelta(minutes=10)) is None
    for index in range(len(text)):
        changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
        assert oauth.read_state(changed, "secret", NOW) is None
    for junk in ("", ".", "a.b", "é.é", "x" * 1000, text + "."):
        assert oauth.read_state(junk, "secret", NOW) is None


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_signing_in_links_pays_and_is_good_once(rig: Rig, sign_in: KickSignIn) -> None:
    await rig.kick.gift("viewer1", 2)
    await rig.handled()
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    assert (await _visit(rig, url))[0] == 200
    assert await _linked(rig) == "viewer1"
    assert await rig.raffle.total() == 30
    row = await rig.raffle.rows("SELECT kick_user_id FROM links")
    assert row == [{"kick_user_id": viewer_id("viewer1")}]
    assert (await _visit(rig, url))[0] == 400


async def test_an_older_link_a_foreign_state_and_a_late_one_do_nothing(rig: Rig, sign_in: KickSignIn) -> None:
    old = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    new = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert old is not None
    assert new is not None
    assert (await _visit(rig, old))[0] == 400
    state = oauth.read_state(URL(new).query["state"], CLIENT_SECRET, rig.clock.now())
    assert state is not None
    forged = oauth.signed_state(replace(state, discord_id=OTHER), CLIENT_SECRET)
    assert (await _visit(rig, URL(new).with_query(state=forged)))[0] == 400
    rig.clock.advance(timedelta(minutes=11))
    assert (await _visit(rig, new))[0] == 400
    assert await _linked(rig) is None


async def test_a_wrong_code_uses_the_state_up_and_links_nobody(rig: Rig, sign_in: KickSignIn) -> None:
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    back = URL(url).with_path("/kick/callback").with_query(state=URL(url).query["state"], code="guessed")
    assert (await _visit(rig, back))[0] == 400
    assert (await _visit(rig, url))[0] == 400
    assert await _linked(rig) is None


async def test_an_account_of_somebody_else_is_refused_with_a_page(rig: Rig, sign_in: KickSignIn) -> None:
    await rig.link("viewer1", OTHER)
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    status, text = await _visit(rig, url)
    assert status == 409
    assert "link.kick_taken" in text
    assert await _linked(rig) is None
