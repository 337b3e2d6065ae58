"""DecAI: a community owns its AI models in the open.

:func:`connect` gives a :class:`Collective`, which holds a chain, a content store and a wallet::

    import decai

    with decai.connect() as collective:
        answer = collective.infer("Honestly the best update so far.")
        print(answer.prediction.label, collective.verify(answer.receipt).status)

Importing this costs next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from decai.chain import Action, Confirmation, LocalWallet, Wallet
    from decai.collective import Collective, connect
    from decai.config import Settings
    from decai.errors import DecAIError
    from decai.governance import Governance, Member, Policy, Proposal
    from decai.inference import Inference, Verification
    from decai.lineage import Lineage, lineage_of
    from decai.market import Job, Record
    from decai.models import Receipt
    from decai.network import Network
    from decai.registry import Registry, Version
    from decai.storage import Store

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Collective",
    "Confirmation",
    "DecAIError",
    "Governance",
    "Inference",
    "Job",
    "Lineage",
    "LocalWallet",
    "Member",
    "Network",
    "Policy",
    "Proposal",
    "Receipt",
    "Record",
    "Registry",
    "Settings",
    "Store",
    "Verification",
    "Version",
    "Wallet",
    "connect",
    "lineage_of",
]

_HOMES: Final = {
    "chain": ("Action", "Confirmation", "LocalWallet", "Wallet"),
    "collective": ("Collective", "connect"),
    "config": ("Settings",),
    "errors": ("DecAIError",),
    "governance": ("Governance", "Member", "Policy", "Proposal"),
    "inference": ("Inference", "Verification"),
    "lineage": ("Lineage", "lineage_of"),
    "market": ("Job", "Record"),
    "models": ("Receipt",),
    "network": ("Network",),
    "registry": ("Registry", "Version"),
    "storage": ("Store",),
}
_HOME_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
