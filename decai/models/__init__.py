"""Models: bundles, sessions, inference and receipts.

Importing this costs nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decai.models.bundle import Bundle, build_bundle, bundle_from_files, derive_bundle, load_bundle
    from decai.models.first import FIRST_MODEL_NAME, FirstModel, first_model
    from decai.models.manifest import Card, Footprint, Manifest, Metrics, Parent, SetReference, Training
    from decai.models.receipts import BatchPath, Receipt, compare, merkle_paths, merkle_root
    from decai.models.session import Prediction, Runtime, Session, close_sessions, open_session

__all__ = [
    "FIRST_MODEL_NAME",
    "BatchPath",
    "Bundle",
    "Card",
    "FirstModel",
    "Footprint",
    "Manifest",
    "Metrics",
    "Parent",
    "Prediction",
    "Receipt",
    "Runtime",
    "Session",
    "SetReference",
    "Training",
    "build_bundle",
    "bundle_from_files",
    "close_sessions",
    "compare",
    "derive_bundle",
    "first_model",
    "load_bundle",
    "merkle_paths",
    "merkle_root",
    "open_session",
]

_HOMES = {
    "bundle": ("Bundle", "build_bundle", "bundle_from_files", "derive_bundle", "load_bundle"),
    "first": ("FIRST_MODEL_NAME", "FirstModel", "first_model"),
    "manifest": ("Card", "Footprint", "Manifest", "Metrics", "Parent", "SetReference", "Training"),
    "receipts": ("BatchPath", "Receipt", "compare", "merkle_paths", "merkle_root"),
    "session": ("Prediction", "Runtime", "Session", "close_sessions", "open_session"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
