"""The programs' IDLs: the one source of ids, instructions, layouts, events and errors on this side."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from solders.pubkey import Pubkey

from decai.chain.layouts import dtype_of
from decai.errors import SettingsError

__all__ = ["PROGRAMS", "ProgramIdl", "load_idls", "program_elf"]

PROGRAMS = ("model_manager", "dao", "compute_verifier")


@dataclass(frozen=True)
class ProgramIdl:
    """One program's IDL (spec 0.1.0) and what is derived from it."""

    name: str
    raw: dict[str, Any] = field(repr=False)

    @cached_property
    def address(self) -> Pubkey:
        """The program's id."""
        return Pubkey.from_string(self.raw["address"])

    @cached_property
    def types(self) -> dict[str, Any]:
        """Named types."""
        return {t["name"]: t["type"] for t in self.raw.get("types", [])}

    @cached_property
    def account_dtypes(self) -> dict[str, np.dtype[Any]]:
        """For each account type, the dtype of a whole account, its 8-byte discriminator included."""
        return {a["name"]: self._with_discriminator(a["name"]) for a in self.raw.get("accounts", [])}

    @cached_property
    def discriminators(self) -> dict[str, bytes]:
        """For each account type, its first eight bytes."""
        return {a["name"]: bytes(a["discriminator"]) for a in self.raw.get("accounts", [])}

    @cached_property
    def events(self) -> dict[bytes, tuple[str, np.dtype[Any]]]:
        """Event discriminator → name and dtype of its body."""
        return {
            bytes(e["discriminator"]): (e["name"], dtype_of(self.types[e["name"]], self.types))
            for e in self.raw.get("events", [])
        }

    @cached_property
    def instructions(self) -> dict[str, dict[str, Any]]:
        """Instruction name → its IDL entry."""
        return {i["name"]: i for i in self.raw["instructions"]}

    @cached_property
    def errors(self) -> dict[int, tuple[str, str]]:
        """Custom error code → name and message."""
        return {e["code"]: (e["name"], e.get("msg", e["name"])) for e in self.raw.get("errors", [])}

    def _with_discriminator(self, account: str) -> np.dtype[Any]:
        body = dtype_of(self.types[account], self.types)
        names = body.names or ()
        return np.dtype([("discriminator", "V8"), *((n, body[n]) for n in names)])

    def legacy(self) -> dict[str, Any]:
        """The IDL in the older form, which is the only one anchorpy reads."""
        events = {e["name"] for e in self.raw.get("events", [])}
        accounts = {a["name"] for a in self.raw.get("accounts", [])}
        return {
            "version": self.raw["metadata"]["version"],
            "name": self.raw["metadata"]["name"],
            "instructions": [
                {
                    "name": _camel(i["name"]),
                    "accounts": [_legacy_meta(a) for a in i["accounts"]],
                    "args": [_legacy_field(a) for a in i["args"]],
                }
                for i in self.raw["instructions"]
            ],
            "accounts": [{"name": a, "type": _legacy_struct(self.types[a])} for a in sorted(accounts)],
            "types": [
                {"name": n, "type": _legacy_struct(t)}
                for n, t in self.types.items()
                if n not in accounts and n not in events
            ],
            "events": [
                {"name": e, "fields": [{**_legacy_field(f), "index": False} for f in self.types[e].get("fields", [])]}
                for e in sorted(events)
            ],
            "errors": [
                {"code": e["code"], "name": e["name"], "msg": e.get("msg", "")} for e in self.raw.get("errors", [])
            ],
        }


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(r[:1].upper() + r[1:] for r in rest)


def _legacy_type(kind: Any) -> Any:
    if isinstance(kind, str):
        return "publicKey" if kind == "pubkey" else kind
    if "defined" in kind:
        inner = kind["defined"]
        return {"defined": inner["name"] if isinstance(inner, dict) else inner}
    if "array" in kind:
        return {"array": [_legacy_type(kind["array"][0]), kind["array"][1]]}
    return {k: _legacy_type(v) for k, v in kind.items()}


def _legacy_field(entry: Any) -> Any:
    return {"name": _camel(entry["name"]), "type": _legacy_type(entry["type"])}


def _legacy_struct(kind: dict[str, Any]) -> dict[str, Any]:
    if kind["kind"] == "struct":
        return {"kind": "struct", "fields": [_legacy_field(f) for f in kind.get("fields", [])]}
    return {"kind": "enum", "variants": [{"name": v["name"]} for v in kind["variants"]]}


def _legacy_meta(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _camel(entry["name"]),
        "isMut": entry.get("writable", False),
        "isSigner": entry.get("signer", False),
        **({"isOptional": True} if entry.get("optional") else {}),
    }


def load_idls(folder: Path | None = None) -> dict[str, ProgramIdl]:
    """Read the IDLs that ship with this package, or those of another build.

    Parameters
    ----------
    folder : Path, optional
        A folder with ``model_manager.json`` and so on, for programs deployed under other ids.

    Raises
    ------
    SettingsError
        A file is missing or isn't an IDL of spec 0.1.0.
    """
    idls = {}
    for name in PROGRAMS:
        try:
            raw = json.loads(_file(folder, f"{name}.json").decode())
            idls[name] = ProgramIdl(name, raw)
            _ = idls[name].address
        except FileNotFoundError:
            raise SettingsError(
                f"The IDL of {name} is missing in {folder or 'the package'}.",
                hint="Point DECAI_PROGRAMS_DIR at a folder with every program's .json and .so, or unset it.",
            ) from None
        except (ValueError, KeyError) as e:
            raise SettingsError(f"{name}.json isn't an IDL of spec 0.1.0: {e}.") from None
    return idls


def program_elf(name: str, folder: Path | None = None) -> bytes:
    """The compiled program, an ELF shared object."""
    return _file(folder, f"{name}.so")


def _file(folder: Path | None, name: str) -> bytes:
    if folder is not None:
        return (folder / name).read_bytes()
    return resources.files("decai.chain").joinpath("programs", name).read_bytes()
