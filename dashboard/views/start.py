"""Start: create a collective step by step, or join one; on the embedded chain, get SOL to try it with."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import data, failures, session, ui
from dashboard.ui.format import LAMPORTS_PER_SOL, ago, sol
from decai.chain import parse_address
from decai.collective import Collective
from decai.errors import SettingsError
from decai.governance import TOKEN_DECIMALS, Dao, Governance, Policy

ONE_TOKEN = 10**TOKEN_DECIMALS
FAUCET_LAMPORTS = 10 * LAMPORTS_PER_SOL
PLAN = "founding-plan"


def page() -> None:
    """Draw the page."""
    status = data.status()
    found = data.daos()
    ui.page_head(
        "Start",
        "Create a collective that owns a model, or join one that exists.",
        ui.chip(f"{len(found)} collective{'' if len(found) == 1 else 's'}", "line", "vote"),
    )
    with failures.shown():
        wallet(status.cluster)
    if found:
        with failures.shown():
            join(found)
    with failures.shown():
        create()


# --- the wallet ------------------------------------------------------------------------------------


def wallet(cluster: str) -> None:
    """Who acts here, and SOL for trying things on the embedded chain."""
    who = session.address()
    with ui.glass("wallet"):
        ui.section("Your wallet", "It signs what you do here; looking needs none")
        if who is None:
            ui.show(ui.empty("No wallet connected", "Connect one in the sidebar, then come back.", "wallet"))
            return
        balance = data.balance(str(who))
        ui.show(ui.facts(("Address", ui.address(str(who), 8)), ("Balance", f"{sol(balance)} SOL")))
        if cluster != "embedded":
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Get 10 SOL", icon=":material/water_drop:", key="faucet"):
                with failures.shown(), st.spinner("Asking the embedded chain's faucet"):
                    data.viewer().chain.airdrop(who, FAUCET_LAMPORTS)
                    data.refresh()
                    st.rerun()
            ui.show(ui.chip("Embedded chain only", "warn", "info"), ui.sub(" It has no value anywhere else."))


# --- joining ---------------------------------------------------------------------------------------


def join(found: list[Dao]) -> None:
    """The collectives on this chain."""
    with ui.glass("collectives"):
        ui.section("Collectives on this chain", "Members stake SOL to propose and deposit tokens to vote")
        who = session.address()
        for dao in found[:20]:
            with st.container(horizontal=True, vertical_alignment="center"):
                with st.container(width="stretch"):
                    ui.show(
                        ui.row(ui.el("b", dao.name), ui.address(dao.address)),
                        ui.sub(
                            f"{sol(dao.treasury_lamports)} SOL to spend, {dao.proposal_count} proposals, "
                            f"founded {ago(dao.created_at)}"
                        ),
                    )
                if who is None:
                    continue
                if data.member(dao.address, str(who)) is not None:
                    ui.show(ui.chip("Member", "ok", "check"))
                elif st.button("Join", key=f"join-{dao.address}", icon=":material/group_add:"):
                    join_one(dao.address)


def join_one(address: str) -> None:
    """Become a member of a collective."""
    session.run_action(lambda c: c.dao(address).actions.join(), key=f"join-{address}")


# --- creating --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a founder has chosen; each step on the way to it is one transaction.

    Parameters
    ----------
    name : str
        The collective's.
    distribution : dict
        Wallet address → voting tokens, in millionths.
    quick : bool
        Periods of seconds instead of days.
    registry : str or None
        The registry it takes over.
    treasury_lamports : int
        Moved into the treasury.
    """

    name: str
    distribution: dict[str, int]
    quick: bool
    registry: str | None
    treasury_lamports: int

    def next_step(self, collective: Collective) -> object:
        """Do the first step that isn't done; the session stops it at the action and has that signed."""
        return Governance.found(
            collective,
            self.name,
            distribution=self.distribution,
            policy=Policy.quick() if self.quick else Policy(),
            registry=collective.registry_at(self.registry) if self.registry else None,
            treasury_lamports=self.treasury_lamports,
        )


def create() -> None:
    """Founding: the plan first, then its steps one by one."""
    who = session.address()
    with ui.glass("create"):
        ui.section("Create a collective", "Its token, its treasury and its rules; then it takes over a registry")
        if who is None:
            ui.show(ui.sub("Connect a wallet first."))
            return
        plan = st.session_state.get(PLAN)
        if plan is None:
            form(str(who))
            return
        steps(plan, str(who))


def form(who: str) -> None:
    """What a founder decides."""
    mine = {r.address: r.name for r in data.registries() if r.owner == who}
    with st.form("found", border=False):
        name = st.text_input("Name", "commons", max_chars=32)
        with st.container(horizontal=True):
            own = st.number_input("Voting tokens for you", 1.0, value=1000.0, step=100.0)
            treasury = st.number_input("SOL for the treasury", 0.0, value=2.0, step=0.5)
            registry = st.selectbox(
                "Registry to take over",
                ["", *mine],
                index=1 if mine else 0,
                format_func=lambda a: mine.get(a, "none for now"),
            )
        others = st.text_area(
            "Tokens for others", placeholder="One line each: address amount", height=80, key="founding-others"
        )
        quick = st.toggle(
            "Quick periods",
            value=data.status().cluster == "embedded",
            help="Votes last seconds: for trying it out",
        )
        if not st.form_submit_button("Review the steps", type="primary"):
            return
    with failures.shown():
        distribution = {who: round(float(own) * ONE_TOKEN), **shares(others or "")}
        st.session_state[PLAN] = Plan(
            name.strip(), distribution, quick, registry or None, round(float(treasury) * LAMPORTS_PER_SOL)
        )
        st.rerun()


def shares(text: str) -> dict[str, int]:
    """Lines of ``address amount`` as a distribution in millionths.

    Raises
    ------
    SettingsError
        A line can't be read.
    """
    found: dict[str, int] = {}
    for line in filter(None, (part.strip() for part in text.splitlines())):
        address, _, amount = line.replace(",", " ").partition(" ")
        try:
            units = round(float(amount) * ONE_TOKEN)
        except (ValueError, OverflowError):
            units = 0
        if units <= 0:
            raise SettingsError(f"This line has no amount: {line}", hint="Write an address, a space, a number.")
        found[str(parse_address(address))] = units
    return found


def steps(plan: Plan, who: str) -> None:
    """How far the plan is, and its next transaction."""
    done = progress(plan, who)
    ui.show(
        ui.loop(
            ui.Step(symbol, title, note, "done" if ready else ("now" if k == first_open(done) else "next"), ready)
            for k, (symbol, title, note, ready) in enumerate(done)
        )
    )
    if first_open(done) == len(done):
        ui.show(ui.note("ok", f"{plan.name} is founded."), ui.action("governance", "To its proposals"))
        if st.button("Found another", key="founding-again"):
            del st.session_state[PLAN]
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Do the next step", type="primary", icon=":material/arrow_forward:", key="founding-next"):
            session.run_action(plan.next_step, key="found")
        if st.button("Change the plan", key="founding-change"):
            del st.session_state[PLAN]
            st.rerun()
        ui.show(ui.sub("Each step is one transaction that you see before you sign it."))


def first_open(done: list[tuple[str, str, str, bool]]) -> int:
    """The index of the first step that isn't done; their number when all are."""
    return next((k for k, step in enumerate(done) if not step[3]), len(done))


def progress(plan: Plan, who: str) -> list[tuple[str, str, str, bool]]:
    """The plan's steps: icon, title, note, and whether the chain shows it done."""
    viewer = data.viewer()
    address = str(viewer.chain.pda.dao(parse_address(who), plan.name))
    dao = next((d for d in data.daos() if d.address == address), None)
    supply = sum(plan.distribution.values())
    holders = f"{len(plan.distribution)} holder{'' if len(plan.distribution) == 1 else 's'}"
    owned = dao is not None and any(r.owner == dao.authority for r in data.registries())
    steps = [
        ("vote", "Collective", plan.name, dao is not None),
        ("wallet", "Tokens", f"{supply // ONE_TOKEN} to {holders}", dao is not None and dao.supply >= supply),
    ]
    if plan.registry:
        steps.append(("layers", "Registry", "handed to the collective", owned))
    if plan.treasury_lamports:
        funded = dao is not None and (dao.treasury_lamports > 0 or dao.spent_lamports > 0)
        steps.append(("lock", "Treasury", f"{sol(plan.treasury_lamports)} SOL", funded))
    steps.append(("cpu", "Leaderboard", "counts providers' jobs", dao is not None and data.has_leaderboard(address)))
    return steps
