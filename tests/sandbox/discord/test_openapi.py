"""What the stand-in answers is what Discord's API description promises, route by route."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.sandbox.discord.openapi import find_path, needs_openapi, validate_request, validate_response
from tests.sandbox.discord.serving import Api

pytestmark = needs_openapi

EVERY_OPTION = [
    {"type": 1, "name": "all", "description": "d", "options": [
        {"type": 3, "name": "text", "description": "d", "required": True, "autocomplete": True},
        *({"type": kind, "name": f"o{kind}", "description": "d"} for kind in range(4, 12)),
    ]},
]  # fmt: skip
RICH: dict[str, Any] = {
    "content": "hello",
    "embeds": [
        {
            "title": "t",
            "description": "d",
            "url": "https://example.com",
            "color": 1,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "fields": [{"name": "n", "value": "v"}],
            "footer": {"text": "f"},
            "author": {"name": "a"},
            "thumbnail": {"url": "https://example.com/a.png"},
        }
    ],
    "components": [
        {"type": 1, "components": [
            {"type": 2, "style": 1, "label": "Go", "custom_id": "go", "emoji": {"name": "🎉"}},
            {"type": 2, "style": 5, "label": "Site", "url": "https://example.com"},
        ]},
        {"type": 1, "components": [
            {"type": 3, "custom_id": "s", "options": [{"label": "l", "value": "v"}]},
        ]},
        *({"type": 1, "components": [{"type": kind, "custom_id": str(kind)}]} for kind in (5, 6, 8)),
    ],
}  # fmt: skip
LAYOUT = {
    "flags": 1 << 15,
    "components": [
        {"type": 17, "accent_color": 5, "components": [
            {"type": 10, "content": "text"},
            {"type": 14, "spacing": 2},
            {"type": 9, "components": [{"type": 10, "content": "side"}],
             "accessory": {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}},
            {"type": 12, "items": [{"media": {"url": "https://example.com/a.png"}}]},
        ]},
    ],
}  # fmt: skip


async def check(api: Api, method: str, path: str, body: Any = None) -> Any:
    """Make the call, hold request and answer against the description, give the answer."""
    if body is not None:
        validate_request(method, path, body)
    status, answer = await api.call(method, path, body)
    validate_response(method, path, status, answer)
    return answer


def test_paths_are_told_apart() -> None:
    assert find_path("/users/@me") == "/users/@me"
    assert find_path("/users/5") == "/users/{user_id}"
    with pytest.raises(AssertionError, match="no path"):
        find_path("/users/5/secrets")


def test_the_validator_can_say_no() -> None:
    with pytest.raises(AssertionError, match="content"):
        validate_request("POST", "/channels/1/messages", {"content": 5})
    with pytest.raises(AssertionError, match="'url' is a required property"):
        validate_response("GET", "/gateway", 200, {})
    with pytest.raises(AssertionError, match="knows no PUT"):
        validate_request("PUT", "/channels/1/messages", {})


@pytest.mark.parametrize(
    "path",
    [
        "/gateway",
        "/gateway/bot",
        "/users/@me",
        "/users/@me/guilds",
        "/users/USER",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/channels/CHANNEL",
        "/channels/CHANNEL/messages",
        "/channels/CHANNEL/pins",
        "/channels/CHANNEL/messages/pins",
        "/guilds/GUILD",
        "/guilds/GUILD?with_counts=true",
        "/guilds/GUILD/channels",
        "/guilds/GUILD/roles",
        "/guilds/GUILD/roles/ROLE",
        "/guilds/GUILD/members?limit=100",
        "/guilds/GUILD/members/search?query=vip",
        "/guilds/GUILD/members/USER",
        "/applications/BOT/commands?with_localizations=true",
        "/applications/BOT/guilds/GUILD/commands",
        "/channels/1",
        "/guilds/1",
    ],
)
async def test_reading(api: Api, path: str) -> None:
    _, sent = await api.send(RICH)
    await api.call("PUT", f"/channels/{sent['channel_id']}/pins/{sent['id']}")
    await api.call("PUT", api.commands, [{"name": "c", "description": "d", "options": EVERY_OPTION}])
    for name, value in (
        ("CHANNEL", sent["channel_id"]),
        ("GUILD", api.world.home.id),
        ("USER", api.user("booster")),
        ("ROLE", api.role("Server Booster")),
        ("BOT", api.world.bot_id),
    ):
        path = path.replace(name, value)
    await check(api, "GET", path)


@pytest.mark.parametrize("body", [RICH, LAYOUT, {"content": "x", "nonce": "n", "enforce_nonce": True}])
async def test_messages(api: Api, body: dict[str, Any]) -> None:
    place = f"/channels/{api.channel('announcements')}/messages"
    sent = await check(api, "POST", place, body)
    one = f"{place}/{sent['id']}"
    if "flags" not in body:
        await check(api, "PATCH", one, {"content": "changed"})
    reply = {"content": "re", "message_reference": {"message_id": sent["id"]}}
    await check(api, "POST", place, reply)
    await check(api, "PUT", f"{one}/reactions/%F0%9F%8E%89/@me")
    await check(api, "GET", f"{one}/reactions/%F0%9F%8E%89")
    await check(api, "GET", one)
    await check(api, "POST", f"{one}/crosspost")
    await check(api, "DELETE", f"{one}/reactions/%F0%9F%8E%89/@me")
    await check(api, "DELETE", one)
    await check(api, "POST", f"/channels/{api.channel('general')}/typing")
    await check(api, "POST", place, {"content": ""})
    await check(api, "POST", place, {"content": "x" * 4000})


async def test_files(api: Api) -> None:
    form = aiohttp.FormData()
    form.add_field("payload_json", '{"attachments": [{"id": 0, "description": "d"}]}')
    form.add_field("files[0]", b"data", filename="a.txt")
    path = f"/channels/{api.channel('general')}/messages"
    status, answer = await api.call("POST", path, data=form)
    validate_response("POST", path, status, answer)
    assert answer["attachments"][0]["description"] == "d"


async def test_people_and_roles(api: Api) -> None:
    guild = f"/guilds/{api.world.home.id}"
    member = f"{guild}/members/{api.user('viewer1')}"
    await check(api, "POST", "/users/@me/channels", {"recipient_id": api.user("viewer1")})
    await check(api, "PUT", f"{member}/roles/{api.role('VIP')}")
    await check(api, "DELETE", f"{member}/roles/{api.role('VIP')}")
    await check(api, "PATCH", member, {"roles": [api.role("VIP")]})
    role = await check(api, "POST", f"{guild}/roles", {"name": "new"})
    await check(api, "DELETE", f"{guild}/roles/{role['id']}")


async def test_commands(api: Api) -> None:
    command = {"name": "c", "description": "d", "options": EVERY_OPTION}
    await check(api, "PUT", api.commands, [command, {"name": "Menu", "type": 2}])
    made = await check(api, "POST", api.commands, {**command, "name": "other"})
    await check(api, "PATCH", f"{api.commands}/{made['id']}", {"description": "new"})
    await check(api, "GET", f"{api.commands}/{made['id']}")
    await check(api, "DELETE", f"{api.commands}/{made['id']}")


async def test_interactions(api: Api) -> None:
    await api.call("PUT", api.commands, [{"name": "c", "description": "d"}])
    for data in ({"type": 4, "data": RICH}, {"type": 5, "data": {"flags": 64}}):
        started = await api.discord.as_user("viewer1").slash("c")
        item = api.world.interactions[started.id]
        await check(api, "POST", f"/interactions/{item.id}/{item.token}/callback?with_response=true", data)
        hook = f"/webhooks/{api.world.bot_id}/{item.token}"
        await check(api, "POST", f"{hook}?wait=true", {"content": "more"})
        await check(api, "GET", f"{hook}/messages/@original")
        await check(api, "PATCH", f"{hook}/messages/@original", {"content": "edited"})
        await check(api, "DELETE", f"{hook}/messages/@original")
        await check(api, "POST", f"/interactions/{item.id}/{item.token}/callback", data)


async def test_component_answers(api: Api) -> None:
    _, sent = await api.send(RICH)
    body = await api.discord.as_user("viewer1").act("click", message=sent["id"], button="go")
    item = api.world.interactions[body["interaction"]]
    update = {"type": 7, "data": {"content": "new"}}
    await check(api, "POST", f"/interactions/{item.id}/{item.token}/callback?with_response=1", update)
    body = await api.discord.as_user("viewer1").act("click", message=sent["id"], button="go")
    item = api.world.interactions[body["interaction"]]
    await check(api, "POST", f"/interactions/{item.id}/{item.token}/callback", {"type": 4, "data": {"content": "x"}})
    await check(api, "GET", f"/webhooks/{api.world.bot_id}/{item.token}/messages/@original")
