"""Where a browser is, as the server sees it: on this very machine, or somewhere else."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["same_machine"]

# Any of these means that something stands between: whoever it forwards for may be anywhere.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
              "cf-connecting-ip", "true-client-ip")  # fmt: skip


def loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine's loopback; a name other than localhost is not."""
    if not host:
        return False
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def same_machine(server_address: str | None, remote: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the server's own keypair may be offered to this browser.

    Parameters
    ----------
    server_address : str or None
        What the server is bound to; None is every interface.
    remote : str or None
        The connection's peer address.
    headers : mapping
        The WebSocket handshake's.

    Returns
    -------
    bool
        True only when the server is bound to loopback, the peer is loopback, nothing was forwarded, and both
        the ``Host`` and the ``Origin`` that the browser sent are loopback (a name that resolves here isn't).
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if any(name in lower for name in _FORWARDED):
        return False
    host = urlsplit(f"//{lower.get('host', '')}").hostname
    origin = urlsplit(lower.get("origin", "")).hostname
    return loopback(server_address) and loopback(remote) and loopback(host) and loopback(origin)
