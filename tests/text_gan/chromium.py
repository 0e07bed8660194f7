"""A headless Chromium, driven over a pipe by Chrome's own debugging protocol: without a port, and without a driver."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

SECONDS = 60
"""The longest that anything may take."""
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9, **{digit: ord(digit) for digit in "123456789"}}


def find_chromium() -> str | None:
    """The program, or None where there is none."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    return next(filter(None, found), None)


class Page:
    """The page of a browser that keeps its data in a folder."""

    def __init__(self, program: str, folder: Path) -> None:
        self.downloads = folder / "downloads"
        """Where files go that are downloaded."""
        read_commands, self.commands = os.pipe()
        self.answers, write_answers = os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox",  # tests may run as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder / 'profile'}",
        ]
        wired = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'  # the protocol's descriptors
        self.process = subprocess.Popen(
            ["bash", "-c", wired, "bash", program, *options, "about:blank"],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (read_commands, write_answers):
            os.close(end)
        self.numbers, self.unread, self.events = itertools.count(1), b"", []
        self.documents: set[str] = set()
        self.session: str | None = None
        targets = self("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")
        frame = self("Page.getFrameTree")["frameTree"]["frame"]
        self.documents.add(frame["loaderId"])
        self("Page.setLifecycleEventsEnabled", enabled=True)
        self("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.session = None
        self("Browser.close")
        self.process.wait(SECONDS)
        for end in (self.commands, self.answers):
            os.close(end)

    def __call__(self, method: str, **params: Any) -> Any:
        """Send a command, and wait for its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session is not None and not method.startswith("Browser."):
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda said: said.get("id") == number)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def open(self, file: Path) -> None:
        self.events.clear()
        self("Page.navigate", url=file.resolve().as_uri())
        self._loaded()

    def reload(self) -> None:
        self.events.clear()
        self("Page.reload")
        self._loaded()

    def _loaded(self) -> None:
        """Wait until a document is loaded that is none of those before, of which news may still come."""

        def is_new(said: dict[str, Any]) -> bool:
            about = said.get("params", {})
            is_load = said.get("method") == "Page.lifecycleEvent" and about["name"] == "load"
            return is_load and about["loaderId"] not in self.documents

        found = next(filter(is_new, self.events), None) or self._until(is_new)
        self.documents.add(found["params"]["loaderId"])

    def wait(self, event: str) -> dict[str, Any]:
        """The first event of that name, also one that has come already."""
        found = next((said for said in self.events if said["method"] == event), None)
        return (found or self._until(lambda said: said.get("method") == event))["params"]

    def press(self, *keys: str) -> None:
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            about = {"key": key, "windowsVirtualKeyCode": KEYS[key], **({"text": text} if text else {})}
            self("Input.dispatchKeyEvent", type="keyDown", **about)
            self("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=KEYS[key])

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        x, y = self.ask(
            f"(() => {{ const at = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [at.x + at.width / 2, at.y + at.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """What is seen of an element."""
        return self.ask(f"document.querySelector({json.dumps(selector)}).innerText")

    def shows(self, selector: str, text: str) -> bool:
        """Whether an element says this, now or soon: what another process of the browser stored comes when it comes."""
        end = time.monotonic() + SECONDS
        while self.text(selector) != text:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def size(self, width: int, height: int, **media: str) -> None:
        """Show the page on a screen of this many pixels, with these media features."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))

    def _until(self, is_it: Any) -> Any:
        """Read messages up to the one that is asked for; the others are kept in `events`."""
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" in self.unread:
                message, _, self.unread = self.unread.partition(b"\0")
                said = json.loads(message)
                if "method" in said:
                    self.events.append(said)
                if is_it(said):
                    return said
            ready, _, _ = select.select([self.answers], [], [], max(0, end - time.monotonic()))
            read = os.read(self.answers, 1 << 16) if ready else b""
            if not read:
                raise TimeoutError(f"Chromium said nothing more within {SECONDS} s")
            self.unread += read
