"""The upgradeable loader's account layouts, and programs installed without a transaction.

Layouts: ``UpgradeableLoaderState`` in solana-loader-v3-interface (bincode: a u32 tag, then the fields).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Literal

from solders.account import Account
from solders.pubkey import Pubkey

LOADER_V3 = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
PROGRAM_SIZE = 36
PROGRAM_DATA_HEADER = 45
_PROGRAM, _PROGRAM_DATA = 2, 3
_RENT_EPOCH = 2**64 - 1


@dataclass(frozen=True)
class Deployment:
    """What installing a program did.

    Attributes
    ----------
    program_id, programdata : Pubkey
        The program's account and the one that holds its code.
    sha256 : str
        Of the ELF, in hexadecimal.
    status : {"installed", "upgraded", "unchanged"}
        What was done.
    slot : int
        When the code that is there now was installed.
    """

    program_id: Pubkey
    programdata: Pubkey
    sha256: str
    status: Literal["installed", "upgraded", "unchanged"]
    slot: int


def programdata_address(program_id: Pubkey) -> Pubkey:
    """Where the loader keeps a program's code."""
    return Pubkey.find_program_address([bytes(program_id)], LOADER_V3)[0]


def program_account(program_id: Pubkey, lamports: int) -> Account:
    """The executable account of a program."""
    data = struct.pack("<I", _PROGRAM) + bytes(programdata_address(program_id))
    return Account(lamports, data, LOADER_V3, True, _RENT_EPOCH)


def programdata_account(elf: bytes, slot: int, authority: Pubkey | None, lamports: int) -> Account:
    """The account that holds a program's code.

    Parameters
    ----------
    elf : bytes
        The compiled program.
    slot : int
        Recorded as the slot of deployment.
    authority : Pubkey or None
        Who may upgrade it; None makes it immutable.
    lamports : int
        Its balance.
    """
    key = bytes(32) if authority is None else bytes(authority)
    header = struct.pack("<IQB", _PROGRAM_DATA, slot, authority is not None) + key
    return Account(lamports, header + elf, LOADER_V3, False, _RENT_EPOCH)


def read_programdata(data: bytes) -> tuple[int, Pubkey | None, bytes] | None:
    """Slot, upgrade authority and ELF (the loader's zero padding included) of a programdata account."""
    if len(data) < PROGRAM_DATA_HEADER or struct.unpack_from("<I", data)[0] != _PROGRAM_DATA:
        return None
    slot, has_authority = struct.unpack_from("<QB", data, 4)
    return slot, Pubkey.from_bytes(data[13:45]) if has_authority else None, data[PROGRAM_DATA_HEADER:]


def same_code(stored: bytes, elf: bytes) -> bool:
    """Whether stored code is this ELF; a loader may have left zeros behind it."""
    return stored[: len(elf)] == elf and not any(stored[len(elf) :])


def digest(elf: bytes) -> str:
    """sha256 of an ELF, in hexadecimal."""
    return hashlib.sha256(elf).hexdigest()
