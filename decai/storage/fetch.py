"""Fetching content from several sources at once, verified block by block.

Each block is asked of one source, hashed, and only then stored and counted; a wrong one is refused, its
source falls behind the others, and the block is asked elsewhere. What is stored stays, so a fetch that was
stopped or killed goes on where it was, by simply fetching again. Nodes are fetched before leaves: the whole
size is known early.

The total is exact at the end and close from the first node on. A node states the bytes below each link
(dag-pb's Tsize); as a child arrives, its own size and its links' statements replace its parent's. A block met
twice counts once.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from decai.errors import BlockNotFound, DecAIError, FetchCancelled, IntegrityError, SourceUnavailable, StorageError
from decai.storage import cids, dagpb
from decai.storage.blocks import MAX_BLOCK_SIZE, BlockStore
from decai.storage.sources import Source

WAITING: Final = "."
UNDER_WAY: Final = "o"
CACHED: Final = "c"
FETCHED: Final = "#"
REFUSED: Final = "x"

WORKERS: Final = 8
TIMEOUT_SECONDS: Final = 30.0
MAX_BLOCKS: Final = 2_000_000

_REPORT_SECONDS: Final = 0.05
_FAILURES_ALLOWED: Final = 3
_ENOUGH_FOR_ETA_BYTES: Final = 1 << 20
"""The first, small blocks are slow: a speed from them alone would promise hours."""
_SPEED_WINDOW_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is; a snapshot that is safe to keep.

    Attributes
    ----------
    blocks_total, blocks_done : int
        Blocks known so far, and those that are here. The total is final once all nodes have arrived, which is
        early.
    bytes_total, bytes_done : int
        Bytes of the whole DAG's blocks, and of those that are here.
    bytes_cached, bytes_fetched : int
        Of the bytes done, those that were here before and those that came now.
    refused : int
        Blocks whose bytes didn't match their hash.
    speed_bytes_per_s : float
        Over the last seconds; 0 before anything came.
    eta_s : float or None
        Seconds left at this speed; None when unknown.
    states : str
        A character a block, in the order they were met: ``.`` waiting, ``o`` under way, ``c`` cached, ``#``
        fetched, ``x`` refused and being asked elsewhere.
    """

    blocks_total: int
    blocks_done: int
    bytes_total: int
    bytes_done: int
    bytes_cached: int
    bytes_fetched: int
    refused: int
    speed_bytes_per_s: float
    eta_s: float | None
    states: str


@dataclass(slots=True)
class SourceStats:
    """What one source did in a fetch.

    Attributes
    ----------
    name : str
    blocks, bytes : int
        Verified ones.
    missing : int
        Blocks it didn't have.
    refused : int
        Blocks whose hash was wrong.
    failures : int
        Times it didn't answer usefully.
    reason : str
        Why it is no longer asked, or its last fault; empty when all is well.
    seconds : float
        Time spent waiting for it, over all threads.
    """

    name: str
    blocks: int = 0
    bytes: int = 0
    missing: int = 0
    refused: int = 0
    failures: int = 0
    reason: str = ""
    seconds: float = 0.0
    down: bool = field(default=False, repr=False)
    under_way: int = field(default=0, repr=False)

    @property
    def rank(self) -> tuple[int, float]:
        """Lower is asked sooner: the honest before the others, then the quick and idle."""
        answered = self.blocks + self.missing
        pace = self.seconds / answered if answered else 0.01
        return self.refused + self.failures, (self.under_way + 1) * pace


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete DAG in the store.

    Attributes
    ----------
    cid : str
    bytes_total : int
        Bytes of its blocks; each block once.
    bytes_fetched, bytes_cached : int
        Those that came now, and those that were here before.
    blocks : int
    refused : int
        Blocks that came with wrong bytes and were asked again elsewhere.
    sources : tuple of SourceStats
    seconds : float
    """

    cid: str
    bytes_total: int
    bytes_fetched: int
    bytes_cached: int
    blocks: int
    refused: int
    sources: tuple[SourceStats, ...]
    seconds: float


class Fetcher:
    """Completes DAGs in a store.

    Parameters
    ----------
    store : BlockStore
        Where blocks go.
    sources : sequence of Source
        Asked at once; their order breaks ties. May be empty: then everything must be in the store.
    timeout : float
        Seconds to wait for each answer of a source.
    workers : int
        Blocks under way at once.
    """

    def __init__(
        self,
        store: BlockStore,
        sources: Sequence[Source],
        *,
        timeout: float = TIMEOUT_SECONDS,
        workers: int = WORKERS,
    ) -> None:
        self.store = store
        self.sources = tuple(sources)
        self.timeout = timeout
        self.workers = max(1, workers)

    def fetch(
        self,
        cid: str | bytes,
        *,
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        max_bytes: int | None = None,
    ) -> Fetched:
        """Bring all blocks of a DAG into the store.

        Parameters
        ----------
        cid : str or bytes
        progress : callable, optional
            Called from this thread with a `Progress`, about 20 times a second, at the start and at the end.
        cancelled : callable, optional
            Asked as often; true stops the fetch.
        max_bytes : int, optional
            Refuse content that states or turns out to be larger.

        Returns
        -------
        Fetched

        Raises
        ------
        BlockNotFound
            No source could serve a block; the hint says why for each source.
        FetchCancelled
        StorageError
            Larger than `max_bytes`, or a DAG of more than `MAX_BLOCKS` blocks.
        QuotaExceeded
        """
        run = _Run(self, cids.binary(cid), max_bytes)
        try:
            return run.complete(progress, cancelled)
        finally:
            for source in self.sources:
                source.close()


class _Run:
    """The state of one fetch; everything in it is guarded by one condition."""

    def __init__(self, fetcher: Fetcher, root: bytes, max_bytes: int | None) -> None:
        self.fetcher = fetcher
        self.store = fetcher.store
        self.root = root
        self.max_bytes = max_bytes
        self.changed = threading.Condition()
        self.stats = [SourceStats(source.name) for source in fetcher.sources]
        self.index: dict[bytes, int] = {}
        self.states = bytearray()
        self.queue: list[tuple[int, int, bytes, int]] = []
        self.order = itertools.count()
        self.under_way = 0
        self.blocks_done = 0
        self.bytes_total = 0
        self.bytes_cached = 0
        self.bytes_fetched = 0
        self.refused = 0
        self.error: BaseException | None = None
        self.stopped = False
        self.started = time.monotonic()
        self.arrivals: list[tuple[float, int]] = [(self.started, 0)]

    def complete(self, progress: Callable[[Progress], None] | None, cancelled: Callable[[], bool] | None) -> Fetched:
        self._meet(self.root, 0)
        count = self.fetcher.workers if self.fetcher.sources else 1
        threads = [threading.Thread(target=self._work, name=f"fetch-{i}", daemon=True) for i in range(count)]
        for thread in threads:
            thread.start()
        try:
            with self.changed:
                while not self._is_over():
                    self.changed.wait(_REPORT_SECONDS)
                    snapshot = self._snapshot() if progress is not None else None
                    self.changed.release()
                    try:  # callbacks run without the lock: they may be slow
                        if progress is not None and snapshot is not None:
                            progress(snapshot)
                        stop = cancelled is not None and cancelled()
                    finally:
                        self.changed.acquire()
                    if stop and not self._is_over():
                        raise FetchCancelled(
                            f"The fetch of {cids.text(self.root)} was cancelled.",
                            hint="What arrived stays; fetch again to go on.",
                        )
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()
            for thread in threads:
                # A thread may still wait for a source; it ends with its time-out and changes nothing any
                # more.
                thread.join(timeout=0.2 if self.error is not None or self._unfinished() else None)
        if self.error is not None:
            raise self.error
        if progress is not None:
            progress(self._snapshot())
        return Fetched(
            cid=cids.text(self.root),
            bytes_total=self.bytes_total,
            bytes_fetched=self.bytes_fetched,
            bytes_cached=self.bytes_cached,
            blocks=self.blocks_done,
            refused=self.refused,
            sources=tuple(self.stats),
            seconds=time.monotonic() - self.started,
        )

    def _unfinished(self) -> bool:
        return bool(self.queue) or self.under_way > 0

    def _is_over(self) -> bool:
        return self.error is not None or not self._unfinished()

    def _snapshot(self) -> Progress:
        done = self.bytes_cached + self.bytes_fetched
        now = time.monotonic()
        self.arrivals.append((now, self.bytes_fetched))
        while len(self.arrivals) > 2 and now - self.arrivals[0][0] > _SPEED_WINDOW_SECONDS:
            self.arrivals.pop(0)
        since, before = self.arrivals[0]
        speed = (self.bytes_fetched - before) / (now - since) if now > since else 0.0
        total = max(self.bytes_total, done)
        return Progress(
            blocks_total=len(self.states),
            blocks_done=self.blocks_done,
            bytes_total=total,
            bytes_done=done,
            bytes_cached=self.bytes_cached,
            bytes_fetched=self.bytes_fetched,
            refused=self.refused,
            speed_bytes_per_s=speed,
            eta_s=(total - done) / speed if self.bytes_fetched >= _ENOUGH_FOR_ETA_BYTES and speed > 0 else None,
            states=self.states.decode("ascii"),
        )

    # Called with the lock held

    def _meet(self, cid: bytes, tsize: int) -> None:
        if cid in self.index:
            return
        if len(self.states) >= MAX_BLOCKS:
            raise StorageError(f"{cids.text(self.root)} has more than {MAX_BLOCKS:,} blocks.")
        self.index[cid] = len(self.states)
        self.states += WAITING.encode()
        self.bytes_total += tsize
        # Nodes first; among equals, in the order of the content.
        heapq.heappush(self.queue, (cids.codec(cid) != cids.DAG_PB, next(self.order), cid, tsize))

    def _mark(self, cid: bytes, state: str) -> None:
        self.states[self.index[cid]] = ord(state)

    def _arrived(self, cid: bytes, tsize: int, size: int, node: dagpb.Node | None, *, cached: bool) -> None:
        self._mark(cid, CACHED if cached else FETCHED)
        self.blocks_done += 1
        self.bytes_total += size - tsize
        if cached:
            self.bytes_cached += size
        else:
            self.bytes_fetched += size
        if node is not None:
            for link in node.links:
                self._meet(link.cid, link.tsize)
        if self.max_bytes is not None and self.bytes_total > self.max_bytes:
            raise StorageError(
                f"{cids.text(self.root)} has {self.bytes_total:,} bytes; the limit is {self.max_bytes:,}.",
                hint="Raise the limit if it is really that large.",
            )

    # Called without it, in the workers

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self.queue and self.under_way and not self.stopped and self.error is None:
                    self.changed.wait(1.0)
                if self.stopped or self.error is not None or not self.queue:
                    self.changed.notify_all()
                    return
                _, _, cid, tsize = heapq.heappop(self.queue)
                self.under_way += 1
                self._mark(cid, UNDER_WAY)
            failure: BaseException | None = None
            try:
                self._bring(cid, tsize)
            except Exception as error:  # handed to the caller's thread
                failure = error
            with self.changed:
                self.under_way -= 1
                if failure is not None and self.error is None and not self.stopped:
                    self.error = failure
                if failure is not None or not self._unfinished() or self.queue:
                    self.changed.notify_all()

    def _bring(self, cid: bytes, tsize: int) -> None:
        data = self._from_store(cid, tsize)
        if data is not None:
            node = dagpb.decode(data, cid) if cids.codec(cid) == cids.DAG_PB and data else None
            size = len(data) if node is not None else (self.store.size(cid) or 0)
            with self.changed:
                self._arrived(cid, tsize, size, node, cached=True)
            return
        data = self._from_sources(cid)
        node = dagpb.decode(data, cid) if cids.codec(cid) == cids.DAG_PB else None
        self.store.put_block(cid, data)
        with self.changed:
            if not self.stopped:
                self._arrived(cid, tsize, len(data), node, cached=False)

    def _from_store(self, cid: bytes, tsize: int) -> bytes | None:
        """A node that is here; for a leaf, ``b""`` if it is (leaves are hashed when read, here their size is
        enough)."""
        if not self.store.touch(cid):
            return None
        if cids.codec(cid) == cids.DAG_PB or cid == self.root:
            try:
                data = self.store.get(cid)
            except (BlockNotFound, IntegrityError):
                return None
            return data if cids.codec(cid) == cids.DAG_PB else b""
        size = self.store.size(cid)
        if size != tsize:
            # Truncated by a loss of power, or its parent misstates it: reading tells which.
            try:
                self.store.get(cid)
            except (BlockNotFound, IntegrityError):
                return None
        return b""

    def _from_sources(self, cid: bytes) -> bytes:
        tried: set[int] = set()
        while True:
            with self.changed:
                if self.stopped or self.error is not None:
                    raise FetchCancelled("The fetch ended.")
                usable = [i for i, stats in enumerate(self.stats) if i not in tried and not stats.down]
                if not usable:
                    raise self._not_found(cid)
                chosen = min(usable, key=lambda i: self.stats[i].rank)
                stats = self.stats[chosen]
                stats.under_way += 1
            tried.add(chosen)
            began = time.monotonic()
            data: bytes | None = None
            fault: DecAIError | None = None
            try:
                data = self.fetcher.sources[chosen].get_block(cid, self.fetcher.timeout)
            except (BlockNotFound, SourceUnavailable) as error:
                fault = error
            honest = (
                data is not None
                and len(data) <= MAX_BLOCK_SIZE
                and cids.of(data) == cids.make(cids.RAW, cids.digest(cid))
            )
            with self.changed:
                stats.under_way -= 1
                stats.seconds += time.monotonic() - began
                if data is not None and honest:
                    stats.blocks += 1
                    stats.bytes += len(data)
                    return data
                if data is not None:
                    stats.refused += 1
                    stats.reason = f"sent {stats.refused} wrong block{'s' if stats.refused > 1 else ''}"
                    self.refused += 1
                    self._mark(cid, REFUSED)
                elif isinstance(fault, BlockNotFound):
                    stats.missing += 1
                    stats.reason = stats.reason or f"didn't have {stats.missing} of the blocks asked"
                elif fault is not None:
                    stats.failures += 1
                    stats.reason = fault.message
                stats.down = stats.refused >= _FAILURES_ALLOWED or stats.failures >= _FAILURES_ALLOWED

    def _not_found(self, cid: bytes) -> StorageError:
        if not self.stats:
            return BlockNotFound(
                f"Block {cids.text(cid)} is not in the store, and there is no source to fetch it from.",
                hint="Start the network (decai up), or name a gateway.",
            )
        reasons = "; ".join(f"{s.name}: {s.reason or 'did not have it'}" for s in self.stats)
        return BlockNotFound(
            f"No source could serve block {cids.text(cid)} of {cids.text(self.root)}.",
            hint=f"Sources: {reasons}.",
        )
