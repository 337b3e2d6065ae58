"""Starts what the wallet's browser tests need: an embedded node, the harness app, Chromium, and axe."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MOCK = (HERE / "mock_wallet.js").read_text("utf-8")
COMPONENT = ROOT / "dashboard" / "components" / "wallet"

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@cache
def axe() -> str:
    """axe-core's script; installed first, as the component's lock file has it, when it isn't there."""
    script = COMPONENT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        assert npm, "the accessibility tests need Node.js with npm"
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=COMPONENT, check=True, timeout=150
        )
    return script.read_text("utf-8")


def free_port() -> int:
    """A port nothing listens on just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def app(rpc_url: str, home: Path, **environment: str) -> Iterator[str]:
    """Serve the harness app with the dashboard's own settings; yields its URL."""
    port = free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", str(HERE / "app.py"),
        "--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true",
        "--server.fileWatcherType=none", "--browser.gatherUsageStats=false", "--client.toolbarMode=minimal",
    ]  # fmt: skip
    ours = {"PYTHONPATH": str(ROOT), "DECAI_URL": rpc_url, "DECAI_HOME": str(home)}
    env = {**os.environ, **ours, **environment}
    log = home / "app.log"
    theme = (ROOT / "dashboard" / ".streamlit" / "config.toml").read_text("utf-8")
    (home / ".streamlit").mkdir(parents=True, exist_ok=True)
    # The dashboard's theme without its font file, which is served from beside the dashboard's own script.
    plain = re.sub(r"\[\[theme\.fontFaces\]\]\n(?:.+\n)*", "", theme)
    (home / ".streamlit" / "config.toml").write_text(plain, "utf-8")
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, cwd=home, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            with (
                contextlib.suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1),
            ):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the harness app didn't start:\n{log.read_text()}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def from_elsewhere(name: str) -> list[str]:
    """Flags under which a host name leads to this machine, as another's DNS might make it."""
    return [f"--host-resolver-rules=MAP {name} 127.0.0.1"]


class LossyRpc:
    """A node's RPC that can lose its answer to ``sendTransaction`` after having carried it out.

    Attributes
    ----------
    lose : int
        How many of the next answers to lose.
    sendings : int
        How many transactions it was sent.
    known : threading.Event
        Cleared, it keeps every question about a signature waiting.
    """

    def __init__(self, node: Any) -> None:
        self.lose = self.sendings = 0
        self.known = threading.Event()
        self.known.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if b'"getSignatureStatuses"' in body:
                    outer.known.wait(20)
                answer = (node.respond(body) or "").encode()
                if b'"sendTransaction"' in body:
                    outer.sendings += 1
                    if outer.lose:
                        outer.lose -= 1
                        self.close_connection = True
                        return
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> LossyRpc:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """Debian's Chromium under Playwright."""
    from shared_playwright import playing

    with playing() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*CHROMIUM, *flags])
        try:
            yield browser
        finally:
            browser.close()
