"""JSON-RPC errors, with the codes and messages Solana's own RPC service uses.

The codes are those of ``rpc-client-api/src/custom_error.rs`` in Agave, so that clients which match on them
(web3.js, solana-py, wallets) behave as they do against a cluster.
"""

from __future__ import annotations

from typing import NoReturn

from decai.errors import NodeError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
PREFLIGHT_FAILURE = -32002
SIGNATURE_FAILURE = -32003
BLOCK_NOT_AVAILABLE = -32004
UNSUPPORTED_VERSION = -32015
MIN_CONTEXT_SLOT = -32016


class RpcError(NodeError):
    """A JSON-RPC error: what a client of the node receives instead of a result.

    Attributes
    ----------
    code : int
        The JSON-RPC error code.
    data : object
        Details a client may read (a failed simulation's logs, for example), or None.
    """

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def to_json(self) -> dict[str, object]:
        """The ``error`` member of a JSON-RPC answer."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def invalid(message: str) -> NoReturn:
    """Refuse a parameter.

    Raises
    ------
    RpcError
        Always, with code -32602.
    """
    raise RpcError(INVALID_PARAMS, f"Invalid params: {message}")


def describe(error: object) -> str:
    """Put a transaction error into the words Solana's RPC service uses.

    Parameters
    ----------
    error : object
        A ``TransactionError`` in its JSON form: a name, or ``{"InstructionError": [index, reason]}``.
    """
    if isinstance(error, dict) and "InstructionError" in error:
        index, reason = error["InstructionError"]
        if isinstance(reason, dict) and "Custom" in reason:
            return f"Error processing Instruction {index}: custom program error: {reason['Custom']:#x}"
        return f"Error processing Instruction {index}: {_words(reason)}"
    if isinstance(error, dict):
        name, detail = next(iter(error.items()))
        return f"{_words(name)} ({detail})"
    return _SENTENCES.get(str(error), _words(error))


_SENTENCES = {
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "InsufficientFundsForFee": "Insufficient funds for fee",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "SanitizeFailure": "Transaction failed to sanitize accounts offsets correctly",
}


def _words(name: object) -> str:
    """``InvalidAccountData`` → ``invalid account data``."""
    text = name if isinstance(name, str) else str(name)
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return spaced.strip()
