"""Every error DecAI raises, in one tree.

An error says what happened, to which thing, and (``hint``) what to do next::

    DecAIError
    ├── SettingsError (ValueError)            a setting or argument can't be used
    ├── NetworkError                          the chain side
    │   ├── RpcUnreachable (ConnectionError)  nothing answers at the RPC URL
    │   ├── WrongCluster                      the URL answers, but our programs aren't there / another genesis
    │   ├── AccountNotFound (LookupError)     no such account on chain
    │   ├── AccountMismatch (ValueError)      an account of another type, program or layout
    │   ├── InsufficientFunds                 the wallet can't pay
    │   ├── TransactionFailed                 the program refused (``code``, ``name``, ``logs``)
    │   ├── TransactionExpired                the blockhash ran out: certainly not executed
    │   └── TransactionUnknown (TimeoutError) sent, never confirmed or refused in time (``signature``)
    ├── WalletError                           the wallet refused, is missing or returned something else
    │   └── WalletRefused                     the person said no
    ├── NodeError                             the embedded node can't start or serve
    │   ├── PortInUse (OSError)
    │   ├── HomeInUse                         another DecAI process holds this home
    │   └── HomeNewer                         written by a newer DecAI than this one
    ├── StorageError
    │   ├── InvalidCID (ValueError)
    │   ├── BlockNotFound (LookupError)       no source could serve a block
    │   ├── PathNotFound (LookupError)        a directory has no such name
    │   ├── FetchCancelled                    stopped on request; what arrived stays
    │   ├── SourceUnavailable                 a source can't be reached or doesn't work
    │   ├── IntegrityError (ValueError)       bytes don't match their hash
    │   └── QuotaExceeded
    ├── ModelError
    │   ├── ModelNotFound (LookupError)
    │   ├── InvalidBundle (ValueError)        not a bundle: what is missing or wrong
    │   └── InvalidInput (ValueError)         the text can't be used
    ├── ReceiptError (ValueError)             not a receipt, or one that contradicts itself
    ├── GovernanceError
    ├── MarketError
    ├── TrainingError
    └── EnergyError
"""

from __future__ import annotations


class DecAIError(Exception):
    """Base of all DecAI errors.

    Parameters
    ----------
    message : str
        What happened, and to which thing.
    hint : str, optional
        What to do next, as a full sentence.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class SettingsError(DecAIError, ValueError):
    """A setting or argument can't be used."""


class NetworkError(DecAIError):
    """Something on the chain side went wrong."""


class RpcUnreachable(NetworkError, ConnectionError):
    """Nothing answers at the RPC URL."""


class WrongCluster(NetworkError):
    """The URL answers, but it is another cluster than expected, or lacks our programs."""


class AccountNotFound(NetworkError, LookupError):
    """No such account on chain."""


class AccountMismatch(NetworkError, ValueError):
    """An account of another type, program or layout than asked for."""


class InsufficientFunds(NetworkError):
    """The wallet can't pay for the transaction."""


class TransactionFailed(NetworkError):
    """A program refused the transaction; nothing changed but the fee.

    Attributes
    ----------
    code : int or None
        The program's custom error number.
    name : str or None
        The error's name in the program's IDL.
    logs : tuple of str
        The program log, as far as the node gave it.
    signature : str or None
        Set when the failed transaction is on chain.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: int | None = None,
        name: str | None = None,
        logs: tuple[str, ...] = (),
        signature: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.name = name
        self.logs = logs
        self.signature = signature


class TransactionExpired(NetworkError):
    """The transaction's blockhash ran out before it was confirmed: it was not and will not be executed."""


class TransactionUnknown(NetworkError, TimeoutError):
    """Sent, but neither confirmed nor refused in time. Ask again with ``signature``; never send it twice."""

    def __init__(self, message: str, *, signature: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.signature = signature


class WalletError(DecAIError):
    """A wallet is missing, unreadable, or returned something other than what it was asked to sign."""


class WalletRefused(WalletError):
    """The person declined in their wallet."""


class NodeError(DecAIError):
    """The embedded node can't start or serve."""


class PortInUse(NodeError, OSError):
    """Another program listens on the port."""


class HomeInUse(NodeError):
    """Another DecAI process holds this home directory."""


class HomeNewer(NodeError):
    """The home was written by a newer DecAI."""


class StorageError(DecAIError):
    """The content store or one of its sources failed."""


class InvalidCID(StorageError, ValueError):
    """Not a CID, or one of a kind that can't be used here."""


class BlockNotFound(StorageError, LookupError):
    """No source could serve a block."""


class PathNotFound(StorageError, LookupError):
    """A directory in the store has no such name, or the path goes through a file."""


class FetchCancelled(StorageError):
    """The fetch was stopped on request; the blocks that arrived stay."""


class SourceUnavailable(StorageError):
    """A source of blocks can't be reached or doesn't work; the message says why."""


class IntegrityError(StorageError, ValueError):
    """Bytes don't match the hash that names them."""


class QuotaExceeded(StorageError):
    """The store's quota would be exceeded."""


class ModelError(DecAIError):
    """A model can't be used."""


class ModelNotFound(ModelError, LookupError):
    """No such model or version."""


class InvalidBundle(ModelError, ValueError):
    """Not a model bundle: says which file is missing or wrong."""


class InvalidInput(ModelError, ValueError):
    """The text can't be given to the model."""


class ReceiptError(DecAIError, ValueError):
    """Not a receipt, or one that contradicts itself."""


class GovernanceError(DecAIError):
    """A governance step isn't possible now, and why."""


class MarketError(DecAIError):
    """No usable offer, or a market refused."""


class TrainingError(DecAIError):
    """A training job can't run or its result doesn't hold."""


class EnergyError(DecAIError):
    """Energy can't be metered or a record can't be read."""
