"""Where blocks come from: another store, a Kubo RPC, a trustless gateway.

A source hands over bytes; it is never believed. `decai.storage.fetch` hashes every block before it counts.
"""

from __future__ import annotations

import threading
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, Protocol

from decai.errors import BlockNotFound, IntegrityError, SettingsError, SourceUnavailable
from decai.storage import cids
from decai.storage.blocks import MAX_BLOCK_SIZE, BlockStore

if TYPE_CHECKING:
    import requests

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_PIECE: Final = 64 * 1024


class Source(Protocol):
    """Something that may have blocks. Methods are called from several threads at once."""

    @property
    def name(self) -> str:
        """What people see: a URL or a path."""
        ...

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        """Return what the source says the block is.

        Raises
        ------
        BlockNotFound
            The source works, but doesn't have it.
        SourceUnavailable
            The source can't be reached, refuses, or answers nonsense.
        """
        ...

    def close(self) -> None:
        """Give up connections."""
        ...


class StoreSource:
    """Blocks of another store on this machine."""

    def __init__(self, store: BlockStore) -> None:
        self.store = store
        self.name = str(store.path)

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        """Read the block from the store."""
        try:
            return self.store.get(cid)
        except IntegrityError as error:
            raise BlockNotFound(str(error)) from error

    def close(self) -> None:
        """Nothing is open."""


class _HttpSource:
    """A source behind HTTP: one `requests` session a thread, since a session isn't thread-safe."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{url!r} isn't an http(s) URL.", hint="It looks like https://example.org.")
        self.name = url.rstrip("/")
        self._is_loopback = parts.hostname in LOOPBACK_NAMES
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def _session(self) -> requests.Session:
        import requests

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = not self._is_loopback  # a proxy can't reach this machine's ports
            session.headers["User-Agent"] = "decai"
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _ask(self, method: str, url: str, timeout: float, **arguments: Any) -> bytes:
        """Send a request and read a bounded body."""
        import requests

        try:
            with self._session().request(
                method, url, timeout=timeout, stream=True, allow_redirects=method == "GET", **arguments
            ) as response:
                if response.status_code in (404, 410):
                    raise BlockNotFound(f"{self.name} doesn't have it.")
                body = bytearray()
                for piece in response.iter_content(_PIECE):
                    body += piece
                    if len(body) > MAX_BLOCK_SIZE:
                        raise SourceUnavailable(f"{self.name} sent more than a block ({MAX_BLOCK_SIZE:,} bytes).")
                if not response.ok:
                    self._refuse(response.status_code, bytes(body[:500]))
                return bytes(body)
        except requests.Timeout as error:
            raise SourceUnavailable(f"{self.name} didn't answer in {timeout:g} s.") from error
        except requests.ConnectionError as error:
            raise SourceUnavailable(f"{self.name} can't be reached or broke off.") from error
        except requests.RequestException as error:
            raise SourceUnavailable(f"{self.name}: {error}") from error

    def _refuse(self, status: int, body: bytes) -> None:
        message = body.decode("utf-8", "replace").strip()
        raise SourceUnavailable(f"{self.name} answered {status}: {message[:200] or 'nothing'}")

    def close(self) -> None:
        """Close all sessions; the source can be used again."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            self._local = threading.local()
        for session in sessions:
            session.close()


class KuboSource(_HttpSource):
    """Blocks of a Kubo RPC: ``POST /api/v0/block/get``.

    Parameters
    ----------
    url : str
        ``http://127.0.0.1:5001``.
    """

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        """Ask the daemon for the block."""
        # Kubo would otherwise search its network for as long as we let it.
        query = {"arg": cids.text(cid), "timeout": f"{timeout:g}s"}
        return self._ask("POST", f"{self.name}/api/v0/block/get", timeout, params=query)

    def _refuse(self, status: int, body: bytes) -> None:
        lowered = body.lower()
        if status == 500 and any(word in lowered for word in (b"not in the store", b"not found", b"could not find")):
            raise BlockNotFound(f"{self.name} doesn't have it.")
        super()._refuse(status, body)


class GatewaySource(_HttpSource):
    """Blocks of a trustless gateway: ``GET /ipfs/CID?format=raw``.

    Parameters
    ----------
    url : str
        ``https://gateway.example``.
    """

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        """Ask the gateway for the raw block."""
        return self._ask(
            "GET",
            f"{self.name}/ipfs/{cids.text(cids.to_v1(cid))}",
            timeout,
            params={"format": "raw"},
            headers={"Accept": "application/vnd.ipld.raw"},
        )
