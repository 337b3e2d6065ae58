"""The virtual machine, its clock, and every account by owner: the state of the node, kept in its ledger."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable

from solders.account import Account
from solders.clock import Clock
from solders.epoch_schedule import EpochSchedule
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import FeatureSet, LiteSVM
from solders.pubkey import Pubkey

from decai.errors import NodeError
from decai.localnet import programs
from decai.localnet.ledger import Ledger
from decai.localnet.slots import SLOTS_PER_EPOCH, SlotClock

LAMPORTS_PER_SOL = 1_000_000_000
SYSTEM_PROGRAM = Pubkey.default()

# Active in LiteSVM's default set and on no cluster: it turns the upgradeable loader's deployments off
# (disable_new_loader_v3_deployments, SIMD-0167).
_NO_LOADER_V3_DEPLOYMENTS = Pubkey.from_string("EmhbpdVtZ2hWRGFWBDjn2i3SJD8Z36z4mpMcZJEnebnP")
_FAUCET_LAMPORTS = 500_000_000 * LAMPORTS_PER_SOL
_PREINSTALLED = (
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
    "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
    "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
    "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
)


class Machine:
    """LiteSVM with a clock of its own and an index of its accounts.

    Parameters
    ----------
    ledger : Ledger
        Where it is kept; what it holds is loaded.
    clock : callable
        Returns unix time in seconds.

    Notes
    -----
    Not safe for threads by itself: hold ``lock`` around anything that reads or writes.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.ledger = ledger
        self.slot_listeners: list[Callable[[int], None]] = []
        self.accounts: dict[bytes, Account] = {}
        self.by_owner: dict[bytes, dict[bytes, Account]] = {}
        features = FeatureSet.all_enabled()
        active = dict(features.active)
        active.pop(_NO_LOADER_V3_DEPLOYMENTS, None)
        features = FeatureSet(active, {_NO_LOADER_V3_DEPLOYMENTS})
        # Blockhashes and duplicates are checked here: LiteSVM takes one blockhash, and forgets at a restart.
        self._svm = (
            LiteSVM.default()
            .with_builtins(features)
            .with_lamports(10**18)
            .with_sysvars()
            .with_precompiles(features)
            .with_spl_programs()
            .with_sigverify(True)
            .with_blockhash_check(False)
            .with_transaction_history(0)
        )
        self._svm.set_epoch_schedule(EpochSchedule.without_warmup())
        self._slot_hashes: list[tuple[int, Hash]] = []
        seed = ledger.setting("seed")
        if seed is None:
            seed = os.urandom(32)
            with ledger.transaction():
                ledger.keep_setting("seed", seed)
                ledger.keep_setting("origin", clock())
                ledger.keep_setting("offset", 0.0)
        if not isinstance(seed, bytes) or len(seed) != 32:
            raise NodeError("The ledger has no seed.", hint="It is damaged: move it away to start afresh.")
        self.genesis_hash = Hash.hash(b"decai genesis" + seed)
        self.faucet = Keypair.from_seed(bytes(Hash.hash(b"decai faucet" + seed)))
        self.identity = Keypair.from_seed(bytes(Hash.hash(b"decai identity" + seed))).pubkey()
        self.clock = SlotClock(seed, self._number("origin"), clock, self._number("offset"))
        self.clock.never_before(*ledger.last_time())
        self.sequence = ledger.last_sequence()
        for name in _PREINSTALLED:
            address = Pubkey.from_string(name)
            self._index(bytes(address), self._svm.get_account(address))
        try:
            for key, account in ledger.accounts():
                self._load(Pubkey.from_bytes(key), account)
                self._index(key, account)
        except ValueError as error:
            raise NodeError(
                f"The ledger {ledger.path} holds an account that can't be loaded: {error}.",
                hint="It is damaged: move it away to start afresh.",
            ) from error
        self.tick()
        if bytes(self.faucet.pubkey()) not in self.accounts:
            self.put([(self.faucet.pubkey(), Account(_FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM, False, 2**64 - 1))])

    def _number(self, name: str) -> float:
        value = self.ledger.setting(name)
        if not isinstance(value, int | float):
            raise NodeError(f"The ledger has no {name}.", hint="It is damaged: move it away to start afresh.")
        return float(value)

    # Time ------------------------------------------------------------------------------------------------

    @property
    def slot(self) -> int:
        """The current slot."""
        return self.clock.slot

    def tick(self) -> None:
        """Follow the clock: in a new slot the sysvars that tell time are set."""
        before = self.clock.unix_timestamp
        new_slot = self.clock.advance()
        if new_slot:
            self._slot_hashes = self.clock.slot_hashes(self._slot_hashes)
            self._svm.set_slot_hashes(self._slot_hashes)
        if new_slot or before != self.clock.unix_timestamp:
            slot, epoch = self.clock.slot, self.clock.slot // SLOTS_PER_EPOCH
            started = self.clock.time_of(epoch * SLOTS_PER_EPOCH)
            self._svm.set_clock(Clock(slot, started, epoch, epoch + 1, self.clock.unix_timestamp))
        if new_slot:
            for listener in self.slot_listeners:
                listener(self.slot)

    def warp(self, seconds: float) -> None:
        """Let time pass at once (for tests); kept in the ledger."""
        self.clock.offset += seconds
        with self.ledger.transaction():
            self.ledger.keep_setting("offset", self.clock.offset)
        self.tick()

    # Accounts --------------------------------------------------------------------------------------------

    def account(self, address: Pubkey) -> Account | None:
        """An account, or None; one without lamports doesn't exist."""
        account = self._svm.get_account(address)
        return account if account is not None and account.lamports > 0 else None

    def owned_by(self, owner: Pubkey) -> Iterable[tuple[bytes, Account]]:
        """Address (32 bytes) and account of all that a program owns, in the order they came to it."""
        return self.by_owner.get(bytes(owner), {}).items()

    def rent(self, size: int) -> int:
        """Lamports that make an account of so many bytes rent-exempt."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def _index(self, key: bytes, account: Account | None) -> None:
        old = self.accounts.get(key)
        if old is not None and (account is None or old.owner != account.owner):
            siblings = self.by_owner[bytes(old.owner)]
            del siblings[key]
            if not siblings:
                del self.by_owner[bytes(old.owner)]
        if account is None:
            self.accounts.pop(key, None)
        else:
            self.accounts[key] = account
            self.by_owner.setdefault(bytes(account.owner), {})[key] = account

    def _load(self, address: Pubkey, account: Account) -> None:
        """Give the virtual machine an account; a program's code is verified and compiled."""
        try:
            self._svm.set_account(address, account)
        except Exception as error:  # LiteSVMError derives from Exception and can't be imported
            raise ValueError(str(error)) from error

    def _restore(self, before: Iterable[tuple[Pubkey, Account | None]]) -> None:
        """Undo what the virtual machine did when the ledger couldn't keep it."""
        for address, account in sorted(before, key=lambda pair: pair[1] is not None and pair[1].executable):
            self._svm.set_account(address, account or Account(0, b"", SYSTEM_PROGRAM))

    def put(
        self,
        accounts: list[tuple[Pubkey, Account]],
        *,
        step: tuple[str, dict[str, object]] | None = None,
    ) -> None:
        """Write accounts without a transaction: all or nothing, here and in the ledger.

        Parameters
        ----------
        accounts : list of (Pubkey, Account)
            A program's data before the program.
        step : (str, dict), optional
            A named step to record with them.
        """
        before = [(address, self._svm.get_account(address)) for address, _ in accounts]
        try:
            for address, account in accounts:
                self._load(address, account)
            with self.ledger.transaction():
                self.ledger.keep_accounts([(bytes(address), account) for address, account in accounts], self.slot)
                if step is not None:
                    self.ledger.keep_step(*step)
        except BaseException:
            self._restore(before)
            raise
        for address, account in accounts:
            self._index(bytes(address), account)

    # Programs --------------------------------------------------------------------------------------------

    def deploy(self, program_id: Pubkey, elf: bytes, authority: Pubkey | None, name: str | None) -> programs.Deployment:
        """Install or upgrade a program of the upgradeable loader; see `Node.deploy`."""
        if not elf.startswith(b"\x7fELF"):
            raise NodeError(
                f"{name or program_id} isn't a program the runtime can load: it isn't an ELF file.",
                hint="It must be an ELF file built for Solana (SBF).",
            )
        where = programs.programdata_address(program_id)
        sha256 = programs.digest(elf)
        current, data = self.account(program_id), self.account(where)
        if current is not None and (current.owner != programs.LOADER_V3 or not current.executable):
            raise NodeError(
                f"{program_id} is the address of another account, owned by {current.owner}.",
                hint="A program needs an address of its own.",
            )
        present = None if current is None or data is None else programs.read_programdata(data.data)
        same = present is not None and programs.same_code(present[2], elf)
        if present is not None and same and authority in (None, present[1]):
            return programs.Deployment(program_id, where, sha256, "unchanged", present[0])
        keeper = authority if authority is not None or present is None else present[1]
        lamports = max(self.rent(programs.PROGRAM_DATA_HEADER + len(elf)), 0 if data is None else data.lamports)
        detail: dict[str, object] = {
            "program": str(program_id),
            "name": name,
            "sha256": sha256,
            "slot": self.slot,
            "upgrade_authority": None if keeper is None else str(keeper),
        }
        if present is not None:
            detail["replaced_sha256"] = programs.digest(present[2])
        try:
            self.put(
                [
                    (where, programs.programdata_account(elf, self.slot, keeper, lamports)),
                    (program_id, programs.program_account(program_id, self.rent(programs.PROGRAM_SIZE))),
                ],
                step=("install_programs" if present is None else "upgrade_programs", detail),
            )
        except sqlite3.Error as error:
            raise NodeError(
                f"The ledger {self.ledger.path} can't be written: {error}.", hint="Is the disk full?"
            ) from error
        except ValueError as error:
            raise NodeError(
                f"{name or program_id} isn't a program the runtime can load: {error}.",
                hint="It must be an ELF file built for Solana (SBF).",
            ) from error
        return programs.Deployment(program_id, where, sha256, "installed" if present is None else "upgraded", self.slot)
