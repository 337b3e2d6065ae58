"""Publishing one's own ONNX classifier from the Registry page: checked and stored first, then signed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import data, failures, session, ui
from dashboard.signing import state
from decai.errors import InvalidBundle
from decai.registry import Registry

if TYPE_CHECKING:
    from decai.models import Bundle

MOST_MEGABYTES = 200
UNDER_WAY = "publishing-cid"
"""The bundle that was stored for a publication which isn't confirmed; its pin goes when the person gives up."""


def publish(registry: Registry) -> None:
    """Offer the registry's owner to publish a model of their own; nothing for anyone else."""
    who = session.address()
    if who is None or str(who) != registry.owner:
        return
    key = f"publish-{registry.address}"
    if tidy(registry, key):
        ui.show(ui.note("ok", f"Published as version {registry.latest}."))
    with st.expander("Publish a model of your own", icon=":material/upload_file:", key="publish-own"):
        ui.show(
            ui.sub(
                "An ONNX text classifier and its tokenizer. It is checked, asked a first question and stored "
                "before you sign; its files become public."
            )
        )
        with failures.shown():
            form(registry, key)


def form(registry: Registry, key: str) -> None:
    """The files and words that make a bundle; sent, it is built, stored and handed to the wallet."""
    with st.form("publish-own", border=False):
        left, right = st.columns([1, 1], gap="medium")
        with left:
            model = st.file_uploader("Model, one .onnx file", type="onnx", max_upload_size=MOST_MEGABYTES)
            tokenizer = st.file_uploader("tokenizer.json", type="json", max_upload_size=20, key="own-tokenizer")
            config = st.file_uploader(
                "tokenizer_config.json (optional)", type="json", max_upload_size=1, key="own-config"
            )
        with right:
            name = st.text_input("Model's name", registry.name, max_chars=64)
            labels = st.text_input("Labels, in the order of the outputs", placeholder="negative, positive")
            limit = st.number_input("Tokens it reads at most", 1, 1_000_000, 256, help="Unless its config says")
            licence = st.text_input("Licence", placeholder="Apache-2.0", max_chars=200)
            description = st.text_area("What it does", height=80, max_chars=4000)
            note = st.text_input("Note on the version", max_chars=64)
            current = st.toggle("Use it from now on", value=False)
        if not st.form_submit_button("Check, store and sign", type="primary", icon=":material/publish:"):
            return
    if model is None or tokenizer is None:
        raise InvalidBundle("A model and its tokenizer.json are needed.", hint="Choose both files, then send again.")
    if not licence.strip() or not description.strip():
        raise InvalidBundle(
            "A model card needs the licence and what the model does.", hint="Fill in both: people decide by them."
        )
    files = {"model.onnx": model.getvalue(), "tokenizer.json": tokenizer.getvalue()}
    if config is not None:
        files["tokenizer_config.json"] = config.getvalue()
    with TemporaryDirectory(prefix="decai-own-") as folder, st.spinner("Checking the files, then storing them"):
        bundle = build(
            Path(folder), files, name=name.strip(), labels=split_labels(labels),
            max_tokens=None if config is not None else int(limit), licence=licence.strip(),
            description=description.strip(),
        )  # fmt: skip
        hand_over(registry, bundle, key, note=note.strip(), current=bool(current))


def split_labels(text: str) -> list[str]:
    """Labels from a line with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def build(
    folder: Path, files: dict[str, bytes], *, labels: list[str], licence: str, description: str, **more: Any
) -> Bundle:
    """A bundle from uploaded files, checked and tried.

    Raises
    ------
    InvalidBundle
        What is wrong with a file, in words.
    """
    from decai.models import Card, bundle_from_files

    given = folder / "given"
    given.mkdir()
    for name, content in files.items():
        (given / name).write_bytes(content)
    return bundle_from_files(
        folder / "bundle",
        model=given / "model.onnx",
        tokenizer=given / "tokenizer.json",
        labels=labels,
        card=Card(description=description, licence=licence),
        **more,
    )


def hand_over(registry: Registry, bundle: Bundle, key: str, *, note: str, current: bool) -> None:
    """Store a bundle, then have its publication signed. Refused before signing, its pin goes again."""
    cid = data.viewer().store.publish(bundle.path)
    st.session_state[UNDER_WAY] = cid
    session.run_action(
        lambda c: c.registry_at(registry.address).publish_action(
            cid=cid,
            manifest_sha256=bytes.fromhex(bundle.manifest_sha256),
            head_commitment=bundle.commitment,
            note=note,
            make_current=current,
        ),
        key=key,
    )
    tidy(registry, key)  # reached only when the session refused to build or show the action


def tidy(registry: Registry, key: str) -> bool:
    """Whether the publication under way is confirmed; if it was given up, drop what was stored for it."""
    if session.outcome(key) is not None:
        st.session_state.pop(UNDER_WAY, None)
        return True
    found = state.current()
    flows = [flow for flow in (found.flow, *found.pending) if flow is not None]
    if any(flow.key == key for flow in flows):
        return False
    cid = st.session_state.pop(UNDER_WAY, None)
    if cid is not None and cid not in {version.cid for version in registry.versions}:
        data.viewer().store.unpin(cid)
        data.refresh()
    return False
