"""Which addresses a server's admin may let this process ask: public ones, over https.

What is typed is checked when it is typed, as far as it shows; what counts is checked again for each connection, at the
very address that is about to be connected to, so that no name can point somewhere else by then.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Global by their prefix and still no host of the public internet: protocols (with Teredo), documentation, 6to4.
_SPECIAL = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
# Protocols, the relay of 6to4, and the address under which Azure's hosts answer their own guests.
_SPECIAL_V4 = tuple(ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))

# Printable, without user names, spaces and brackets of other meaning. Names end in a label that begins with a letter:
# 0x7f.1 and 2130706433 are numbers to a resolver.
_ADDRESS = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?][!-~]*)?")
_NAME = re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_public(address: str) -> bool:
    """Whether an IP address is a host's on the public internet.

    An IPv4 address inside of an IPv6 one counts as itself where a gateway translates it (mapped, NAT64).
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is None:
            return ip in _GLOBAL_UNICAST and ip.is_global and not any(ip in net for net in _SPECIAL)
        ip = inner
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _SPECIAL_V4)


def is_loopback_address(written: str) -> bool:
    return urlsplit(written).hostname in LOOPBACK


def feed_address(raw: str) -> str:
    """An address to ask: public and https, or on this machine (for the sandbox, which its caller knows of).

    Errors: ValueError.
    """
    if not _ADDRESS.fullmatch(raw):
        raise ValueError(raw)
    parts = urlsplit(raw)
    _ = parts.port
    host = parts.hostname or ""
    if host in LOOPBACK:
        return raw.rstrip("/")
    if parts.scheme != "https" or not (_is_public_literal(host) or _is_public_name(host)):
        raise ValueError(raw)
    return raw.rstrip("/")


def _is_public_name(host: str) -> bool:
    return _NAME.fullmatch(host) is not None and not host.lower().endswith(_PRIVATE_NAMES)


def _is_public_literal(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return False


class NotPublic(OSError):
    """A connection to an address that is none of the public internet was not made."""


def public_sockets(*, loopback: bool) -> Callable[[_AddrInfo], socket.socket]:
    """Makes the sockets of a client that speaks to public addresses alone; `loopback`: to this machine as well.

    It is asked for each address of a name just before connecting. Errors: `NotPublic`.
    """

    def made(info: _AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        here = loopback and ip_address(str(address[0]).partition("%")[0]).is_loopback
        if not here and not is_public(str(address[0])):
            raise NotPublic("not a public address")
        return socket.socket(family, kind, protocol)

    return made
