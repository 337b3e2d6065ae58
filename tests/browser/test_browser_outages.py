"""An empty chain says what to do first; a chain that goes away is told in words, and comes back by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import (  # type: ignore[import-not-found]
    Window,
    answers,
    free_port,
    run_dashboard,
    run_node,
    run_up,
    wait_for,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = ["Start", "Governance", "Registry", "Inference", "Marketplace", "Sustainability", "Explorer", "Overview"]


def test_empty_then_gone_then_back(window: Callable[..., Window], tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    rpc = f"http://127.0.0.1:{port}"
    with run_dashboard(home, rpc, free_port()) as base:
        with run_node(home, port):
            seen = window(base=base)
            page = seen.visit()
            page.get_by_text("This chain is empty").wait_for()
            page.get_by_text("decai publish FOLDER --registry NAME").wait_for()
            for name in PAGES:
                seen.go(name)
                seen.settled()
                assert page.get_by_text("Something unexpected went wrong").count() == 0

        # Nobody touches the page: it notices by itself.
        page.get_by_text(f"Nothing answers at {rpc}").first.wait_for()
        page.get_by_text("this page returns by itself").wait_for()
        for name in PAGES:
            seen.go(name)
            page.get_by_text("this page returns by itself").wait_for()

        with run_node(home, port):
            page.get_by_text("This chain is empty").wait_for()
            page.get_by_text("Embedded chain").wait_for()


def test_the_dashboard_ends_with_a_killed_parent(tmp_path: Path) -> None:
    with run_up(tmp_path / "home") as up:
        assert answers(up.url)
        os.kill(up.process.pid, signal.SIGKILL)
        up.process.wait(15)
        wait_for(lambda: not answers(up.url), "the dashboard's end")
