"""How a transaction is shown: what it would do, before signing, and what became of it, after."""

from __future__ import annotations

from dashboard import ui
from dashboard.signing.flow import Flow, Problem, Stage
from decai.chain.arguments import sol, units
from decai.chain.preview import Preview
from decai.chain.words import Words
from decai.errors import DecAIError

__all__ = ["changed", "confirmed", "course", "effects", "failed", "heading", "stopped", "technical", "unknown"]


MANY = 8
_COURSE = (
    ("Check", "Check it", "Checked"),
    ("Sign", "Waiting for your wallet", "Signed"),
    ("Send", "Sending", "Sent"),
    ("Confirm", "Waiting for its confirmation", "Confirmed"),
)
"""Each step before it, in it, and after it."""
_AT = {Stage.PREVIEW: 0, Stage.STOPPED: 0, Stage.WAITING: 1, Stage.REVIEW: 1, Stage.SENDING: 2, Stage.UNKNOWN: 3}


def course(flow: Flow) -> ui.Html:
    """How far it is on its way to the ledger."""
    at = 3 if flow.out and flow.stage is Stage.SENDING else _AT.get(flow.stage, len(_COURSE))
    chips = [
        ui.chip(done, "ok", "check") if k < at else ui.chip(now, "accent") if k == at else ui.chip(then, "line")
        for k, (then, now, done) in enumerate(_COURSE)
    ]
    if flow.stage is Stage.FAILED:
        chips[-1] = ui.chip("Failed", "bad", "x")
    return ui.el("div", ui.row(*chips), role="status")


def heading(flow: Flow) -> ui.Html:
    """What is about to be signed, and by whom."""
    who = "this machine's key" if flow.local else "your wallet"
    return ui.el(
        "div",
        ui.el("div", flow.action.title, cls="title", id="what"),
        ui.row(ui.sub(f"Signed and paid by {who}"), ui.address(str(flow.action.payer))),
    )


def effects(found: Preview) -> ui.Html:
    """The transaction in words, its simulated effects, and its price."""
    warnings = [ui.note("warn", w) for w in found.warnings]
    # What the compute budget sets shows in the fee and the work below; its instructions are among the technicalities.
    told = [w for w in found.steps if w.program != "Compute budget"]
    steps = ui.el("ol", *(_step(w) for w in told), cls="steps")
    changes = [(c.name, _change(sol(c.lamports), c.lamports), c.address) for c in found.balances]
    for t in found.tokens:
        shown = f"{units(t.amount, t.decimals)} tokens" if t.decimals is not None else f"{t.amount} smallest units"
        changes.append((t.name, _change(shown, t.amount), t.address))
    balances = (
        ui.table(
            ["Account", "Address", "Change"],
            [[name, ui.address(address), delta] for name, delta, address in changes],
            numeric=(2,),
            caption="Balance changes, simulated",
        )
        if changes
        else ui.sub("No balance changes.")
        if found.problem is None
        else ""
    )
    used = "" if found.compute_units is None else f"{units(found.compute_units, 0)} compute units"
    facts = ui.facts(("Fee", sol(found.fee_lamports)), *((("Work", used),) if used else ()))
    return ui.join(*warnings, steps, balances, facts)


def technical(found: Preview) -> ui.Html:
    """The accounts it writes, and every instruction's accounts."""
    written = ui.table(
        ["Account", "Address", "Effect"],
        [[w.name, ui.address(w.address), w.effect] for w in found.written],
        caption="Accounts it may write",
    )
    return ui.join(written, *(_accounts(w) if w.accounts else _step(w) for w in found.steps))


def _accounts(words: Words) -> ui.Html:
    rows = [
        [
            a.name,
            ui.address(a.address),
            ", ".join(n for n, on in (("signs", a.signer), ("written", a.writable)) if on),
        ]
        for a in words.accounts
    ]
    return ui.table([words.does, "Address", "Access"], rows, caption=f"Accounts of {words.does}")


def _step(words: Words) -> ui.Html:
    values = _values(words.values)
    return ui.el(
        "li",
        ui.row(ui.el("b", words.does), ui.chip(words.program, "line" if words.known else "warn")),
        ui.sub(words.why) if words.why else "",
        values,
    )


def _values(values: tuple[tuple[str, str], ...]) -> ui.Html | str:
    """Arguments; many of them side by side, so that what follows stays in sight."""
    if len(values) <= MANY:
        return ui.facts(*values) if values else ""
    half = -(-len(values) // 2)
    halves = (ui.facts(*part) for part in (values[:half], values[half:]))
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));column-gap:1.5rem"
    return ui.el("div", *(ui.el("div", part) for part in halves), style=grid)


def _change(shown: str, amount: int) -> str:
    return f"+{shown}" if amount > 0 else shown.replace("-", "−", 1)


def changed(flow: Flow) -> ui.Html:
    """What the wallet changed, to be approved."""
    listed = ui.el("ul", *(ui.el("li", c) for c in flow.changes))
    return ui.note("warn", ui.join(ui.el("b", "The wallet signed a slightly different transaction"), listed))


def confirmed(flow: Flow) -> ui.Html:
    """It is on the ledger."""
    assert flow.confirmation is not None
    notes = [ui.note("warn", c) for c in flow.changes if c.startswith("The wallet sent")]
    return ui.join(
        ui.note("ok", ui.el("b", f"Confirmed in slot {units(flow.confirmation.slot, 0)}")),
        *notes,
        ui.facts(("Signature", ui.address(flow.confirmation.signature, 6))),
    )


def failed(flow: Flow) -> ui.Html:
    """It is on the ledger as failed."""
    what = flow.problem or Problem("The transaction failed.")
    return ui.error(what.what, "It is on the ledger as failed: nothing changed but its fee.", what.do)


def stopped(problem: Problem) -> ui.Html:
    """It ended before anything was sent."""
    return ui.el("div", ui.note("warn", ui.join(ui.el("b", problem.what), ui.el("div", problem.do))), role="alert")


def unknown(flow: Flow) -> ui.Html:
    """It may or may not have been executed."""
    words = ui.join(
        ui.el("b", "Not confirmed yet"),
        ui.el("div", "It was sent, and the network hasn't said what became of it. It isn't sent a second time."),
        ui.el("div", flow.problem.what, cls="sub") if flow.problem else "",
    )
    return ui.join(ui.note("warn", words), ui.facts(("Signature", ui.address(flow.signature or "", 6))))


def refused(error: DecAIError) -> ui.Html:
    """It can't even be prepared."""
    return ui.error(error.message, "", error.hint or "")
