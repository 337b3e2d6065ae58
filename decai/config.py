"""Every setting of DecAI, in one place. Each can be given as an environment variable ``DECAI_<NAME>``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from decai.errors import SettingsError

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """The settings of one process. Read once by :func:`load_settings`, then passed on as an argument."""

    model_config = SettingsConfigDict(env_prefix="DECAI_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("decai")),
        description="Where the embedded chain, the content store and the local wallet live.",
    )
    url: str | None = Field(
        default=None,
        description="Solana JSON-RPC URL. Unset: the network that `decai up` runs on this home.",
    )
    ws_url: str | None = Field(default=None, description="Solana WebSocket URL. Unset: RPC port + 1.")
    wallet: Path | None = Field(
        default=None,
        description="Keypair file in the Solana CLI's format, or `solana-cli` for the one that `solana` uses. "
        "Unset: `wallet.json` in the home.",
    )
    registry: str | None = Field(
        default=None, description="Address of the model registry to use. Unset: the only one, or the first made."
    )
    dao: str | None = Field(
        default=None, description="Address of the collective's DAO. Unset: the one that owns the registry."
    )
    kubo_url: str | None = Field(
        default=None, description="Kubo RPC to publish to and fetch from. Unset: the store that `decai up` serves."
    )
    gateways: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Trustless IPFS gateways to fetch from, separated by commas."
    )
    programs_dir: Path | None = Field(
        default=None, description="Folder with other builds of the programs (.so and IDL). Unset: the shipped ones."
    )
    rpc_timeout_s: float = Field(default=30.0, gt=0, le=600, description="Seconds to wait for one RPC answer.")
    confirm_timeout_s: float = Field(
        default=60.0, gt=0, le=600, description="Seconds to wait for a transaction's confirmation."
    )
    fetch_timeout_s: float = Field(default=15.0, gt=0, le=600, description="Seconds to wait for one block.")
    store_quota_bytes: int | None = Field(default=None, gt=0, description="Most bytes the content store may hold.")
    region: str = Field(
        default="WORLD", description="Where this machine draws power: an ISO 3166-1 alpha-3 code, or WORLD."
    )
    pue: float = Field(default=1.0, ge=1.0, le=5.0, description="Power usage effectiveness of this machine's site.")
    read_only: bool = Field(default=False, description="The dashboard shows everything and signs nothing.")
    log_level: str = Field(default="warning", description="Least severe level written to the log.")

    @field_validator("gateways", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else value

    @field_validator("url", "ws_url", "kubo_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://", "ws://", "wss://")):
            raise ValueError(f"{value!r} is not a URL; it should begin with http:// or https://")
        return value.rstrip("/") if value else value

    @property
    def wallet_path(self) -> Path:
        """The keypair file in use.

        Raises
        ------
        WalletError
            The Solana CLI's was asked for, and it has none that could be used.
        """
        if self.wallet is None:
            return self.home / "wallet.json"
        from decai.chain.solana_cli import keypair_file  # not before: most processes have no use for decai.chain

        return keypair_file(self.wallet)

    @property
    def network_file(self) -> Path:
        """Where a running `decai up` writes its addresses."""
        return self.home / "network.json"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; arguments that are not None win.

    Raises
    ------
    SettingsError
        A value can't be used; the message names the variable.
    """
    given = {k: v for k, v in overrides.items() if v is not None}
    try:
        return Settings(**given)
    except ValidationError as e:
        first = e.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        raise SettingsError(
            f"DECAI_{name.upper()} can't be used: {first['msg']}.", hint="Correct the variable or the argument."
        ) from None
