"""The embedded node as an object: a runtime, its ledger and its RPC methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from solders.pubkey import Pubkey

from decai.localnet import protocol
from decai.localnet.errors import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from decai.localnet.ledger import Ledger, Step
from decai.localnet.programs import Deployment
from decai.localnet.rpc import DEVELOPMENT, METHODS
from decai.localnet.runtime import Runtime

API_VERSION = "2.2.1"


class Node:
    """A Solana node in this process, durable in one SQLite file. Safe for use from several threads.

    Parameters
    ----------
    path : Path, optional
        The ledger (``node/ledger.sqlite`` of a home); created when missing. None keeps it in memory.
    clock : callable
        Returns unix time in seconds.
    dev_clock : bool
        Whether ``decai_setClock`` and ``decai_warp`` may move the clock: for tests.

    Raises
    ------
    HomeInUse, HomeNewer, NodeError
        The ledger can't be opened.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        dev_clock: bool = False,
    ) -> None:
        self.dev_clock = dev_clock
        self._ledger = Ledger(None if path is None else Path(path))
        try:
            self.runtime = Runtime(self._ledger, clock)
        except BaseException:
            self._ledger.close()
            raise
        self._calls: dict[str, list[float]] = {}
        self._started = time.monotonic()

    @property
    def path(self) -> Path | None:
        """The ledger's file, or None when it is in memory."""
        return self._ledger.path

    @property
    def slot(self) -> int:
        """The slot of the latest call."""
        return self.runtime.slot

    def call(self, method: str, params: Sequence[object] = ()) -> object:
        """Run an RPC method in this process.

        Parameters
        ----------
        method : str
            Its name, as in Solana's RPC documentation.
        params : sequence
            Its parameters, of the types JSON has.

        Returns
        -------
        object
            The result, as JSON would hold it.

        Raises
        ------
        RpcError
            What a client would receive as an error.
        """
        return protocol.plain(self.invoke(method, params))

    def invoke(self, method: str, params: Sequence[object]) -> object:
        """As `call`, but many accounts come as rows that are still to be written out."""
        known = METHODS.get(method)
        if known is None or (method in DEVELOPMENT and not self.dev_clock):
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        if not known.least <= len(params) <= known.most:
            wanted = str(known.least) if known.least == known.most else f"{known.least} to {known.most}"
            raise RpcError(INVALID_PARAMS, f"Invalid params: {method} takes {wanted}, not {len(params)}")
        started = time.perf_counter()
        failed = 1
        try:
            with self.runtime.lock:
                self.runtime.tick()
                result = known.run(self, *params)
            failed = 0
            return result
        finally:
            tally = self._calls.setdefault(method, [0, 0, 0.0])
            tally[0] += 1
            tally[1] += failed
            tally[2] += time.perf_counter() - started

    def respond(self, text: bytes | str) -> str | None:
        """Answer one JSON-RPC body; None when it held notifications alone."""
        return protocol.respond(protocol.parse(text), self.invoke)

    def with_context(self, value: object) -> dict[str, object]:
        """A result with the slot it was read at."""
        return {"context": {"slot": self.slot, "apiVersion": API_VERSION}, "value": value}

    def tick(self) -> None:
        """Let the slots that have passed begin; every call does so by itself."""
        with self.runtime.lock:
            self.runtime.tick()

    def airdrop(self, address: Pubkey, lamports: int) -> str:
        """Give lamports from the faucet; returns the transaction's signature.

        Raises
        ------
        RpcError
            More than 10,000 SOL, or too few for an account to exist.
        """
        with self.runtime.lock:
            self.runtime.tick()
            return self.runtime.airdrop(address, lamports)

    def deploy(
        self,
        program_id: Pubkey,
        elf: bytes,
        *,
        upgrade_authority: Pubkey | None = None,
        name: str | None = None,
    ) -> Deployment:
        """Install a program as the upgradeable loader would have, or upgrade it in place.

        Idempotent: a program that has this code already is left alone. What is done is recorded in the ledger
        as a step, ``install_programs`` or ``upgrade_programs``.

        Parameters
        ----------
        program_id : Pubkey
            Its address; no signature is needed, the node being its owner's.
        elf : bytes
            The compiled program.
        upgrade_authority : Pubkey, optional
            Who may upgrade it by transactions. None leaves an installed program's authority as it is, and
            makes a new one immutable.
        name : str, optional
            What to call it in the recorded step.

        Raises
        ------
        NodeError
            Not a program the runtime can load, or the address is taken. Nothing changed then.
        """
        with self.runtime.lock:
            self.runtime.tick()
            return self.runtime.deploy(program_id, elf, upgrade_authority, name)

    def steps(self) -> list[Step]:
        """What was done to the ledger outside transactions, oldest first."""
        with self.runtime.lock:
            return self._ledger.steps()

    def stats(self) -> dict[str, object]:
        """What the node holds, and per method: calls, errors, seconds."""
        with self.runtime.lock:
            return {
                "slot": self.slot,
                "accounts": len(self.runtime.accounts),
                "transactions": self.runtime.sequence,
                "uptimeSeconds": time.monotonic() - self._started,
                "ledger": None if self.path is None else str(self.path),
                "methods": {
                    name: {"calls": int(calls), "errors": int(errors), "seconds": seconds}
                    for name, (calls, errors, seconds) in sorted(self._calls.items())
                },
            }

    def close(self) -> None:
        """Close the ledger. Calling it again does nothing."""
        with self.runtime.lock:
            self._ledger.close()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
