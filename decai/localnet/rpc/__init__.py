"""The RPC methods, one module a family; importing this package registers them all."""

from decai.localnet.rpc import accounts, cluster, slots, tokens, transactions
from decai.localnet.rpc.registry import DEVELOPMENT, METHODS, Method

__all__ = ["DEVELOPMENT", "METHODS", "Method", "accounts", "cluster", "slots", "tokens", "transactions"]
