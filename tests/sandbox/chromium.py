"""A headless Chromium, driven as a person would: by what can be read on the screen, with a mouse and a keyboard."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.patience import patient

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0",
)  # fmt: skip
TIMEOUT = patient(20)
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "ArrowDown": (40, ""), "ArrowUp": (38, "")}

# The smallest thing on the screen that reads so: exactly, else somewhere in it. Gives its middle, or null.
_FIND = """
((wanted, exact, selector) => {
  const plain = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
  const seen = (one) => one.getClientRects().length && one.checkVisibility({ visibilityProperty: true });
  const reads = (one) => [plain(one.innerText), plain(one.getAttribute("aria-label")), plain(one.placeholder)];
  const area = (one) => one.getBoundingClientRect().width * one.getBoundingClientRect().height;
  const all = [...document.querySelectorAll(selector)].filter((one) => seen(one) && !one.disabled);
  const same = all.filter((one) => reads(one).some((text) => text === wanted));
  const near = exact ? [] : all.filter((one) => reads(one).some((text) => text.includes(wanted)));
  const found = (same.length ? same : near).sort((a, b) => area(a) - area(b))[0];
  if (!found) return null;
  found.scrollIntoView({ block: "center", behavior: "instant" });
  const box = found.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const top = document.elementFromPoint(x, y);
  return found.contains(top) || top?.contains(found) ? [x, y] : null;
})
"""
PRESSABLE = "button, a, summary, label, select, input, textarea, [role=option], [role=tab], [role=menuitem]"
READABLE = "body *"


def installed() -> str | None:
    """Where Chromium is, if anywhere."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Unseen(AssertionError):
    """What should be on the screen is not there."""


class Page:
    """One tab. `errors` collects exceptions and console errors."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._serial = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            body = json.loads(message.data)
            if "id" in body:
                self._answers.pop(body["id"]).set_result(body)
            elif body["method"] == "Runtime.exceptionThrown":
                details = body["params"]["exceptionDetails"]
                self.errors.append(str(details.get("exception", {}).get("description") or details["text"]))
            elif body["method"] == "Log.entryAdded" and body["params"]["entry"]["level"] == "error":
                self.errors.append(str(body["params"]["entry"]["text"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._serial += 1
        answer = self._answers[self._serial] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._serial, "method": method, "params": params})
        body = await asyncio.wait_for(answer, TIMEOUT)
        if "error" in body:
            raise RuntimeError(f"{method}: {body['error']['message']}")
        result: dict[str, Any] = body["result"]
        return result

    async def start(self, width: int, height: int, *, phone: bool) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        if phone:
            await self.call("Emulation.setTouchEmulationEnabled", enabled=True)

    async def close(self) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def goto(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        loaded = f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'"
        await self.until(loaded, url)

    async def evaluate(self, script: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    async def until(self, look: str, what: str, timeout: float = TIMEOUT) -> Any:
        """The first true value of the expression `look`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while loop.time() < deadline:
            if value := await self.evaluate(look):
                return value
            await asyncio.sleep(0.05)
        raise Unseen(f"{what} is not there after {timeout:g} s; the page reads:\n{await self.text()}\n{self.errors}")

    async def text(self) -> str:
        return str(await self.evaluate("document.body?.innerText ?? ''"))

    async def _where(self, text: str, selector: str, exact: bool, timeout: float) -> tuple[float, float]:
        wanted = f"{_FIND}({json.dumps(text)}, {json.dumps(exact)}, {json.dumps(selector)})"
        x, y = await self.until(wanted, f"{text!r}", timeout)
        return x, y

    async def click(self, text: str, *, exact: bool = False, timeout: float = TIMEOUT) -> None:
        """Press what reads `text` (its words, label or placeholder)."""
        x, y = await self._where(text, PRESSABLE, exact, timeout)
        mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, **mouse)

    async def see(self, text: str, timeout: float = TIMEOUT) -> None:
        """Wait until `text` stands somewhere on the screen."""
        await self.until(f"document.body.innerText.includes({json.dumps(text)})", f"{text!r}", timeout)

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        code, text = KEYS[key]
        params = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **params)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **params)

    async def write(self, into: str, text: str) -> None:
        """Click a field and replace what stands in it."""
        await self.click(into)
        await self.evaluate("document.activeElement.select?.()")
        await self.type(text)

    async def screenshot(self, path: Path) -> None:
        found = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))


async def _port(folder: Path, process: asyncio.subprocess.Process) -> int:
    """The port that Chromium chose, once it has written it down."""
    written = folder / "DevToolsActivePort"
    for _ in range(int(TIMEOUT / 0.05)):
        if written.exists() and (lines := written.read_text().splitlines()):
            return int(lines[0])
        if process.returncode is not None:
            break
        await asyncio.sleep(0.05)
    raise RuntimeError("Chromium did not start")


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Callable[..., Any]]:
    """A Chromium with its profile in `folder`; gives `open(width, height, phone=False) -> Page`."""
    program = installed()
    assert program is not None, "Chromium is not installed"
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    pages: list[Page] = []
    async with aiohttp.ClientSession() as session:
        try:
            base = f"http://127.0.0.1:{await _port(folder, process)}"

            async def open_page(width: int = 1440, height: int = 900, *, phone: bool = False) -> Page:
                async with session.put(f"{base}/json/new?about:blank") as answer:
                    address = (await answer.json())["webSocketDebuggerUrl"]
                page = Page(await session.ws_connect(address, max_msg_size=0))
                pages.append(page)
                await page.start(width, height, phone=phone)
                return page

            yield open_page
        finally:
            for page in pages:
                await page.close()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
