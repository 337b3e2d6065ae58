"""An instruction's arguments for a person: each with its unit, by the naming convention of our programs.

A number whose unit the convention doesn't tell is shown as a bare number, never with a guessed unit.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from decai.chain.layouts import TEXT_FIELDS, cid_of, text_of

__all__ = ["human", "show", "sol", "units"]

LAMPORTS_DECIMALS, TOKEN_DECIMALS = 9, 6
_NO_KEY = "1" * 32
_LAMPORTS = re.compile(
    r"budget|training_budget|bond|dispute_bond|price|best_price|min_stake|min_counted_reward|.*lamports(_.*)?"
)
_TOKENS = re.compile(r"founding_supply|reward_pool")
_SECONDS = re.compile(r".*_(period|delay|window|hold|age|s)|hold_up")
_CODES = {
    "choice": {1: "for", 2: "against", 3: "abstain"},
    "market": {1: "Akash", 2: "Golem", 3: "peer", 4: "local"},
    "energy_grade": {1: "measured", 2: "estimated", 3: "declared"},
    "allow_development_keys": {0: "no", 1: "yes"},
    "available": {0: "no", 1: "yes"},
    ("create_proposal", "kind"): {
        1: "train",
        2: "publish",
        3: "set the current version",
        4: "yank",
        5: "adopt a registry",
        6: "transfer a registry",
        7: "configure",
        8: "spend",
        9: "resolve a dispute",
        10: "revoke a badge",
        11: "upgrade",
    },
    ("register_set", "kind"): {1: "train", 2: "evaluate"},
}
"""Numbers that stand for words, as in the programs' constants."""
_AMOUNTS = {
    "stake": LAMPORTS_DECIMALS,
    "unstake": LAMPORTS_DECIMALS,
    "fund_treasury": LAMPORTS_DECIMALS,
    "deposit": TOKEN_DECIMALS,
    "withdraw": TOKEN_DECIMALS,
    "distribute": TOKEN_DECIMALS,
}
"""What ``amount`` counts, by instruction: SOL has nine decimals, a collective's token six."""


def sol(lamports: int) -> str:
    """Lamports as SOL, without trailing zeros: ``0.000005 SOL``."""
    return f"{units(lamports, LAMPORTS_DECIMALS)} SOL"


def units(amount: int, decimals: int) -> str:
    """A token amount in its display unit, exactly.

    Parameters
    ----------
    amount : int
        In the smallest unit.
    decimals : int
        The mint's decimals.
    """
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**decimals)
    tail = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    grouped = f"{whole:,}".replace(",", "\u202f")
    return f"{sign}{grouped}.{tail}" if tail else f"{sign}{grouped}"


def human(name: str) -> str:
    """An IDL name as words: ``create_dao`` → ``Create dao``; units that the value shows are left out."""
    bare = re.sub(r"_(ppm|joules|usd_micros|s)$", "", name)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", bare).replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:].lower()


def show(instruction: str, name: str, value: Any) -> list[tuple[str, str]]:
    """An argument as rows of name and value; a struct is one row per field.

    Parameters
    ----------
    instruction, name : str
        As in the IDL.
    value : object
        As decoded from borsh.
    """
    if isinstance(value, dict) and set(value) != {"scheme", "len", "bytes"}:
        return [row for field, inner in value.items() for row in show(instruction, field, inner)]
    return [(human(name), _text(instruction, name, value))]


def _text(instruction: str, name: str, value: Any) -> str:
    if isinstance(value, dict):
        return cid_of(bytes([value["scheme"], value["len"]]) + value["bytes"]) or "none"
    if isinstance(value, bytes):
        if name in TEXT_FIELDS and b"\0" not in value.rstrip(b"\0"):
            return f"“{text_of(value)}”"
        return value.hex() if any(value) else "none"
    if isinstance(value, list):
        return ", ".join(_text(instruction, name, v) for v in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _number(instruction, name, value)
    return "none" if value is None or value == _NO_KEY else str(value)


def _number(instruction: str, name: str, value: int) -> str:
    codes = _CODES.get((instruction, name)) or _CODES.get(name)
    if codes is not None:
        return codes.get(value, f"{value} (not known here)")
    if name.endswith("_ppm"):
        return f"{units(value, 4)} %"
    if name.endswith("_joules"):
        return f"{value / 3.6e6:.6g} kWh"
    if name.endswith("_usd_micros"):
        return f"{units(value, 6)} USD"
    if name == "amount" and instruction in _AMOUNTS:
        decimals = _AMOUNTS[instruction]
        return sol(value) if decimals == LAMPORTS_DECIMALS else f"{units(value, decimals)} tokens"
    if _LAMPORTS.fullmatch(name):
        return sol(value)
    if _TOKENS.fullmatch(name):
        return f"{units(value, TOKEN_DECIMALS)} tokens"
    if _SECONDS.fullmatch(name):
        return _duration(value)
    if name.endswith("_at"):
        return _moment(value)
    return units(value, 0)


def _duration(seconds: int) -> str:
    """The largest unit that loses nothing."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{units(seconds // size, 0)} {unit}"
    return f"{units(seconds, 0)} s"


def _moment(unix: int) -> str:
    if unix == 0:
        return "never"
    try:
        return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{units(unix, 0)} s after 1970"
