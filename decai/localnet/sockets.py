"""Listening sockets on this machine: the RPC port and the next, where web3.js expects the WebSocket."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys

from decai.errors import NodeError, PortInUse

_PORT_TRIES = 50


def is_loopback(host: str) -> bool:
    """Whether an IP address is this machine's alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> list[socket.socket]:
    """Two listening sockets: on the port and the next."""
    if port:
        first = _listen(host, port)
        try:
            return [first, _listen(host, port + 1)]
        except PortInUse:
            first.close()
            raise
    for _ in range(_PORT_TRIES):
        first = _listen(host, 0)
        try:
            return [first, _listen(host, first.getsockname()[1] + 1)]
        except (PortInUse, OverflowError):
            first.close()
    raise PortInUse("No two neighbouring ports are free.", hint="Name one with --rpc-port.")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio would leave the delay of small packets on: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there, it would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(
                f"Port {port} on {host} can't be taken: {error.strerror}.",
                hint="The node needs a port and the next one: stop what uses it, or name another.",
            ) from error
        raise NodeError(f"The node can't listen on {host}, port {port}: {error}.") from error
    return listener
