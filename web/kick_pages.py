"""The small pages of signing in with Kick: no scripts, nothing from elsewhere, never kept and never framed."""

from __future__ import annotations

import html
from collections.abc import Mapping

from aiohttp import web
from yarl import URL

from core.texts import Reader

_STYLE = (
    "body{font:1.1rem/1.6 system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#1b1f24;background:#fff}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#1a7f37;color:#fff}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}}"
)


def headers(id_base: str) -> dict[str, str]:
    """For every answer; the form may lead to ourselves and, by our redirect, to Kick."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {URL(id_base).origin()}"
    )
    return {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": policy,
    }


def said(reader: Reader, text: str, status: int, more: Mapping[str, str]) -> web.Response:
    """One sentence."""
    return _page(reader, f"<p>{html.escape(text)}</p>", status, more)


def question(reader: Reader, account: str, server: str, state: str, more: Mapping[str, str]) -> web.Response:
    """Who will be linked, and the button that goes on."""
    confirm = html.escape(reader("link.page_confirm", account=account, server=server))
    warning, label = html.escape(reader("link.page_warning")), html.escape(reader("link.page_continue"))
    form = (
        f'<form method="post" action="login"><input type="hidden" name="state" value="{html.escape(state)}">'
        f"<button>{label}</button></form>"
    )
    return _page(reader, f"<p><strong>{confirm}</strong></p><p>{warning}</p>{form}", 200, more)


def _page(reader: Reader, body: str, status: int, more: Mapping[str, str]) -> web.Response:
    direction = "rtl" if reader.locale == "ar" else "ltr"
    title = html.escape(reader("link.page_title"))
    page = (
        f'<!doctype html><html lang="{reader.locale}" dir="{direction}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
    return web.Response(text=page, status=status, content_type="text/html", headers=dict(more))
