"""Start: create a collective step by step, or join one; on the embedded chain, get what it takes to try it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import streamlit as st

from dashboard import data, failures, session, ui
from dashboard.signing import state
from dashboard.ui.format import LAMPORTS_PER_SOL, ago, short, sol
from decai.chain import LocalWallet, parse_address
from decai.collective import Collective
from decai.errors import SettingsError
from decai.governance import TOKEN_DECIMALS, Dao, Governance, Policy
from decai.network import welcome

ONE_TOKEN = 10**TOKEN_DECIMALS
FAUCET_LAMPORTS = 10 * LAMPORTS_PER_SOL
KEPT_TOKENS = 100 * ONE_TOKEN
"""What this machine's wallet keeps out of its deposit on the embedded chain, to give to newcomers; a tenth at most."""
PLAN = "founding-plan"
WELCOMED = "start-welcomed"
PACES = {
    "Trying it out: votes last 20 seconds": replace(Policy.quick(), voting_period=20),
    "A workshop: votes last 5 minutes": replace(Policy.quick(), voting_period=300, hold_up=30, bid_period=15),
    "In earnest: votes last 3 days": Policy(),
}


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
    """Who acts here, and on the embedded chain what it takes to try things."""
    who = session.address()
    with ui.glass("wallet"):
        ui.section("Your wallet", "It signs what you do here; looking needs none")
        if who is None:
            ui.show(ui.empty("No wallet connected", "Connect one in the sidebar, then come back.", "wallet"))
            return
        dao = data.chosen_dao()
        held = [("Voting tokens", voting_tokens(data.tokens(dao.address, str(who))))] if dao else []
        ui.show(
            ui.facts(("Address", ui.address(str(who), 8)), ("Balance", f"{sol(data.balance(str(who)))} SOL"), *held)
        )
        if cluster == "embedded":
            newcomer(str(who), dao)


def newcomer(who: str, dao: Dao | None) -> None:
    """The one button that gives a new wallet SOL and, where this machine's wallet can, voting tokens."""
    giver, why = token_giver(who, dao)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Get SOL and voting tokens" if giver is not None else "Get 10 SOL"
        if st.button(label, icon=":material/water_drop:", key="faucet"):
            with failures.shown(), st.spinner("Asking the embedded chain"):
                st.session_state[WELCOMED] = give(who, dao, giver)
                data.refresh()
                st.rerun()
        ui.show(ui.chip("Embedded chain only", "warn", "info"), ui.sub(" It has no value anywhere else."))
    if why:
        ui.show(ui.sub(why))
    if told := st.session_state.get(WELCOMED):
        ui.show(ui.note("ok", told))


def token_giver(who: str, dao: Dao | None) -> tuple[LocalWallet | None, str]:
    """This machine's wallet if it may give voting tokens to this one; else None, and why in words."""
    if dao is None:
        return None, "Voting tokens belong to a collective; there is none yet."
    mine = data.member(dao.address, who)
    if data.tokens(dao.address, who) or (mine is not None and mine.deposited):
        return None, ""
    local = state.local_wallet(data.viewer())
    if local is None:
        return (
            None,
            "Only SOL: voting tokens come from this machine's wallet, and this browser is elsewhere.",
        )
    if str(local.pubkey) == who:
        return None, "This is this machine's own wallet; it gives voting tokens to others."
    if not data.tokens(dao.address, str(local.pubkey)):
        return None, "Only SOL: this machine's wallet has no voting tokens left to give. A member can give you some."
    return local, ""


def give(who: str, dao: Dao | None, giver: LocalWallet | None) -> str:
    """Give a wallet what it takes to try things; what it got, in words."""
    viewer = data.viewer()
    key = parse_address(who)
    if giver is None or dao is None:
        viewer.chain.airdrop(key, FAUCET_LAMPORTS)
        return f"{sol(FAUCET_LAMPORTS)} SOL came from the embedded chain's faucet."
    before = viewer.chain.balance(key)
    given = welcome(viewer.with_wallet(giver), key, parse_address(dao.address))
    came = viewer.chain.balance(key) - before
    parts = [f"{sol(came)} SOL"] if came else []
    parts += [f"{voting_tokens(given)} voting tokens of {dao.name}, from this machine's wallet"] if given else []
    return f"{' and '.join(parts)} came." if parts else "Nothing came: this wallet has enough already."


def voting_tokens(units: int) -> str:
    """Millionths of a voting token in tokens."""
    return f"{units / ONE_TOKEN:,.6f}".rstrip("0").rstrip(".").replace(",", "\u202f")


# --- joining ---------------------------------------------------------------------------------------


def join(found: list[Dao]) -> None:
    """The collectives on this chain, and the way into one."""
    with ui.glass("collectives"):
        ui.section("Take part", "Members stake SOL to propose and deposit tokens to vote")
        chosen = data.chosen_dao() or found[0]
        if len(found) > 1:
            names = {d.address: f"{d.name}, {short(d.address)}" for d in found}
            picked = st.selectbox(
                "Collective",
                list(names),
                index=list(names).index(chosen.address),
                format_func=names.__getitem__,
                width=360,
                key="start-collective",
            )
            chosen = next(d for d in found if d.address == picked)
        ui.show(
            ui.row(ui.el("b", chosen.name), ui.address(chosen.address)),
            ui.sub(
                f"{sol(chosen.treasury_lamports)} SOL to spend, {chosen.proposal_count} proposals, "
                f"founded {ago(chosen.created_at)}"
            ),
        )
        who = session.address()
        if who is None:
            ui.show(ui.note("", "Connect a wallet in the sidebar to take part. Looking needs none."))
            return
        way_in(chosen, str(who))


@dataclass(frozen=True)
class Station:
    """One step into a collective: how it is drawn, whether it is done, and what does it, if this page can."""

    symbol: str
    title: str
    note: str
    done: bool
    do: Callable[[], None] | None


def way_in(dao: Dao, who: str) -> None:
    """Tokens, joining, stake, deposit: the steps and one button for the next."""
    stations = list(way(dao, who))
    now = next((k for k, s in enumerate(stations) if not s.done and s.do is not None), None)
    ui.show(
        ui.loop(
            ui.Step(s.symbol, s.title, s.note, "done" if s.done else ("now" if k == now else "next"), float(s.done))
            for k, s in enumerate(stations)
        )
    )
    if now is None:
        if all(s.done for s in stations):
            ui.show(ui.note("ok", f"You take part in {dao.name}."), ui.action("governance", "To its proposals"))
        return
    station = stations[now]
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(f"Next: {station.title}", type="primary", icon=":material/arrow_forward:", key="way-in")
        ui.show(ui.sub("You see each transaction before you sign it."))
    if pressed and station.do is not None:
        station.do()


def way(dao: Dao, who: str) -> Iterator[Station]:
    """The steps of :func:`way_in`, with what the chain says of each."""
    mine = data.member(dao.address, who)
    held = data.tokens(dao.address, who)
    deposited = mine.deposited if mine else 0
    embedded = data.status().cluster == "embedded"
    giver = token_giver(who, dao)[0] if embedded else None

    def ask() -> None:
        with failures.shown(), st.spinner("Asking the embedded chain"):
            st.session_state[WELCOMED] = give(who, dao, giver)
            data.refresh()
            st.rerun()

    def act(name: str, *amount: int) -> Callable[[], None]:
        return lambda: session.run_action(
            lambda c: getattr(c.dao(dao.address).actions, name)(*amount), key=f"{name}-{dao.address}"
        )

    has = held + deposited > 0
    note = f"{voting_tokens(held + deposited)} yours" if has else ("from this machine" if giver else "ask a member")
    yield Station("wallet", "Tokens", note, has, ask if giver is not None else None)
    yield Station("vote", "Membership", "an account; its rent comes back", mine is not None, act("join"))
    stake = max(dao.policy.min_stake, LAMPORTS_PER_SOL)
    staked = mine.stake if mine else 0
    yield Station(
        "lock",
        "Stake",
        f"{sol(staked or stake)} SOL, yours; lets you propose",
        staked >= dao.policy.min_stake > 0,
        act("stake", stake) if mine else None,
    )
    amount = depositable(held, who, embedded)
    yield Station(
        "spark",
        "Deposit",
        f"{voting_tokens(deposited or amount)} tokens; they vote",
        deposited > 0,
        act("deposit", amount) if mine and amount else None,
    )


def depositable(held: int, who: str, embedded: bool) -> int:
    """What to deposit of one's tokens: all, but this machine's wallet keeps some for newcomers to try with."""
    local = state.local_wallet(data.viewer()) if embedded else None
    if local is None or str(local.pubkey) != who:
        return held
    return held - min(held // 10, KEPT_TOKENS)


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
    policy : Policy
        Its rules.
    registry : str or None
        The registry it takes over.
    treasury_lamports : int
        Moved into the treasury.
    """

    name: str
    distribution: dict[str, int]
    policy: Policy
    registry: str | None
    treasury_lamports: int

    def next_step(self, collective: Collective) -> object:
        """Do the first step that isn't done; the session stops it at the action and has that signed."""
        registry = collective.registry_at(self.registry) if self.registry else None
        founded = Governance.found(
            collective,
            self.name,
            distribution=self.distribution,
            policy=self.policy,
            registry=registry,
            treasury_lamports=self.treasury_lamports,
        )
        if registry is not None and registry.current is not None and registry.current.training_data_cid:
            collective.training.register_sets_of(registry.current)
        return founded


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
        pace = st.selectbox(
            "Pace",
            list(PACES),
            index=0 if data.status().cluster == "embedded" else len(PACES) - 1,
            help="Votes, hold-ups and auctions; no one can change it later without a vote",
            width=360,
        )
        if not st.form_submit_button("Review the steps", type="primary"):
            return
    with failures.shown():
        distribution = {who: round(float(own) * ONE_TOKEN), **shares(others or "")}
        st.session_state[PLAN] = Plan(
            name.strip(), distribution, PACES[pace], registry or None, round(float(treasury) * LAMPORTS_PER_SOL)
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
    registry = next((r for r in data.registries() if r.address == plan.registry), None)
    steps.append(("cpu", "Leaderboard", "counts providers' jobs", dao is not None and data.has_leaderboard(address)))
    if registry is not None and registry.current is not None and registry.current.training_data_cid:
        ready = data.sets_registered(registry.current.training_data_cid)
        steps.append(("inbox", "Data sets", "registered, to train on", ready))
    return steps
