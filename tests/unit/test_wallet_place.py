"""When the server's own key may be offered to a browser: only on one and the same machine."""

from __future__ import annotations

import pytest

from dashboard.signing.place import same_machine

HERE = {"Host": "127.0.0.1:8501", "Origin": "http://127.0.0.1:8501"}


@pytest.mark.parametrize(
    ("server", "remote", "headers"),
    [
        ("127.0.0.1", "127.0.0.1", HERE),
        ("localhost", "::1", {"host": "localhost:8501", "origin": "http://localhost:8501"}),
        ("::1", "::1", {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}),
        ("127.0.0.1", "::ffff:127.0.0.1", HERE),
    ],
)
def test_one_machine(server: str, remote: str, headers: dict[str, str]) -> None:
    assert same_machine(server, remote, headers)


@pytest.mark.parametrize(
    ("server", "remote", "headers"),
    [
        (None, "127.0.0.1", HERE),  # bound to every interface
        ("0.0.0.0", "127.0.0.1", HERE),
        ("192.168.1.5", "127.0.0.1", HERE),
        ("127.0.0.1", "192.168.1.7", HERE),
        ("127.0.0.1", None, HERE),
        ("127.0.0.1", "127.0.0.1", {}),
        ("127.0.0.1", "127.0.0.1", {"Host": "127.0.0.1:8501"}),
        ("127.0.0.1", "127.0.0.1", {**HERE, "Host": "decai.example"}),
        ("127.0.0.1", "127.0.0.1", {**HERE, "Host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", "127.0.0.1", {**HERE, "Host": "localhost.evil.example"}),
        ("127.0.0.1", "127.0.0.1", {**HERE, "Origin": "https://evil.example"}),
        ("127.0.0.1", "127.0.0.1", {**HERE, "Origin": "null"}),
        *(
            ("127.0.0.1", "127.0.0.1", {**HERE, name: "10.0.0.1"})
            for name in (
                "X-Forwarded-For",
                "x-forwarded-host",
                "Forwarded",
                "Via",
                "X-Real-IP",
                "CF-Connecting-IP",
            )
        ),
    ],
)
def test_anywhere_else(server: str | None, remote: str | None, headers: dict[str, str]) -> None:
    assert not same_machine(server, remote, headers)
