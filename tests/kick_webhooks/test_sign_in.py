"""Linking by signing in with Kick: PKCE, a state for one person and one time."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from yarl import URL

from core import identity
from core.config import Config
from core.db import Database
from core.texts import Texts
from kick import oauth
from kick.oauth import State
from sandbox.kick import CLIENT_ID, CLIENT_SECRET
from sandbox.kick.frames import viewer_id
from tests.cut_proxy import CutProxy
from tests.kick_webhooks.conftest import Rig
from tests.raffle.support import MEMBER, OTHER
from web import kick_pages
from web.kick_oauth import KickSignIn

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def sign_in(rig: Rig) -> KickSignIn:
    base = str(rig.kick.official.webhook_url).removesuffix("/webhooks/kick")
    config = replace(
        Config(), kick_id_base=rig.url, kick_client_id=CLIENT_ID, kick_client_secret=CLIENT_SECRET, web_base_url=base
    )
    made = KickSignIn(config, rig.raffle.db, rig.clock, rig.raffle.guilds, rig.api, rig.intake.linking, _who_is)
    rig.routes._sign_in = made
    return made


async def _who_is(_guild_id: int, discord_id: int) -> tuple[str, str] | None:
    return f"<member {discord_id}>", "Streamer's & friends"


class Browser:
    """Keeps cookies, presses Continue."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, url: str | URL) -> tuple[int, str]:
        async with self.session.get(url) as answer:
            _check_headers(answer)
            return answer.status, await answer.text()

    async def press(self, url: str | URL, **headers: str) -> tuple[int, str]:
        """Continue, and wherever that leads."""
        form = {"state": URL(url).query["state"]}
        async with self.session.post(URL(url).with_query(None), data=form, headers=headers) as answer:
            _check_headers(answer)
            return answer.status, await answer.text()

    async def redirected(self, url: str | URL) -> str:
        """Continue, up to the address of Kick's own page."""
        form = {"state": URL(url).query["state"]}
        async with self.session.post(URL(url).with_query(None), data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            return answer.headers["Location"]


def _check_headers(answer: aiohttp.ClientResponse) -> None:
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=no"])
async def test_a_form_that_no_browser_sends_is_refused_without_a_word_in_the_log(
    sign_in: KickSignIn, rig: Rig, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    base = str(rig.kick.official.webhook_url).removesuffix("/webhooks/kick")
    headers = {"Content-Type": kind}
    async with rig.session.post(f"{base}/kick/login", data=b"state=%ff\xff&state", headers=headers) as answer:
        assert answer.status == 400
    assert caplog.records == []


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    made = Browser()
    yield made
    await made.session.close()


@pytest.fixture
async def victim() -> AsyncIterator[Browser]:
    made = Browser()
    yield made
    await made.session.close()


async def _sign_in(browser: Browser, url: str) -> tuple[int, str]:
    assert (await browser.get(url))[0] == 200
    return await browser.press(url)


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


async def test_signing_in_links_pays_and_is_good_once(rig: Rig, sign_in: KickSignIn, browser: Browser) -> None:
    await rig.kick.gift("viewer1", 2)
    await rig.handled()
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    status, text = await _sign_in(browser, url)
    assert status == 200
    assert "link.page_done" in text
    for shown in ("viewer1", f"&lt;member {MEMBER}&gt;", "Streamer&#x27;s &amp; friends"):
        assert shown in text
    assert await _linked(rig) == "viewer1"
    assert await rig.raffle.total() == 30
    row = await rig.raffle.rows("SELECT kick_user_id FROM links")
    assert row == [{"kick_user_id": viewer_id("viewer1")}]
    assert await rig.raffle.rows("SELECT DISTINCT verifier FROM kick_oauth_states") == [{"verifier": ""}]
    assert (await browser.get(url))[0] == 400
    assert (await browser.press(url))[0] == 400


@pytest.mark.parametrize("lost", ["sign_in.use", "sign_in.link"])
async def test_a_commit_whose_answer_is_lost_links_once_and_says_so(
    rig: Rig, sign_in: KickSignIn, browser: Browser, database_url: str, lost: str
) -> None:  # fmt: skip
    proxy = CutProxy(database_url)
    await proxy.start()
    db = Database(proxy.url)
    rig.routes._sign_in = replace(sign_in, db=db)
    try:
        url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
        assert url is not None
        proxy.cut_commit_of(lost.encode())
        status, text = await _sign_in(browser, url)
        assert (proxy.cuts, status, await _linked(rig)) == (1, 200, "viewer1")
        assert "link.page_done" in text
    finally:
        await db.close()
        await proxy.close()


async def test_an_account_whose_name_kick_does_not_tell_is_linked_by_its_id_or_sent_to_the_chat(
    rig: Rig, sign_in: KickSignIn, browser: Browser
) -> None:
    rig.kick.official.nameless = True
    for known in (False, True):
        if known:
            rig.kick.add_person("viewer1", "viewer_1")
        url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
        assert url is not None
        status, text = await _sign_in(browser, url)
        assert (status, "link.page_nameless" in text) == ((200, False) if known else (409, True))
    assert await _linked(rig) == "viewer_1"
    assert await rig.raffle.rows("SELECT kick_user_id FROM links") == [{"kick_user_id": viewer_id("viewer1")}]


async def test_the_link_first_says_whose_account_it_is_and_asks_nobody_else(
    rig: Rig, sign_in: KickSignIn, browser: Browser
) -> None:
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    before = rig.kick.official.counts.total()
    status, text = await browser.get(url)
    assert status == 200
    assert "link.page_confirm" in text
    assert f"&lt;member {MEMBER}&gt;" in text
    assert "<member" not in text
    assert '<form method="post" action="login">' in text
    assert not re.search(r"https?://|src=|href=|<script", text)
    assert rig.kick.official.counts.total() == before
    assert await _linked(rig) is None


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_the_question_reads_well_in_both_languages(locale: str) -> None:
    reader = Texts().reader(locale)
    answer = kick_pages.question(reader, "Some_One", "The server", "a.b", {})
    assert answer.text is not None
    assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in answer.text
    for shown in ("Some_One", "The server", html.escape(reader("link.page_continue"))):
        assert shown in answer.text


async def test_what_one_browser_began_no_other_completes(
    rig: Rig, sign_in: KickSignIn, browser: Browser, victim: Browser
) -> None:
    """Whoever asked for the link presses Continue and sends Kick's own address to somebody else."""
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    await browser.get(url)
    status, text = await victim.get(await browser.redirected(url))
    assert status == 403
    assert "link.page_other_browser" in text
    await victim.get(url)
    status, _text = await victim.get(await browser.redirected(url))
    assert status == 403, "the question was shown, but Continue not pressed"
    assert await _linked(rig) is None


async def test_another_sites_form_does_not_press_continue(
    rig: Rig, sign_in: KickSignIn, browser: Browser, victim: Browser
) -> None:
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    status, text = await victim.press(url)
    assert status == 403, "a form of another site brings no cookie"
    assert "link.page_other_browser" in text
    async with browser.session.get(url) as answer:
        morsel = answer.cookies["kick_sign_in"]
    assert (morsel["samesite"], morsel["httponly"]) == ("Lax", True)
    assert (await browser.press(url, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert await _linked(rig) is None


async def test_over_https_the_cookie_is_of_this_host_alone(rig: Rig, sign_in: KickSignIn, browser: Browser) -> None:
    base = sign_in.config.web_base_url
    public = replace(sign_in, config=replace(sign_in.config, web_base_url="https://raffle.example"))
    rig.routes._sign_in = public
    url = await public.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    async with browser.session.get(url.replace("https://raffle.example", str(base))) as answer:
        (name, morsel) = next(iter(answer.cookies.items()))
    assert name == "__Host-kick_sign_in"
    assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")


async def test_nobody_is_linked_while_discord_cannot_say_who_it_is(
    rig: Rig, sign_in: KickSignIn, browser: Browser
) -> None:
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None

    async def nobody(_guild_id: int, _discord_id: int) -> None:
        return None

    rig.routes._sign_in = replace(sign_in, who_is=nobody)
    status, text = await browser.get(url)
    assert status == 503
    assert "link.page_unknown" in text
    rig.routes._sign_in = sign_in
    assert (await _sign_in(browser, url))[0] == 200


async def test_an_older_link_a_foreign_state_and_a_late_one_do_nothing(
    rig: Rig, sign_in: KickSignIn, browser: Browser
) -> None:
    old = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    new = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert old is not None
    assert new is not None
    assert (await browser.get(old))[0] == 400
    state = oauth.read_state(URL(new).query["state"], CLIENT_SECRET, rig.clock.now())
    assert state is not None
    forged = oauth.signed_state(replace(state, discord_id=OTHER), CLIENT_SECRET)
    assert (await browser.get(URL(new).with_query(state=forged)))[0] == 400
    rig.clock.advance(timedelta(minutes=11))
    assert (await browser.get(new))[0] == 400
    assert await _linked(rig) is None


async def test_a_wrong_code_uses_the_state_up_and_links_nobody(rig: Rig, sign_in: KickSignIn, browser: Browser) -> None:
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    await browser.get(url)
    await browser.redirected(url)
    back = URL(url).with_path("/kick/callback").with_query(state=URL(url).query["state"], code="guessed")
    assert (await browser.get(back))[0] == 400
    assert (await browser.get(url))[0] == 400
    assert await _linked(rig) is None


async def test_an_account_of_somebody_else_is_refused_with_a_page(
    rig: Rig, sign_in: KickSignIn, browser: Browser
) -> None:
    await rig.link("viewer1", OTHER)
    url = await sign_in.url_for(rig.raffle.guild_id, MEMBER, None)
    assert url is not None
    status, text = await _sign_in(browser, url)
    assert status == 409
    assert "link.kick_taken" in text
    assert await _linked(rig) is None
