"""What DecAI stands on, looked at piece by piece."""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from solders.pubkey import Pubkey

import decai
from decai.chain import Chain, LocalWallet
from decai.chain.idl import ProgramIdl, program_elf
from decai.collective import read_network
from decai.config import Settings
from decai.errors import DecAIError

__all__ = ["Finding", "deployed_program", "examine"]

_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
_HEADER = 45  # a programdata account: u32 kind, u64 slot, option byte, authority; then the ELF
_PACKAGES = ("streamlit", "plotly", "solana", "solders", "anchorpy", "onnxruntime", "transformers", "pandas",
             "requests", "ipfshttpclient")  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    todo: str = ""


@dataclass(frozen=True)
class DeployedProgram:
    """A program as it is on chain.

    Attributes
    ----------
    sha256 : str
        Of the ELF, trailing zeros cut off.
    upgrade_authority : str or None
        Who may change it; None when nobody can.
    """

    sha256: str
    upgrade_authority: str | None


def deployed_program(chain: Chain, program: Pubkey) -> DeployedProgram | None:
    """Read a deployed program's hash and upgrade authority; None when it isn't deployed."""
    raw = chain.raw_account(program)
    if raw is None:
        return None
    if len(raw) != 36 or raw[:4] != b"\2\0\0\0":
        return DeployedProgram(_digest(raw), None)
    data = chain.raw_account(Pubkey.from_bytes(raw[4:36]))
    if data is None:
        return None
    authority = str(Pubkey.from_bytes(data[13:45])) if data[12] else None
    return DeployedProgram(_digest(data[_HEADER:]), authority)


def _digest(elf: bytes) -> str:
    return hashlib.sha256(elf.rstrip(b"\0")).hexdigest()


def examine(settings: Settings) -> list[Finding]:
    """Look at Python, the packages, the home, the wallet, the chain, each program and the store."""
    findings = [
        Finding("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("DecAI", True, decai.__version__),
        *_packages(),
        *_home(settings),
        *_wallet(settings),
    ]
    network = read_network(settings)
    url = settings.url or (network or {}).get("rpc_url")
    if url is None:
        findings.append(
            Finding("Chain", False, f"no network runs on {settings.home}", "Run `decai up`, or set DECAI_URL.")
        )
        return findings
    chain = Chain(url, timeout_s=settings.rpc_timeout_s, programs_dir=settings.programs_dir)
    try:
        findings.extend(_chain(chain, settings))
    except DecAIError as e:
        findings.append(Finding("Chain", False, e.message, e.hint or ""))
    finally:
        chain.close()
    findings.extend(_store(settings, network))
    return findings


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, False, "missing", "Install DecAI again with its constraints (README).")


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    if home.exists():
        free = shutil.disk_usage(home).free
        ok = free > 200_000_000
        yield Finding("Home", ok, f"{home}, {free / 1e9:.1f} GB free", "" if ok else "Free some disk space.")
    else:
        yield Finding("Home", True, f"{home}, not made yet")


def _wallet(settings: Settings) -> Iterator[Finding]:
    try:
        path = settings.wallet_path
        if not path.exists():
            yield Finding("Wallet", True, "no local keypair (viewing needs none)")
            return
        wallet = LocalWallet.load(path)
    except DecAIError as e:
        yield Finding("Wallet", False, e.message, e.hint or "")
        return
    private = platform.system() == "Windows" or path.stat().st_mode & 0o077 == 0
    yield Finding(
        "Wallet", private, f"{wallet.pubkey} in {path}", "" if private else f"Others can read it: chmod 600 {path}"
    )


def _chain(chain: Chain, settings: Settings) -> Iterator[Finding]:
    slot = chain.slot()
    yield Finding("Chain", True, f"{chain.url}, slot {slot}, genesis {chain.genesis}")
    for name, idl in chain.idls.items():
        yield _program(chain, settings, name, idl)


def _program(chain: Chain, settings: Settings, name: str, idl: ProgramIdl) -> Finding:
    deployed = deployed_program(chain, idl.address)
    shipped = _digest(program_elf(name, settings.programs_dir))
    label = f"Program {name.replace('_', '-')}"
    if deployed is None:
        return Finding(label, False, f"not deployed at {idl.address}", "Deploy it (docs/deploying.md).")
    authority = deployed.upgrade_authority or "nobody"
    same = deployed.sha256 == shipped
    found = f"{idl.address}, sha256 {deployed.sha256[:16]}, upgrade authority {authority}"
    if same:
        return Finding(label, True, found + ", as shipped")
    return Finding(label, False, found + f", shipped is {shipped[:16]}", "Upgrade the program or this package.")


def _store(settings: Settings, network: dict[str, Any] | None) -> Iterator[Finding]:
    import requests

    url = settings.kubo_url or (network or {}).get("kubo_url")
    if url is None:
        yield Finding("Store", True, "no Kubo RPC set; models come from gateways and the cache")
        return
    try:
        answer = requests.post(f"{url}/api/v0/version", timeout=5)
        answer.raise_for_status()
        yield Finding("Store", True, f"{url}, Kubo RPC {answer.json().get('Version', '?')}")
    except (requests.RequestException, ValueError) as e:
        yield Finding(
            "Store", False, f"{url} doesn't answer: {type(e).__name__}", "Start it, or correct DECAI_KUBO_URL."
        )
