"""Browser tests: the real `decai up` on free ports, looked at through the real Chromium.

Nothing here sleeps to let time pass: every wait is for content, and bounded. A page that logs an error to the
console, or throws, fails its test.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
]
START_SECONDS = 120
WAIT_MS = 20_000
DESKTOP, PHONE = 1440, 390
SHOTS = os.environ.get("DECAI_SHOTS")
NARROW = 768
"""Below this Streamlit folds the sidebar away."""


@dataclass
class Up:
    """A running `decai up`."""

    process: subprocess.Popen[str]
    home: Path
    urls: dict[str, str]

    @property
    def url(self) -> str:
        """The dashboard's address."""
        return self.urls["dashboard_url"]


@contextmanager
def run_up(home: Path, *arguments: str) -> Iterator[Up]:
    """Start `decai up` on a home and free ports; it is ready when its line of JSON has come."""
    command = [
        sys.executable,
        "-c",
        "from decai.cli import main; main()",
        "up",
        "--home",
        str(home),
        "--no-browser",
        *(f"--{name}-port=0" for name in ("rpc", "kubo", "gateway", "dashboard")),
        *arguments,
    ]
    with running(command, home) as (process, lines):
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = ""
        if not line:
            pytest.fail(f"decai up did not come up: {log_of(home).read_text()[-2000:]}")
        yield Up(process, home, json.loads(line))


@contextmanager
def run_node(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start the embedded node alone, empty, on a port."""
    code = "from decai.cli import main; main()"
    command = [sys.executable, "-c", code, "node", "--home", str(home), "--rpc-port", str(port)]
    with running(command, home) as (process, lines):
        if not lines.get(timeout=START_SECONDS):
            pytest.fail(f"decai node did not come up: {log_of(home).read_text()[-2000:]}")
        yield process


@contextmanager
def run_dashboard(home: Path, rpc_url: str, port: int) -> Iterator[str]:
    """Start the dashboard alone, on a network that may be there or not; give its address."""
    command = [
        sys.executable, "-m", "dashboard", "--rpc-url", rpc_url, "--home", str(home), "--port", str(port),
        "--parent-pipe",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with running(command, home) as (process, _):
        wait_for(lambda: answers(url), f"the dashboard at {url}", process)
        yield url


@contextmanager
def running(command: list[str], home: Path) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[str]]]:
    """Run a command in the home's parent; its output's lines are in the queue, an empty one when it has ended."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    with log_of(home).open("a") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=home.parent
        )
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)
        reader.join(15)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def log_of(home: Path) -> Path:
    """Where the processes of a home write what goes wrong."""
    return home.parent / f"{home.name}.log"


def free_port() -> int:
    """A port that nobody listens on, its successor included: a node's WebSocket is there."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return int(port)


def answers(url: str) -> bool:
    """Whether a dashboard serves."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_for(check: Callable[[], bool], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Wait until something holds, at most half a minute."""
    deadline = time.monotonic() + 30
    while not check():
        if process is not None and process.poll() is not None:
            pytest.fail(f"The process ended with {process.returncode} before {what} was there")
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come within 30 s")
        time.sleep(0.05)  # between two looks; the condition decides


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One network with the first model, for every test that only adds to it."""
    with run_up(tmp_path_factory.mktemp("up") / "home") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium."""
    from shared_playwright import playing

    with playing() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Window:
    """One browser window on the dashboard, and what its console complained about."""

    page: Any
    base: str
    errors: list[str] = field(default_factory=list)

    def hear(self, message: Any) -> None:
        """Keep a complaint, but for one: on a link to a page Streamlit's own front end asks below that page's
        address for its server first, is told 404, and finds it at the root."""
        if message.type == "error" and "/_stcore/" not in (message.location or {}).get("url", ""):
            self.errors.append(message.text)

    def visit(self, path: str = "", heading: str = "Overview") -> Any:
        """Open a page by its address and wait for its heading."""
        self.page.goto(f"{self.base}/{path}")
        self.heading(heading)
        return self.page

    def go(self, name: str) -> Any:
        """Open a page from the sidebar and wait for its heading."""
        expand = self.page.get_by_test_id("stExpandSidebarButton")
        if self.page.viewport_size["width"] < NARROW and expand.is_visible():
            expand.click()
        self.page.get_by_test_id("stSidebarNavLink").filter(has_text=name).first.click()
        self.heading(name)
        if self.page.viewport_size["width"] < NARROW:
            expand.wait_for()
        return self.page

    def heading(self, words: str) -> None:
        """Wait for a page's heading."""
        self.page.get_by_role("heading", name=words, level=1).wait_for()

    def settled(self) -> None:
        """Wait until no script runs and nothing is left over from the run before."""
        self.page.wait_for_function(
            """() => {
                const app = document.querySelector('[data-testid=stApp]');
                return app && app.getAttribute('data-test-script-state') === 'notRunning'
                    && !document.querySelector('[data-testid=stSkeleton]');
            }"""
        )

    def press(self, opener: Any) -> None:
        """Click what opens the dialog; once more if Streamlit dropped the click between two runs, as a person would."""
        from playwright.sync_api import TimeoutError as Late

        dialog = self.page.get_by_role("dialog")
        self.settled()
        opener.click()
        try:
            dialog.wait_for(timeout=12_000)
        except Late:
            self.settled()
            opener.click()
            dialog.wait_for()

    def sign(self, opener: Any = None, *, button: str = "Sign with this machine's key") -> None:
        """Sign what the dialog shows, by default with this machine's key, and close it once it is confirmed."""
        dialog = self.page.get_by_role("dialog")
        if opener is not None:
            self.press(opener)
        dialog.get_by_role("button", name=button).click()
        dialog.get_by_text("Confirmed").first.wait_for()
        dialog.get_by_role("button", name="Done").click()
        dialog.wait_for(state="detached")
        self.settled()

    def fits(self) -> bool:
        """Whether the page needs no horizontal scrolling."""
        return bool(
            self.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth")
        )


@pytest.fixture
def window(chromium: Any, up: Up) -> Iterator[Callable[..., Window]]:
    """Open windows on the dashboard: ``window(dark=…, width=…)``. Console errors fail the test at its end."""
    opened: list[tuple[Any, Window]] = []

    def open_one(*, dark: bool = False, width: int = DESKTOP, base: str | None = None) -> Window:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(WAIT_MS)
        made = Window(context.new_page(), base or up.url)
        made.page.on("console", made.hear)
        made.page.on("pageerror", lambda error: made.errors.append(str(error)))
        opened.append((context, made))
        return made

    yield open_one
    complaints = [error for _, made in opened for error in made.errors]
    for context, _ in opened:
        context.close()
    assert complaints == []


@pytest.fixture
def shot(tmp_path: Path) -> Callable[[Window, str], Path]:
    """Take a picture of a whole page.

    Into ``DECAI_SHOTS`` when that is set, else beside the test's other files.
    """
    folder = Path(SHOTS or tmp_path)

    def take(window: Window, name: str) -> Path:
        window.settled()
        folder.mkdir(parents=True, exist_ok=True)
        width = window.page.viewport_size["width"]
        high = window.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        window.page.set_viewport_size({"width": width, "height": min(max(900, high), 4000)})
        target = folder / f"{name}.png"
        window.page.screenshot(path=str(target))
        window.page.set_viewport_size({"width": width, "height": 900})
        return target

    return take
