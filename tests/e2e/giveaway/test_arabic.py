"""The main way in Arabic, with nothing left in English."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from sandbox.driver import Message
from tests.e2e.giveaway.support import enter, fill, press, turned
from tests.e2e.support import Bot, Stage, verify
from tests.patience import until

LATIN = re.compile(r"[A-Za-z]{2,}")
OURS = re.compile(r"<[^>]*>|`[^`]*`|https?://\S+|Nitro|VIP|Kick|\b[0-9a-f]{64}\b|Server Booster|1d|csv")


def untranslated(text: str) -> list[str]:
    """Words in Latin letters that no name, mention or figure accounts for."""
    return LATIN.findall(OURS.sub("", text))


async def test_from_the_form_to_the_winner(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    discord, owner = stage.discord, stage.discord.as_user("streamer")
    await (await owner.slash_in("raffle", "raffle config set", {"name": "locale", "value": "ar"})).answer()
    form = await (await owner.slash_in("general", "giveaway create", {"channel": "giveaways"})).form()
    values = {"الجائزة": "Nitro", "المدة أو موعد الانتهاء": "يومين", "عدد الفائزين (1 إلى 50)": "٥١"}
    page = await (await form.submit(values)).answer()
    seen = [form.title, *form.labels, page.text, *page.buttons]
    form = await (await owner.click(page, "العودة إلى النموذج")).form()
    page = await turned(owner, page, await form.submit({**values, "عدد الفائزين (1 إلى 50)": "٢"}))
    seen += [page.text, *page.buttons]
    page = await press(owner, page, "اجمع كل الرتب")
    page = await fill(owner, page, "أضف رتبًا", {"الرتب": ["VIP"], "النقاط لكل واحدة منها": "١٠"})
    seen += [page.text, *page.buttons]
    page = await press(owner, page, "التالي")
    form = await (await owner.select(page, "messages", menu="أضف شرطًا أو غيّره…")).form()
    seen += [form.title, *form.labels]
    page = await turned(owner, page, await form.submit({"على الأقل": "1", "الأيام": "7"}))
    form = await (await owner.click(page, "الرتب المعفاة")).form()
    page = await turned(owner, page, await form.submit({"رتب معفاة من الشروط": ["VIP", "Server Booster"]}))
    seen += [page.text, *page.buttons]
    page = await press(owner, page, "التالي")
    seen += [page.text, *page.buttons]
    page = await press(owner, page, "ابدأ")
    posted = await discord.wait_for_message("giveaways", containing="Nitro")
    answers = await enter(stage, posted, "vip", "booster", "viewer1", "vip")
    seen += [page.text, posted.text, *posted.buttons, *(one.text for one in answers), *answers[-1].buttons]
    listed = await (await owner.click(posted, posted.buttons[1])).answer()
    stage.clock.turn(forward=timedelta(days=2, minutes=1))
    seen += [listed.text]
    winner = await discord.as_user("vip").wait_for_message("dm", containing="Nitro", timeout=40)

    async def ended() -> Message | None:
        shown = await owner.see(posted)
        return shown if stage.mention("vip") in shown.text else None

    over = await until(ended)
    assert over is not None
    seen += [winner.text, over.text]

    async def results() -> list[Message]:
        return [one for one in await discord.messages("giveaways") if one.attachments]

    announced = await until(results)
    assert len(announced) == 1
    seen += [announced[0].text]
    assert sorted(announced[0].pinged) == ["booster", "vip"]
    assert (await verify(tmp_path / "v", await discord.file(announced[0].attachments[0]["url"])))[0] == 0
    assert [words for text in seen if (words := untranslated(text))] == []
