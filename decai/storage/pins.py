"""What must stay: pins in SQLite, and the garbage collection that spares them.

A connection lives for one operation, so threads and processes need no coordination beyond SQLite's own
locking. Collection holds the write lock from its last look at the pins to its last deletion, and `add` checks
under the same lock that all blocks are there: a pin is never made on blocks that are being collected.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decai.errors import BlockNotFound, IntegrityError, StorageError
from decai.storage import cids, dagpb
from decai.storage.blocks import BlockStore

RECURSIVE: Final = "recursive"
DIRECT: Final = "direct"
INDIRECT: Final = "indirect"

GRACE_SECONDS: Final = 3600.0
"""Unpinned blocks younger than this are spared: someone may be about to pin them."""

_BUSY_SECONDS: Final = 30.0


def _m001_initial(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE pins (cid TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('recursive', 'direct')),"
        " name TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL) STRICT"
    )


MIGRATIONS: Final[tuple[tuple[str, Callable[[sqlite3.Connection], None]], ...]] = (("m001_initial", _m001_initial),)


@dataclass(frozen=True, slots=True)
class Pin:
    """One pin.

    Attributes
    ----------
    cid : str
    kind : str
        ``"recursive"`` (the whole DAG) or ``"direct"`` (the one block).
    name : str
        A label, may be empty.
    created_at : int
        Unix seconds.
    """

    cid: str
    kind: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What a garbage collection removed."""

    blocks: int
    freed_bytes: int
    digests: tuple[bytes, ...]


class Pins:
    """The pins of one block store.

    Parameters
    ----------
    path : Path
        The SQLite file; created and migrated when needed.
    store : BlockStore
        The blocks they protect.
    """

    def __init__(self, path: Path, store: BlockStore) -> None:
        self.path = Path(path)
        self.store = store
        with self._transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER)")
            done = {name for (name,) in connection.execute("SELECT name FROM migrations")}
            unknown = done - {name for name, _ in MIGRATIONS}
            if unknown:
                raise StorageError(
                    f"The pins in {self.path} were written by a newer DecAI ({', '.join(sorted(unknown))}).",
                    hint="Update DecAI, or use another home.",
                )
            for name, migrate in MIGRATIONS:
                if name not in done:
                    migrate(connection)
                    connection.execute("INSERT INTO migrations VALUES (?, ?)", (name, int(time.time())))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection holding SQLite's write lock; commits on success."""
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(
                f"The pins in {self.path} can't be used ({error}).",
                hint="Close other DecAI processes on this home, check disk space and permissions.",
            ) from error

    def add(self, cid: str | bytes, *, recursive: bool = True, name: str = "") -> str:
        """Pin content that is in the store.

        Parameters
        ----------
        cid : str or bytes
        recursive : bool
            Pin the whole DAG, else the one block.
        name : str
            A label.

        Returns
        -------
        str
            The CID's canonical text.

        Raises
        ------
        BlockNotFound
            Some block isn't in the store: nothing is pinned.
        """
        key = cids.binary(cid)
        kind = RECURSIVE if recursive else DIRECT
        with self._transaction() as connection:
            if recursive:
                self.check_complete(key)
            elif not self.store.has(key):
                raise BlockNotFound(f"Block {cids.text(key)} is not in the store.", hint="Fetch it first.")
            # A recursive pin already protects what a direct one would.
            connection.execute(
                "INSERT INTO pins VALUES (?, ?, ?, ?) ON CONFLICT (cid) DO UPDATE SET kind = excluded.kind,"
                " name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END"
                " WHERE kind = 'direct' OR excluded.kind = 'recursive'",
                (cids.text(key), kind, name, int(time.time())),
            )
        return cids.text(key)

    def check_complete(self, cid: bytes) -> None:
        """Raise `BlockNotFound` unless every block of the DAG is in the store."""
        for block, _ in walk_present(self.store, cid):
            if not self.store.has(block):
                raise BlockNotFound(
                    f"{cids.text(cid)} is not complete in the store: block {cids.text(block)} is missing.",
                    hint="Fetch it first; what is here already is not fetched again.",
                )

    def remove(self, cid: str | bytes, *, recursive: bool = True) -> str:
        """Remove a pin.

        Raises
        ------
        StorageError
            It isn't pinned, or it is pinned recursively and `recursive` is false.
        """
        key = cids.normal(cid)
        with self._transaction() as connection:
            row = connection.execute("SELECT kind FROM pins WHERE cid = ?", (key,)).fetchone()
            if row is None:
                raise StorageError(f"{key} is not pinned.", hint="List the pins to see what is.")
            if row[0] == RECURSIVE and not recursive:
                raise StorageError(f"{key} is pinned recursively.", hint="Remove it with recursive=True.")
            connection.execute("DELETE FROM pins WHERE cid = ?", (key,))
        return key

    def all(self) -> list[Pin]:
        """All pins, oldest first."""
        with self._transaction() as connection:
            return self._rows(connection)

    @staticmethod
    def _rows(connection: sqlite3.Connection) -> list[Pin]:
        rows = connection.execute("SELECT cid, kind, name, created_at FROM pins ORDER BY created_at, rowid")
        return [Pin(*row) for row in rows]

    def get(self, cid: str | bytes) -> Pin | None:
        """The pin on exactly this CID, if there is one."""
        key = cids.normal(cid)
        return next((pin for pin in self.all() if pin.cid == key), None)

    def indirect(self) -> dict[str, str]:
        """CIDs of the blocks below recursive pins, each with one pin that holds it."""
        pins = self.all()
        own = {pin.cid for pin in pins}
        held: dict[str, str] = {}
        for pin in pins:
            if pin.kind != RECURSIVE:
                continue
            for block, _ in walk_present(self.store, cids.parse(pin.cid)):
                key = cids.text(block)
                if key not in own:
                    held.setdefault(key, pin.cid)
        return held

    def collect(self, *, grace_seconds: float = GRACE_SECONDS) -> Collected:
        """Remove blocks that no pin holds.

        Parameters
        ----------
        grace_seconds : float
            Blocks written, found again or touched within this time are spared.

        Returns
        -------
        Collected
        """
        # The long walk happens without the lock; under it only pins made meanwhile remain to be walked.
        marked: set[bytes] = set()
        walked: set[tuple[str, str]] = set()

        def mark(pins: list[Pin]) -> None:
            for pin in pins:
                if (pin.cid, pin.kind) in walked:
                    continue
                walked.add((pin.cid, pin.kind))
                root = cids.parse(pin.cid)
                marked.add(cids.digest(root))
                if pin.kind == RECURSIVE:
                    marked.update(cids.digest(block) for block, _ in walk_present(self.store, root))

        mark(self.all())
        removed: list[bytes] = []
        freed = 0
        with self._transaction() as connection:
            mark(self._rows(connection))
            youngest = time.time() - grace_seconds
            for digest, size, modified in self.store.iterate():
                if digest not in marked and modified <= youngest and self.store.delete_digest(digest):
                    removed.append(digest)
                    freed += size
        return Collected(len(removed), freed, tuple(removed))


def walk_present(store: BlockStore, cid: bytes) -> Iterator[tuple[bytes, int]]:
    """Visit each block of a DAG once with its depth, as far as the nodes are present; missing ones are
    yielded too."""
    seen: set[bytes] = set()
    stack = [(cid, 0)]
    while stack:
        current, depth = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        yield current, depth
        if cids.codec(current) == cids.DAG_PB:
            try:
                node = dagpb.decode(store.get(current), current)
            except (BlockNotFound, IntegrityError):
                continue  # what isn't there holds nothing; `check_complete` reports it
            stack.extend((link.cid, depth + 1) for link in node.links)
