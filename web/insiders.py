"""Who may see how the bot fares inside: the operator's token, or this machine itself."""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web

_FORWARDED = frozenset(
    {
        "forwarded", "via", "x-real-ip", "x-client-ip", "client-ip", "cf-connecting-ip", "true-client-ip",
        "fastly-client-ip", "fly-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
        "x-envoy-external-address",
    }
)  # fmt: skip


def may_see(request: web.Request, token: str | None) -> bool:
    """With a token only who brings it; without one a process of this machine that no proxy stands in front of."""
    if token is not None:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    return _is_loopback(request.remote or "") and _is_loopback(_hostname(request.host)) and not _is_forwarded(request)


def _is_forwarded(request: web.Request) -> bool:
    return any(name.lower() in _FORWARDED or name.lower().startswith("x-forwarded") for name in request.headers)


def _hostname(host: str) -> str:
    """Of a Host header, without the port: a page of another name that leads here is somebody else's."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
