"""Where a version comes from: back through record, job and votes to the proposal, and forward to its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solders.pubkey import Pubkey

from decai.governance.types import Proposal
from decai.market.jobs import Job, Record

if TYPE_CHECKING:
    from decai.collective import Collective
    from decai.registry import Version

__all__ = ["Lineage", "lineage_of"]


@dataclass(frozen=True)
class Lineage:
    """A version and what it came from, as far as the chain knows.

    Attributes
    ----------
    version : Version
    parent : Version or None
    record : Record or None
    job : Job or None
    proposal : Proposal or None
        None for a version that was published by hand.
    """

    version: Version
    parent: Version | None
    record: Record | None
    job: Job | None
    proposal: Proposal | None

    @property
    def addresses(self) -> list[str]:
        """The accounts from the version back to the proposal."""
        parts = (self.version, self.record, self.job, self.proposal)
        return [p.address for p in parts if p is not None]

    @property
    def cost_lamports(self) -> int:
        """What the provider was paid."""
        return self.record.reward_lamports if self.record else 0


def lineage_of(collective: Collective, version: Version) -> Lineage:
    """Follow a version back."""
    registry = collective.registry_at(version.registry)
    parent = registry.version(version.parent) if version.parent else None
    if version.job is None:
        return Lineage(version, parent, None, None, None)
    job = collective.market.job(version.job)
    proposal = Proposal.of(collective.chain.fetch("Proposal", Pubkey.from_string(job.proposal)))
    return Lineage(version, parent, collective.market.record(job.address), job, proposal)
