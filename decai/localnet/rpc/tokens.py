"""SPL Token and Token-2022: balances, supply, who holds what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solders.account import Account
from solders.pubkey import Pubkey

from decai.localnet.encoding import AccountRows
from decai.localnet.errors import invalid
from decai.localnet.rpc import params
from decai.localnet.rpc.registry import method
from decai.localnet.tokens import (
    TOKEN_PROGRAMS,
    Mint,
    TokenAccount,
    read_mint,
    read_token_account,
    token_amount,
)

if TYPE_CHECKING:
    from decai.localnet.node import Node


def _mint(node: Node, address: Pubkey) -> tuple[Mint, Account]:
    account = node.runtime.account(address)
    mint = None
    if account is not None and account.owner in TOKEN_PROGRAMS:
        mint = read_mint(account.data)
    if mint is None or account is None:
        invalid("not a Token mint")
    return mint, account


@method("getTokenAccountBalance")
def get_token_account_balance(node: Node, address: object, config: object = None) -> dict[str, object]:
    """The balance of a token account."""
    params.config(node, config)
    account = node.runtime.account(params.pubkey(address))
    if account is None:
        invalid("could not find account")
    token = read_token_account(account.data) if account.owner in TOKEN_PROGRAMS else None
    if token is None:
        invalid("not a Token account")
    return node.with_context(token_amount(token.amount, _mint(node, token.mint)[0].decimals))


@method("getTokenSupply")
def get_token_supply(node: Node, address: object, config: object = None) -> dict[str, object]:
    """The supply of a mint."""
    params.config(node, config)
    mint, _ = _mint(node, params.pubkey(address))
    return node.with_context(token_amount(mint.supply, mint.decimals))


@method("getTokenLargestAccounts", heavy=True)
def get_token_largest_accounts(node: Node, address: object, config: object = None) -> dict[str, object]:
    """The 20 largest holdings of a mint."""
    params.config(node, config)
    key = params.pubkey(address)
    mint, account = _mint(node, key)
    held = [
        (token.amount, address)
        for address, token in _token_accounts(node, account.owner)
        if token.mint == key and token.amount
    ]
    held.sort(key=lambda pair: (-pair[0], pair[1]))
    return node.with_context(
        [
            {"address": str(Pubkey.from_bytes(address)), **token_amount(amount, mint.decimals)}
            for amount, address in held[:20]
        ]
    )


def _token_accounts(node: Node, program: Pubkey) -> list[tuple[bytes, TokenAccount]]:
    rows = ((key, read_token_account(account.data)) for key, account in node.runtime.owned_by(program))
    return [(key, token) for key, token in rows if token is not None]


@method("getTokenAccountsByOwner", heavy=True)
def get_token_accounts_by_owner(node: Node, owner: object, which: object, config: object = None) -> dict[str, object]:
    """The token accounts of a wallet, of one mint or one token program."""
    return _select(node, params.pubkey(owner), which, config, delegate=False)


@method("getTokenAccountsByDelegate", heavy=True)
def get_token_accounts_by_delegate(
    node: Node, delegate: object, which: object, config: object = None
) -> dict[str, object]:
    """The token accounts a wallet may spend from as a delegate."""
    return _select(node, params.pubkey(delegate), which, config, delegate=True)


def _select(node: Node, wallet: Pubkey, which: object, config: object, *, delegate: bool) -> dict[str, object]:
    view = params.account_view(params.config(node, config), default="binary")
    if not isinstance(which, dict) or ("mint" in which) == ("programId" in which):
        invalid("expected an object with either mint or programId")
    mint: Pubkey | None = None
    if "mint" in which:
        mint = params.pubkey(which["mint"])
        program = _mint(node, mint)[1].owner
    else:
        program = params.pubkey(which["programId"])
        if program not in TOKEN_PROGRAMS:
            invalid("unrecognized Token program id")
    rows = [
        (key, node.runtime.accounts[key])
        for key, token in _token_accounts(node, program)
        if (token.delegate if delegate else token.owner) == wallet and mint in (None, token.mint)
    ]
    return node.with_context(AccountRows(rows, view, node.runtime.account))
