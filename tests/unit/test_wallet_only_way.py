"""Pages have one way to write, which shows first: nothing else that could sign is within their reach."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from dashboard import session
from dashboard.session import BrowserWallet
from decai.errors import WalletError

DASHBOARD = Path(session.__file__).parent
PAGES = sorted((DASHBOARD / "views").glob("*.py"))
SIGNERS = ("dashboard.components", "dashboard.signing.dialog", "dashboard.signing.flow", "solders.keypair")
GIVER = "start"
"""On the embedded chain this machine's key gives newcomers voting tokens, as a faucet does: by a button that says
so, to a browser on this machine. No other page may act as it."""


def names_imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_reaches_no_wallet(page: Path) -> None:
    tree = ast.parse(page.read_text("utf-8"))
    reached = {n for n in names_imported(tree) if n.startswith(SIGNERS)}
    assert not reached, f"{page.name} imports {reached}"
    called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    forbidden = {"send", "send_signed", "sign", "act", "mount"}
    if page.stem != GIVER:
        forbidden |= {"with_wallet", "local_wallet"}
    assert not called & forbidden, f"{page.name} calls {called & forbidden}"
    assert "unsafe_allow_javascript" not in page.read_text("utf-8"), f"{page.name} runs scripts in the browser"


def test_there_are_pages() -> None:
    assert len(PAGES) >= 8


def test_what_pages_build_with_signs_nothing() -> None:
    with pytest.raises(WalletError, match="signs in the browser"):
        BrowserWallet(Pubkey.default()).sign(b"message")
