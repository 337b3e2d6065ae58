"""A file lock that the operating system releases when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from decai.errors import HomeInUse


class FileLock:
    """An exclusive lock on a file, held until `release` or the end of the process.

    The lock is the kernel's (``flock``, or ``msvcrt.locking`` on Windows), not the file's existence: after a
    kill -9 the file is still there, and no longer locked.

    Parameters
    ----------
    path : Path
        The lock file; created when missing, with the holder's process id in it.

    Raises
    ------
    HomeInUse
        Another process, or another object of this process, holds the lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._descriptor)
        except OSError as error:
            # On Windows the locked first byte can't be read; the holder's id is a courtesy, not a need.
            try:
                holder = os.pread(self._descriptor, 32, 1).decode().strip() if hasattr(os, "pread") else ""
            finally:
                os.close(self._descriptor)
                self._descriptor = None
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise HomeInUse(
                f"{path.parent} is in use by {who}.",
                hint="Stop that one first, or choose another directory with --home.",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"\n{os.getpid()}\n".encode())

    def release(self) -> None:
        """Give the lock back. Calling it again does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
