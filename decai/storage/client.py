"""Publishing, pinning and reading through a Kubo RPC with `ipfshttpclient`.

By default the RPC is our own store's; any Kubo daemon's works as well. What `ipfshttpclient` 0.7.0 needs care
with:

- ``ipfshttpclient.connect()`` refuses daemons of version 0.8 and later; ``Client()`` doesn't ask.
- It always sends ``raw-leaves``, as false unless told otherwise, so ``cid_version=1`` alone isn't Kubo's
  default.
- Files that vanish while it reads a directory are left out silently: the root's CID is compared with our own.
- It passes urllib3 a parameter that urllib3 2 warns about on each connection; that one warning is filtered.
- It sends 8 KiB pieces unless given a ``chunk_size``; large ones are five times faster.
"""

from __future__ import annotations

import contextlib
import urllib.parse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from decai.errors import BlockNotFound, IntegrityError, SettingsError, StorageError
from decai.storage import cids
from decai.storage.unixfs import ImportOptions, cid_of_path

TIMEOUT_SECONDS: Final = 120.0
_CHUNK_SIZE: Final = 1024 * 1024


def multiaddr(url: str) -> str:
    """The multiaddress `ipfshttpclient` wants for a Kubo RPC's URL.

    Parameters
    ----------
    url : str
        ``http://127.0.0.1:5001`` or ``https://host:port``.

    Raises
    ------
    SettingsError
        Not an http(s) URL with a host, or one with a path.
    """
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise SettingsError(f"{url!r} has an impossible port.", hint="Use one from 1 to 65535.") from error
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/"):
        raise SettingsError(f"{url!r} isn't the URL of a Kubo RPC.", hint="It looks like http://127.0.0.1:5001.")
    name_kind = "ip4" if host.replace(".", "").isdecimal() else "dns"
    kind = "ip6" if ":" in host else name_kind
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


class KuboClient:
    """A Kubo RPC, through `ipfshttpclient`.

    Parameters
    ----------
    url : str
        ``http://127.0.0.1:port``.
    timeout : float
        Seconds to wait for a connection, and for each piece of an answer.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = url
        self._address = multiaddr(url)
        self._timeout = timeout

    def publish(self, path: Path, *, expected: str | None = None, pin: bool = True) -> str:
        """Add a file or directory; only a complete one is pinned.

        Parameters
        ----------
        path : Path
        expected : str, optional
            The CID computed before; computed here when left out.
        pin : bool
            Pin the root, after everything has arrived and its CID is the expected one.

        Returns
        -------
        str
            The CID (version 1, raw leaves).

        Raises
        ------
        IntegrityError
            The daemon made another CID of it: files changed meanwhile, or it imports in another way.
        StorageError
        """
        path = Path(path).resolve()
        expected = expected or cid_of_path(path, ImportOptions())
        with self._client() as client:
            answer = client.add(path, recursive=True, cid_version=1, raw_leaves=True, pin=False)
            items = answer if isinstance(answer, list) else [answer]
            roots = {item["Hash"] for item in items if item["Name"] == path.name}
            if expected not in roots:
                raise IntegrityError(
                    f"{self.url} made {', '.join(sorted(roots)) or 'nothing'} of {path}, not {expected}.",
                    hint="Files may have changed meanwhile: publish again. Nothing was pinned.",
                )
            if pin:
                client.pin.add(expected)
        return expected

    def pin(self, cid: str) -> str:
        """Pin content recursively; returns the CID."""
        key = cids.normal(cid)
        with self._client() as client:
            client.pin.add(key)
        return key

    def unpin(self, cid: str) -> str:
        """Remove a pin; returns the CID."""
        key = cids.normal(cid)
        with self._client() as client:
            client.pin.rm(key)
        return key

    def pins(self) -> list[str]:
        """CIDs pinned recursively."""
        with self._client() as client:
            return sorted(client.pin.ls(type="recursive")["Keys"])

    def cat(self, cid: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """A file's bytes, or a range of them, as the daemon gives them.

        The bytes are the daemon's word; `decai.storage.fetch` verifies. Offsets count bytes.
        """
        cids.split_path(cid)
        with self._client() as client:
            data: bytes = client.cat(cid, offset=offset, **({} if length is None else {"length": length}))
        return data

    def version(self) -> str:
        """What the daemon says its version is."""
        with self._client() as client:
            answer: str = client.version()["Version"]
        return answer

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """A client with an open session, its exceptions translated to ours."""
        import ipfshttpclient  # 0.1 s: only those who talk to a daemon pay
        from ipfshttpclient import exceptions

        # Not `catch_warnings`: it swaps the filters of all threads. This one line is the same however often
        # it's added.
        warnings.filterwarnings("ignore", "The 'strict' parameter is no longer needed", FutureWarning)
        try:
            with ipfshttpclient.Client(self._address, chunk_size=_CHUNK_SIZE, timeout=self._timeout) as client:
                yield client
        except exceptions.TimeoutError as error:
            raise StorageError(
                f"The Kubo RPC at {self.url} didn't answer in {self._timeout:g} s.",
                hint="It may be looking for content nobody serves; check the CID, or try again.",
            ) from error
        except exceptions.ErrorResponse as error:
            message = str(error)
            kind = BlockNotFound if "not found" in message or "not in the store" in message else StorageError
            raise kind(f"The Kubo RPC at {self.url} refused: {message}") from error
        except (exceptions.ConnectionError, exceptions.ProtocolError) as error:
            raise StorageError(
                f"Nothing answers at the Kubo RPC {self.url}.",
                hint="Start it (decai up), or correct its URL.",
            ) from error
        except exceptions.Error as error:
            raise StorageError(f"The Kubo RPC at {self.url} answered something unexpected ({error}).") from error
