"""Serves a store on this machine: Kubo's RPC on one port, a trustless gateway on another."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from decai.errors import NodeError, PortInUse, SettingsError
from decai.storage.blocks import BlockStore
from decai.storage.pins import Pins
from decai.storage.sources import LOOPBACK_NAMES

if TYPE_CHECKING:
    import uvicorn

_START_SECONDS: Final = 20.0


class StoreServer:
    """Kubo RPC and gateway over a store.

    In an asyncio program: ``async with StoreServer(store, pins) as server: …``. Elsewhere: ``with`` or
    `start` and `stop`, which run it in a thread of its own.

    Parameters
    ----------
    store : BlockStore
    pins : Pins
    host : str
        A loopback address; the RPC can write, so nothing else is accepted.
    kubo_port, gateway_port : int
        0 picks a free port.

    Attributes
    ----------
    kubo_url, gateway_url : str
        ``http://host:port`` once started.
    """

    def __init__(
        self,
        store: BlockStore,
        pins: Pins,
        host: str = "127.0.0.1",
        kubo_port: int = 0,
        gateway_port: int = 0,
    ) -> None:
        if host not in LOOPBACK_NAMES:
            raise SettingsError(
                f"The store doesn't serve on {host}.",
                hint="It is for this machine (127.0.0.1); to publish the gateway, put a proxy before it.",
            )
        self.store = store
        self.pins = pins
        self.host = host
        self._ports = (kubo_port, gateway_port)
        self._sockets: list[socket.socket] = []
        self._servers: list[uvicorn.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.kubo_url = ""
        self.gateway_url = ""

    # In an asyncio program

    async def __aenter__(self) -> StoreServer:
        self._bind()
        try:
            await self._serve()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    # In a thread

    def start(self) -> StoreServer:
        """Serve in a background thread; returns once both ports answer.

        Raises
        ------
        PortInUse
        NodeError
            The servers didn't come up.
        """
        self._bind()
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(ready,), name="decai-store", daemon=True)
        self._thread.start()
        if not ready.wait(_START_SECONDS) or self._failure is not None:
            failure = self._failure
            self.stop()
            raise NodeError(f"The store's servers didn't start ({failure or 'no answer'}).") from failure
        return self

    def stop(self) -> None:
        """End the background thread; does nothing when it isn't running."""
        loop, stop, thread = self._loop, self._stop, self._thread
        if loop is not None and stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended on its own
                loop.call_soon_threadsafe(stop.set)
        if thread is not None:
            thread.join(_START_SECONDS)
            self._thread = None

    def __enter__(self) -> StoreServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            try:
                await self._serve()
                ready.set()
                await self._stop.wait()
            finally:
                await self._close()

        try:
            asyncio.run(main())
        except BaseException as error:
            self._failure = error
        finally:
            self._loop = self._stop = None
            ready.set()

    # Both

    def _bind(self) -> None:
        if self._sockets:
            raise NodeError("The store's server is already running.")
        try:
            urls = []
            for what, port in zip(("Kubo RPC", "gateway"), self._ports, strict=True):
                bound = _listen(self.host, port, what)
                self._sockets.append(bound)
                shown = f"[{self.host}]" if ":" in self.host else self.host
                urls.append(f"http://{shown}:{bound.getsockname()[1]}")
        except BaseException:
            self._close_sockets()
            raise
        self.kubo_url, self.gateway_url = urls

    async def _serve(self) -> None:
        import uvicorn

        from decai.storage.gateway import Gateway
        from decai.storage.kubo import KuboRpc

        class Server(uvicorn.Server):
            # Signals belong to the program around us, not to one of its servers.
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

        applications: list[Any] = [
            KuboRpc(self.store, self.pins).application(),
            Gateway(self.store).application(),
        ]
        for application, bound in zip(applications, self._sockets, strict=True):
            config = uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                http="h11",
                loop="asyncio",
                timeout_graceful_shutdown=2,
                server_header=False,
                date_header=False,
            )
            server = Server(config)
            self._servers.append(server)
            self._tasks.append(asyncio.create_task(server.serve(sockets=[bound])))
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not all(server.started for server in self._servers):
            for task in self._tasks:
                if task.done():
                    task.result()
                    raise NodeError("One of the store's servers ended while starting.")
            if asyncio.get_running_loop().time() > deadline:
                raise NodeError("The store's servers didn't start in time.")
            await asyncio.sleep(0.005)

    async def _close(self) -> None:
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers.clear()
        self._tasks.clear()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for bound in self._sockets:
            bound.close()
        self._sockets.clear()


def _listen(host: str, port: int, what: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host}, wanted for the store's {what}, is in use.",
                hint="End the program that uses it, or choose another port (0 picks a free one).",
            ) from error
        raise NodeError(f"The store's {what} can't listen on {host}:{port} ({error}).") from error
    return bound
