"""One Playwright for a whole session: its synchronous interface can't run twice in one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_running: Any = None
_users = 0


@contextmanager
def playing() -> Iterator[Any]:
    """Playwright, started by the first who asks and stopped by the last."""
    global _running, _users
    from playwright.sync_api import sync_playwright

    if _running is None:
        _running = sync_playwright().start()
    _users += 1
    try:
        yield _running
    finally:
        _users -= 1
        if _users == 0:
            _running.stop()
            _running = None
