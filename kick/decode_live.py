"""Going live, going offline, hosting and being hosted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.kick_events import Hosting, LiveStatus
from kick.coerce import JsonObject, mapping, text, whole
from kick.source import Source


def decode_live(data: dict[str, Any], source: Source) -> LiveStatus:
    """StreamerIsLive; its livestream says since when."""
    stream = mapping(data.get("livestream"))
    started = source.moment(stream.get("start_time")) or source.moment(stream.get("created_at"))
    return _live(stream, source, live=True, started_at=started)


def decode_stop(data: dict[str, Any], source: Source) -> LiveStatus:
    """StopStreamBroadcast."""
    return _live(mapping(data.get("livestream")), source, live=False, started_at=None)


def _live(stream: JsonObject, source: Source, *, live: bool, started_at: datetime | None) -> LiveStatus:
    said = stream.get("channel_id")
    return LiveStatus(
        channel_id=source.channel(mapping(stream.get("channel")).get("id") if said is None else said),
        chatroom_id=source.chatroom_id,
        live=live,
        source="socket",
        started_at=started_at,
        at=source.received_at,
    )


def decode_chat_move(data: dict[str, Any], source: Source) -> Hosting:
    """ChatMoveToSupportedChannelEvent: this channel's viewers are sent to `hosted`."""
    hosted, channel = mapping(data.get("hosted")), mapping(data.get("channel"))
    return Hosting(
        channel_id=source.channel(channel.get("id")),
        chatroom_id=source.chatroom_id,
        outgoing=True,
        other=text(hosted.get("username"), 100) or text(data.get("slug"), 100),
        viewers=whole(hosted.get("viewers_count")),
        at=source.received_at,
    )


def decode_host(data: dict[str, Any], source: Source) -> Hosting:
    """StreamHostEvent: somebody hosts this channel."""
    return Hosting(
        channel_id=source.channel_id,
        chatroom_id=source.chatroom(data.get("chatroom_id")),
        outgoing=False,
        other=text(data.get("host_username"), 100),
        viewers=whole(data.get("number_viewers")),
        at=source.received_at,
    )


def decode_hosted(data: dict[str, Any], source: Source) -> Hosting:
    """StreamHostedEvent: the same news in its later shape."""
    return Hosting(
        channel_id=source.channel_id,
        chatroom_id=source.chatroom_id,
        outgoing=False,
        other=text(mapping(data.get("user")).get("username"), 100),
        viewers=whole(mapping(data.get("message")).get("numberOfViewers")),
        at=source.received_at,
    )
