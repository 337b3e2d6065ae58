"""Explorer: our programs' transactions and accounts, decoded with the names of their IDLs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import data, failures, ui
from dashboard.activity import sentence, when
from dashboard.ui.charts import chart
from dashboard.ui.format import day, number, short, sol
from decai import charts
from decai.errors import AccountMismatch, AccountNotFound
from decai.explorer import AccountView, Step, TransactionView

PAGE = 12
ROWS = 25


def page() -> None:
    """Draw the page."""
    status = data.status()
    ui.page_head(
        "Explorer",
        "What happened on our programs, and what they hold, decoded by name.",
        ui.chip(f"slot {number(status.slot)}", "line", "layers"),
    )
    search()
    transactions, accounts, programs = st.tabs(["Transactions", "Accounts", "Programs"])
    with transactions, failures.shown():
        transaction_list()
    with accounts, failures.shown():
        account_list()
    with programs, failures.shown():
        program_list(status.programs)


def search() -> None:
    """Find one transaction by its signature, or one account by its address."""
    wanted = st.text_input(
        "Signature or address",
        placeholder="Paste a transaction's signature or an account's address",
        icon=":material/search:",
        key="tx",
        bind="query-params",
    )
    if not wanted or not wanted.strip():
        return
    wanted = wanted.strip()
    with ui.glass("found"), failures.shown():
        if len(wanted) > 50:
            ui.section("Transaction")
            transaction_facts(data.transaction(wanted))
            return
        try:
            account_facts(data.account(wanted))
        except (AccountMismatch, AccountNotFound) as error:
            ui.section("Address")
            ui.show(
                ui.note("", error.message),
                ui.facts(("Address", ui.address(wanted, 8)), ("Balance", f"{sol(data.balance(wanted))} SOL")),
            )


def transaction_list() -> None:
    """The newest transactions, a page at a time; each opens to its decoded instructions."""
    trail: list[str] = st.session_state.setdefault("explorer-trail", [])
    found = data.transactions(PAGE + 1, trail[-1] if trail else None)
    if not found and not trail:
        ui.show(ui.empty("No transactions yet", "Publish a model or ask it something; it appears here at once."))
        return
    shown = found[:PAGE]
    for transaction in shown:
        transaction_line(transaction)
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        ui.show(ui.sub(f"Page {len(trail) + 1}"))
        if st.button("Newer", icon=":material/chevron_left:", disabled=not trail):
            trail.pop()
            st.rerun()
        if st.button("Older", icon=":material/chevron_right:", disabled=len(found) <= PAGE):
            trail.append(shown[-1].signature)
            st.rerun()
    if shown:
        counted = pd.DataFrame({"instruction": [s.name for t in shown for s in t.steps]})
        if not counted.empty:
            chart(
                "instructions",
                "What this page's transactions did",
                "Instructions of our programs, those called by other programs included",
                lambda dark: charts.activity_by_kind(counted, dark=dark),
            )


def transaction_line(transaction: TransactionView) -> None:
    """One transaction: a line that opens."""
    # A moment, not an age: a label that changes makes Streamlit take it for another line, and closes it.
    moment = f"{transaction.at:%-d %b, %H:%M:%S}" if transaction.at else f"slot {transaction.slot}"
    mark = "" if transaction.ok else ":red[failed] · "
    line = st.expander(
        f"{mark}**{sentence(transaction)}** · {moment} · {short(transaction.payer)}",
        key=f"tx-{transaction.signature}",
        on_change="rerun",
        icon=":material/check:" if transaction.ok else ":material/error:",
    )
    if line.open:
        with line:
            transaction_facts(transaction)


def transaction_facts(transaction: TransactionView) -> None:
    """One transaction in full."""
    ui.show(
        ui.facts(
            ("Signature", ui.address(transaction.signature, 10)),
            ("Result", ui.status("confirmed" if transaction.ok else "failed")),
            ("When", when(transaction)),
            ("Slot", number(transaction.slot)),
            ("Paid by", ui.address(transaction.payer, 8)),
            ("Fee", f"{sol(transaction.fee)} SOL"),
            ("Compute units", number(transaction.compute_units)),
        )
    )
    if transaction.error:
        ui.show(ui.note("bad", transaction.error))
    for step in transaction.steps:
        ui.show(instruction(step))
    for event in transaction.events:
        ui.show(ui.section_title(f"Event: {event.name}", event.program), ui.facts(*fields(event.fields)))
    if transaction.logs:
        with st.popover("Program log", icon=":material/notes:", type="tertiary"):
            st.code("\n".join(transaction.logs), language=None, wrap_lines=True)


def instruction(step: Step) -> ui.Html:
    """One instruction: its name, arguments and accounts."""
    title = step.name.replace("_", " ")
    where = f"{step.program}, called by another program" if step.inner else step.program
    accounts = [(name.replace("_", " "), ui.address(value)) for name, value in step.accounts.items()]
    return ui.el(
        "div",
        ui.section_title(f"Instruction: {title}", where),
        ui.facts(*fields(step.args), *accounts),
        cls="step",
    )


def fields(values: dict[str, Any]) -> list[tuple[str, ui.Html]]:
    """A decoded struct as facts.

    Addresses, hashes and CIDs get a copy button, nested structs are flattened.
    """
    pairs = []
    for name, value in values.items():
        words = name.replace("_", " ")
        if isinstance(value, dict):
            pairs += [(f"{words}: {inner}", shown) for inner, shown in fields(value)]
        else:
            pairs.append((words, field(name, value)))
    return pairs


def field(name: str, value: Any) -> ui.Html:
    """One value of a decoded struct."""
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, str) and len(value) >= 32 and " " not in value:
        return ui.address(value, 6)
    if isinstance(value, int) and name.endswith("_at") and value > 1_000_000_000:
        return ui.el("span", day(pd.Timestamp(value, unit="s", tz="UTC").to_pydatetime()))
    if isinstance(value, int):
        return ui.el("span", number(value))
    if isinstance(value, list):
        return ui.el("span", ", ".join(str(v) for v in value[:8]) + (" …" if len(value) > 8 else ""))
    return ui.el("span", "empty" if value == "" else value)


def account_list() -> None:
    """Every account of one type, a page at a time."""
    kinds = data.account_kinds()
    kind = st.selectbox("Account type", list(kinds), key="kind", width=320, bind="query-params")
    found = data.accounts(kind)
    if found.empty:
        ui.show(ui.empty(f"No {kind} yet", f"Accounts of this type belong to the program {kinds[kind]}."))
        return
    pages = -(-len(found) // ROWS)
    ui.show(ui.sub(f"{number(len(found))} account{'' if len(found) == 1 else 's'} of {kinds[kind]}"))
    at = st.pagination(pages, key=f"explorer-page-{kind}") if pages > 1 else 1
    st.dataframe(readable(found.iloc[(at - 1) * ROWS : at * ROWS]), hide_index=True, key=f"accounts-{kind}")
    st.download_button(
        "Download CSV", readable(found).to_csv(index=False), f"{kind}.csv", "text/csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    ui.show(ui.sub("Paste an address above to see one account with every field named."))


def readable(accounts: pd.DataFrame) -> pd.DataFrame:
    """Decoded accounts with words for column names, without the fields that only the programs need."""
    kept = [c for c in accounts.columns if c not in {"layout", "bump", "reserved", "discriminator"}]
    table = accounts[kept].rename(columns=lambda name: name.replace("_", " "))
    for column in table.columns:
        if table[column].map(lambda v: isinstance(v, (list, dict, bytes))).any():
            table[column] = table[column].map(lambda v: v.hex() if isinstance(v, bytes) else str(v))
    return table


def account_facts(account: AccountView) -> None:
    """One account in full."""
    ui.section(account.kind, f"An account of {account.program}")
    ui.show(
        ui.facts(
            ("Address", ui.address(account.address, 8)),
            ("Balance", f"{sol(account.lamports)} SOL, its rent deposit included"),
            ("Size", f"{number(account.size)} bytes"),
            *fields({k: v for k, v in account.fields.items() if k not in {"discriminator", "reserved"}}),
        )
    )


def program_list(deployed: dict[str, bool]) -> None:
    """Our programs, and whether the chain has them."""
    ids = data.program_ids()
    ui.show(
        ui.table(
            ["Program", "Address", "State"],
            [
                [
                    name.replace("_", "-"),
                    ui.address(ids[name], 8),
                    ui.chip("Deployed", "ok", "check") if there else ui.chip("Missing", "bad", "alert"),
                ]
                for name, there in deployed.items()
            ],
            caption="Programs",
        )
    )
