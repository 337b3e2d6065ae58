"""What the node keeps on disk: one SQLite file, one SQLite transaction per Solana transaction.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a transaction that was committed survives the death of
the process at any moment. (Losing power can drop the last moments before it, never corrupt what is there: a
choice for one development machine, where an fsync per transaction would cost most of the throughput.)
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from solders.account import Account
from solders.pubkey import Pubkey

from decai.errors import HomeNewer, NodeError
from decai.localnet.lock import FileLock


def m001_initial(db: sqlite3.Connection) -> None:
    """Settings, accounts, transactions, which addresses each mentions, and named steps."""
    db.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE accounts (address BLOB PRIMARY KEY, owner BLOB NOT NULL, lamports INTEGER NOT NULL,"
        " data BLOB NOT NULL, executable INTEGER NOT NULL, rent_epoch BLOB NOT NULL, slot INTEGER NOT NULL)"
    )
    db.execute(
        "CREATE TABLE transactions (sequence INTEGER PRIMARY KEY, signature BLOB NOT NULL UNIQUE,"
        " slot INTEGER NOT NULL, block_time INTEGER NOT NULL, wire BLOB NOT NULL, error TEXT, memo TEXT,"
        " meta TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX transactions_by_slot ON transactions (slot)")
    db.execute(
        "CREATE TABLE mentions (address BLOB NOT NULL, sequence INTEGER NOT NULL,"
        " PRIMARY KEY (address, sequence)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE steps (id INTEGER PRIMARY KEY, name TEXT NOT NULL, detail TEXT NOT NULL,"
        " applied_at REAL NOT NULL)"
    )


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_initial,)


class StoredTransaction(NamedTuple):
    """A transaction as the ledger has it."""

    sequence: int
    signature: bytes
    slot: int
    block_time: int
    wire: bytes
    error: str | None
    memo: str | None
    meta: str


@dataclass(frozen=True)
class Step:
    """Something done to the ledger outside a transaction, by name: an upgrade of the shipped programs."""

    name: str
    detail: dict[str, object]
    applied_at: float


class Ledger:
    """The node's durable state.

    Parameters
    ----------
    path : Path or None
        The SQLite file; parents are created. None keeps everything in memory.

    Raises
    ------
    HomeInUse
        The ledger is already open, here or in another process.
    HomeNewer
        It was written by a newer DecAI.
    NodeError
        The file isn't a ledger or can't be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock: FileLock | None = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = FileLock(path.with_name(path.name + ".lock"))
            except OSError as error:
                raise NodeError(
                    f"The ledger {path} can't be opened: {error}.",
                    hint="Choose a directory you may write to with --home.",
                ) from error
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(
                ":memory:" if path is None else path, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            _migrate(connection, path)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if self._lock is not None:
                self._lock.release()
            if isinstance(error, sqlite3.Error):
                raise NodeError(
                    f"The ledger {path} can't be read: {error}.",
                    hint="It isn't a DecAI ledger or is damaged: move it away to start afresh.",
                ) from error
            raise
        self._db = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is kept, or none of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def setting(self, name: str) -> bytes | float | int | str | None:
        """The value kept under a name, or None."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def keep_setting(self, name: str, value: bytes | float | int | str) -> None:
        """Keep a value under a name."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def accounts(self) -> Iterator[tuple[bytes, Account]]:
        """Every account; those without code first, so that a program's data is there before the program."""
        rows = self._db.execute(
            "SELECT address, owner, lamports, data, executable, rent_epoch FROM accounts ORDER BY executable"
        )
        for address, owner, lamports, data, executable, rent_epoch in rows:
            yield (
                address,
                Account(
                    lamports,
                    data,
                    Pubkey.from_bytes(owner),
                    bool(executable),
                    int.from_bytes(rent_epoch, "little"),
                ),
            )

    def keep_accounts(self, changed: Iterable[tuple[bytes, Account | None]], slot: int) -> None:
        """Write accounts as they are now; None removes one."""
        kept, removed = [], []
        for address, account in changed:
            if account is None:
                removed.append((address,))
            else:
                kept.append(
                    (
                        address,
                        bytes(account.owner),
                        account.lamports,
                        account.data,
                        account.executable,
                        account.rent_epoch.to_bytes(8, "little"),
                        slot,
                    )
                )
        self._db.executemany(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET"
            " owner = excluded.owner, lamports = excluded.lamports, data = excluded.data,"
            " executable = excluded.executable, rent_epoch = excluded.rent_epoch, slot = excluded.slot",
            kept,
        )
        if removed:
            self._db.executemany("DELETE FROM accounts WHERE address = ?", removed)

    def keep_transaction(self, transaction: StoredTransaction, mentions: Iterable[bytes]) -> None:
        """Write a transaction and the addresses it mentions."""
        self._db.execute("INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", transaction)
        self._db.executemany(
            "INSERT OR IGNORE INTO mentions VALUES (?, ?)",
            [(address, transaction.sequence) for address in mentions],
        )

    def last_sequence(self) -> int:
        """The number of the latest transaction; 0 when there is none."""
        return int(self._db.execute("SELECT coalesce(max(sequence), 0) FROM transactions").fetchone()[0])

    def last_time(self) -> tuple[int, int]:
        """Slot and block time (unix seconds) of the latest transaction; zeros when there is none."""
        row = self._db.execute("SELECT max(slot), max(block_time) FROM transactions").fetchone()
        return (row[0] or 0, row[1] or 0)

    def find(self, signature: bytes) -> StoredTransaction | None:
        """A transaction by its first signature."""
        row = self._db.execute("SELECT * FROM transactions WHERE signature = ?", (signature,)).fetchone()
        return None if row is None else StoredTransaction(*row)

    def status(self, signature: bytes) -> tuple[int, str | None] | None:
        """Slot and error (JSON) of a transaction, or None when it isn't known."""
        row: tuple[int, str | None] | None = self._db.execute(
            "SELECT slot, error FROM transactions WHERE signature = ?", (signature,)
        ).fetchone()
        return row

    def in_slot(self, slot: int) -> list[StoredTransaction]:
        """The transactions of a slot, in order."""
        rows = self._db.execute("SELECT * FROM transactions WHERE slot = ? ORDER BY sequence", (slot,))
        return [StoredTransaction(*row) for row in rows]

    def mentioning(
        self, address: bytes, *, before: int | None, until: int | None, limit: int
    ) -> list[tuple[bytes, int, int, str | None, str | None]]:
        """Signature, slot, block time, error and memo of transactions that mention an address, newest first.

        Parameters
        ----------
        address : bytes
            32 bytes.
        before, until : int or None
            Sequence numbers: strictly before the one, strictly after the other.
        limit : int
            At most so many.
        """
        return self._db.execute(
            "SELECT t.signature, t.slot, t.block_time, t.error, t.memo FROM mentions m"
            " JOIN transactions t ON t.sequence = m.sequence"
            " WHERE m.address = ? AND m.sequence < ? AND m.sequence > ? ORDER BY m.sequence DESC LIMIT ?",
            (address, before if before is not None else 2**62, until if until is not None else -1, limit),
        ).fetchall()

    def keep_step(self, name: str, detail: dict[str, object]) -> None:
        """Record a named step."""
        self._db.execute(
            "INSERT INTO steps (name, detail, applied_at) VALUES (?, ?, ?)",
            (name, json.dumps(detail, sort_keys=True), time.time()),
        )

    def steps(self) -> list[Step]:
        """Every named step, oldest first."""
        rows = self._db.execute("SELECT name, detail, applied_at FROM steps ORDER BY id")
        return [Step(name, json.loads(detail), applied_at) for name, detail, applied_at in rows]

    def close(self) -> None:
        """Close the file and give the lock back. Calling it again does nothing."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _migrate(db: sqlite3.Connection, path: Path | None) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at REAL NOT NULL)")
        done = {name for (name,) in db.execute("SELECT name FROM migrations")}
        unknown = done - {migration.__name__ for migration in MIGRATIONS}
        if unknown:
            raise HomeNewer(
                f"The ledger {path} was written by a newer DecAI (it has {', '.join(sorted(unknown))}).",
                hint="Upgrade DecAI, or choose another directory with --home.",
            )
        for migration in MIGRATIONS:
            if migration.__name__ not in done:
                migration(db)
                db.execute("INSERT INTO migrations VALUES (?, ?)", (migration.__name__, time.time()))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
