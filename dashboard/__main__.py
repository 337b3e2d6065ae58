"""Run the dashboard: ``python -m dashboard --rpc-url URL --home DIR --port PORT``.

Streamlit runs in this very process, whatever the current directory, on 127.0.0.1 only. ``decai up`` starts
this as a child with ``--start-with-parent``: it loads itself while the network starts, and serves when the pipe
on its standard input says where. When that pipe closes, the parent is gone (even if it was killed with SIGKILL)
and the dashboard ends at once.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from dashboard.launch import Launch, remember

APP = Path(__file__).with_name("app.py")
NEEDED = (
    "decai.collective",
    "decai.explorer",
    "decai.inference",
    "decai.lineage",
    "decai.chain.offline",
    "decai.chain.preview",
    "decai.chain.siws",
    "decai.storage.client",
    "pandas",
)
"""What the first page imports; pandas, because Streamlit asks it about every component's data."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="The DecAI dashboard.")
    parser.add_argument("--rpc-url", help="the network's JSON-RPC URL")
    parser.add_argument("--home", type=Path, help="the home directory (keys, store)")
    parser.add_argument("--port", type=int, default=8501, help="port on 127.0.0.1 (default 8501)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name under which a proxy serves the dashboard; may be given more than once",
    )
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input closes")
    parser.add_argument(
        "--start-with-parent",
        action="store_true",
        help="serve when standard input says where, in one line of JSON with rpc_url and port; implies --parent-pipe",
    )
    return parser.parse_args(arguments)


def end_with_parent() -> queue.SimpleQueue[str]:
    """End this process when standard input closes; its first line, when it comes, is in the queue returned."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def wait() -> None:
        first = b""
        while heard := os.read(0, 4096):
            if b"\n" not in first:
                first += heard
                if b"\n" in first:
                    said.put(first.split(b"\n")[0].decode())
        # Not sys.exit: this is a thread, and nothing here holds unsaved state.
        os._exit(0)

    threading.Thread(target=wait, name="parent-pipe", daemon=True).start()
    return said


def warm_up() -> None:
    """Import what the first page needs while the network and the server start and the browser connects."""

    def load() -> None:
        for name in NEEDED:
            import_module(name)

    threading.Thread(target=load, name="warm-up", daemon=True).start()


def streamlit_arguments(port: int, allowed_hosts: Sequence[str]) -> list[str]:
    """The options that must hold whatever a config file of the user's says."""
    options: dict[str, object] = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": True,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
    }
    flags = [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]
    # Against DNS rebinding: a page on another host can't open the WebSocket.
    flags += [f"--server.allowedHosts={host}" for host in ("127.0.0.1", "localhost", *allowed_hosts)]
    return ["run", str(APP), *flags]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    pipe = end_with_parent() if options.parent_pipe or options.start_with_parent else None

    from streamlit.web import cli

    # Not before: plotly, which Streamlit imports, looks at a pandas that is still being imported and fails.
    warm_up()
    rpc_url, port = options.rpc_url, options.port
    if pipe is not None and options.start_with_parent:
        told = json.loads(pipe.get())
        rpc_url, port = str(told["rpc_url"]), int(told["port"])
    remember(Launch(rpc_url, options.home))
    cli.main(args=streamlit_arguments(port, options.allowed_host), standalone_mode=False)


if __name__ == "__main__":
    main()
