"""Commands that run or look at a network: up, node, doctor."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decai.cli.common import HomeOption, UrlOption, WalletOption, prepare_embedded, stop_event
from decai.cli.output import JsonFlag, print_json, say, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decai.collective import Collective

__all__ = ["register"]

PortOption = Annotated[int | None, typer.Option(min=0, max=65534, show_default=False)]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(up)
    app.command()(node)
    app.command()(doctor)


def up(
    home: HomeOption = None,
    rpc_port: PortOption = None,
    kubo_port: PortOption = None,
    gateway_port: PortOption = None,
    dashboard_port: PortOption = None,
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard.")] = True,
    browser: Annotated[bool, typer.Option(help="Open it in a browser, when there is a display.")] = True,
) -> None:
    """Run everything on this machine: chain, store, the first model, the dashboard. Ctrl-C ends it.

    Prints one line of JSON with the addresses once all of them serve.
    """
    from decai.config import load_settings

    settings = load_settings(home=home)
    stop = stop_event()
    with ExitStack() as stack:
        say(f"Starting on {settings.home}")
        # Before anything else is imported: it loads itself on the other core while the network starts.
        child = stack.enter_context(_dashboard(settings.home, dashboard_port)) if dashboard else None

        from decai.network import Network

        network = stack.enter_context(
            Network(settings, rpc_port=rpc_port, kubo_port=kubo_port, gateway_port=gateway_port)
        )
        if child is not None:
            child.serve(network.urls["rpc_url"])
        with _own_collective(settings.home, network.urls["rpc_url"]) as collective:
            prepare_embedded(collective, say)
        if child is not None:
            child.wait_ready()
            network.write(dashboard_url=child.url)
        print_json(network.urls)
        if child is not None:
            say(f"The dashboard is at {child.url}. Ctrl-C ends everything.")
            if browser:
                _open_browser(child.url)
        else:
            say("Ctrl-C ends everything.")
        while not stop.wait(0.5):
            if child is not None and child.ended:
                child.explain_end()


def node(
    home: HomeOption = None,
    rpc_port: PortOption = None,
) -> None:
    """Run the embedded Solana node alone, with our programs. Ctrl-C ends it."""
    from decai.config import load_settings
    from decai.network import Network

    stop = stop_event()
    with Network(load_settings(home=home), rpc_port=rpc_port, with_store=False) as network:
        print_json(network.urls)
        while not stop.wait(0.5):
            pass


def doctor(
    home: HomeOption = None, url: UrlOption = None, wallet: WalletOption = None, json_: JsonFlag = False
) -> None:
    """Look at everything DecAI stands on, and say what is wrong."""
    from decai.config import load_settings
    from decai.doctor import examine

    findings = examine(load_settings(home=home, url=url, wallet=wallet))
    if json_:
        print_json({"ok": all(f.ok for f in findings), "findings": findings})
    else:
        show_table(
            "",
            ["", "What", "Found", "What to do"],
            [("ok" if f.ok else "!!", f.what, f.found, f.todo) for f in findings],
        )
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


# --- parts ------------------------------------------------------------------------------------------------------


@contextmanager
def _own_collective(home: Path, url: str) -> Iterator[Collective]:
    from decai.collective import connect
    from decai.config import load_settings
    from decai.network import local_wallet

    settings = load_settings(home=home, url=url)
    with connect(settings=settings, wallet=local_wallet(settings)) as collective:
        yield collective


class _Dashboard:
    """The dashboard's process. It reads our end of a pipe and ends when that closes, however we end.

    Parameters
    ----------
    process : Popen
        Started with ``--start-with-parent``.
    port : int or None
        Where it is to serve; None takes the customary port when it is free and any other when not, 0 any.
    log : Path
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int | None, log: Path) -> None:
        self.process = process
        self.log = log
        self.url = ""
        self._port = port

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def serve(self, rpc_url: str) -> None:
        """Let it serve this network."""
        from decai.network import any_port, is_free

        port = self._port if self._port is not None else (8501 if is_free(8501) else 0)
        port = port or any_port()
        self.url = f"http://127.0.0.1:{port}"
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"rpc_url": rpc_url, "port": port}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.process.wait(5)
            self.explain_end()

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        import requests

        deadline = time.monotonic() + timeout_s
        with requests.Session() as http:
            while time.monotonic() < deadline:
                if self.ended:
                    self.explain_end()
                try:
                    if http.get(f"{self.url}/_stcore/health", timeout=1).ok:
                        return
                except requests.RequestException:
                    pass
                time.sleep(0.05)
        from decai.errors import NodeError

        raise NodeError(f"The dashboard didn't answer within {timeout_s:.0f} s.", hint=f"Its log is {self.log}.")

    def explain_end(self) -> None:
        from decai.errors import NodeError

        tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        raise NodeError(
            f"The dashboard ended with code {self.process.returncode}: {' / '.join(tail)}", hint=f"See {self.log}."
        )


@contextmanager
def _dashboard(home: Path, port: int | None) -> Iterator[_Dashboard]:
    if port:
        from decai.errors import PortInUse
        from decai.network import is_free

        if not is_free(port):
            raise PortInUse(f"Port {port} is in use.", hint="Choose another with --dashboard-port, or 0 for any.")
    home.mkdir(parents=True, exist_ok=True)
    log = home / "dashboard.log"
    command = [sys.executable, "-m", "dashboard", "--home", str(home), "--start-with-parent"]
    # Appended to: whether another network runs on this home isn't known yet, and its dashboard may be writing.
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield _Dashboard(process, port, log)
    finally:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _open_browser(url: str) -> None:
    import os
    import webbrowser

    if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
