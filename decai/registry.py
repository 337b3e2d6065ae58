"""The registry of models: which version is current, what came before, and who published it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from decai.chain.actions import Action, Confirmation
from decai.chain.client import SYSTEM_PROGRAM
from decai.chain.layouts import content_id, plain
from decai.chain.pda import fixed_text, parse_address
from decai.errors import GovernanceError, ModelNotFound, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from decai.chain.reader import Records
    from decai.collective import Collective

__all__ = ["Published", "Registries", "Registry", "Version"]

NO_KEY = str(Pubkey.default())
_STATUS = {1: "live", 2: "yanked"}


@dataclass(frozen=True)
class Version:
    """One published version of a model.

    Attributes
    ----------
    address, registry : str
        Base58.
    number : int
        1 for the first.
    cid, training_data_cid : str
        The bundle and its training data; empty when none was named.
    accuracy : float or None
        Share of the evaluation set answered rightly, as published; None when not stated.
    parent : int
        The version that was current when this one was published; 0 for none.
    published_at : datetime
        UTC.
    slot : int
    publisher : str
        The wallet (or the DAO's authority) that published it.
    manifest_sha256, head_commitment : str
        Hexadecimal, 32 bytes each.
    status : str
        "live" or "yanked".
    note : str
    job : str or None
        The training job it came from, if any.
    """

    address: str
    registry: str
    number: int
    cid: str
    training_data_cid: str
    accuracy: float | None
    parent: int
    published_at: datetime
    slot: int
    publisher: str
    manifest_sha256: str
    head_commitment: str
    status: str
    note: str
    job: str | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Version:
        """From a decoded ``ModelVersion`` account."""
        return cls(
            address=row["address"],
            registry=row["registry"],
            number=row["number"],
            cid=row["content"],
            training_data_cid=row["training_data"],
            accuracy=row["accuracy_ppm"] / 1e6 if row["accuracy_ppm"] else None,
            parent=row["parent"],
            published_at=datetime.fromtimestamp(row["published_at"], UTC),
            slot=row["slot"],
            publisher=row["publisher"],
            manifest_sha256=row["manifest_sha256"],
            head_commitment=row["head_commitment"],
            status=_STATUS.get(row["status"], f"unknown ({row['status']})"),
            note=row["note"],
            job=None if row["job"] == NO_KEY else row["job"],
        )

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        return pd.DataFrame([self.__dict__])

    def _repr_html_(self) -> str:
        return str(self.to_frame().T.to_html(header=False))


@dataclass(frozen=True)
class Published:
    """What a publication left behind."""

    version: Version
    confirmation: Confirmation


class Registry:
    """One model's registry, as it was when read; :meth:`refresh` reads it again.

    Attributes
    ----------
    address, name, owner, creator : str
    pending_owner : str or None
        Whom the owner has offered the registry to.
    latest : int
        The newest version's number; 0 while nothing is published.
    current_number : int
        The version in use; 0 for none.
    created_at, updated_at : datetime
        UTC.
    """

    def __init__(self, collective: Collective, row: dict[str, Any]) -> None:
        self._collective = collective
        self._set(row)

    def _set(self, row: dict[str, Any]) -> None:
        self.address: str = row["address"]
        self.key = Pubkey.from_string(self.address)
        self.name: str = row["name"]
        self.owner: str = row["owner"]
        self.pending_owner: str | None = None if row["pending_owner"] == NO_KEY else row["pending_owner"]
        self.latest: int = row["latest"]
        self.current_number: int = row["current"]
        self.current_cid: str = row["current_cid"]
        self.training_data_cid: str = row["training_data_cid"]
        self.created_at = datetime.fromtimestamp(row["created_at"], UTC)
        self.updated_at = datetime.fromtimestamp(row["updated_at"], UTC)
        self._versions: list[Version] | None = None

    @classmethod
    def unmade(cls, collective: Collective, name: str) -> Registry:
        """The registry that ``create_registry_action`` of this name will make, to publish in the same transaction."""
        wallet = collective.signer()
        return cls(
            collective,
            {
                "address": str(collective.chain.pda.registry(wallet, name)), "name": name, "owner": str(wallet),
                "pending_owner": NO_KEY, "latest": 0, "current": 0, "current_cid": "", "training_data_cid": "",
                "created_at": 0, "updated_at": 0,
            },
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Registry({self.name!r}, {self.address}, current={self.current_number}, latest={self.latest})"

    def refresh(self) -> Registry:
        """Read the registry from the chain again."""
        self._set(self._collective.chain.fetch("ModelRegistry", self.key))
        return self

    # --- versions ----------------------------------------------------------------------------------------------

    @property
    def versions(self) -> list[Version]:
        """Every version, oldest first."""
        if self._versions is None:
            found = self._collective.chain.fetch_all("ModelVersion", registry=self.key)
            self._versions = sorted((Version.of(r) for r in found.plain()), key=lambda v: v.number)
        return self._versions

    @property
    def current(self) -> Version | None:
        """The version in use, or None while nothing is."""
        return self.version(self.current_number) if self.current_number else None

    def version(self, number: int) -> Version:
        """One version.

        Raises
        ------
        ModelNotFound
            There is no such version.
        """
        if self._versions is not None:
            for v in self._versions:
                if v.number == number:
                    return v
        row = None
        if 0 < number < 1 << 32:
            row = self._collective.chain.find("ModelVersion", self._collective.chain.pda.version(self.key, number))
        if row is None:
            known = f"versions 1 to {self.latest} exist" if self.latest else "nothing is published in it yet"
            raise ModelNotFound(f"{self.name} has no version {number}.", hint=f"In this registry, {known}.")
        return Version.of(row)

    def at(self, when: datetime) -> Version:
        """The version that was in use at a moment, from the transactions that changed it.

        Parameters
        ----------
        when : datetime
            Naive times are taken as UTC.

        Raises
        ------
        ModelNotFound
            Nothing was in use yet.
        """
        moment = when if when.tzinfo else when.replace(tzinfo=UTC)
        number = 0
        for change in self._collective.explorer.current_changes(self.key):
            if change.at is not None and change.at > moment:
                break
            number = change.version
        if not number:
            raise ModelNotFound(
                f"{self.name} had no version in use at {moment:%Y-%m-%d %H:%M:%S} UTC.",
                hint=f"The registry was made at {self.created_at:%Y-%m-%d %H:%M:%S} UTC.",
            )
        return self.version(number)

    def resolve(self, which: str | int | None = None) -> Version:
        """A version by number, date (ISO 8601) or, for None, the current one.

        Raises
        ------
        ModelNotFound, SettingsError
        """
        if which is None or which == "":
            current = self.current
            if current is None:
                raise ModelNotFound(f"{self.name} has no version in use.", hint="Publish one: `decai publish FOLDER`.")
            return current
        text = str(which).removeprefix("v")
        if text.isdigit():
            return self.version(int(text))
        try:
            return self.at(datetime.fromisoformat(text))
        except ValueError:
            raise SettingsError(
                f"{which!r} is neither a version number nor a date.", hint="Write 3, or 2026-11-23T12:00."
            ) from None

    def to_frame(self) -> pd.DataFrame:
        """The versions, one row each; ``current`` marks the one in use."""
        import pandas as pd

        columns = list(Version.__dataclass_fields__)
        frame = pd.DataFrame([v.__dict__ for v in self.versions], columns=columns)
        return frame.assign(current=frame["number"] == self.current_number)

    def _repr_html_(self) -> str:
        shown = self.to_frame()[["number", "cid", "accuracy", "parent", "published_at", "status", "note"]]
        return f"<b>{escape(self.name)}</b> <code>{escape(self.address)}</code>{shown.to_html(index=False)}"

    # --- writing -----------------------------------------------------------------------------------------------

    def publish_action(
        self,
        *,
        cid: str,
        manifest_sha256: bytes,
        head_commitment: bytes = bytes(32),
        training_data_cid: str = "",
        accuracy: float | None = None,
        note: str = "",
        make_current: bool = True,
    ) -> Action:
        """The transaction that publishes a bundle which is stored already.

        Parameters
        ----------
        cid : str
            The bundle.
        manifest_sha256, head_commitment : bytes, 32 each
            Of ``manifest.json``, and of the integer head (zeros for a model without one).
        accuracy : float, optional
            0 to 1.
        note : str
            At most 64 bytes.
        """
        wallet = self._collective.signer()
        if str(wallet) != self.owner:
            raise GovernanceError(
                f"Only the owner of {self.name} ({self.owner}) can publish in it; this wallet is {wallet}.",
                hint="If a DAO owns it, propose the change: `decai propose`.",
            )
        chain = self._collective.chain
        number = self.latest + 1
        version = chain.pda.version(self.key, number)
        instruction = chain.instruction(
            "model_manager",
            "publish_version",
            {
                "content": content_id(cid),
                "training_data": content_id(training_data_cid),
                "manifest_sha256": manifest_sha256,
                "head_commitment": head_commitment,
                "accuracy_ppm": 0 if accuracy is None else round(accuracy * 1e6),
                "job": Pubkey.default(),
                "note": fixed_text(note, 64, "note"),
                "make_current": make_current,
            },
            {"payer": wallet, "owner": wallet, "registry": self.key, "version": version,
             "system_program": SYSTEM_PROGRAM},
        )  # fmt: skip
        return Action(f"Publish version {number} of {self.name}", (instruction,), wallet, accounts={"version": version})

    def publish(
        self,
        bundle: Path,
        *,
        note: str = "",
        make_current: bool = True,
        progress: Callable[[str], None] | None = None,
    ) -> Published:
        """Check a bundle, store and pin it, then name it on chain as the next version.

        Nothing is written on chain before every byte is stored and checked; if the chain refuses, the pin is dropped.

        Parameters
        ----------
        bundle : Path
            A folder with ``manifest.json``.
        note : str
            At most 64 bytes.
        make_current : bool
            Whether the version is used from now on.
        progress : callable, optional
            Called with what is being done.

        Raises
        ------
        InvalidBundle, StorageError, GovernanceError, TransactionFailed
        """
        return self._publish(bundle, note, make_current, progress)

    def publish_first(
        self,
        creation: Action,
        bundle: Path,
        *,
        note: str = "",
        make_current: bool = True,
        progress: Callable[[str], None] | None = None,
    ) -> Published:
        """As :meth:`publish`, into a registry that one and the same transaction makes: both or neither.

        Parameters
        ----------
        creation : Action
            Makes this registry.
        """
        return self._publish(bundle, note, make_current, progress, creation.instructions)

    def _publish(
        self,
        bundle: Path,
        note: str,
        make_current: bool,
        progress: Callable[[str], None] | None,
        ahead: tuple[Instruction, ...] = (),
    ) -> Published:
        from decai.models import load_bundle

        say = progress or (lambda _: None)
        say("checking the bundle")
        loaded = load_bundle(bundle)
        manifest = loaded.manifest
        fixed_text(note, 64, "note")
        say("storing the blocks")
        store = self._collective.store
        cid = store.publish(loaded.path)
        was_pinned = cid in {v.cid for v in self.versions}
        say("publishing on chain")
        try:
            action = self.publish_action(
                cid=cid,
                manifest_sha256=bytes.fromhex(loaded.manifest_sha256),
                head_commitment=loaded.commitment,
                training_data_cid=(manifest.training_set.cid or "") if manifest.training_set else "",
                accuracy=manifest.metrics.accuracy_ppm / 1e6 if manifest.metrics else None,
                note=note,
                make_current=make_current,
            )
            confirmation = self._collective.act(replace(action, instructions=(*ahead, *action.instructions)))
        except Exception as e:
            from decai.errors import TransactionUnknown

            if not was_pinned and not isinstance(e, TransactionUnknown):
                store.unpin(cid)
            raise
        number = self.latest + 1
        self.refresh()
        return Published(self.version(number), confirmation)

    def set_current(self, number: int) -> Confirmation:
        """Use another version from now on; only the owner can."""
        return self._done(self.set_current_action(number))

    def set_current_action(self, number: int) -> Action:
        """The transaction behind :meth:`set_current`."""
        version = self.version(number)
        wallet = self._collective.signer()
        instruction = self._collective.chain.instruction(
            "model_manager",
            "set_current",
            {},
            {"owner": wallet, "registry": self.key, "version": Pubkey.from_string(version.address)},
        )
        return Action(f"Use version {number} of {self.name}", (instruction,), wallet)

    def yank(self, number: int) -> Confirmation:
        """Mark a version as not to be used; never the current one; only the owner can."""
        version = self.version(number)
        wallet = self._collective.signer()
        instruction = self._collective.chain.instruction(
            "model_manager", "yank_version", {},
            {"owner": wallet, "registry": self.key, "version": Pubkey.from_string(version.address)},
        )  # fmt: skip
        return self._done(Action(f"Yank version {number} of {self.name}", (instruction,), wallet))

    def offer(self, new_owner: str | Pubkey) -> Confirmation:
        """Offer the registry to another owner, who has to accept; only the owner can."""
        return self._done(self.offer_action(new_owner))

    def offer_action(self, new_owner: str | Pubkey) -> Action:
        """The transaction behind :meth:`offer`."""
        wallet = self._collective.signer()
        to = parse_address(new_owner)
        instruction = self._collective.chain.instruction(
            "model_manager", "offer_owner", {"new_owner": to}, {"owner": wallet, "registry": self.key}
        )
        return Action(f"Offer {self.name} to {to}", (instruction,), wallet)

    def _done(self, action: Action) -> Confirmation:
        confirmation = self._collective.act(action)
        self.refresh()
        return confirmation


class Registries(Sequence[Registry]):
    """The registries on a chain, oldest first. Rows stay packed until one is asked for.

    Parameters
    ----------
    collective : Collective
    records : Records
        ``ModelRegistry`` accounts.
    """

    def __init__(self, collective: Collective, records: Records) -> None:
        import numpy as np

        order = np.lexsort((np.array(records.addresses), records.rows["created_at"]))
        self._collective = collective
        self._addresses = [records.addresses[n] for n in order]
        self._rows = records.rows[order]

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        return Registry(self._collective, {"address": self._addresses[index], **plain(self._rows[index])})

    def to_frame(self) -> pd.DataFrame:
        """One row a registry."""
        return registries_frame(self._addresses, self._rows)

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))


def registries_frame(addresses: Sequence[str], rows: Any) -> pd.DataFrame:
    """Registry accounts, packed as on chain, as a table: the bulk path, a column at a time.

    Parameters
    ----------
    addresses : sequence of str, length n
    rows : structured array, shape (n,)
        ``ModelRegistry`` accounts.

    Returns
    -------
    DataFrame
        The columns of :meth:`Registries.to_frame`.
    """
    import pandas as pd

    from decai.chain.columns import cid_column, key_column, text_column

    return pd.DataFrame(
        {
            "address": addresses,
            "name": text_column(rows["name"]),
            "owner": key_column(rows["owner"]),
            "latest": rows["latest"],
            "current": rows["current"],
            "current_cid": cid_column(rows["current_cid"]),
            "created_at": pd.to_datetime(rows["created_at"], unit="s", utc=True),
            "updated_at": pd.to_datetime(rows["updated_at"], unit="s", utc=True),
        }
    )
