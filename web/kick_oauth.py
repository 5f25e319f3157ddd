"""`/kick/login` and `/kick/callback`: a member proves which Kick account is theirs.

The link first shows whose Discord account will be linked. Only a browser that was shown that, and in which Continue
was pressed, may come back from Kick: a cookie says so, so that nobody completes another's link without knowing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs

from aiohttp import web

from core import sign_in
from core.acts import Act, Acts, Outcome, Work
from core.clock import Clock
from core.config import Config
from core.db import Connection, Database, UnknownOutcome, is_away
from core.errors import UserError
from core.guilds import Guilds
from core.texts import Reader
from kick import oauth
from kick.api import ApiFailed, KickApi, KickUser, Nameless
from kick.oauth import State
from raffle_system.linking import Linking
from web import kick_pages

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=10)
COOKIE, HOST_COOKIE = "kick_sign_in", "__Host-kick_sign_in"
SHOWN, AGREED = "shown", "agreed"

Names = tuple[str, str]
WhoIs = Callable[[int, int], Awaitable[Names | None]]


@dataclass(frozen=True)
class KickSignIn:
    """Needs an app of Kick's and our own public address; without both there are codes in the chat."""

    config: Config
    db: Database
    clock: Clock
    guilds: Guilds
    api: KickApi
    linking: Linking
    who_is: WhoIs
    """(the account's name, the server's name) of a member of a guild; None where Discord does not say."""

    @property
    def enabled(self) -> bool:
        return bool(self.config.kick_client_id and self.config.kick_client_secret and self.config.web_base_url)

    @property
    def _redirect_uri(self) -> str:
        return f"{self.config.web_base_url}/kick/callback"

    @property
    def _secret(self) -> str:
        return self.config.kick_client_secret or ""

    async def url_for(self, guild_id: int, discord_id: int, channel_id: int | None) -> str | None:
        """The link for this member alone, good once and for ten minutes; None where signing in is not set up."""
        if not self.enabled:
            return None
        now = self.clock.now()
        state = State(guild_id, discord_id, oauth.new_nonce(), now + LIFE)
        verifier = oauth.new_verifier()

        async def begun(conn: Connection) -> Outcome:
            await sign_in.begin(
                conn, nonce=state.nonce, guild_id=guild_id, discord_id=discord_id, channel_id=channel_id,
                verifier=verifier, expires_at=state.expires_at, now=now,
            )  # fmt: skip
            return {}

        await self._act("sign_in.begin", state, begun)
        return f"{self.config.web_base_url}/kick/login?state={oauth.signed_state(state, self._secret)}"

    @property
    def _headers(self) -> dict[str, str]:
        return kick_pages.headers(self.config.kick_id_base)

    def _state(self, text: str) -> State | None:
        if not self.enabled:
            raise web.HTTPNotFound
        return oauth.read_state(text, self._secret, self.clock.now())

    async def _verifier(self, state: State | None) -> str | None:
        """The verifier of an attempt that is still good; 503 while the database is away."""
        if state is None:
            return None
        try:
            async with self.db.reading() as conn:
                return await sign_in.verifier_of(conn, state.nonce, state.guild_id, state.discord_id, self.clock.now())
        except Exception as error:
            if not is_away(error):
                raise
            raise web.HTTPServiceUnavailable(text=self._reader(state)("error.database_away")) from error

    async def serve_question(self, request: web.Request) -> web.Response:
        """Whose Discord account will be linked; from here on this browser may agree to it."""
        text = request.query.get("state", "")
        state = self._state(text)
        if state is None or await self._verifier(state) is None:
            return self._page(state, "link.page_bad_state", 400)
        names = await self.who_is(state.guild_id, state.discord_id)
        if names is None:
            return self._page(state, "link.page_unknown", 503)
        answer = kick_pages.question(self._reader(state), *names, text, self._headers)
        self._mark(answer, state, SHOWN)
        return answer

    async def serve_login(self, request: web.Request) -> web.Response:
        """Continue was pressed: to Kick, with the challenge of this attempt's verifier."""
        form = parse_qs((await request.read()).decode("ascii", "replace"))
        text = form.get("state", [""])[0]
        state = self._state(text)
        verifier = await self._verifier(state)
        if state is None or verifier is None:
            return self._page(state, "link.page_bad_state", 400)
        if not self._is_marked(request, state, SHOWN, AGREED) or not _from_our_page(request):
            return self._page(state, "link.page_other_browser", 403)
        url = oauth.authorize_url(
            self.config.kick_id_base, self.config.kick_client_id or "", self._redirect_uri, text, verifier
        )
        answer = web.Response(status=303, headers={**self._headers, "Location": url})
        self._mark(answer, state, AGREED)
        return answer

    @property
    def _is_https(self) -> bool:
        return (self.config.web_base_url or "").startswith("https://")

    @property
    def _cookie(self) -> str:
        """By its name a browser takes it from this very host alone, over https, and from no subdomain beside it."""
        return HOST_COOKIE if self._is_https else COOKIE

    def _mark(self, answer: web.Response, state: State, stage: str) -> None:
        """Tell the browser how far it has come; other sites' forms do not bring the cookie along."""
        answer.set_cookie(
            self._cookie, oauth.browser_mark(state, stage, self._secret), max_age=int(LIFE.total_seconds()), path="/",
            httponly=True, samesite="Lax", secure=self._is_https,
        )  # fmt: skip

    def _is_marked(self, request: web.Request, state: State, *stages: str) -> bool:
        mark = request.cookies.get(self._cookie, "")
        return any(oauth.is_browser_mark(mark, state, stage, self._secret) for stage in stages)

    async def serve_callback(self, request: web.Request) -> web.Response:
        """Back from Kick: the state is used up, whatever comes of it."""
        state = self._state(request.query.get("state", ""))
        try:
            verifier = await self._verifier(state)
            if state is None or verifier is None:
                return self._page(state, "link.page_bad_state", 400)
            if not self._is_marked(request, state, AGREED):
                return self._page(state, "link.page_other_browser", 403)
            names = await self.who_is(state.guild_id, state.discord_id)
            if names is None:
                return self._page(state, "link.page_unknown", 503)
            user = await self._linked(state, verifier, request.query.get("code", ""))
        except Nameless:
            return self._page(state, "link.page_nameless", 409)
        except ApiFailed as error:
            log.warning("kick_sign_in_failed", extra={"error": str(error)})
            return self._page(state, "link.page_refused", 400)
        except UserError as error:
            return self._page(state, error.key, 409, **error.args_)
        except UnknownOutcome:
            return self._page(state, "link.page_unknown_outcome", 503)
        except Exception as error:
            if not is_away(error):
                raise
            return self._page(state, "error.database_away", 503)
        answer = self._page(state, "link.page_done", 200, name=user.name, account=names[0], server=names[1])
        answer.del_cookie(self._cookie, path="/", secure=self._is_https, httponly=True, samesite="Lax")
        return answer

    async def _act(self, name: str, state: State, work: Work) -> Outcome:
        """Once for this request of the browser; the same link again is another request."""
        act = Act(
            key=f"{name}:{state.nonce}:{oauth.new_nonce()}", name=name, guild_id=state.guild_id, actor=state.discord_id
        )
        return await Acts(self.db, self.clock).do(act, work)

    async def _linked(self, state: State, verifier: str, code: str) -> KickUser:
        """Use the attempt up, link. Errors: `ApiFailed`; `link.page_bad_state`, `link.already`, `link.kick_taken`."""

        async def used_up(conn: Connection) -> Outcome:
            used = await sign_in.use(conn, state.nonce, state.guild_id, state.discord_id, self.clock.now())
            if used is None:
                raise UserError("link.page_bad_state")
            return {"channel_id": used[1]}

        channel_id = (await self._act("sign_in.use", state, used_up))["channel_id"]
        user = await self._user(code, verifier)

        async def bound(conn: Connection) -> Outcome:
            await self.linking.bind(
                conn, state.guild_id, state.discord_id, user.name, user.user_id, actor=None, channel_id=channel_id
            )
            return {}

        await self._act("sign_in.link", state, bound)
        return user

    async def _user(self, code: str, verifier: str) -> KickUser:
        if not code or len(code) > 2000:
            raise ApiFailed("sign-in", "no code")
        token = await self.api.exchange(code, verifier, self._redirect_uri)
        user = await self.api.user_of(token)
        try:
            await self.api.revoke(token)
        except ApiFailed as error:
            log.info("kick_token_not_revoked", extra={"error": str(error)})
        return user

    def _reader(self, state: State | None) -> Reader:
        return self.guilds.reader(state.guild_id if state else None, state.discord_id if state else None)

    def _page(self, state: State | None, key: str, status: int, **args: object) -> web.Response:
        reader = self._reader(state)
        return kick_pages.said(reader, reader(key, **args), status, self._headers)


def _from_our_page(request: web.Request) -> bool:
    """Browsers say where a form was sent from; what says nothing is no browser that others' pages could drive."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
