"""Open a page in headless Chromium and tell when it was loaded and when its charts were drawn, by its own clock."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

CHROMIUM = "/usr/bin/chromium"
_SECONDS = 60

_WHEN_DRAWN = """
new Promise((resolve) => {
  const look = () => {
    const figures = [...document.querySelectorAll("figure[data-chart]")];
    const isDrawn = figures.every((figure) => figure.classList.contains("drawn") && figure.querySelector("svg path"));
    if (document.readyState !== "complete" || !isDrawn) return setTimeout(look, 5);
    requestAnimationFrame(() => setTimeout(() => resolve({
      loaded: performance.getEntriesByType("navigation")[0].loadEventEnd,
      drawn: performance.now(),
      charts: figures.length,
      requests: performance.getEntriesByType("resource").filter((one) => !one.name.startsWith("blob:")).length,
    })));
  };
  look();
})
"""


@dataclass(frozen=True)
class Opening:
    """Seconds from the start of the navigation to the load event, and to the first frame with all charts."""

    loaded: float
    drawn: float
    charts: int
    requests: int


@contextmanager
def browser() -> Iterator["Browser"]:
    """Run Chromium while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        process = subprocess.Popen(
            [CHROMIUM, *options, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Browser(_port(Path(profile) / "DevToolsActivePort"))
        finally:
            process.terminate()
            process.wait(timeout=_SECONDS)


class Browser:
    """One tab, spoken to by the DevTools protocol."""

    def __init__(self, port: int) -> None:
        with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            self._address = next(tab["webSocketDebuggerUrl"] for tab in json.load(answer) if tab["type"] == "page")

    def open(self, page: Path) -> Opening:
        """Open the page and wait for its charts."""
        from websockets.sync.client import connect

        with connect(self._address, max_size=None) as socket:
            _ask(socket, 1, "Page.navigate", url=page.absolute().as_uri())
            told = _ask(socket, 2, "Runtime.evaluate", expression=_WHEN_DRAWN, awaitPromise=True, returnByValue=True)
        value = told["result"]["value"]
        return Opening(value["loaded"] / 1000, value["drawn"] / 1000, value["charts"], value["requests"])


def _ask(socket: Any, number: int, method: str, **parameters: Any) -> dict[str, Any]:
    socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
    while True:
        answer = json.loads(socket.recv(timeout=_SECONDS))
        if answer.get("id") == number:
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            found: dict[str, Any] = answer["result"]
            return found


def _port(file: Path) -> int:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)
    raise RuntimeError("Chromium did not tell its port")
