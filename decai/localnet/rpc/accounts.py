"""Accounts: one, several, all of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decai.localnet.encoding import AccountRows, encode_account
from decai.localnet.rpc import params
from decai.localnet.rpc.registry import method

if TYPE_CHECKING:
    from decai.localnet.node import Node

MAX_ACCOUNT_BYTES = 10 * 1024 * 1024


@method("getBalance")
def get_balance(node: Node, address: object, config: object = None) -> dict[str, object]:
    """Lamports of an account; 0 when there is none."""
    params.config(node, config)
    account = node.runtime.account(params.pubkey(address))
    return node.with_context(0 if account is None else account.lamports)


@method("getAccountInfo")
def get_account_info(node: Node, address: object, config: object = None) -> dict[str, object]:
    """An account, or null."""
    view = params.account_view(params.config(node, config), default="binary")
    account = node.runtime.account(params.pubkey(address))
    return node.with_context(None if account is None else encode_account(account, view, node.runtime.account))


@method("getMultipleAccounts")
def get_multiple_accounts(node: Node, addresses: object, config: object = None) -> dict[str, object]:
    """Up to 100 accounts, null for each that isn't there."""
    view = params.account_view(params.config(node, config))
    keys = [params.pubkey(each) for each in params.array(addresses, "addresses", 100)]
    found = [node.runtime.account(key) for key in keys]
    return node.with_context(
        [None if each is None else encode_account(each, view, node.runtime.account) for each in found]
    )


@method("getProgramAccounts", heavy=True)
def get_program_accounts(node: Node, program: object, config: object = None) -> object:
    """All accounts a program owns that pass the filters."""
    options = params.config(node, config)
    view = params.account_view(options, default="binary")
    wanted = params.Filters(options.get("filters"))
    with_context = params.flag(options, "withContext")
    owned = node.runtime.owned_by(params.pubkey(program))
    rows = [row for row in owned if wanted.accept(row[1].data)] if wanted else list(owned)
    answer = AccountRows(rows, view, node.runtime.account)
    return node.with_context(answer) if with_context else answer


@method("getMinimumBalanceForRentExemption")
def get_minimum_balance_for_rent_exemption(node: Node, size: object, config: object = None) -> int:
    """Lamports that make an account of so many bytes rent-exempt."""
    params.config(node, config)
    return node.runtime.rent(params.integer(size, "size", most=MAX_ACCOUNT_BYTES))
