"""How the dashboard is started: on loopback alone, whatever a user's own Streamlit settings say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dashboard.__main__ import APP, parse, streamlit_arguments


def test_the_server_is_bound_to_loopback_and_checks_its_hosts() -> None:
    arguments = streamlit_arguments(1234, ["ai.example.org"])
    assert arguments[:2] == ["run", str(APP)]
    assert {"--server.address=127.0.0.1", "--server.port=1234", "--server.enableXsrfProtection=true"} <= set(arguments)
    hosts = [a.split("=")[1] for a in arguments if a.startswith("--server.allowedHosts")]
    assert hosts == ["127.0.0.1", "localhost", "ai.example.org"]


def test_what_the_page_needs_lies_beside_the_entry_script() -> None:
    for name in (
        "static/style.css",
        "static/page.js",
        "static/Inter.woff2",
        "static/Inter-OFL.txt",
        ".streamlit/config.toml",
    ):
        assert (APP.parent / name).is_file()
    # A folder of that name would be run as scripts by Streamlit.
    assert not (APP.parent / "pages").exists()


def test_arguments_are_read() -> None:
    options = parse(["--rpc-url", "http://127.0.0.1:1", "--home", "h", "--port", "9", "--parent-pipe"])
    assert (options.rpc_url, options.home, options.port, options.parent_pipe) == (
        "http://127.0.0.1:1",
        Path("h"),
        9,
        True,
    )


def test_a_closed_pipe_ends_the_process() -> None:
    code = "from dashboard.__main__ import end_with_parent; end_with_parent(); import time; time.sleep(60)"
    ended = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, timeout=30, check=False)
    assert ended.returncode == 0


def test_the_parent_says_in_one_line_where_to_serve() -> None:
    code = (
        "from dashboard.__main__ import end_with_parent; "
        "print(end_with_parent().get(), flush=True); import time; time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(b'{"port": ')
        child.stdin.flush()
        child.stdin.write(b"1}\nand no more\n")
        child.stdin.flush()
        assert child.stdout.readline() == b'{"port": 1}\n'
        child.stdin.close()
        assert child.wait(30) == 0
