"""Time on the node: slots, blockhashes and the wall clock, all functions of one number.

A slot lasts 400 ms, as on a cluster, and passes whether or not anything happens. Its blockhash is
``sha256(seed ‖ slot)``: nothing about time needs storing but the seed and when the first slot began.
"""

from __future__ import annotations

from collections.abc import Callable

from solders.hash import Hash

SLOT_SECONDS = 0.4
"""Target slot time of Solana (``DEFAULT_MS_PER_SLOT`` in solana-clock)."""

BLOCKHASH_SLOTS = 150
"""How long a blockhash may be used (``MAX_PROCESSING_AGE`` in solana-clock)."""

SLOT_HASHES = 512
"""Entries of the SlotHashes sysvar (``MAX_ENTRIES`` in solana-slot-hashes)."""

SLOTS_PER_EPOCH = 432_000


class SlotClock:
    """Which slot it is, and which blockhashes are recent.

    Parameters
    ----------
    seed : bytes
        32 bytes that make this ledger's blockhashes its own.
    origin : float
        Unix time at which slot 1 began.
    clock : callable
        Returns unix time in seconds.
    offset : float
        Seconds added to the clock: what tests have warped, and what a clock set back would have cost.
    """

    def __init__(self, seed: bytes, origin: float, clock: Callable[[], float], offset: float) -> None:
        self._seed = seed
        self.origin = origin
        self._clock = clock
        self.offset = offset
        self.slot = 0
        self.unix_timestamp = 0
        self._recent: dict[Hash, int] = {}
        self._newest = 0

    def now(self) -> float:
        """Unix time as the node sees it, in seconds."""
        return self._clock() + self.offset

    def never_before(self, slot: int, unix_timestamp: int) -> None:
        """Shift the offset so that time goes on from here, though the machine's clock was set back."""
        earliest = max(self.origin + (slot - 1) * SLOT_SECONDS, float(unix_timestamp))
        self.offset += max(0.0, earliest - self.now())

    def advance(self) -> bool:
        """Look at the clock; true when a new slot began. Time never runs backwards."""
        now = self.now()
        self.unix_timestamp = max(self.unix_timestamp, int(now))
        slot = int((now - self.origin) / SLOT_SECONDS) + 1
        if slot <= self.slot:
            return False
        self.slot = slot
        return True

    def hash_at(self, slot: int) -> Hash:
        """The blockhash of a slot."""
        return Hash.hash(self._seed + slot.to_bytes(8, "little"))

    def blockhash(self) -> Hash:
        """The blockhash of the current slot."""
        return self.hash_at(self.slot)

    def is_recent(self, blockhash: Hash) -> bool:
        """Whether a transaction may still carry this blockhash."""
        oldest = max(0, self.slot - BLOCKHASH_SLOTS)
        for slot in range(max(self._newest + 1, oldest), self.slot + 1):
            self._recent[self.hash_at(slot)] = slot
        self._newest = self.slot
        if len(self._recent) > 4 * BLOCKHASH_SLOTS:
            self._recent = {key: slot for key, slot in self._recent.items() if slot >= oldest}
        return self._recent.get(blockhash, -1) >= oldest

    def slot_hashes(self, previous: list[tuple[int, Hash]]) -> list[tuple[int, Hash]]:
        """The SlotHashes sysvar now: earlier slots, newest first.

        Parameters
        ----------
        previous : list of (int, Hash)
            The sysvar at an earlier slot, whose hashes needn't be computed again.
        """
        known = previous[0][0] if previous else -1
        newer = range(self.slot - 1, max(known, self.slot - 1 - SLOT_HASHES, -1), -1)
        return ([(slot, self.hash_at(slot)) for slot in newer] + previous)[:SLOT_HASHES]

    def time_of(self, slot: int) -> int:
        """Unix time at which a slot began, in whole seconds."""
        return int(self.origin + (slot - 1) * SLOT_SECONDS)
