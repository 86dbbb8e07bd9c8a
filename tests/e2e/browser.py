"""A real Chromium without a window, driven over WebDriver: only what the tests
of the dashboard need, in the standard library's words."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from harness import PATIENCE, wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# As WebDriver has them.
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def missing() -> str:
    """Which program is not installed; empty where all are."""
    return next((name for name in ("chromium", "chromedriver") if not shutil.which(name)), "")


class Browser:
    """One window with a profile of its own. Ends with close()."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trainyard-browser-"))
        self.log = (self.folder / "driver.log").open("w+")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.base = f"http://127.0.0.1:{wait_until('chromedriver', self._port)}"
        self.session = ""
        self.session = self.call("POST", "/session", {"capabilities": self._capabilities()})[
            "sessionId"
        ]
        self.call("POST", self._path("/timeouts"), {"script": int(60000 * PATIENCE)})

    def _port(self) -> str:
        assert self.driver.poll() is None, "chromedriver ended"
        text = Path(self.log.name).read_text()
        found = text.partition("started successfully on port ")[2]
        return found.partition(".")[0] if "\n" in found else ""

    def _capabilities(self) -> dict[str, Any]:
        arguments = [*ARGUMENTS, f"--user-data-dir={self.folder / 'profile'}"]
        options = {"binary": shutil.which("chromium"), "args": arguments}
        return {
            "alwaysMatch": {
                "browserName": "chrome",
                "acceptInsecureCerts": True,  # a class's server has an authority of its own
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
        }

    def close(self) -> None:
        try:
            if self.session:
                self.call("DELETE", self._path(""))
        finally:
            # The group is ours: chromedriver, and a browser that it left behind.
            try:
                os.killpg(self.driver.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.driver.wait()
            self.log.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, path: str) -> str:
        return f"/session/{self.session}{path}"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A command of WebDriver; its errors are assertions that fail."""
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=120 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise AssertionError(f"{value['error']}: {value['message']}") from None

    # Pages.

    def open(self, address: str) -> None:
        self.call("POST", self._path("/url"), {"url": address})

    def forget_cookies(self) -> None:
        self.cdp("Network.clearBrowserCookies")

    def script(self, source: str, *arguments: Any) -> Any:
        """Runs the body of an async function, whose `args` are the arguments."""
        script = f"const args = [...arguments]; return (async () => {{ {source} }})()"
        body = {"script": script, "args": arguments}
        return self.call("POST", self._path("/execute/sync"), body)

    def wait_for(self, what: str, source: str, *arguments: Any, seconds: float = 60) -> Any:
        """Until an expression of the page is true; returns it."""
        return wait_until(what, lambda: self.script(f"return {source}", *arguments), seconds)

    def text(self, selector: str) -> str:
        """What is read there; spaces that do not break are spaces."""
        return self.script(
            "return document.querySelector(args[0])?.innerText.replaceAll('\\u00a0', ' ') ?? ''",
            selector,
        )

    # What a user does.

    def find(self, selector: str) -> str:
        """The first element that is shown, once it is there."""

        def shown() -> dict[str, str] | None:
            return self.script(
                "return [...document.querySelectorAll(args[0])]"
                ".find(e => e.checkVisibility()) ?? null",
                selector,
            )

        return wait_until(selector, shown)[ELEMENT]

    def click(self, selector: str) -> None:
        self.call("POST", self._path(f"/element/{self.find(selector)}/click"))

    def press(self, text: str, within: str = "body") -> None:
        """Clicks the button or link with this text, once it is there and enabled."""
        found = self.wait_for(
            f"a button {text!r}",
            "[...document.querySelectorAll(args[1] + ' button, ' + args[1] + ' a')].find(e =>"
            " e.checkVisibility() && !e.disabled && e.innerText.trim() === args[0]) ?? null",
            text,
            within,
        )
        self.call("POST", self._path(f"/element/{found[ELEMENT]}/click"))

    def keys(self, *names: str) -> None:
        """Presses keys one after another, wherever the focus is."""
        actions = [
            {"type": kind, "value": KEYS.get(name, name)}
            for name in names
            for kind in ("keyDown", "keyUp")
        ]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self.call("POST", self._path("/actions"), body)

    def draw(self, selector: str, *points: tuple[int, int]) -> None:
        """A stroke of the mouse over points that are counted from an element's middle."""
        origin = {ELEMENT: self.find(selector)}
        moves = [
            {"type": "pointerMove", "duration": 20, "x": x, "y": y, "origin": origin}
            for x, y in points
        ]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        body = {
            "type": "pointer",
            "id": "mouse",
            "parameters": {"pointerType": "mouse"},
            "actions": [moves[0], down, *moves[1:], up],
        }
        self.call("POST", self._path("/actions"), {"actions": [body]})

    def type(self, selector: str, text: str) -> None:
        """Types in place of what is there."""
        element = self.find(selector)
        self.call("POST", self._path(f"/element/{element}/clear"))
        self.call("POST", self._path(f"/element/{element}/value"), {"text": text})

    def labelled(self, label: str) -> str:
        """A selector of the control with this label."""
        found = self.wait_for(
            f"a control {label!r}",
            "[...document.querySelectorAll('label')].find(e => e.checkVisibility()"
            " && e.innerText.trim() === args[0])?.htmlFor ?? ''",
            label,
        )
        return f"#{found}"

    def choose(self, label: str, beginning: str) -> None:
        """Chooses the option that begins so."""
        selector = self.labelled(label)
        self.wait_for(
            f"an option {beginning!r}",
            "(() => { const s = document.querySelector(args[0]);"
            " const o = [...s.options].find(o => o.text.startsWith(args[1])); if (!o) return false;"
            " s.value = o.value; for (const t of ['input', 'change'])"
            " s.dispatchEvent(new Event(t, { bubbles: true })); return true; })()",
            selector,
            beginning,
        )

    # What it looks like.

    def cdp(self, command: str, **parameters: Any) -> Any:
        body = {"cmd": command, "params": parameters}
        return self.call("POST", self._path("/goog/cdp/execute"), body)

    def look(self, width: int, height: int, dark: bool = False, touch: bool = False) -> None:
        """Size of the screen, and whether the system is dark."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """What is in the window, or the whole page."""
        parameters: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
            parameters["clip"] = {
                "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1
            }
        path.write_bytes(base64.b64decode(self.cdp("Page.captureScreenshot", **parameters)["data"]))

    def console(self) -> list[str]:
        """What was said on the console since the last call, by level."""
        entries = self.call("POST", self._path("/se/log"), {"type": "browser"})
        return [f"{entry['level']} {entry['message']}" for entry in entries]
