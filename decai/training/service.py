"""Training as the collective sees it: sets by name, what a job is to train, recomputing a result."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from decai.errors import TrainingError
from decai.market.jobs import Job
from decai.training.task import TaskSpec

if TYPE_CHECKING:
    from decai.chain import Confirmation
    from decai.collective import Collective
    from decai.registry import Version

__all__ = ["Review", "SetInfo", "TrainingService"]


@dataclass(frozen=True)
class SetInfo:
    """A registered set.

    Attributes
    ----------
    address, cid : str
    kind : str
        "train" or "eval".
    name, source, licence : str
        From its ``set.json``.
    rows : int
    """

    address: str
    cid: str
    kind: str
    name: str
    source: str
    licence: str
    rows: int


@dataclass(frozen=True)
class Review:
    """What recomputing a submitted record gave.

    Attributes
    ----------
    w_after : bytes
        Commitment of the head that this machine computed.
    agrees : bool
        Whether commitment, counts and bundle are as submitted.
    reason : str
        What differs, in words.
    """

    w_after: bytes
    agrees: bool
    reason: str


class TrainingService:
    """Sets and results, for one collective."""

    def __init__(self, collective: Collective) -> None:
        self._collective = collective

    # --- sets --------------------------------------------------------------------------------------------------

    def register(self, folder: Path) -> SetInfo:
        """Store a set's folder and register it; harmless when it is registered already."""
        from decai.training.sets import ChunkedSet

        chunked = ChunkedSet.load(folder)
        cid = self._collective.store.publish(folder)
        address = self._collective.market.register_set(cid, chunked)
        return SetInfo(str(address), cid, chunked.kind, chunked.name, chunked.source, chunked.licence, chunked.rows)

    def register_sets_of(self, version: Version) -> tuple[SetInfo, SetInfo]:
        """Register the training and evaluation sets that a version's manifest names.

        Raises
        ------
        TrainingError
            The manifest names none.
        """
        manifest = self._bundle(version.cid).manifest
        if not (manifest.training_set and manifest.training_set.cid and manifest.evaluation_set
                and manifest.evaluation_set.cid):  # fmt: skip
            raise TrainingError(
                f"Version {version.number} names no training and evaluation sets.",
                hint="Register sets of your own: `decai sets add FOLDER`.",
            )
        train = self.register(self._folder(manifest.training_set.cid))
        return train, self.register(self._folder(manifest.evaluation_set.cid))

    def sets(self, kind: str | None = None) -> list[SetInfo]:
        """Every registered set whose bytes can be had, with its name."""
        import json

        found = []
        for row in self._collective.market.sets():
            named = {1: "train", 2: "eval"}.get(row["kind"], "unknown")
            if kind not in (None, named):
                continue
            described = json.loads(self._collective.store.read(row["content"], "set.json"))
            found.append(
                SetInfo(row["address"], row["content"], named, described["name"], described["source"],
                        described["licence"], row["n"])
            )  # fmt: skip
        return found

    def find_set(self, which: str, kind: str) -> SetInfo:
        """A registered set by name or address.

        Raises
        ------
        TrainingError
            There is none of that kind.
        """
        known = self.sets(kind)
        for s in known:
            if which in (s.name, s.address):
                return s
        names = ", ".join(s.name for s in known) or "none"
        raise TrainingError(
            f"There is no registered {kind} set {which!r} (registered: {names}).",
            hint="Register one: `decai sets add FOLDER`.",
        )

    def eval_set_for(self, version: Version) -> SetInfo:
        """The evaluation set that a version is judged by, so that versions can be compared."""
        reference = self._bundle(version.cid).manifest.evaluation_set
        for s in self.sets("eval"):
            if reference is not None and s.cid == reference.cid:
                return s
        raise TrainingError(
            f"The evaluation set of version {version.number} isn't registered.",
            hint="Register it: `decai sets add FOLDER`, or name another with --eval-set.",
        )

    # --- jobs --------------------------------------------------------------------------------------------------

    def spec(self, job: Job, out: Path, *, region: str, pue: float) -> TaskSpec:
        """Fetch what a job trains on, every block checked, and describe the task."""
        base = self._collective.registry_at(job.registry).version(job.base_version)
        if base.head_commitment != job.base_commitment:
            raise TrainingError(f"Version {base.number} isn't the one that job {job.address} starts from.")
        market = self._collective.market
        train_cid, eval_cid = market.set_cid(job.train_set), market.set_cid(job.eval_set)
        return TaskSpec(
            base=str(self._folder(base.cid)),
            train_set=str(self._folder(train_cid)),
            eval_set=str(self._folder(eval_cid)),
            parent_version=base.number,
            parent_cid=base.cid,
            train_set_cid=train_cid,
            eval_set_cid=eval_cid,
            out=str(out),
            region=region,
            pue=pue,
        )

    def review(self, job: Job) -> Review:
        """Recompute a submitted result from the job's own sets and base, and compare.

        Raises
        ------
        TrainingError
            Nothing was submitted.
        """
        from decai.models import load_bundle
        from decai.proofs import field_bytes, weights_commitment
        from decai.training.sets import ChunkedSet

        record = self._collective.market.record(job.address)
        if record is None:
            raise TrainingError(f"Nothing was submitted for job {job.address}.", hint="Wait for its provider.")
        work = Path(tempfile.mkdtemp(prefix="decai-review-"))
        try:
            spec = self.spec(job, work / "unused", region="WORLD", pue=1.0)
            train_set, eval_set = ChunkedSet.load(Path(spec.train_set)), ChunkedSet.load(Path(spec.eval_set))
            self._check_registered(job.train_set, train_set)
            self._check_registered(job.eval_set, eval_set)
            base = load_bundle(Path(spec.base))
            head = base.weights
            for trained in train_set.train(base.weights):
                head = trained
            weights = [int(w) for w in head]
            w_after = field_bytes(weights_commitment(weights))
            counts = (eval_set.evaluate(base.weights).total, eval_set.evaluate(head).total)
            submitted = self._bundle(record.model_cid)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        reason = ""
        if w_after.hex() != record.w_after:
            reason = "the weights differ"
        elif counts != (record.correct_before, record.correct_after):
            reason = f"the counts differ: {counts} here, ({record.correct_before}, {record.correct_after}) submitted"
        elif submitted.manifest_sha256 != record.manifest_sha256:
            reason = "the stored bundle isn't the one submitted"
        elif [int(w) for w in submitted.weights] != weights:
            reason = "the stored bundle holds other weights"
        return Review(w_after, not reason, reason or "weights, counts and bundle agree")

    def attest(self, job: Job) -> Confirmation:
        """Recompute a submitted result and, only if it agrees, say so on chain.

        Raises
        ------
        TrainingError
            It doesn't agree.
        """
        found = self.review(job)
        if not found.agrees:
            raise TrainingError(
                f"The record of job {job.address} doesn't hold: {found.reason}.", hint="Don't attest it; tell members."
            )
        return self._collective.market.attest(job, found.w_after)

    # --- parts -------------------------------------------------------------------------------------------------

    def _check_registered(self, address: str, chunked: Any) -> None:
        row = self._collective.chain.fetch("ChunkedSet", Pubkey.from_string(address))
        roots = tuple(bytes.fromhex(r) for r in row["roots"][: row["chunks"]])
        if roots != chunked.roots:
            raise TrainingError(f"The stored set at {address} doesn't have the registered roots.")

    def _folder(self, cid: str) -> Path:
        store = self._collective.store
        store.fetch(cid)
        return Path(store.path(cid))

    def _bundle(self, cid: str) -> Any:
        from decai.models import load_bundle

        return load_bundle(self._folder(cid))
