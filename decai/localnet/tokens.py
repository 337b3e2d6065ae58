"""SPL Token and Token-2022 accounts, as the RPC's ``jsonParsed`` encoding shows them.

Layouts: ``state.rs`` of spl-token (mint 82 bytes, account 165), and spl-token-2022's extensions, which follow
byte 166 as (type u16, length u16, value), byte 165 telling mint (1) from account (2).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
TOKEN_PROGRAMS = {TOKEN: "spl-token", TOKEN_2022: "spl-token-2022"}
ACCOUNT_SIZE, MINT_SIZE = 165, 82
_STATES = ("uninitialized", "initialized", "frozen")


@dataclass(frozen=True)
class TokenAccount:
    """A token account's fields; amounts in the mint's smallest unit."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    delegate: Pubkey | None
    state: str
    native_rent: int | None
    delegated: int
    close_authority: Pubkey | None


@dataclass(frozen=True)
class Mint:
    """A mint's fields."""

    authority: Pubkey | None
    supply: int
    decimals: int
    initialised: bool
    freeze_authority: Pubkey | None


def _optional(data: bytes, at: int) -> Pubkey | None:
    return Pubkey.from_bytes(data[at + 4 : at + 36]) if struct.unpack_from("<I", data, at)[0] else None


def read_token_account(data: bytes) -> TokenAccount | None:
    """A token account, or None when the bytes are something else or not initialised."""
    if len(data) != ACCOUNT_SIZE and not (len(data) > ACCOUNT_SIZE and data[ACCOUNT_SIZE] == 2):
        return None
    if data[108] not in (1, 2):
        return None
    native, rent = struct.unpack_from("<IQ", data, 109)
    return TokenAccount(
        Pubkey.from_bytes(data[:32]),
        Pubkey.from_bytes(data[32:64]),
        struct.unpack_from("<Q", data, 64)[0],
        _optional(data, 72),
        _STATES[data[108]],
        rent if native else None,
        struct.unpack_from("<Q", data, 121)[0],
        _optional(data, 129),
    )


def read_mint(data: bytes) -> Mint | None:
    """A mint, or None when the bytes are something else or not initialised."""
    if len(data) != MINT_SIZE and not (len(data) > ACCOUNT_SIZE and data[ACCOUNT_SIZE] == 1):
        return None
    if data[45] != 1:
        return None
    return Mint(_optional(data, 0), struct.unpack_from("<Q", data, 36)[0], data[44], True, _optional(data, 46))


def token_amount(amount: int, decimals: int) -> dict[str, object]:
    """An amount as the RPC shows it: exact as text, and as a float."""
    value = Decimal(amount).scaleb(-decimals)
    text = f"{value:f}"
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": float(value),
        "uiAmountString": text.rstrip("0").rstrip(".") if "." in text else text,
    }


def parse(account: Account, find: Callable[[Pubkey], Account | None]) -> dict[str, object] | None:
    """The ``data`` member of a token program's account in ``jsonParsed``, or None when it isn't one.

    Parameters
    ----------
    account : Account
        Any account.
    find : callable
        Looks up the mint of a token account, for its decimals.
    """
    program = TOKEN_PROGRAMS.get(account.owner)
    if program is None:
        return None
    data = account.data
    token = read_token_account(data)
    if token is not None:
        mint_account = find(token.mint)
        mint = None if mint_account is None else read_mint(mint_account.data)
        if mint is None:
            return None
        kind, info = "account", _account_info(token, mint.decimals)
    else:
        mint = read_mint(data)
        if mint is None:
            return None
        kind, info = "mint", _mint_info(mint)
    if account.owner == TOKEN_2022 and len(data) > ACCOUNT_SIZE:
        info["extensions"] = [_extension(number, value) for number, value in extensions(data)]
    return {"program": program, "parsed": {"type": kind, "info": info}, "space": len(data)}


def _account_info(token: TokenAccount, decimals: int) -> dict[str, object]:
    info: dict[str, object] = {
        "isNative": token.native_rent is not None,
        "mint": str(token.mint),
        "owner": str(token.owner),
        "state": token.state,
        "tokenAmount": token_amount(token.amount, decimals),
    }
    if token.delegate is not None:
        info["delegate"] = str(token.delegate)
        info["delegatedAmount"] = token_amount(token.delegated, decimals)
    if token.native_rent is not None:
        info["rentExemptReserve"] = token_amount(token.native_rent, decimals)
    if token.close_authority is not None:
        info["closeAuthority"] = str(token.close_authority)
    return info


def _mint_info(mint: Mint) -> dict[str, object]:
    return {
        "decimals": mint.decimals,
        "freezeAuthority": None if mint.freeze_authority is None else str(mint.freeze_authority),
        "isInitialized": mint.initialised,
        "mintAuthority": None if mint.authority is None else str(mint.authority),
        "supply": str(mint.supply),
    }


def extensions(data: bytes) -> list[tuple[int, bytes]]:
    """Type and value of each Token-2022 extension of a mint or account."""
    found = []
    at = ACCOUNT_SIZE + 1
    while at + 4 <= len(data):
        number, size = struct.unpack_from("<HH", data, at)
        if number == 0 or at + 4 + size > len(data):
            break
        found.append((number, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


_MARKERS = {7: "immutableOwner", 9: "nonTransferable", 13: "nonTransferableAccount"}


def _key(value: bytes) -> str | None:
    return str(Pubkey.from_bytes(value)) if any(value) else None


def _extension(number: int, value: bytes) -> dict[str, object]:
    """One extension; those without a reader here are what the RPC calls unparseable."""
    if number in (7, 9, 13) and not value:
        return {"extension": _MARKERS[number]}
    if number == 3 and len(value) == 32:
        return {"extension": "mintCloseAuthority", "state": {"closeAuthority": _key(value)}}
    if number == 12 and len(value) == 32:
        return {"extension": "permanentDelegate", "state": {"delegate": _key(value)}}
    if number == 18 and len(value) == 64:
        state: dict[str, object] = {"authority": _key(value[:32]), "metadataAddress": _key(value[32:])}
        return {"extension": "metadataPointer", "state": state}
    if number == 19:
        metadata = read_metadata(value)
        if metadata is not None:
            return {"extension": "tokenMetadata", "state": metadata}
    return {"extension": "unparseableExtension"}


def read_metadata(value: bytes) -> dict[str, object] | None:
    """A TokenMetadata extension (borsh: update authority, mint, name, symbol, uri, pairs), or None."""
    at = 64
    texts: list[str] = []

    def text() -> str:
        nonlocal at
        (size,) = struct.unpack_from("<I", value, at)
        at += 4 + size
        if at > len(value):
            raise ValueError("a text runs past the end")
        return value[at - size : at].decode()

    try:
        texts = [text(), text(), text()]
        (count,) = struct.unpack_from("<I", value, at)
        at += 4
        pairs = [[text(), text()] for _ in range(min(count, len(value)))]
    except (struct.error, ValueError):
        return None
    return {
        "updateAuthority": _key(value[:32]),
        "mint": str(Pubkey.from_bytes(value[32:64])),
        "name": texts[0],
        "symbol": texts[1],
        "uri": texts[2],
        "additionalMetadata": pairs,
    }
