"""The collective's decisions: membership, stake, proposals, votes, execution."""

from decai.governance.actions import TOKEN_DECIMALS, DaoActions
from decai.governance.service import Governance
from decai.governance.types import Dao, Member, Policy, Proposal, Proposals

__all__ = ["TOKEN_DECIMALS", "Dao", "DaoActions", "Governance", "Member", "Policy", "Proposal", "Proposals"]
