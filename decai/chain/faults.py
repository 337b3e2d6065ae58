"""What the cluster's refusals mean, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from solders.pubkey import Pubkey

from decai.chain.idl import ProgramIdl
from decai.errors import InsufficientFunds, NetworkError, TransactionExpired, TransactionFailed

__all__ = ["explain"]

SYSTEM = str(Pubkey.default())
_FAILED = re.compile(r"^Program (\w+) failed: (.*)$")
_CUSTOM = re.compile(r"custom program error: 0x([0-9a-fA-F]+)")
_ANCHOR = re.compile(r"AnchorError .*?Error Code: (\w+)\. Error Number: \d+\. Error Message: (.*?)\.*$")
_CAUSE = re.compile(r"caused by account: (\w+)\.")
_FUNDS = ("InsufficientFundsForFee", "InsufficientFundsForRent", "AccountNotFound")


def explain(
    err: Any, logs: Sequence[str], idls: Mapping[str, ProgramIdl], *, signature: str | None = None
) -> NetworkError:
    """Turn a transaction's error, as JSON-RPC gives it, into one of ours.

    Parameters
    ----------
    err : str or dict
        ``BlockhashNotFound``, ``{"InstructionError": [0, {"Custom": 6001}]}`` and so on.
    logs : sequence of str
        The program log.
    idls : mapping
        Our programs, for the names of their errors.
    signature : str, optional
        Given when the failed transaction is on chain.
    """
    lines = tuple(logs)
    if isinstance(err, str) and err.startswith("{"):
        err = json.loads(err)
    word = err if isinstance(err, str) else next(iter(err), "") if isinstance(err, dict) else ""
    if word == "BlockhashNotFound":
        return TransactionExpired(
            "The transaction's blockhash is no longer valid, so it was not executed.", hint="Send it again."
        )
    if word in _FUNDS:
        return InsufficientFunds(
            "The wallet has too little SOL for this transaction's fee and rent.",
            hint="Fund it: on the embedded chain `decai wallet fund`, elsewhere send SOL to its address.",
        )
    program, code = _failed_program(lines), _code(err, lines)
    if program == SYSTEM and code == 1:
        return InsufficientFunds(
            "The wallet has too little SOL for this transfer.",
            hint="Fund it: on the embedded chain `decai wallet fund`, elsewhere send SOL to its address.",
        )
    name, text = _said(lines) if code is not None else (None, None)
    if text is None:
        name, text = _named(program, code, idls)
    if text is None:
        text = _last_words(lines) or f"the cluster answered {json.dumps(err)}"
    where = next((i.name.replace("_", "-") for i in idls.values() if str(i.address) == program), program)
    return TransactionFailed(
        f"{where or 'The cluster'} refused the transaction: {text}",
        hint=None if signature is None else "Only its fee was paid.",
        code=code,
        name=name,
        logs=lines,
        signature=signature,
    )


def _failed_program(logs: Sequence[str]) -> str | None:
    """The innermost program that failed: the first to say so."""
    for line in logs:
        if m := _FAILED.match(line):
            return m.group(1)
    return None


def _code(err: Any, logs: Sequence[str]) -> int | None:
    if isinstance(err, dict) and "InstructionError" in err:
        what = err["InstructionError"][1]
        if isinstance(what, dict) and "Custom" in what:
            return int(what["Custom"])
    for line in logs:
        if m := _CUSTOM.search(line):
            return int(m.group(1), 16)
    return None


def _said(logs: Sequence[str]) -> tuple[str | None, str | None]:
    """The error as an Anchor program names it in its log, with the account that caused it."""
    for line in logs:
        if m := _ANCHOR.search(line):
            cause = _CAUSE.search(line)
            return m.group(1), m.group(2) + (f" (account: {cause.group(1)})." if cause else ".")
    return None, None


def _named(program: str | None, code: int | None, idls: Mapping[str, ProgramIdl]) -> tuple[str | None, str | None]:
    if code is None:
        return None, None
    for idl in idls.values():
        if program in (None, str(idl.address)) and code in idl.errors:
            return idl.errors[code]
    return None, None


def _last_words(logs: Sequence[str]) -> str | None:
    for line in reversed(logs):
        if line.startswith("Program log: ") and "Instruction: " not in line:
            return line.removeprefix("Program log: ")
    for line in logs:
        if m := _FAILED.match(line):
            return m.group(2)
    return None
