"""What a platform and its operator read on the bot's port."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.support import Bot, Stage
from tests.patience import until
from tests.web.clients import held


async def figures(bot: Bot) -> dict[tuple[str, str], float]:
    """Every sample of /metrics by its name and the value of its only label."""
    status, body = await bot.get("/metrics")
    assert status == 200
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_health_and_metrics_tell_the_state_of_everything(stage: Stage, bot: Bot) -> None:
    await stage.link("viewer1")
    await stage.kick.gift("viewer1", 2)
    await stage.discord.wait_for_message("announcements", containing="for gifting 2 subs")

    await until(lambda: _all_is_said(bot))
    health = await bot.health()
    assert (health["status"], health["role"]) == ("ok", "leader")
    assert health["discord"] == {"up": True, "last_error": None}
    assert health["database"] == {"up": True}
    assert health["outbox"] == {"waiting": 0, "oldest": None, "retrying": 0, "blocked": 0, "given_up": 0}
    assert (health["kick"]["state"], health["kick"]["alarm"]) == ("connected", None)
    assert health["kick"]["live"]["sandbox-streamer"]["live"] is False
    assert health["kick"]["live"]["sandbox-streamer"]["source"] in ("api", "site")
    assert (health["jobs"]["last_error"], bool(health["jobs"]["last_tick"])) == (None, True)
    assert {task["state"] for task in health["tasks"].values()} == {"running"}

    seen = await figures(bot)
    assert (seen["drumroll_role", "leader"], seen["drumroll_role", "standby"]) == (1, 0)
    assert seen["drumroll_discord", "connected"] == 1
    assert seen["drumroll_outbox_messages_total", "delivered"] >= 2
    assert seen["drumroll_outbox_messages_total", "failed"] == 0
    assert seen["drumroll_jobs_total", "ticks"] > 0
    assert seen["drumroll_kick_events_total", "GiftedSubs"] >= 1
    assert seen["drumroll_kick_socket_total", "attempts"] == 1
    assert seen["drumroll_task_restarts_total", "discord"] == 0
    assert seen["process_resident_memory_bytes", ""] > 0

    async with held(await bot.port(), times=1100):
        assert (await bot.get("/health"))[0] == 200
        await stage.discord.as_user("viewer1").say("raffle", "!tickets")
        await stage.discord.wait_for_message("raffle", containing="has **30 tickets**")
        assert (await bot.health())["web"]["dropped"] >= 1000

    # The outside goes away: the pages say which part of it, and the process goes on.
    await stage.kick.drop(60.0)
    await stage.discord.gateway_down(60.0)
    await stage.discord.close_gateway(4000)

    async def told() -> bool:
        now = await bot.health()
        return now["kick"]["state"] != "connected" and not now["discord"]["up"]

    await until(told)
    assert ((await bot.get("/health"))[0], (await bot.get("/ready"))[0]) == (200, 503)
    assert (await figures(bot))["drumroll_discord", "connected"] == 0


async def _all_is_said(bot: Bot) -> bool:
    return bool((await bot.health())["outbox"].get("waiting") == 0)


async def test_what_is_not_there(bot: Bot) -> None:
    for path in ("/records/raffle/1/1.json", "/records/../../etc/passwd.json", "/records/raffle/x.json", "/nothing"):
        assert (await bot.get(path))[0] == 404, path
