"""A ledger for program tests: the committed ``.so`` files in LiteSVM, spoken to through their IDLs.

::

    ledger = Ledger("model_manager")
    ada = ledger.keypair("ada")
    registry = ledger.pda("model_manager", b"registry", ada.pubkey(), text("sentiment", 32))
    create = ledger.ix(
        "model_manager.create_registry", {"creator": ada, "registry": registry}, name="sentiment"
    )
    result = ledger.send(create, signers=[ada])
    assert ledger.account(registry)["owner"] == ada.pubkey()
    ledger.expect_error("AccountAlreadyInUse", create, signers=[ada])

Keys come from labels and the clock is fixed, so that addresses, bumps and compute units repeat exactly.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idl_codec import PROGRAMS_DIR, Idl
from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from decai.localnet.isolation import in_vm_thread

SYSTEM_PROGRAM = Pubkey.from_string("11111111111111111111111111111111")
GENESIS_TIME = 1_800_000_000
LAMPORTS_PER_SOL = 1_000_000_000
PACKET_SIZE = 1232  # a larger transaction never reaches a real cluster

COMPUTE_UNITS_FILE = Path(__file__).with_name("compute_units.json")
RECORD_COMPUTE_UNITS = "DECAI_RECORD_COMPUTE_UNITS"

# The system program's own codes: https://docs.rs/solana-system-interface, SystemError
SYSTEM_ERRORS = {0: "AccountAlreadyInUse", 1: "ResultWithNegativeLamports"}


@dataclass(frozen=True)
class Event:
    """An event that a program emitted, decoded."""

    name: str
    program: Pubkey
    fields: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]


@dataclass(frozen=True)
class Result:
    """What became of a transaction. ``error`` is ``None`` when it succeeded, else the error's name."""

    error: str | None
    compute_units: int
    logs: list[str]
    events: list[Event]
    return_data: bytes

    def event(self, name: str) -> Event:
        """The only event called ``name``."""
        (event,) = (event for event in self.events if event.name == name)
        return event


class Ledger:
    """A fresh chain with some of our programs.

    Parameters
    ----------
    *programs
        Names of programs whose ``.so`` and ``.json`` lie in ``directory``.
    directory
        Where they lie; the committed ones by default.
    """

    def __init__(self, *programs: str, directory: Path = PROGRAMS_DIR) -> None:
        self.svm = LiteSVM()
        self.idls = {name: Idl.load(name, directory) for name in programs}
        self._by_address = {idl.address: idl for idl in self.idls.values()}
        for name, idl in self.idls.items():
            self.svm.add_program(idl.address, (directory / f"{name}.so").read_bytes())
        self._set_clock(GENESIS_TIME)

    # keys and addresses

    def keypair(self, label: str, sol: float = 100.0) -> Keypair:
        """The keypair that ``label`` stands for, holding at least ``sol``."""
        keypair = Keypair.from_seed(hashlib.sha256(f"decai test key {label}".encode()).digest())
        if self.lamports(keypair.pubkey()) < int(sol * LAMPORTS_PER_SOL):
            self.svm.airdrop(keypair.pubkey(), int(sol * LAMPORTS_PER_SOL))
        return keypair

    def pda(self, program: str, *seeds: bytes | Pubkey | Keypair) -> Pubkey:
        """The address a program derives from ``seeds``."""
        return Pubkey.find_program_address([_seed(seed) for seed in seeds], self.idls[program].address)[0]

    # transactions

    def ix(
        self,
        instruction: str,
        accounts: Mapping[str, Pubkey | Keypair],
        *,
        unsigned: Sequence[str] = (),
        remaining: Sequence[AccountMeta] = (),
        **args: Any,
    ) -> Instruction:
        """Build ``"program.instruction"``.

        Parameters
        ----------
        accounts
            By the IDL's names. Those with a fixed address (programs, sysvars) may be left out; an optional
            account left out is passed as "none".
        unsigned
            Names of signers whose signature is withheld, to see the program refuse.
        remaining
            Further accounts, after the named ones.
        **args
            By the IDL's names.
        """
        program, name = instruction.split(".")
        idl = self.idls[program]
        entry = idl.instructions[name]
        unknown = set(accounts) - {account["name"] for account in entry["accounts"]}
        if unknown:
            raise TypeError(f"{instruction} takes no account called {sorted(unknown)}")
        metas = []
        for account in entry["accounts"]:
            given = accounts.get(account["name"])
            if given is None and account.get("optional"):
                metas.append(AccountMeta(idl.address, is_signer=False, is_writable=False))
                continue
            if given is None:
                if "address" not in account:
                    raise TypeError(f"{instruction} needs the account {account['name']}")
                given = Pubkey.from_string(account["address"])
            signs = account.get("signer", False) and account["name"] not in unsigned
            metas.append(AccountMeta(_pubkey(given), signs, account.get("writable", False)))
        return Instruction(idl.address, idl.encode_args(name, args), [*metas, *remaining])

    def send(
        self, *instructions: Instruction, signers: Sequence[Keypair], compute_units: int | None = None
    ) -> Result:
        """Run a transaction that must succeed; the first signer pays."""
        result = self.try_send(*instructions, signers=signers, compute_units=compute_units)
        if result.error is not None:
            raise AssertionError("\n".join([f"the transaction failed: {result.error}", *result.logs]))
        return result

    def expect_error(
        self,
        name: str,
        *instructions: Instruction,
        signers: Sequence[Keypair],
        compute_units: int | None = None,
    ) -> Result:
        """Run a transaction that must fail with the error called ``name``.

        Names are those of the program's IDL, of Anchor (``ConstraintSeeds``), of the system program
        (``AccountAlreadyInUse``) or of the runtime (``MissingRequiredSignature``).
        """
        result = self.try_send(*instructions, signers=signers, compute_units=compute_units)
        if result.error != name:
            raise AssertionError(
                "\n".join([f"expected {name}, got {result.error or 'success'}", *result.logs])
            )
        return result

    def try_send(
        self, *instructions: Instruction, signers: Sequence[Keypair], compute_units: int | None = None
    ) -> Result:
        """Run a transaction, whatever becomes of it."""
        self.svm.expire_blockhash()  # the same transaction may be sent twice
        limit = [] if compute_units is None else [set_compute_unit_limit(compute_units)]
        blockhash = self.svm.latest_blockhash()
        message = Message.new_with_blockhash([*limit, *instructions], signers[0].pubkey(), blockhash)
        transaction = Transaction(list(signers), message, blockhash)
        size = len(bytes(transaction))
        if size > PACKET_SIZE:
            raise AssertionError(f"the transaction has {size} bytes; a cluster takes {PACKET_SIZE}")
        outcome = in_vm_thread(lambda: self.svm.send_transaction(transaction))
        failed = isinstance(outcome, FailedTransactionMetadata)
        meta = outcome.meta() if failed else outcome
        return Result(
            error=self._error_name(outcome) if failed else None,
            compute_units=meta.compute_units_consumed(),
            logs=list(meta.logs()),
            events=[] if failed else self._events(meta.logs()),
            return_data=bytes(meta.return_data().data),
        )

    # accounts

    def account(self, address: Pubkey) -> dict[str, Any]:
        """The fields of an account of one of our programs, its length checked."""
        idl, name, data = self._typed(address)
        fields, end = idl.decode(name, data, 8)
        if end != len(data):
            raise AssertionError(f"{name} has {len(data)} bytes, its layout {end}")
        return fields

    def account_type(self, address: Pubkey) -> str:
        """The account's type by its discriminator."""
        return self._typed(address)[1]

    def exists(self, address: Pubkey) -> bool:
        """Whether there is an account with lamports at ``address``."""
        return self.lamports(address) > 0

    def lamports(self, address: Pubkey) -> int:
        """The balance; 0 when there is no account."""
        return self.svm.get_balance(address) or 0

    def rent(self, size: int) -> int:
        """What an account of ``size`` bytes must hold."""
        return self.svm.minimum_balance_for_rent_exemption(size)

    def patch(self, address: Pubkey, **fields: Any) -> None:
        """Overwrite fields of an account of ours: for states too far away, or that must never be."""
        idl, name, data = self._typed(address)
        values, end = idl.decode(name, data, 8)
        unknown = set(fields) - set(values)
        if unknown:
            raise TypeError(f"{name} has no {sorted(unknown)}")
        body = idl.encode(name, {**values, **fields})
        self.set_account(address, data[:8] + body + data[end:], self.svm.get_account(address).owner)

    def set_account(
        self, address: Pubkey, data: bytes, owner: Pubkey = SYSTEM_PROGRAM, lamports: int | None = None
    ) -> None:
        """Put any bytes at any address; rent-exempt unless ``lamports`` says otherwise."""
        lamports = max(self.rent(len(data)), self.lamports(address)) if lamports is None else lamports
        self.svm.set_account(address, Account(lamports, data, owner, False, 0))

    def clone(self, source: Pubkey, label: str, owner: Pubkey | None = None) -> Pubkey:
        """A copy of an account's bytes at another address, for another owner if one is given: a forgery."""
        address = Keypair.from_seed(hashlib.sha256(f"decai test forgery {label}".encode()).digest()).pubkey()
        original = self.svm.get_account(source)
        self.set_account(address, bytes(original.data), owner or original.owner)
        return address

    # time

    @property
    def now(self) -> int:
        """Unix seconds, as programs see them."""
        return int(self.svm.get_clock().unix_timestamp)

    @property
    def slot(self) -> int:
        """The slot, as programs see it."""
        return int(self.svm.get_clock().slot)

    def warp(self, seconds: int = 0, slots: int = 0) -> None:
        """Move the clock."""
        now = self.now
        if slots:
            self.svm.warp_to_slot(self.slot + slots)
        self._set_clock(now + seconds)

    def _set_clock(self, unix_timestamp: int) -> None:
        clock = self.svm.get_clock()
        clock.unix_timestamp = unix_timestamp
        self.svm.set_clock(clock)

    # decoding

    def _typed(self, address: Pubkey) -> tuple[Idl, str, bytes]:
        account = self.svm.get_account(address)
        if account is None:
            raise AssertionError(f"there is no account at {address}")
        idl, data = self._by_address[account.owner], bytes(account.data)
        return idl, idl.accounts[data[:8]], data

    def _events(self, logs: Sequence[str]) -> list[Event]:
        events, stack = [], []
        for line in logs:
            if invoked := re.fullmatch(r"Program (\w+) invoke \[\d+\]", line):
                stack.append(Pubkey.from_string(invoked[1]))
            elif re.fullmatch(r"Program \w+ (success|failed.*)", line):
                stack.pop()
            elif line.startswith("Program data: ") and stack[-1] in self._by_address:
                idl, data = self._by_address[stack[-1]], base64.b64decode(line.removeprefix("Program data: "))
                if (name := idl.events.get(data[:8])) is not None:
                    events.append(Event(name, stack[-1], idl.decode(name, data, 8)[0]))
        return events

    def _error_name(self, failure: FailedTransactionMetadata) -> str:
        logs = failure.meta().logs()
        for line in logs:
            if named := re.search(r"Program log: AnchorError .*Error Code: (\w+)\. Error Number", line):
                return named[1]
        for line in logs:  # the innermost program fails first
            if coded := re.fullmatch(r"Program (\w+) failed: custom program error: 0x([0-9a-f]+)", line):
                program, code = Pubkey.from_string(coded[1]), int(coded[2], 16)
                idl = self._by_address.get(program)
                names = SYSTEM_ERRORS if program == SYSTEM_PROGRAM else idl.errors if idl else {}
                return names.get(code, f"{program}:{code}")
        error = failure.err()
        inner = getattr(error, "err", error)
        return re.sub(r"^.*\.", "", str(inner)) if "." in str(inner) else type(inner).__name__


class ComputeUnits:
    """Compares compute units with those on file: more than 5 % above fails.

    A run with ``DECAI_RECORD_COMPUTE_UNITS=1`` in the environment writes the file instead.
    """

    TOLERANCE_PERCENT = 5

    def __init__(self, path: Path = COMPUTE_UNITS_FILE) -> None:
        self._path = path
        self._recording = os.environ.get(RECORD_COMPUTE_UNITS) == "1"

    def check(self, instruction: str, result: Result, case: str = "") -> None:
        """Compare (or record) what ``"program.instruction"`` used, in the named case if there are several."""
        program, name = instruction.split(".")
        key = f"{name} ({case})" if case else name
        table = json.loads(self._path.read_text()) if self._path.exists() else {}
        if self._recording:
            table.setdefault(program, {})[key] = result.compute_units
            table = {each: dict(sorted(table[each].items())) for each in sorted(table)}
            self._path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n")
            return
        recorded = table.get(program, {}).get(key)
        again = f"run with {RECORD_COMPUTE_UNITS}=1 to record it, and say why in the commit"
        if recorded is None:
            raise AssertionError(f"{instruction} {case}: {result.compute_units} CU, none on file: {again}")
        if result.compute_units * 100 > recorded * (100 + self.TOLERANCE_PERCENT):
            raise AssertionError(
                f"{instruction} {case}: {result.compute_units} CU, {recorded} on file: {again}"
            )


def text(value: str, width: int) -> bytes:
    """``value`` in a fixed-width field."""
    return value.encode().ljust(width, b"\0")


def content_id(label: str, codec: int = 0x70) -> dict[str, Any]:
    """The CIDv1 (dag-pb unless told otherwise) of nothing in particular, as a ContentId."""
    cid = bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(label.encode()).digest()
    return {"scheme": 1, "len": len(cid), "bytes": cid.ljust(38, b"\0")}


NO_CONTENT: dict[str, Any] = {"scheme": 0, "len": 0, "bytes": bytes(38)}


def _seed(seed: bytes | Pubkey | Keypair) -> bytes:
    return bytes(seed.pubkey()) if isinstance(seed, Keypair) else bytes(seed)


def _pubkey(key: Pubkey | Keypair) -> Pubkey:
    return key.pubkey() if isinstance(key, Keypair) else key
