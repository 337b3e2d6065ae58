"""Inference: ask a model, watch it arrive, put the answer's hash on chain, and check anyone's receipt."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, data, failures, session, ui
from dashboard.ui.charts import plain_chart
from dashboard.ui.format import duration, number, size
from decai import charts
from decai.errors import ReceiptError
from decai.registry import Registry

MAX_SQUARES = 240
FRAME_SECONDS = 0.08
EXAMPLE = "Honestly the best update so far."
MAX_CHARACTERS = 2000
ANSWER = "inference-answer"
FETCH = "inference-fetch"


def page() -> None:
    """Draw the page."""
    data.status()
    registry = data.chosen_registry()
    version = registry.current if registry else None
    chip = (
        ui.chip(f"Version {version.number}", "ok", "check")
        if version
        else ui.chip("No model", "warn", "inbox")
    )
    ui.page_head("Inference", "Ask the model. Its answer leaves a receipt that anyone can replay.", chip)
    if registry is None or version is None:
        ui.show(
            ui.empty(
                "No model to ask yet",
                ui.join("Publish one first: ", ui.mono("decai publish FOLDER --registry NAME")),
            )
        )
        return
    choice.registry_switch()
    left, right = st.columns([6, 5], gap="small")
    with left:
        asked, wanted = question(registry)
        place = blocks_panel()
    if asked:
        with right, failures.shown():
            ask(registry, asked, wanted, place)
    draw_blocks(place, st.session_state.get(FETCH))
    with right, failures.shown():
        answer()
    with failures.shown():
        check()


# --- asking ---------------------------------------------------------------------------------------


def question(registry: Registry) -> tuple[str | None, int]:
    """The form; the text when it was just sent, and the version to ask."""
    with ui.glass("ask"):
        ui.section("Your text", "It stays on this machine; only hashes go on chain")
        with st.form("ask", border=False):
            text = st.text_area(
                "Text",
                EXAMPLE,
                height=108,
                label_visibility="collapsed",
                max_chars=MAX_CHARACTERS,
                key="inference-text",
            )
            with st.container(horizontal=True, vertical_alignment="bottom"):
                sent = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
                numbers = [v.number for v in registry.versions if v.status == "live"][::-1]
                wanted = st.selectbox(
                    "Version",
                    numbers,
                    index=numbers.index(registry.current_number) if registry.current_number in numbers else 0,
                    format_func=lambda n: (
                        f"version {n}" + (", current" if n == registry.current_number else "")
                    ),
                    label_visibility="collapsed",
                    width=190,
                )
    if sent and not (text or "").strip():
        ui.show(ui.note("warn", "Type something first."))
        return None, int(wanted)
    return (text.strip() if sent and text else None), int(wanted)


@dataclass
class Fetched:
    """What is known of a bundle's way here."""

    blocks_total: int = 0
    blocks_done: int = 0
    cached: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    speed: float = 0.0
    eta: float | None = None
    seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)
    drawn: float = 0.0
    heard: bool = False

    def hear(self, progress: Any) -> None:
        """Take in the library's report."""
        if not self.heard:
            self.heard, self.cached = True, progress.blocks_done
        self.blocks_total, self.blocks_done = progress.blocks_total, progress.blocks_done
        self.bytes_total, self.bytes_done = progress.bytes_total, progress.bytes_done
        self.speed, self.eta = progress.speed_bytes_per_s or 0.0, progress.eta_s
        self.seconds = time.monotonic() - self.started

    @property
    def complete(self) -> bool:
        """Whether every byte is here and verified."""
        return self.heard and self.bytes_done >= self.bytes_total


def blocks_panel() -> Any:
    """The panel of the model's blocks; what is in it is drawn, and drawn again, by :func:`draw_blocks`."""
    with ui.glass("blocks"):
        ui.section("Model blocks", "Each is checked against its hash before it counts")
        return st.empty()


def squares(fetched: Fetched) -> list[str]:
    """One state a square; a large bundle shows several blocks a square."""
    total = min(fetched.blocks_total, MAX_SQUARES)
    scale = fetched.blocks_total / total if total else 1.0
    cached, done = round(fetched.cached / scale), int(fetched.blocks_done / scale)
    return ["c" if k < cached else ("h" if k < done else "") for k in range(total)]


def draw_blocks(place: Any, fetched: Fetched | None) -> None:
    """Draw how far the bundle is: bytes, speed, time left, and its blocks."""
    if fetched is None or not fetched.heard:
        ui.show(ui.sub("They appear here, one square each, when the model is asked for."), into=place)
        return
    share = fetched.bytes_done / fetched.bytes_total if fetched.bytes_total else 1.0
    amount = f"{size(fetched.bytes_done)} of {size(fetched.bytes_total)}"
    if fetched.complete:
        fresh = fetched.blocks_done - fetched.cached
        how = f"verified in {duration(fetched.seconds)}" if fresh else "already on this machine"
    else:
        left = f", {duration(fetched.eta)} left" if fetched.eta else ""
        how = f"{size(fetched.speed)}/s{left}"
    legend = ui.el(
        "div",
        ui.el("span", ui.el("i", cls="c-cache"), "from this machine", ui.el("b", number(fetched.cached))),
        ui.el(
            "span",
            ui.el("i", cls="for-bar"),
            "fetched",
            ui.el("b", number(fetched.blocks_done - fetched.cached)),
        ),
        cls="legend",
    )
    ui.show(
        ui.el(
            "div",
            ui.row(ui.el("b", amount), ui.sub(how), spread=True),
            ui.progress(share, "Bytes of the model"),
            ui.blocks(squares(fetched)),
            legend,
            cls="stack",
        ),
        into=place,
    )


def ask(registry: Registry, text: str, version: int, place: Any) -> None:
    """Run the model; its blocks are drawn as they arrive."""
    fetched = Fetched()
    st.session_state[FETCH] = fetched
    st.session_state.pop(ANSWER, None)

    def heard(progress: Any) -> None:
        fetched.hear(progress)
        now = time.monotonic()
        if now - fetched.drawn > FRAME_SECONDS or fetched.complete:
            fetched.drawn = now
            draw_blocks(place, fetched)

    with st.spinner("Fetching what is missing, then running the model"):
        found = data.viewer().infer(text, registry=registry, version=version, progress=heard, post=False)
    st.session_state[ANSWER] = found


# --- the answer -----------------------------------------------------------------------------------


def answer() -> None:
    """The label, its scores, and the receipt."""
    found = st.session_state.get(ANSWER)
    with ui.glass("answer"):
        if found is None:
            ui.section("Answer")
            ui.show(ui.empty("No answer yet", "Run a text: the answer and its receipt appear here.", "spark"))
            return
        ui.section("Answer", right=ui.sub(f"{duration(found.seconds)} in all"))
        ui.show(ui.el("div", found.prediction.label, cls="answer"))
        table = pd.DataFrame(
            {"label": list(found.prediction.scores), "score": list(found.prediction.scores.values())}
        )
        plain_chart("scores", "Scores by label", lambda dark: charts.scores(table, dark=dark))
    receipt(found)


def receipt(found: Any) -> None:
    """What proves the answer, and putting it on chain."""
    done = session.outcome("post-result")
    if done is not None and not found.receipt.signature:
        found = st.session_state[ANSWER] = found.confirmed(done)
    made = found.receipt
    with ui.glass("receipt"):
        posted = bool(made.signature)
        ui.section(
            "Receipt",
            right=ui.chip("On chain", "ok", "shield")
            if posted
            else ui.chip("Not on chain yet", "warn", "clock"),
        )
        chain = [("Signature", ui.address(made.signature, 6)), ("Slot", number(made.slot))] if posted else []
        ui.show(
            ui.facts(
                *chain,
                ("Leaf", ui.address(made.leaf, 6)),
                ("Bundle", ui.address(made.cid, 6)),
                ("Input hash", ui.address(made.input_sha256, 6)),
                ("Version", str(made.version)),
                ("Runtime", made.runtime),
            )
        )
        if not posted and st.button("Put its hash on chain", type="primary", icon=":material/link:"):
            session.run_action(found.post_action, key="post-result")
        text = json.dumps(made.to_dict(), indent=2, ensure_ascii=False)
        with st.container(horizontal=True, gap="small"):
            st.download_button(
                "Download receipt",
                text,
                f"receipt-{made.leaf[:12]}.json",
                "application/json",
                icon=":material/download:",
                on_click="ignore",
            )
            with st.popover("Show and copy", icon=":material/content_copy:"):
                st.code(text, language="json", wrap_lines=True)


# --- checking a receipt ---------------------------------------------------------------------------


def check() -> None:
    """Verify a receipt that someone hands in."""
    with ui.glass("check"):
        ui.section(
            "Check a receipt",
            "Finds its transaction, recomputes the leaf, and, given the text, runs the model again",
        )
        left, right = st.columns([1, 1], gap="medium")
        with left:
            uploaded = st.file_uploader(
                "Receipt, a JSON file", type="json", key="receipt-file", max_upload_size=1
            )
        with right:
            text = st.text_area(
                "The text it answers (optional)", height=108, key="receipt-text", max_chars=2000
            )
        if uploaded is None:
            return
        if not st.button("Verify", icon=":material/verified_user:", key="verify"):
            return
        with st.spinner("Checking the chain, then replaying"):
            result = data.viewer().verify(decoded(uploaded.getvalue()), text=text or None)
        ui.show(ui.row(ui.status(result.status)), ui.el("p", result.detail, cls="sub"))


def decoded(raw: bytes) -> dict[str, Any]:
    """A receipt file's content.

    Raises
    ------
    ReceiptError
        It isn't a JSON object.
    """
    try:
        found = json.loads(raw)
    except ValueError:
        raise ReceiptError(
            "This file isn't JSON.", hint="Choose the file that Download receipt made."
        ) from None
    if not isinstance(found, dict):
        raise ReceiptError("This file isn't a receipt.", hint="Choose the file that Download receipt made.")
    return found.get("receipt", found)
