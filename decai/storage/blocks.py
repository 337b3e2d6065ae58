"""The block store: one verified file a block, shared by any number of processes without a lock.

A block is written to a private temporary file and renamed into place, so under its final name it is always
whole, whatever kills the writer; two writers of one block write the same bytes. There is no ``fsync``: a
300 MB model has 1,200 blocks, and waiting for the disk after each would only guard against the loss of power. After
such a loss a block may be empty or damaged; each read checks the hash, drops such a block and reports it, and
the next fetch or add restores it.

A block's file is named by its sha2-256 alone, so CIDv0 and CIDv1 of one block share it (as in Kubo).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from decai.errors import BlockNotFound, IntegrityError, QuotaExceeded, StorageError
from decai.storage import cids

MAX_BLOCK_SIZE: Final = 2 * 1024 * 1024
"""Largest block taken from anyone, in bytes; Kubo's own limit for exchange between peers."""

STALE_AFTER_SECONDS: Final = 3600.0
"""Age at which a temporary file of another machine's process counts as abandoned."""

_RESCAN_BYTES: Final = 64 * 1024 * 1024
_temporary_numbers = itertools.count()


class BlockSink(Protocol):
    """What an importer writes blocks to."""

    def put_hashed(self, digest: bytes, data: bytes | memoryview) -> bool:
        """Store a block whose sha2-256 the caller just computed; False when it was there already."""
        ...


class BlockSource(Protocol):
    """What a reader takes verified blocks from."""

    def get(self, cid: bytes) -> bytes:
        """Return the verified block; raise `BlockNotFound` or `IntegrityError`."""
        ...


class NullSink:
    """Forgets every block: for computing a CID without storing anything."""

    def put_hashed(self, digest: bytes, data: bytes | memoryview) -> bool:
        return True


class BlockStore:
    """Content-addressed blocks in a directory.

    Parameters
    ----------
    path : Path
        The directory; created when missing.
    quota_bytes : int, optional
        Refuse to grow beyond this many bytes of blocks. None: no limit.
    stale_after_seconds : float
        Age at which foreign temporary files are removed at start. Those of this machine's dead processes go
        at once.
    """

    def __init__(
        self,
        path: Path,
        *,
        quota_bytes: int | None = None,
        stale_after_seconds: float = STALE_AFTER_SECONDS,
    ) -> None:
        self.path = Path(path)
        self.quota_bytes = quota_bytes
        self._blocks = os.fspath(self.path / "blocks")
        self._temporary = os.fspath(self.path / "tmp")
        self._host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
        self._quota_lock = threading.Lock()
        self._used_bytes = 0
        self._written_since_scan = _RESCAN_BYTES
        try:
            self._make_directories()
        except OSError as error:
            raise StorageError(
                f"The store {self.path} can't be used ({error.strerror}).",
                hint="Choose another home with DECAI_HOME or --home, or repair its permissions.",
            ) from error
        self.removed_leftovers = self._remove_leftovers(stale_after_seconds)

    # Writing

    def put(self, data: bytes, codec: int = cids.RAW, version: int = 1) -> bytes:
        """Store a block and return its binary CID."""
        digest = hashlib.sha256(data).digest()
        self.put_hashed(digest, data)
        return cids.make(codec, digest, version)

    def put_block(self, cid: bytes, data: bytes) -> bool:
        """Store a block that came from elsewhere, if its hash is right.

        Returns
        -------
        bool
            False when the block was there already.

        Raises
        ------
        IntegrityError
            The bytes don't hash to the CID.
        QuotaExceeded
        """
        digest = hashlib.sha256(data).digest()
        if digest != cids.digest(cid):
            raise IntegrityError(f"{len(data):,} bytes don't hash to {cids.text(cid)}.")
        return self.put_hashed(digest, data)

    def put_hashed(self, digest: bytes, data: bytes | memoryview) -> bool:
        """Store a block whose sha2-256 the caller just computed; False when it was there already."""
        path = self._file(digest)
        try:
            if os.stat(path).st_size == len(data):
                os.utime(path)  # young again: a garbage collection under way leaves it alone
                return False
        except FileNotFoundError:
            pass
        if self.quota_bytes is not None:
            self._reserve(len(data), self.quota_bytes)
        temporary = f"{self._temporary}/{self._host}-{os.getpid()}-{next(_temporary_numbers)}"
        for attempt in (1, 2):
            try:
                self._write(temporary, data)
                os.rename(temporary, path)
                return True
            except OSError as error:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                if isinstance(error, FileNotFoundError) and attempt == 1:
                    self._make_directories()  # someone tidied them away under us
                    continue
                raise StorageError(
                    f"A block can't be written to {self.path} ({error.strerror}).",
                    hint="Free some disk space or repair the directory's permissions, then try again.",
                ) from error
        raise AssertionError("unreachable")

    def _make_directories(self) -> None:
        # All shards at once: an import meets each of them soon, and a missing one would cost it a second write.
        os.makedirs(self._temporary, exist_ok=True)
        os.makedirs(self._blocks, exist_ok=True)
        present = set(os.listdir(self._blocks))
        for number in range(256):
            if f"{number:02x}" not in present:
                os.makedirs(f"{self._blocks}/{number:02x}", exist_ok=True)

    @staticmethod
    def _write(path: str, data: bytes | memoryview) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            done = os.write(fd, data)
            while done < len(data):
                done += os.write(fd, memoryview(data)[done:])
        finally:
            os.close(fd)

    # Reading

    def get(self, cid: bytes) -> bytes:
        """Read a block and check its hash.

        Raises
        ------
        BlockNotFound
            Not in the store.
        IntegrityError
            The file is damaged; it has been removed, so that the next fetch or add restores it.
        """
        digest = cids.digest(cid)
        data = self._read(digest)
        if data is None:
            raise BlockNotFound(
                f"Block {cids.text(cid)} is not in the store.", hint="Fetch it while a source is reachable."
            )
        if hashlib.sha256(data).digest() != digest:
            self.delete(cid)
            raise IntegrityError(
                f"Block {cids.text(cid)} was damaged on disk ({len(data):,} bytes) and has been removed.",
                hint="Fetch or add the content again to restore it.",
            )
        return data

    def _read(self, digest: bytes) -> bytes | None:
        try:
            fd = os.open(self._file(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(fd).st_size
            data = os.read(fd, size)
            while len(data) < size:
                more = os.read(fd, size - len(data))
                if not more:
                    break
                data += more
            return data
        finally:
            os.close(fd)

    def has(self, cid: bytes) -> bool:
        """Whether the block is there (its hash is checked when it is read)."""
        return os.path.exists(self._file(cids.digest(cid)))

    def size(self, cid: bytes) -> int | None:
        """Size of a block in bytes, or None when it isn't there."""
        try:
            return os.stat(self._file(cids.digest(cid))).st_size
        except FileNotFoundError:
            return None

    def touch(self, cid: bytes) -> bool:
        """Make a block young again for garbage collection; False when it isn't there."""
        try:
            os.utime(self._file(cids.digest(cid)))
        except FileNotFoundError:
            return False
        return True

    def delete(self, cid: bytes) -> bool:
        """Remove a block; False when it wasn't there."""
        return self.delete_digest(cids.digest(cid))

    def delete_digest(self, digest: bytes) -> bool:
        """Remove a block by its sha2-256; False when it wasn't there."""
        try:
            os.unlink(self._file(digest))
        except FileNotFoundError:
            return False
        return True

    def iterate(self) -> Iterator[tuple[bytes, int, float]]:
        """Yield (sha2-256, size in bytes, modification time in Unix seconds) of each block."""
        for shard in sorted(os.listdir(self._blocks)):
            try:
                entries = list(os.scandir(f"{self._blocks}/{shard}"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                digest = cids.from_digest_hex(entry.name)
                if not digest:
                    continue
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                yield digest, stat.st_size, stat.st_mtime

    def usage(self) -> tuple[int, int]:
        """Number of blocks and their bytes."""
        count = total = 0
        for _, size, _ in self.iterate():
            count += 1
            total += size
        return count, total

    # Housekeeping

    def _file(self, digest: bytes) -> str:
        name = digest.hex()
        return f"{self._blocks}/{name[:2]}/{name}"

    def _reserve(self, size: int, quota: int) -> None:
        """Count a write against the quota; other processes' writes are seen by scanning now and then."""
        with self._quota_lock:
            if self._written_since_scan >= _RESCAN_BYTES or self._used_bytes + size > quota:
                self._used_bytes = self.usage()[1]
                self._written_since_scan = 0
            if self._used_bytes + size > quota:
                raise QuotaExceeded(
                    f"The store holds {self._used_bytes:,} of {quota:,} bytes; {size:,} more don't fit.",
                    hint="Unpin what is no longer needed and collect garbage, or raise the quota.",
                )
            self._used_bytes += size
            self._written_since_scan += size

    def _remove_leftovers(self, stale_after_seconds: float) -> int:
        """Remove temporary files whose writer is gone; returns how many."""
        removed = 0
        for entry in os.scandir(self._temporary):
            try:
                old = time.time() - entry.stat(follow_symlinks=False).st_mtime > stale_after_seconds
                if (old or self._writer_is_gone(entry.name)) and entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)
                    removed += 1
            except FileNotFoundError:
                continue  # another process tidied it first
        return removed

    def _writer_is_gone(self, name: str) -> bool:
        host, _, rest = name.partition("-")
        pid = rest.partition("-")[0]
        if host != self._host or not pid.isdecimal():
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # alive, and another user's
        return False
