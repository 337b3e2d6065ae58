"""Inference: ask a model, watch it arrive, put the answer's hash on chain, and check anyone's receipt."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import choice, data, failures, session, ui
from dashboard.ui.charts import plain_chart
from dashboard.ui.format import duration, number, size
from dashboard.ui.html import el
from decai import charts, inference
from decai.errors import ReceiptError
from decai.registry import Registry

if TYPE_CHECKING:
    from decai.storage import Progress

MAX_SQUARES = 240
FRAME_SECONDS = 0.08
EXAMPLE = "Honestly the best update so far."
MAX_CHARACTERS = 2000
ANSWER = "inference-answer"
FETCH = "inference-fetch"
CHECKED = "inference-checked"


def page() -> None:
    """Draw the page."""
    data.status()
    registry = data.chosen_registry()
    version = registry.current if registry else None
    chip = ui.chip(f"Version {version.number}", "ok", "check") if version else ui.chip("No model", "warn", "inbox")
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
        asked = question(registry)
        place = blocks_panel()
    if asked:
        with right, failures.shown():
            ask(registry, asked, place)
    draw_blocks(place, st.session_state.get(FETCH))
    with right, failures.shown():
        answer()
    with failures.shown():
        check()


# --- asking ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What was asked: the text, the version, and whether to fetch the model into an empty cache."""

    text: str
    version: int
    afresh: bool


def question(registry: Registry) -> Question | None:
    """The form; what was asked when it was just sent."""
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
            with st.container(horizontal=True, vertical_alignment="center"):
                sent = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
                numbers = [v.number for v in registry.versions if v.status == "live"][::-1]
                version = st.selectbox(
                    "Version",
                    numbers,
                    index=numbers.index(registry.current_number) if registry.current_number in numbers else 0,
                    format_func=lambda n: f"version {n}" + (", current" if n == registry.current_number else ""),
                    label_visibility="collapsed",
                    width=190,
                )
                afresh = st.toggle(
                    "Fetch afresh", help="Bring every block again, into an empty cache, as a newcomer would"
                )
    if not sent:
        return None
    if not (text or "").strip():
        ui.show(ui.note("warn", "Type something first."))
        return None
    return Question(str(text).strip(), int(version), bool(afresh))


def blocks_panel() -> Any:
    """The panel of the model's blocks; what is in it is drawn, and drawn again, by :func:`draw_blocks`."""
    with ui.glass("blocks"):
        ui.section("Model blocks", "Each is checked against its hash before it counts")
        return st.empty()


def squares(states: str) -> list[str]:
    """One state a square, from the library's character a block.

    A large bundle shows several blocks a square.
    """
    meaning = {"c": "c", "#": "h", "x": "r"}
    per_square = -(-len(states) // MAX_SQUARES) or 1
    drawn = []
    for start in range(0, len(states), per_square):
        group = states[start : start + per_square]
        # A square counts when all its blocks do.
        slowest = min(group, key=lambda state: "x.oc#".index(state))
        drawn.append(meaning.get(slowest, ""))
    return drawn


def draw_blocks(place: Any, progress: Progress | None) -> None:
    """Draw how far the bundle is: bytes, speed, time left, and its blocks."""
    if progress is None:
        ui.show(ui.sub("They appear here, one square each, when the model is asked for."), into=place)
        return
    share = progress.bytes_done / progress.bytes_total if progress.bytes_total else 1.0
    if progress.bytes_done < progress.bytes_total or not progress.bytes_total:
        left = f", {duration(progress.eta_s)} left" if progress.eta_s else ""
        how = f"{size(progress.speed_bytes_per_s)}/s{left}"
    elif progress.bytes_fetched:
        how = "complete, every block verified"
    else:
        how = "already on this machine"
    counts = (
        ("c-cache", "from this machine", progress.states.count("c")),
        ("for-bar", "fetched", progress.states.count("#")),
        ("against-bar", "refused, asked again", progress.refused),
    )
    legend = (
        el("span", el("i", cls=cls), words, el("b", number(count)))
        for cls, words, count in counts
        if count or cls != "against-bar"
    )
    ui.show(
        el(
            "div",
            ui.row(
                el("b", f"{size(progress.bytes_done)} of {size(progress.bytes_total)}"),
                ui.sub(how),
                spread=True,
            ),
            ui.progress(share, "Bytes of the model"),
            ui.blocks(squares(progress.states)),
            el("div", *legend, cls="legend"),
            cls="stack",
        ),
        into=place,
    )


def ask(registry: Registry, asked: Question, place: Any) -> None:
    """Run the model; its blocks are drawn as they arrive. Nothing is written on chain."""
    for key in (ANSWER, FETCH):
        st.session_state.pop(key, None)
    drawn = 0.0

    def heard(progress: Progress) -> None:
        nonlocal drawn
        st.session_state[FETCH] = progress
        now = time.monotonic()
        if now - drawn > FRAME_SECONDS:
            drawn = now
            draw_blocks(place, progress)

    with ExitStack() as stack:
        collective = data.viewer()
        if asked.afresh:
            collective = stack.enter_context(data.with_empty_cache())
        stack.enter_context(st.spinner("Fetching what is missing, then running the model"))
        st.session_state[ANSWER] = inference.answer(
            collective,
            asked.text,
            registry=registry,
            version=asked.version,
            progress=heard,
            worker=session.address(),
        )


# --- the answer -----------------------------------------------------------------------------------


def answer() -> None:
    """The label, its scores, and the receipt."""
    found: inference.Answer | None = st.session_state.get(ANSWER)
    with ui.glass("answer"):
        if found is None:
            ui.section("Answer")
            ui.show(ui.empty("No answer yet", "Run a text: the answer and its receipt appear here.", "spark"))
            return
        ui.section("Answer", right=ui.sub(f"{duration(found.seconds)} to compute"))
        ui.show(el("div", found.prediction.label, cls="answer"))
        given = found.prediction.scores
        table = pd.DataFrame({"label": list(given), "score": list(given.values())})
        plain_chart("scores", "Scores by label", lambda dark: charts.scores(table, dark=dark))
        if found.prediction.truncated:
            ui.show(ui.note("warn", f"The text was cut: the model read its first {found.prediction.tokens} tokens."))
    receipt(found)


def receipt(found: inference.Answer) -> None:
    """What proves the answer, and putting it on chain."""
    made = found.receipt
    done = session.outcome(f"post-{made.leaf}")
    if done is not None:
        made = made.posted(done.signature, done.slot)
    with ui.glass("receipt"):
        ui.section(
            "Receipt",
            right=ui.chip("Not on chain yet", "warn", "clock") if done is None else ui.chip("On chain", "ok", "shield"),
        )
        chain = [] if done is None else [("Signature", ui.address(done.signature, 6)), ("Slot", number(done.slot))]
        runtime = made.runtime
        ui.show(
            ui.facts(
                *chain,
                ("Leaf", ui.address(made.leaf, 6)),
                ("Bundle", ui.address(made.cid, 6)),
                ("Input hash", ui.address(made.input_sha256, 6)),
                ("Version", str(made.version)),
                ("Runtime", f"ONNX Runtime {runtime.onnxruntime}, {runtime.provider}, {runtime.arch}"),
            )
        )
        if done is None:
            post(found)
        with_text = st.checkbox(
            "Put the text into the receipt",
            True,
            help="Whoever replays the answer needs the text.",
            key="with-text",
        )
        text = json.dumps(made.to_dict(with_text=with_text), indent=2, ensure_ascii=False)
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


def post(found: inference.Answer) -> None:
    """Offer to put the leaf on chain, by the wallet that the answer was made for."""
    who = session.address()
    if who is None:
        ui.show(ui.note("", "Connect a wallet in the sidebar to put the answer's hash on chain, then run again."))
    elif str(who) != found.receipt.worker:
        ui.show(ui.note("", "This answer was made for another wallet. Run again to post it with this one."))
    elif st.button("Put its hash on chain", type="primary", icon=":material/link:", key="post"):
        session.run_action(inference.post_action(data.viewer(), found, who), key=f"post-{found.receipt.leaf}")


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
            uploaded = st.file_uploader("Receipt, a JSON file", type="json", key="receipt-file", max_upload_size=1)
        with right:
            text = st.text_area("The text it answers (optional)", height=108, key="receipt-text", max_chars=2000)
        if uploaded is None:
            return
        raw = uploaded.getvalue()
        about = hashlib.sha256(raw + b"\0" + text.encode()).hexdigest()
        if st.button("Verify", icon=":material/verified_user:", key="verify"):
            with st.spinner("Checking the chain, then replaying"):
                result = data.viewer().verify(decoded(raw), text=text or None)
            st.session_state[CHECKED] = (about, result.status, result.detail)
        known, status, detail = st.session_state.get(CHECKED, ("", "", ""))
        if known == about:
            ui.show(ui.row(ui.status(status)), el("p", detail, cls="sub"))


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
        raise ReceiptError("This file isn't JSON.", hint="Choose the file that Download receipt made.") from None
    if not isinstance(found, dict):
        raise ReceiptError("This file isn't a receipt.", hint="Choose the file that Download receipt made.")
    inner = found.get("receipt", found)
    if not isinstance(inner, dict):
        raise ReceiptError("This file isn't a receipt.", hint="Choose the file that Download receipt made.")
    return inner
