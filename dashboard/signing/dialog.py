"""The dialog: what a transaction would do, its signing, and what became of it."""

from __future__ import annotations

import streamlit as st

from dashboard import failures, ui
from dashboard.components import wallet as component
from dashboard.signing import draw, state
from dashboard.signing.flow import Flow, Stage
from dashboard.signing.state import Session
from decai.collective import Collective

__all__ = ["dialog"]


def _dismissed() -> None:
    found = state.current()
    if found.flow is not None:
        state.leave(found, found.flow)


def dialog(where: Collective) -> None:
    """Show the action under way."""

    @st.dialog("Check before you sign", width="medium", on_dismiss=_dismissed)
    def body() -> None:
        found = state.current()
        flow = found.flow
        if flow is None:  # ended in another run of this page
            st.rerun()
        line = st.empty()

        def course() -> None:
            ui.show(draw.course(flow), into=line)

        flow.watch = course
        course()
        try:
            with failures.shown():
                _advance(found, flow, where)
                course()
                _stage(found, flow, where)
        finally:
            flow.watch = None  # it draws into this run's page

    body()


def _sign_key(flow: Flow) -> str:
    return f"decai-sign-{flow.id}"


def _advance(found: Session, flow: Flow, where: Collective) -> None:
    """Let what the browser said move the action on."""
    flow.interrupted()
    if not flow.local and state.who(found, where)[0] != flow.action.payer:
        flow.account_changed(state.who(found, where)[0])
    said = component.read(_sign_key(flow))
    if said.approved and said.approved == flow.preview_id and flow.stage in (Stage.PREVIEW, Stage.STOPPED):
        flow.approve(where.chain, said.approved)
    for reply in said.outbox:
        if reply.get("id") in flow.acknowledged:
            continue
        with st.spinner("Checking what the wallet signed."):
            flow.receive(where.chain, reply)
        if flow.stage is Stage.STOPPED:
            flow.look(where.chain)
    state.finish(found, flow)


def _stage(found: Session, flow: Flow, where: Collective) -> None:
    ui.show(draw.heading(flow))
    match flow.stage:
        case Stage.PREVIEW | Stage.STOPPED | Stage.WAITING:
            _before(flow, where)
        case Stage.REVIEW:
            _review(flow, where)
        case Stage.CONFIRMED:
            ui.show(draw.confirmed(flow))
            _explorer_link(flow)
            _close(found, "Done", primary=True)
        case Stage.FAILED:
            ui.show(draw.failed(flow))
            _explorer_link(flow)
            _log(flow)
            _close(found, "Close")
        case _:
            ui.show(draw.unknown(flow))
            _explorer_link(flow)
            if st.button("Ask again", key=f"decai-resolve-{flow.id}", type="primary"):
                flow.resolve(where.chain)
                state.finish(found, flow)
                st.rerun(scope="fragment")
            _close(found, "Close; follow it in the sidebar")


def _before(flow: Flow, where: Collective) -> None:
    if flow.stage is Stage.STOPPED and flow.problem is not None:
        ui.show(draw.stopped(flow.problem))
        _log(flow)
    if flow.preview is not None:
        ui.show(draw.effects(flow.preview))
        with st.expander("Accounts and program log"):
            ui.show(draw.technical(flow.preview))
            if flow.preview.logs:
                st.code("\n".join(flow.preview.logs), language=None)
    if not flow.local:
        component.mount(
            _sign_key(flow),
            {
                "mode": "sign",
                "chain": flow.chain_name,
                "address": str(flow.action.payer),
                "preview": flow.preview_id,
                "request": flow.asked(),
                "acknowledged": flow.acknowledged,
            },
        )
    elif st.button("Sign with this machine's key", key=f"decai-sign-local-{flow.id}", type="primary"):
        local = state.local_wallet(where)
        if local is None:
            return
        with st.spinner("Signing and sending."):
            flow.sign_locally(where.chain, local, flow.preview_id)
        if flow.stage is Stage.STOPPED:
            flow.look(where.chain)
        st.rerun(scope="fragment")


def _review(flow: Flow, where: Collective) -> None:
    ui.show(draw.changed(flow))
    if st.button("Send it as the wallet signed it", key=f"decai-accept-{flow.id}", type="primary"):
        with st.spinner("Sending."):
            flow.accept_changes(where.chain)
        st.rerun(scope="fragment")
    if st.button("Don't send it", key=f"decai-reject-{flow.id}"):
        flow.reject_changes()
        flow.look(where.chain)
        st.rerun(scope="fragment")


def _log(flow: Flow) -> None:
    if flow.problem is not None and flow.problem.logs:
        with st.expander("Program log"):
            st.code("\n".join(flow.problem.logs), language=None)


def _explorer_link(flow: Flow) -> None:
    """In another tab: leaving this one would end the session, and with it the connection."""
    if flow.signature:
        st.link_button("Open in the Explorer", f"explorer?tx={flow.signature}", type="tertiary")


def _close(found: Session, label: str, *, primary: bool = False) -> None:
    if st.button(label, key="decai-close", type="primary" if primary else "secondary"):
        if found.flow is not None:
            state.leave(found, found.flow)
        st.rerun()
