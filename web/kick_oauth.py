"""`GET /kick/login` and `GET /kick/callback`: a member proves which Kick account is theirs."""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from core import sign_in
from core.clock import Clock
from core.config import Config
from core.db import Database, is_away
from core.errors import UserError
from core.guilds import Guilds
from core.texts import Reader
from kick import oauth
from kick.api import ApiFailed, KickApi, KickUser
from kick.oauth import State
from raffle_system.linking import Linking

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=10)
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class KickSignIn:
    """Needs an app of Kick's and our own public address; without both there are codes in the chat."""

    config: Config
    db: Database
    clock: Clock
    guilds: Guilds
    api: KickApi
    linking: Linking

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
        async with self.db.transaction() as conn:
            await sign_in.begin(
                conn, nonce=state.nonce, guild_id=guild_id, discord_id=discord_id, channel_id=channel_id,
                verifier=oauth.new_verifier(), expires_at=state.expires_at, now=now,
            )  # fmt: skip
        return f"{self.config.web_base_url}/kick/login?state={oauth.signed_state(state, self._secret)}"

    def _state(self, request: web.Request) -> State | None:
        if not self.enabled:
            raise web.HTTPNotFound
        return oauth.read_state(request.query.get("state", ""), self._secret, self.clock.now())

    async def serve_login(self, request: web.Request) -> web.Response:
        """To Kick, with the challenge of this attempt's verifier."""
        state = self._state(request)
        verifier = None
        if state is not None:
            async with self.db.transaction() as conn:
                verifier = await sign_in.verifier_of(
                    conn, state.nonce, state.guild_id, state.discord_id, self.clock.now()
                )
        if state is None or verifier is None:
            return self._page(self._reader(state), "link.page_bad_state", 400)
        raise web.HTTPFound(
            oauth.authorize_url(
                self.config.kick_id_base, self.config.kick_client_id or "", self._redirect_uri,
                request.query["state"], verifier,
            ),
            headers=_HEADERS,
        )  # fmt: skip

    async def serve_callback(self, request: web.Request) -> web.Response:
        """Back from Kick: the state is used up, whatever comes of it."""
        state = self._state(request)
        reader = self._reader(state)
        try:
            used = None
            if state is not None:
                async with self.db.transaction() as conn:
                    used = await sign_in.use(conn, state.nonce, state.guild_id, state.discord_id, self.clock.now())
            if state is None or used is None:
                return self._page(reader, "link.page_bad_state", 400)
            user = await self._user(request.query.get("code", ""), used[0])
            async with self.db.transaction() as conn:
                await self.linking.bind(
                    conn, state.guild_id, state.discord_id, user.name, user.user_id, actor=None,
                    channel_id=used[1],
                )  # fmt: skip
        except ApiFailed as error:
            log.warning("kick_sign_in_failed", extra={"error": str(error)})
            return self._page(reader, "link.page_refused", 400)
        except UserError as error:
            return self._page(reader, error.key, 409, **error.args_)
        except Exception as error:
            if not is_away(error):
                raise
            return self._page(reader, "error.database_away", 503)
        return self._page(reader, "link.page_done", 200, name=user.name)

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

    def _page(self, reader: Reader, key: str, status: int, **args: object) -> web.Response:
        direction = "rtl" if reader.locale == "ar" else "ltr"
        title, text = html.escape(reader("link.page_title")), html.escape(reader(key, **args))
        page = (
            f'<!doctype html><html lang="{reader.locale}" dir="{direction}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            f'<body style="font: 1.1rem system-ui; max-width: 34rem; margin: 4rem auto; padding: 0 1rem">'
            f"<h1>{title}</h1><p>{text}</p></body></html>"
        )
        return web.Response(text=page, status=status, content_type="text/html", headers=_HEADERS)
