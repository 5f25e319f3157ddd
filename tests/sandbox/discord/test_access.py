"""Permissions, unknown things, tokens, rate limits and mentions answer as Discord's do."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.sandbox.discord.serving import Api, codes

NOBODY = "123456789"


def message_path(api: Api, message: dict[str, Any]) -> str:
    return f"/channels/{message['channel_id']}/messages/{message['id']}"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/channels/{NOBODY}", 10003),
        ("POST", f"/channels/{NOBODY}/messages", 10003),
        ("GET", "/channels/GENERAL/messages/" + NOBODY, 10008),
        ("PATCH", "/channels/GENERAL/messages/" + NOBODY, 10008),
        ("GET", f"/guilds/{NOBODY}", 10004),
        ("GET", f"/guilds/GUILD/members/{NOBODY}", 10013),
        ("PUT", f"/guilds/GUILD/members/VIEWER/roles/{NOBODY}", 10011),
        ("GET", f"/users/{NOBODY}", 10013),
        ("POST", f"/webhooks/BOT/{NOBODY}", 10015),
        ("GET", f"/applications/BOT/commands/{NOBODY}", 10063),
        ("PUT", "/channels/GENERAL/messages/1/reactions/%F0%9F%8E%89/@me", 10008),
    ],
)
async def test_unknown_things_have_their_codes(api: Api, method: str, path: str, code: int) -> None:
    for name, value in (
        ("GENERAL", api.channel("general")),
        ("GUILD", api.world.home.id),
        ("VIEWER", api.user("viewer1")),
        ("BOT", api.world.bot_id),
    ):
        path = path.replace(name, value)
    body = {"content": "x"} if method in ("POST", "PATCH") else None
    answer = await api.refused(method, path, body)
    assert (answer["status"], answer["code"]) == (404, code)


async def test_an_unknown_route_is_404_and_kept(api: Api) -> None:
    answer = await api.refused("GET", "/channels/1/nothing")
    assert (answer["status"], answer["code"]) == (404, 0)
    violation = api.world.violations[-1]
    assert (violation.method, violation.path, violation.template) == ("GET", "/channels/1/nothing", None)


async def test_a_bad_token_is_401(api: Api) -> None:
    status, answer = await api.call("GET", "/users/@me", headers={"Authorization": "Bot nope"})
    assert (status, answer["code"]) == (401, 0)


@pytest.mark.parametrize(
    ("taken", "body", "code"),
    [
        ("view_channel", {"content": "x"}, 50001),
        ("send_messages", {"content": "x"}, 50013),
        ("embed_links", {"embeds": [{"title": "x"}]}, 50013),
    ],
)
async def test_what_the_bot_may_not_do_in_a_channel(api: Api, taken: str, body: dict[str, Any], code: int) -> None:
    await api.discord.bot_permissions("general", take=(taken,))
    answer = await api.send_refused(body)
    assert (answer["status"], answer["code"]) == (403, code)
    await api.discord.bot_permissions("general", reset=(taken,))
    assert (await api.send(body))[0] == 200


async def test_files_need_a_permission_of_their_own(api: Api) -> None:
    form = aiohttp.FormData()
    form.add_field("payload_json", '{"content": "x"}')
    form.add_field("files[0]", b"data", filename="a.txt")
    await api.discord.bot_permissions("general", take=("attach_files",))
    path = f"/channels/{api.channel('general')}/messages"
    status, answer = await api.call("POST", path, data=form)
    assert (status, answer["code"]) == (403, 50013)


async def test_only_own_messages_are_edited_and_others_need_a_permission_to_delete(api: Api) -> None:
    said = await api.discord.as_user("viewer1").say("general", "mine")
    assert (await api.refused("PATCH", message_path(api, said.raw), {"content": "x"}))["code"] == 50005
    await api.discord.bot_permissions("general", take=("manage_messages",))
    assert (await api.refused("DELETE", message_path(api, said.raw)))["code"] == 50013
    await api.discord.bot_permissions("general", reset=("manage_messages",))
    assert (await api.call("DELETE", message_path(api, said.raw)))[0] == 204


async def test_roles_are_given_below_ones_own_only(api: Api) -> None:
    member = f"/guilds/{api.world.home.id}/members/{api.user('viewer1')}/roles"
    assert (await api.call("PUT", f"{member}/{api.role('VIP')}"))[0] == 204
    assert (await api.refused("PUT", f"{member}/{api.role('Server Booster')}"))["code"] == 50013
    api.world.home.roles[api.role("VIP")].position = 30
    assert (await api.refused("DELETE", f"{member}/{api.role('VIP')}"))["code"] == 50013
    api.world.home.roles[api.role("Drumroll")].permissions = 0
    assert (await api.refused("PUT", f"{member}/{api.role('Level 10')}"))["code"] == 50013


async def test_closed_dms_are_50007(api: Api) -> None:
    _, dm = await api.call("POST", "/users/@me/channels", {"recipient_id": int(api.user("viewer1"))})
    path = f"/channels/{dm['id']}/messages"
    assert (await api.call("POST", path, {"content": "hi"}))[0] == 200
    await api.discord.as_user("viewer1").set_dms(False)
    answer = await api.refused("POST", path, {"content": "hi"})
    assert (answer["status"], answer["code"]) == (403, 50007)


async def test_every_answer_carries_its_rate_limit(api: Api) -> None:
    await api.send({"content": "x"})
    first = api.headers
    await api.send({"content": "y"})
    assert int(api.headers["X-RateLimit-Remaining"]) == int(first["X-RateLimit-Remaining"]) - 1
    assert api.headers["X-RateLimit-Bucket"] == first["X-RateLimit-Bucket"]
    await api.send({"content": "z"}, "raffle")
    assert int(api.headers["X-RateLimit-Remaining"]) == int(first["X-RateLimit-Remaining"])
    assert float(api.headers["X-RateLimit-Reset-After"]) <= 1.0


async def test_too_many_requests_are_429_with_via(api: Api) -> None:
    api.world.limits.limit = 2
    api.world.limits.period = 60.0
    statuses = [(await api.send({"content": "x"}))[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert api.headers["Via"]
    assert api.headers["X-RateLimit-Scope"] == "user"
    assert len(api.world.channels[api.channel("general")].messages) == 2


async def test_the_global_limit_spares_interactions(api: Api) -> None:
    api.world.limits.global_limit = 1
    await api.call("GET", "/users/@me")
    _, answer = await api.call("GET", "/gateway")
    assert answer["global"] is True
    assert (await api.refused("POST", f"/webhooks/{api.world.bot_id}/none", {"content": "x"}))["code"] == 10015


async def test_the_same_nonce_posts_once(api: Api) -> None:
    body = {"content": "x", "nonce": "n1", "enforce_nonce": True}
    _, first = await api.send(body)
    assert (await api.send(body))[1]["id"] == first["id"]
    assert (await api.send({**body, "nonce": "n2"}))[1]["id"] != first["id"]
    assert (await api.send({**body, "enforce_nonce": False}))[1]["id"] != first["id"]


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, ["viewer1", "vip"]),
        ({"parse": []}, []),
        ({"parse": ["users"]}, ["viewer1"]),
        ({"parse": ["roles"]}, ["vip"]),
        ({"users": ["VIEWER"]}, ["viewer1"]),
        ({"parse": [], "roles": ["VIPROLE"]}, ["vip"]),
    ],
)
async def test_only_allowed_mentions_ping(api: Api, allowed: Any, pinged: list[str]) -> None:
    names = {"VIEWER": api.user("viewer1"), "VIPROLE": api.role("VIP")}
    body: dict[str, Any] = {"content": f"<@{names['VIEWER']}> <@&{names['VIPROLE']}>"}
    if allowed is not None:
        body["allowed_mentions"] = {key: [names.get(one, one) for one in value] for key, value in allowed.items()}
    await api.send(body)
    assert sorted((await api.discord.messages("general"))[0].pinged) == pinged


async def test_everyone_needs_the_permission_and_leave(api: Api) -> None:
    everybody = len(api.world.home.members) - 1
    await api.send({"content": "@everyone"})
    await api.send({"content": "@everyone", "allowed_mentions": {"parse": []}})
    await api.discord.bot_permissions("general", take=("mention_everyone",))
    await api.send({"content": "@everyone"})
    assert [len(one.pinged) for one in await api.discord.messages("general")] == [everybody, 0, 0]


async def test_a_viewer_does_not_ping_everyone(api: Api) -> None:
    assert (await api.discord.as_user("viewer1").say("general", "@everyone @vip")).pinged == ["vip"]


async def test_faults_skip_count_and_end(api: Api) -> None:
    await api.discord.fault("503", "GET /users/*", count=2, skip=1)
    seen = [(await api.call("GET", "/users/@me"))[0] for _ in range(4)]
    assert seen == [200, 503, 503, 200]
    await api.discord.fault("504", count=100)
    await api.discord.heal()
    assert (await api.call("GET", "/users/@me"))[0] == 200


async def test_a_lost_reply_was_executed(api: Api) -> None:
    await api.discord.fault("lost", "POST /channels/*")
    with pytest.raises(aiohttp.ClientError):
        await api.send({"content": "was it sent?"})
    await asyncio.sleep(0)
    assert [one.content for one in await api.discord.messages("general")] == ["was it sent?"]


async def test_members_are_listed_in_pages_and_searched(api: Api) -> None:
    path = f"/guilds/{api.world.home.id}/members"
    _, first = await api.call("GET", f"{path}?limit=4")
    _, rest = await api.call("GET", f"{path}?limit=1000&after={first[-1]['user']['id']}")
    assert len(first) + len(rest) == len(api.world.home.members)
    _, found = await api.call("GET", f"{path}/search?query=view&limit=10")
    assert {one["user"]["username"] for one in found} == {"viewer1", "viewer2", "viewer3"}
    assert codes(await api.refused("GET", f"{path}?limit=1001")) == {"limit: NUMBER_TYPE_MAX"}


async def test_history_has_windows(api: Api) -> None:
    sent = [(await api.send({"content": str(n)}))[1]["id"] for n in range(6)]
    path = f"/channels/{api.channel('general')}/messages"

    async def contents(query: str) -> str:
        return "".join(one["content"] for one in (await api.call("GET", f"{path}?{query}"))[1])

    assert await contents("limit=2") == "54"
    assert await contents(f"before={sent[3]}&limit=2") == "21"
    assert await contents(f"after={sent[3]}") == "54"
    assert await contents(f"around={sent[3]}&limit=3") == "432"
