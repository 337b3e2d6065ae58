"""What a page shows when something fails.

In words, with what to do, and coming back by itself when it can.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import data, ui
from decai.errors import DecAIError, RpcUnreachable, TransactionFailed, TransactionUnknown, WrongCluster

log = logging.getLogger("decai.dashboard")


@contextmanager
def shown() -> Iterator[None]:
    """Show what fails inside as a note, in place; what is below on the page goes on."""
    try:
        yield
    except DecAIError as error:
        show(error)
    except Exception:
        unexpected()


@contextmanager
def quiet() -> Iterator[None]:
    """Let a background look fail without a word: for fragments that only watch for a change."""
    try:
        yield
    except DecAIError as error:
        log.debug("A background look failed: %s", error)


def show(error: DecAIError) -> None:
    """Show one of the library's errors: what happened, and its hint."""
    what: str = error.message
    why: object = ""
    if isinstance(error, TransactionFailed) and error.name:
        why = ui.join("The program's error: ", ui.mono(error.name))
    if isinstance(error, TransactionUnknown):
        why = ui.join("Signature ", ui.address(error.signature, 6))
    ui.show(ui.error(ui.prose(what), why, ui.prose(error.hint or "")))


def unexpected() -> None:
    """Show a reference for the exception being handled; the log has the rest."""
    reference = secrets.token_hex(4)
    log.exception("Unexpected failure on a page, reference %s", reference)
    ui.show(
        ui.error(
            "Something unexpected went wrong.",
            ui.join("It is in the dashboard's log under the reference ", ui.mono(reference), "."),
            "Showing a page sends nothing to the chain. Reload it; if it happens again, report that.",
        )
    )


def page(draw: Callable[[], None], title: str) -> None:
    """Run one page; when the chain is gone, say so in its place and come back when it returns.

    Parameters
    ----------
    draw : callable
        Draws the page.
    title : str
        The page's heading, for when the page itself can't be drawn.
    """
    st.session_state["page-headed"] = False
    try:
        draw()
    except (RpcUnreachable, WrongCluster) as error:
        data.forget()
        head(title, "The network isn't there right now.")
        chain_gone(error)
    except DecAIError as error:
        head(title, "This page can't be shown right now.")
        show(error)
    except Exception:
        head(title, "This page can't be shown right now.")
        unexpected()


def head(title: str, lede: str) -> None:
    """Head a page that failed before it could do so itself."""
    if not st.session_state["page-headed"]:
        ui.page_head(title, lede, ui.chip("Unavailable", "bad", "alert"))


def chain_gone(error: DecAIError) -> None:
    """Say that the chain doesn't answer, and look for it every two seconds."""
    ui.show(
        ui.error(
            ui.prose(error.message),
            "Nothing is lost: what was confirmed stays confirmed.",
            ui.prose(error.hint or ""),
        )
    )
    ui.show(ui.sub("Looking for it every two seconds; this page returns by itself."))

    @st.fragment(run_every=2.0)
    def look_again() -> None:
        if data.alive():
            st.rerun()

    look_again()
