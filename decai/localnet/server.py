"""The node over HTTP and WebSocket, on this machine only."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from decai.errors import NodeError, SettingsError
from decai.localnet import protocol
from decai.localnet.http import HttpEndpoint, host_is_loopback, origin_is_allowed
from decai.localnet.pubsub import Hub, Session
from decai.localnet.rpc import METHODS
from decai.localnet.sockets import bind, is_loopback

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from decai.localnet.node import Node

_OUTGOING_MESSAGES = 10_000
_TICK_SECONDS = 0.1


class NodeServer:
    """Serves a node: JSON-RPC and WebSocket on one port, and WebSocket on the next, where web3.js expects it.

    Use it as an asynchronous context manager inside a program that has an event loop, or with `start` and
    `stop`, which run it in a thread.

    Parameters
    ----------
    node : Node
        What to serve; closing it stays the caller's business.
    host : str
        A loopback address.
    port : int
        The RPC port; the WebSocket's is the next. 0 takes any free pair.

    Raises
    ------
    SettingsError
        The host isn't loopback, or the port isn't a port.
    """

    def __init__(self, node: Node, host: str = "127.0.0.1", port: int = 0) -> None:
        self.node = node
        self.host = "127.0.0.1" if host == "localhost" else host
        if not is_loopback(self.host):
            raise SettingsError(
                f"The embedded node doesn't serve on {host}.",
                hint="It is for this machine only: use 127.0.0.1, or a cluster's URL for several machines.",
            )
        if not 0 <= port <= 65534:
            raise SettingsError(f"{port} can't be the RPC port.", hint="Choose one from 1 to 65534, or 0 for any.")
        self._wanted_port = port
        self._port: int | None = None
        self._hub: Hub | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._leave: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.app = Starlette(
            routes=[
                Route("/", HttpEndpoint(self.answer)),
                Route("/health", self._health, methods=["GET"]),
                WebSocketRoute("/", self._converse),
            ]
        )

    # Where it is ------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The RPC port."""
        if self._port is None:
            raise NodeError("The node's server isn't running.", hint="Start it first.")
        return self._port

    @property
    def rpc_url(self) -> str:
        """Where HTTP clients go."""
        return f"http://{self._name()}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where WebSocket clients go."""
        return f"ws://{self._name()}:{self.port + 1}"

    def _name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    # Life -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> NodeServer:
        if self._port is not None:
            raise NodeError("The node's server is running already.", hint="Stop it first.")
        sockets = bind(self.host, self._wanted_port)
        self._port = sockets[0].getsockname()[1]
        self._hub = Hub(self.node)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="decai-node")
        config = uvicorn.Config(
            self.app,
            loop="asyncio",
            http="auto",
            ws="websockets-sansio",
            ws_max_size=protocol.MAX_REQUEST_BYTES,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets))
        self._ticking = asyncio.create_task(self._tick())
        started = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._serving, started}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            await self._close()
            raise NodeError("The node's server couldn't start.", hint="The log says why.")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._server is None or self._serving is None or self._ticking is None:
            return
        self._server.should_exit = True
        self._ticking.cancel()
        await asyncio.wait({self._serving, self._ticking})
        if self._hub is not None:
            self._hub.close()
        if self._executor is not None:
            self._executor.shutdown()
        serving, self._serving, self._server, self._port = self._serving, None, None, None
        serving.result()

    def start(self) -> NodeServer:
        """Serve in a thread; returns once connections are taken.

        Raises
        ------
        PortInUse
            Something else listens on the port or on the next.
        """
        failure: list[BaseException] = []
        up = threading.Event()

        async def live() -> None:
            leave = asyncio.Event()
            try:
                async with self:
                    self._leave = (asyncio.get_running_loop(), leave)
                    up.set()
                    await leave.wait()
            except BaseException as error:
                failure.append(error)
                up.set()
                raise

        def run() -> None:
            try:
                asyncio.run(live())
            except BaseException:
                # The starting thread raises it; after that, only a bug could, and it must be seen.
                if self._leave is not None:
                    raise

        self._leave = None
        self._thread = threading.Thread(target=run, name="decai-node-server", daemon=True)
        self._thread.start()
        up.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]
        return self

    def stop(self) -> None:
        """End the thread `start` began; open connections are closed. Calling it again does nothing."""
        if self._thread is None:
            return
        if self._leave is not None:
            loop, leave = self._leave
            loop.call_soon_threadsafe(leave.set)
        self._thread.join()
        self._thread = None

    # Work -------------------------------------------------------------------------------------------------

    async def answer(self, text: bytes) -> str | None:
        """Answer a JSON-RPC body without holding up the event loop.

        Quick calls run at once when the node is idle; all others wait their turn in the node's thread.
        """
        assert self._executor is not None
        body = protocol.parse(text)
        quick = len(body.requests) == 1 and not _is_heavy(body.requests[0].method)
        if quick and self.node.runtime.lock.acquire(blocking=False):
            try:
                return protocol.respond(body, self.node.invoke)
            finally:
                self.node.runtime.lock.release()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, protocol.respond, body, self.node.invoke)

    async def _tick(self) -> None:
        """Let slots pass for those who listen, though nothing else happens."""
        assert self._hub is not None and self._executor is not None
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if self._hub.watches_slots():
                await loop.run_in_executor(self._executor, self.node.tick)

    async def _health(self, request: Request) -> Response:
        if not host_is_loopback(request.headers.get("host")):
            return PlainTextResponse("forbidden", 403)
        return PlainTextResponse("ok")

    async def _converse(self, websocket: WebSocket) -> None:
        origin = websocket.headers.get("origin")
        if not host_is_loopback(websocket.headers.get("host")) or not origin_is_allowed(origin):
            await websocket.close(1008)
            return
        assert self._hub is not None and self._executor is not None
        loop = asyncio.get_running_loop()
        outgoing: asyncio.Queue[str] = asyncio.Queue(_OUTGOING_MESSAGES)
        slow = asyncio.Event()

        def enqueue(text: str) -> None:
            try:
                outgoing.put_nowait(text)
            except asyncio.QueueFull:
                slow.set()

        def push(text: str) -> None:
            loop.call_soon_threadsafe(enqueue, text)

        session = Session(self._hub, push)
        await websocket.accept()

        async def listen() -> None:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                await loop.run_in_executor(
                    self._executor, session.handle, text if text is not None else message.get("bytes", b"")
                )

        async def speak() -> None:
            while True:
                await websocket.send_text(await outgoing.get())

        tasks = {asyncio.create_task(each()) for each in (listen, speak, slow.wait)}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if slow.is_set():
                # A client that doesn't read what it asked for may not fill this process's memory.
                await websocket.close(1013)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            session.close()


def _is_heavy(method: str) -> bool:
    known = METHODS.get(method)
    return known is not None and known.heavy


class _Server(uvicorn.Server):
    """uvicorn that tells when it is ready and leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
