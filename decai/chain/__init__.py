"""The Solana client side: RPC, wallets, addresses, bulk decoding, actions."""

from decai.chain.actions import Action, Confirmation, Prepared
from decai.chain.client import Chain
from decai.chain.pda import Addresses, fixed_text, parse_address
from decai.chain.reader import Records
from decai.chain.wallets import LocalWallet, Wallet, WatchedWallet

__all__ = [
    "Action",
    "Addresses",
    "Chain",
    "Confirmation",
    "LocalWallet",
    "Prepared",
    "Records",
    "Wallet",
    "WatchedWallet",
    "fixed_text",
    "parse_address",
]
