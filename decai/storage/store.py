"""The content store as the rest of DecAI sees it: add, publish, fetch, read, pin."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decai.errors import BlockNotFound, StorageError
from decai.storage import cids, reader
from decai.storage.blocks import STALE_AFTER_SECONDS, BlockStore
from decai.storage.fetch import TIMEOUT_SECONDS, Fetched, Fetcher, Progress
from decai.storage.pins import GRACE_SECONDS, Collected, Pin, Pins
from decai.storage.reader import Entry
from decai.storage.server import StoreServer
from decai.storage.sources import GatewaySource, KuboSource, Source
from decai.storage.unixfs import Importer, cid_of_path

_PINS_FILE: Final = "pins.sqlite"


@dataclass(frozen=True, slots=True)
class StoreStat:
    """What a store holds.

    Attributes
    ----------
    blocks : int
    bytes : int
        Of all blocks.
    pins : int
    quota_bytes : int or None
    path : str
    """

    blocks: int
    bytes: int
    pins: int
    quota_bytes: int | None
    path: str


class Store:
    """Content on this machine, with the places it can come from and go to.

    Parameters
    ----------
    home : Path
        The store's directory; created when missing. Several processes may use it at once.
    kubo_url : str, optional
        A Kubo RPC to publish to and to fetch from. None: content stays on this machine.
    gateways : sequence of str
        URLs of trustless gateways to fetch from.
    timeout_s : float
        Seconds to wait for each answer of a source.
    quota_bytes : int, optional
        Refuse to hold more than this many bytes of blocks.
    sources : sequence of Source
        More sources, asked before the others among equals.
    """

    def __init__(
        self,
        home: Path,
        kubo_url: str | None = None,
        gateways: Sequence[str] = (),
        *,
        timeout_s: float = TIMEOUT_SECONDS,
        quota_bytes: int | None = None,
        sources: Sequence[Source] = (),
    ) -> None:
        self.home = Path(home)
        self.kubo_url = kubo_url
        self.gateways = tuple(gateways)
        self.timeout_s = timeout_s
        self.blocks = BlockStore(self.home, quota_bytes=quota_bytes)
        self.pins = Pins(self.home / _PINS_FILE, self.blocks)
        self._more_sources = tuple(sources)
        self._files = self.home / "files"

    def __repr__(self) -> str:
        return f"Store({str(self.home)!r})"

    # Putting in

    def add(self, path: Path | str, *, pin: bool = True, progress: Callable[[int], None] | None = None) -> str:
        """Store a file or directory here.

        Parameters
        ----------
        path : Path or str
        pin : bool
            Keep it from garbage collection. The pin is the last step: an interrupted add has pinned nothing.
        progress : callable, optional
            Called with the content bytes stored so far.

        Returns
        -------
        str
            Its CID: version 1, raw leaves, as Kubo's.

        Raises
        ------
        StorageError
            The path can't be read or stored.
        QuotaExceeded
        """
        for attempt in (1, 2):
            with Importer(self.blocks, progress=progress) as importer:
                cid = importer.add_path(Path(path)).cid
            if not pin:
                break
            try:
                self.pins.add(cid)
                break
            except BlockNotFound:
                # A collection removed an old block between our finding it and the pin; once more writes it
                # anew.
                if attempt == 2:
                    raise
        return cids.text(cid)

    def publish(self, path: Path | str, *, progress: Callable[[int], None] | None = None) -> str:
        """Store a file or directory here and, where there is one, at the Kubo RPC; pin it in both.

        Nothing is pinned, here or there, until all of it has arrived and the RPC has made the same CID of it.

        Parameters
        ----------
        path : Path or str
        progress : callable, optional
            Called with the content bytes stored here so far.

        Returns
        -------
        str
            The CID.

        Raises
        ------
        IntegrityError
            The RPC made another CID of it.
        StorageError
        """
        path = Path(path)
        cid = self.add(path, pin=False, progress=progress)
        if self.kubo_url is not None:
            from decai.storage.client import KuboClient

            KuboClient(self.kubo_url).publish(path, expected=cid)
        return self.pin(cid)

    def cid_of(self, path: Path | str) -> str:
        """The CID a file or directory would get, without storing it."""
        return cid_of_path(Path(path))

    # Bringing here

    def sources(self) -> list[Source]:
        """Where blocks are looked for, besides this store."""
        found = list(self._more_sources)
        if self.kubo_url is not None:
            found.append(KuboSource(self.kubo_url))
        found.extend(GatewaySource(url) for url in self.gateways)
        return found

    def fetch(
        self,
        cid: str,
        progress: Callable[[Progress], None] | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
        max_bytes: int | None = None,
        pin: bool = False,
    ) -> Fetched:
        """Bring all of a file or directory here, every block verified.

        Blocks that are here aren't fetched again: complete content needs no source at all.

        Parameters
        ----------
        cid : str
        progress : callable, optional
            Called with a `Progress` about 20 times a second.
        cancelled : callable, optional
            True stops the fetch; what arrived stays.
        max_bytes : int, optional
            Refuse larger content.
        pin : bool
            Keep it from garbage collection.

        Raises
        ------
        InvalidCID, BlockNotFound, FetchCancelled, QuotaExceeded, StorageError
        """
        fetcher = Fetcher(self.blocks, self.sources(), timeout=self.timeout_s)
        fetched = fetcher.fetch(cid, progress=progress, cancelled=cancelled, max_bytes=max_bytes)
        if pin:
            self.pins.add(cid)
        return fetched

    # Reading what is here

    def read(self, cid: str, path: str = "", *, limit: int | None = None) -> bytes:
        """A file's bytes.

        Parameters
        ----------
        cid : str
            A file, or a directory with the file's `path` in it.
        path : str
            ``"manifest.json"``, ``"a/b"``; empty for the CID itself.
        limit : int, optional
            Refuse larger files.

        Raises
        ------
        PathNotFound, BlockNotFound, IntegrityError, StorageError
        """
        return reader.read(self.blocks, self.resolve(cid, path), limit)

    def cat(self, cid: str, path: str = "", *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a file's bytes, or a range of them, verified block by block; arguments as `read`."""
        return reader.cat(self.blocks, self.resolve(cid, path), offset, length)

    def resolve(self, cid: str, path: str = "") -> bytes:
        """Binary CID of what lies at a path below a CID."""
        root, names = cids.split_path(cid)
        return reader.resolve(self.blocks, root, names + [name for name in path.split("/") if name])

    def entries(self, cid: str, path: str = "") -> list[Entry]:
        """Entries of a directory."""
        return reader.list_directory(self.blocks, self.resolve(cid, path))

    def has(self, cid: str) -> bool:
        """Whether all of it is here."""
        try:
            self.pins.check_complete(cids.parse(cid))
        except BlockNotFound:
            return False
        return True

    def extract(self, cid: str, target: Path | str) -> Path:
        """Write a file or directory to a place of its own, all of it or nothing.

        Raises
        ------
        StorageError
            The target exists with other content, an unsafe name, or a disk that can't be written.
        BlockNotFound, IntegrityError
        """
        target = Path(target)
        key = self.resolve(cid)
        if target.exists():
            if target.is_dir() and not any(target.iterdir()):
                target.rmdir()  # an empty directory is as good as none
            elif cid_of_path(target) == cids.text(key):
                return target
            else:
                raise StorageError(
                    f"{target} exists and holds something else.", hint="Name a place that doesn't exist yet."
                )
        return reader.extract(self.blocks, key, target)

    def path(self, cid: str) -> Path:
        """A directory or file on the disk with this content, for programs that need paths.

        It is extracted once and kept beside the blocks; each call checks that it still has this CID, and
        extracts it anew if not. Read it only.

        Raises
        ------
        BlockNotFound, IntegrityError, StorageError
        """
        key = self.resolve(cid)
        target = self._files / cids.text(cids.to_v1(key))
        if target.exists():
            if _still_is(target, key):
                return target
            _remove(target)
        self._remove_leftovers()
        return reader.extract(self.blocks, key, target)

    open_dir = path

    # Keeping and dropping

    def pin(self, cid: str, *, name: str = "") -> str:
        """Keep content that is here from garbage collection."""
        return self.pins.add(cid, name=name)

    def unpin(self, cid: str) -> str:
        """Let content go, here and at the Kubo RPC when that holds it too; garbage collection removes it
        later."""
        key = self.pins.remove(cid)
        if self.kubo_url is not None:
            from decai.storage.client import KuboClient

            client = KuboClient(self.kubo_url)
            if key in client.pins():
                client.unpin(key)
        return key

    def pinned(self) -> list[Pin]:
        """All pins, oldest first."""
        return self.pins.all()

    def collect(self, *, grace_seconds: float = GRACE_SECONDS) -> Collected:
        """Remove blocks and extracted copies that no pin holds and that aren't young."""
        held = {cids.text(cids.to_v1(cids.parse(pin.cid))) for pin in self.pins.all()}
        collected = self.pins.collect(grace_seconds=grace_seconds)
        self._remove_leftovers()
        if self._files.is_dir():
            for copy in self._files.iterdir():
                if copy.name in held or copy.name.startswith(reader.SCRATCH):  # the latter belong to their makers
                    continue
                # A copy outlives its pin only while its blocks do.
                if not (copy.name.startswith("b") and self.has(copy.name)):
                    _remove(copy)
        return collected

    def _remove_leftovers(self) -> None:
        """Remove what an extraction that was killed left behind."""
        for scratch in self._files.glob(f"{reader.SCRATCH}*"):
            with suppress(FileNotFoundError):  # done, or tidied by another process
                if time.time() - scratch.stat().st_mtime > STALE_AFTER_SECONDS:
                    _remove(scratch)

    def verify(self, cid: str) -> int:
        """Read and hash every block of a DAG.

        Returns
        -------
        int
            Bytes of its blocks.

        Raises
        ------
        IntegrityError
            A damaged block; it has been removed, so that fetching again restores it.
        BlockNotFound
        """
        return sum(len(data or b"") for _, data in reader.walk_blocks(self.blocks, cids.parse(cid)))

    def stat(self) -> StoreStat:
        """Blocks, bytes and pins."""
        count, size = self.blocks.usage()
        return StoreStat(count, size, len(self.pins.all()), self.blocks.quota_bytes, str(self.home))

    def server(self, *, kubo_port: int = 0, gateway_port: int = 0) -> StoreServer:
        """A server of this store, not yet started."""
        return StoreServer(self.blocks, self.pins, kubo_port=kubo_port, gateway_port=gateway_port)


def open_server(
    path: Path, *, kubo_port: int = 0, gateway_port: int = 0, quota_bytes: int | None = None
) -> StoreServer:
    """Open the store in a directory and prepare its server.

    Parameters
    ----------
    path : Path
        The store's directory; created when missing.
    kubo_port, gateway_port : int
        0 picks a free port.
    quota_bytes : int, optional

    Returns
    -------
    StoreServer
        Not yet started.
    """
    return Store(path, quota_bytes=quota_bytes).server(kubo_port=kubo_port, gateway_port=gateway_port)


def _still_is(target: Path, key: bytes) -> bool:
    """Whether a file or directory still has a CID; content imported in another way than ours is trusted to be
    whole."""
    from decai.storage.unixfs import ImportOptions

    for options in (
        ImportOptions(),
        ImportOptions(cid_version=0),
        ImportOptions(cid_version=1, raw_leaves=False),
    ):
        try:
            if cids.digest(cids.parse(cid_of_path(target, options))) == cids.digest(key):
                return True
        except StorageError:
            return False
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
