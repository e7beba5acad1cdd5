"""Drive Debian's Chromium over its own protocol, through a pipe: open a file, ask the page, see what it did.

No driver is installed for it: a command is a line of JSON that ends in NUL, and so is an answer.
"""

import base64
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
TIMEOUT_SECONDS = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class BrowserError(RuntimeError):
    """Chromium refused a command, or did not answer in time."""


@dataclass
class Page:
    """One page. `complaints` are its console's errors and what it threw, `requests` the addresses that it asked for."""

    _browser: "_Pipe"
    _session: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path) -> float:
        """Open a file and return how long it took until it was loaded, in seconds."""
        began = time.perf_counter()
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")
        return time.perf_counter() - began

    def run(self, script: str) -> Any:
        """Return what an expression in the page is, as JSON; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression in the page is true."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while not self.run(condition):
            if time.monotonic() > until:
                raise BrowserError(f"not true in {TIMEOUT_SECONDS} s: {condition}; complaints: {self.complaints}")
            time.sleep(0.02)

    def prefer(self, scheme: str) -> None:
        """Be a reader who prefers ``light`` or ``dark`` pages."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def move_to(self, x: float, y: float) -> None:
        """Move the mouse."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def pdf(self) -> bytes:
        """Print the page."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def picture(self) -> bytes:
        """Return a PNG of what the window shows."""
        return base64.b64decode(self.ask("Page.captureScreenshot")["data"])

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol and return its answer."""
        return self._browser.ask(method, parameters, self._session)

    def note(self, method: str, told: dict[str, Any]) -> None:
        """Keep what the page was told to have done."""
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(json.dumps(told["entry"]))


class _Pipe:
    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._last = 0
        self.pages: dict[str, Page] = {}

    def ask(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._last += 1
        command = {"id": self._last, "method": method, "params": parameters}
        data = json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        until = time.monotonic() + TIMEOUT_SECONDS
        while True:
            message = self._next(until)
            if message.get("id") == self._last:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']}")
                answer: dict[str, Any] = message["result"]
                return answer
            page = self.pages.get(message.get("sessionId", ""))
            if page is not None and "method" in message:
                page.note(message["method"], message["params"])

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(until - time.monotonic(), 0))
            read = os.read(self._answers, 1 << 20) if ready else b""
            if not read:
                raise BrowserError("Chromium ended" if ready else f"no answer in {TIMEOUT_SECONDS} s")
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def browser() -> Iterator["Browser"]:
    """Run a headless Chromium with a profile of its own, and end it with everything that it started."""
    to_child, commands = os.pipe()
    answers, from_child = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        # Chromium reads commands at 3 and answers at 4, whatever numbers the pipes have here.
        plumbing = f'exec "$@" 3<&{to_child} 4>&{from_child}'
        process = subprocess.Popen(
            ["bash", "-c", plumbing, "bash", CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(to_child, from_child),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        pipe = _Pipe(commands, answers)
        try:
            yield Browser(pipe)
            pipe.ask("Browser.close", {})
            process.wait(timeout=20)
        finally:
            process.kill()
            process.wait()
            os.close(commands)
            os.close(answers)


class Browser:
    """A running Chromium."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe

    def page(self, *, width: int = 1120, height: int = 900) -> Page:
        """Return a new page, empty, that notes its complaints and requests."""
        target = self._pipe.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self._pipe.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pipe.pages[session] = Page(self._pipe, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.ask(f"{domain}.enable")
        page.resize(width, height)
        return page
