"""What members do together: one object for one DAO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from decai.chain import Action, Confirmation, parse_address
from decai.errors import AccountNotFound, GovernanceError
from decai.governance.actions import DaoActions, associated_token, sol, tokens
from decai.governance.types import NO_KEY, Dao, Member, Policy, Proposal, Proposals

if TYPE_CHECKING:
    from decai.collective import Collective
    from decai.registry import Registry

__all__ = ["Governance"]


class Governance:
    """A DAO's members, proposals and votes. Actions are signed by the collective's wallet.

    Parameters
    ----------
    collective : Collective
    dao : Pubkey or str
        The DAO's address.
    """

    def __init__(self, collective: Collective, dao: Pubkey | str) -> None:
        self._collective = collective
        self.chain = collective.chain
        self.address = parse_address(dao)

    def __repr__(self) -> str:
        return f"Governance({self.address})"

    @property
    def actions(self) -> DaoActions:
        """Builds actions for this collective's wallet without sending them."""
        return DaoActions(self.chain, self.address, self._collective.signer())

    def _do(self, action: Action) -> Confirmation:
        return self._collective.act(action)

    # --- founding ----------------------------------------------------------------------------------------------

    @classmethod
    def found(
        cls,
        collective: Collective,
        name: str,
        *,
        distribution: Mapping[str, int],
        policy: Policy | None = None,
        registry: Registry | None = None,
        treasury_lamports: int = 0,
    ) -> Governance:
        """Create a collective: token, founding distribution, registry, treasury. Each step that is done is skipped.

        Parameters
        ----------
        name : str
            At most 32 bytes.
        distribution : mapping
            Wallet address → voting tokens, in millionths.
        policy : Policy, optional
        registry : Registry, optional
            Taken over; this wallet must own it.
        treasury_lamports : int
            Moved from this wallet into the treasury.

        Raises
        ------
        GovernanceError
            The distribution is empty.
        TransactionFailed
        """
        if not distribution or any(v <= 0 for v in distribution.values()):
            raise GovernanceError(
                "The founding distribution is empty or holds a share of zero.", hint="Name a wallet and its tokens."
            )
        holders = {parse_address(k): v for k, v in distribution.items()}
        wallet = collective.signer()
        address = collective.chain.pda.dao(wallet, name)
        found = cls(collective, address)
        actions = DaoActions(collective.chain, address, wallet)
        if collective.chain.find("Dao", address) is None:
            supply = sum(holders.values())
            collective.act(actions.create_dao(name, founding_supply=supply, policy=policy or Policy()))
        for holder, amount in holders.items():
            held = collective.chain.token_balance(associated_token(holder, actions.mint))
            deposited = found.member(holder)
            if held == 0 and (deposited is None or deposited.deposited == 0):
                collective.act(actions.distribute(holder, amount))
        if registry is not None and registry.owner != str(actions.authority):
            if registry.pending_owner != str(actions.authority):
                collective.act(registry.offer_action(actions.authority))
            collective.act(actions.adopt_registry(registry.key))
            registry.refresh()
        if treasury_lamports and found.treasury_lamports() == 0:
            collective.act(actions.fund_treasury(treasury_lamports))
        if collective.chain.raw_account(collective.chain.pda.leaderboard(address)) is None:
            collective.market.create_leaderboard(address)
        return found

    # --- reading -----------------------------------------------------------------------------------------------

    def dao(self) -> Dao:
        """The DAO as it is now."""
        row = self.chain.fetch("Dao", self.address)
        pda = self.chain.pda
        mint = self.chain.raw_account(pda.of_dao("mint", self.address))
        guardian = None if row["guardian"] == NO_KEY else row["guardian"]
        return Dao(
            address=row["address"],
            name=row["name"],
            creator=row["creator"],
            mint=row["mint"],
            authority=str(pda.of_dao("authority", self.address)),
            vault=str(pda.of_dao("vault", self.address)),
            treasury=str(pda.of_dao("treasury", self.address)),
            deposits=str(pda.of_dao("deposits", self.address)),
            policy=Policy.of(row["policy"]),
            guardian=guardian,
            guardian_until=None if guardian is None else datetime.fromtimestamp(row["guardian_expires_at"], UTC),
            proposal_count=row["proposal_count"],
            supply=0 if mint is None else int.from_bytes(mint[36:44], "little"),
            treasury_lamports=self.treasury_lamports(),
            staked_lamports=row["staked"],
            deposited=row["deposited"],
            spent_lamports=row["spent"],
            created_at=datetime.fromtimestamp(row["created_at"], UTC),
        )

    def treasury_lamports(self) -> int:
        """What may be spent: the treasury's balance above its rent."""
        balance = self.chain.balance(self.chain.pda.of_dao("treasury", self.address))
        return max(0, balance - self.chain.rent(0))

    def member(self, wallet: Pubkey | str | None = None) -> Member | None:
        """A member by wallet (by default this collective's), or None."""
        key = self._collective.signer() if wallet is None else parse_address(wallet)
        row = self.chain.find("Member", self.chain.pda.member(self.address, key))
        return None if row is None else Member.of(row)

    def members(self) -> list[Member]:
        """Every member."""
        return [Member.of(r) for r in self.chain.fetch_all("Member", dao=self.address).plain()]

    def token_balance(self, wallet: Pubkey | str | None = None) -> int:
        """Voting tokens in a wallet, not deposited, in millionths."""
        key = self._collective.signer() if wallet is None else parse_address(wallet)
        return self.chain.token_balance(associated_token(key, self.chain.pda.of_dao("mint", self.address)))

    def proposals(self) -> Proposals:
        """Every proposal, newest first."""
        return Proposals([Proposal.of(r) for r in self.chain.fetch_all("Proposal", dao=self.address).plain()])

    def proposal(self, number: int) -> Proposal:
        """One proposal.

        Raises
        ------
        GovernanceError
            There is none of that number.
        """
        try:
            return Proposal.of(self.chain.fetch("Proposal", self.chain.pda.proposal(self.address, number)))
        except (AccountNotFound, OverflowError):
            raise GovernanceError(f"There is no proposal {number}.", hint="See `decai proposals`.") from None

    def my_vote(self, proposal: Proposal, wallet: Pubkey | str | None = None) -> tuple[str, int] | None:
        """How a wallet voted ("for", …) and with what weight, or None."""
        key = self._collective.signer() if wallet is None else parse_address(wallet)
        member = self.chain.pda.member(self.address, key)
        row = self.chain.find("VoteRecord", self.chain.pda.vote(Pubkey.from_string(proposal.address), member))
        if row is None:
            return None
        return {1: "for", 2: "against", 3: "abstain"}[row["choice"]], row["weight"]

    def registries(self) -> list[Registry]:
        """The registries that this DAO owns."""
        authority = str(self.chain.pda.of_dao("authority", self.address))
        return [r for r in self._collective.registries() if r.owner == authority]

    # --- membership --------------------------------------------------------------------------------------------

    def join(self) -> Member:
        """Become a member; harmless when this wallet is one already."""
        if self.member() is None:
            self._do(self.actions.join())
        member = self.member()
        assert member is not None
        return member

    def stake(self, lamports: int) -> Confirmation:
        """Stake SOL, joining first if needed."""
        self._positive(lamports)
        self.join()
        return self._do(self.actions.stake(lamports))

    def unstake(self, lamports: int) -> Confirmation:
        """Take stake back."""
        self._positive(lamports)
        return self._do(self.actions.unstake(lamports))

    def deposit(self, amount: int) -> Confirmation:
        """Deposit voting tokens (millionths), joining first if needed."""
        self._positive(amount)
        held = self.token_balance()
        if held < amount:
            raise GovernanceError(
                f"The wallet holds {tokens(held)} voting tokens; {tokens(amount)} can't be deposited.",
                hint="Deposit less, or get tokens from the collective's members.",
            )
        self.join()
        return self._do(self.actions.deposit(amount))

    def withdraw(self, amount: int) -> Confirmation:
        """Take voting tokens back (millionths)."""
        self._positive(amount)
        return self._do(self.actions.withdraw(amount))

    def set_delegate(self, delegate: Pubkey | str | None) -> Confirmation:
        """Let another wallet vote for this member, too; None for nobody. Joins first if needed."""
        self.join()
        return self._do(self.actions.set_delegate(parse_address(delegate) if delegate else None))

    def give(self, to: Pubkey | str, amount: int) -> Confirmation:
        """Give voting tokens (millionths) that aren't deposited to another wallet."""
        self._positive(amount)
        held = self.token_balance()
        if held < amount:
            raise GovernanceError(
                f"The wallet holds {tokens(held)} voting tokens; {tokens(amount)} can't be given.",
                hint="Give less, or withdraw deposited tokens first.",
            )
        return self._do(self.actions.give(parse_address(to), amount))

    def fund_treasury(self, lamports: int) -> Confirmation:
        """Give SOL to the collective."""
        self._positive(lamports)
        return self._do(self.actions.fund_treasury(lamports))

    @staticmethod
    def _positive(amount: int) -> None:
        if amount <= 0:
            raise GovernanceError("The amount must be more than zero.", hint="Give a positive amount.")

    # --- proposals ---------------------------------------------------------------------------------------------

    def propose_train(
        self,
        target: str,
        *,
        budget: int,
        train_set: Pubkey | str,
        eval_set: Pubkey | str,
        description: str,
        registry: Registry | None = None,
        base_version: int | None = None,
        work_period: int = 3600,
        prove_period: int = 3600,
    ) -> Proposal:
        """Propose to train the model further.

        Parameters
        ----------
        target : str
            What is to get better, at most 32 bytes: "sentiment".
        budget : int
            Lamports, the most that it may cost.
        train_set, eval_set : address
            Registered sets.
        description : str
            At most 160 bytes.
        registry : Registry, optional
            By default the DAO's only one.
        base_version : int, optional
            By default the current version.
        work_period, prove_period : int
            Seconds for the work, and for the proof.

        Raises
        ------
        GovernanceError, TransactionFailed
        """
        used = registry or self._only_registry()
        action = self.train_action(
            target, budget=budget, train_set=train_set, eval_set=eval_set, description=description, registry=used,
            base_version=base_version, work_period=work_period, prove_period=prove_period,
        )  # fmt: skip
        return self._proposed(action)

    def train_action(
        self,
        target: str,
        *,
        budget: int,
        train_set: Pubkey | str,
        eval_set: Pubkey | str,
        description: str,
        registry: Registry | None = None,
        base_version: int | None = None,
        work_period: int = 3600,
        prove_period: int = 3600,
    ) -> Action:
        """The transaction behind :meth:`propose_train`."""
        used = registry or self._only_registry()
        base = base_version or used.current_number
        if not base:
            raise GovernanceError(f"{used.name} has no version to train on.", hint="Publish one first.")
        if budget <= 0:
            raise GovernanceError("A training needs a budget.", hint="Give one in SOL, more than zero.")
        available = self.treasury_lamports()
        if budget > available:
            raise GovernanceError(
                f"The treasury holds {sol(available)}; the budget is {sol(budget)}.",
                hint="Fund the treasury first, or propose less.",
            )
        self._ready_to_propose()
        return self.actions.propose_train(
            number=self.dao().proposal_count, registry=used.key, train_set=parse_address(train_set),
            eval_set=parse_address(eval_set), base_version=base, budget=budget, target=target,
            description=description, work_period=work_period, prove_period=prove_period,
        )  # fmt: skip

    def propose_set_current(self, version: int, *, description: str = "", registry: Registry | None = None) -> Proposal:
        """Propose to use another version from now on."""
        return self._proposed(self.set_current_action(version, description=description, registry=registry))

    def set_current_action(self, version: int, *, description: str = "", registry: Registry | None = None) -> Action:
        """The transaction behind :meth:`propose_set_current`."""
        used = registry or self._only_registry()
        used.version(version)
        self._ready_to_propose()
        return self.actions.propose_set_current(
            number=self.dao().proposal_count, registry=used.key, version=version,
            description=description or f"Use version {version} of {used.name}",
        )  # fmt: skip

    def propose_adopt(self, registry: Registry, *, description: str = "") -> Proposal:
        """Propose to take over a registry that was offered to the DAO's authority."""
        self._ready_to_propose()
        action = self.actions.propose_adopt(
            number=self.dao().proposal_count, registry=registry.key, description=description or f"Adopt {registry.name}"
        )
        return self._proposed(action)

    def _proposed(self, action: Action) -> Proposal:
        self._do(action)
        return Proposal.of(self.chain.fetch("Proposal", action.accounts["proposal"]))

    def _ready_to_propose(self) -> None:
        """Say in words what the program would refuse with a number."""
        policy, member = self.dao().policy, self.member()
        if member is None:
            raise GovernanceError("Only members can propose.", hint="Join and stake: `decai stake SOL`.")
        needed = policy.min_stake * (member.open_proposals + 1)
        if member.aged(self.chain.now(), policy.stake_age) < needed:
            young = " (what you staked counts once it is old enough)" if member.pending_stake else ""
            raise GovernanceError(
                f"Proposing needs {sol(needed)} staked for {policy.stake_age} s, counting your open proposals{young}.",
                hint="Stake more, or wait: `decai stake SOL`.",
            )

    def _only_registry(self) -> Registry:
        found = self.registries()
        if len(found) == 1:
            return found[0]
        if not found:
            raise GovernanceError("The collective owns no registry.", hint="Offer it one, and propose to adopt it.")
        raise GovernanceError("The collective owns several registries.", hint="Name the one that is meant.")

    def vote(self, proposal: Proposal | int, choice: str) -> Confirmation:
        """Vote "for", "against" or "abstain" with all tokens deposited before the proposal was made."""
        return self._do(self.vote_action(proposal, choice))

    def vote_action(self, proposal: Proposal | int, choice: str) -> Action:
        """The transaction behind :meth:`vote`."""
        meant = self.proposal(proposal) if isinstance(proposal, int) else proposal
        action = self.actions.vote(meant, choice)
        member = self.member()
        if member is None or member.weight(meant.id) == 0:
            raise GovernanceError(
                f"This wallet has no votes on proposal {meant.id}: only tokens deposited before it was made count.",
                hint="Deposit tokens now for the next one: `decai deposit AMOUNT`.",
            )
        return action

    def relinquish(self, proposal: Proposal | int) -> Confirmation:
        """Take this wallet's vote back while voting lasts, also one that its delegate cast.

        Raises
        ------
        GovernanceError
            It hasn't voted.
        """
        meant = self._meant(proposal)
        member = self.chain.pda.member(self.address, self._collective.signer())
        record = self.chain.find("VoteRecord", self.chain.pda.vote(Pubkey.from_string(meant.address), member))
        if record is None:
            raise GovernanceError(f"This wallet hasn't voted on proposal {meant.id}.", hint="See `decai proposals`.")
        return self._do(self.actions.relinquish(meant, Pubkey.from_string(record["voter"])))

    def cancel(self, proposal: Proposal | int) -> Confirmation:
        """Take one's own proposal back before voting starts."""
        return self._do(self.actions.cancel(self._meant(proposal)))

    def veto(self, proposal: Proposal | int) -> Confirmation:
        """Stop a succeeded proposal in its hold-up; only the guardian can."""
        return self._do(self.actions.veto(self._meant(proposal)))

    def finalize(self, proposal: Proposal | int) -> Proposal:
        """Count the votes after voting has ended; anyone can."""
        meant = self._meant(proposal)
        self._do(self.actions.finalize(meant))
        return self.proposal(meant.id)

    def execute(self, proposal: Proposal | int) -> Proposal:
        """Do what was decided, counting the votes first if that is still to be done; anyone can."""
        meant = self._meant(proposal)
        phase = meant.phase(self.chain.now())
        if phase == "to count":
            meant = self.finalize(meant)
            phase = meant.phase(self.chain.now())
        if phase != "executable":
            reason = f"it is {phase}"
            if phase == "waiting":
                reason = f"voting starts at {_moment(meant.voting_starts)}"
            elif phase == "voting":
                reason = f"voting lasts until {_moment(meant.voting_ends)}"
            elif phase == "in hold-up":
                reason = f"its hold-up lasts until {_moment(meant.executable_at)}"
            elif phase == "lapsed":
                reason = "its execution window has closed"
            hint = f"Close it: `decai expire {meant.id}`." if phase == "lapsed" else "See `decai proposals`."
            raise GovernanceError(f"Proposal {meant.id} can't be executed: {reason}.", hint=hint)
        self._do(self.actions.execute(meant))
        return self.proposal(meant.id)

    def expire(self, proposal: Proposal | int) -> Proposal:
        """Close a proposal that succeeded but wasn't executed in time, which frees its proposer's stake; anyone can."""
        meant = self._meant(proposal)
        self._do(self.actions.expire(meant))
        return self.proposal(meant.id)

    def publish_trained(self, proposal: Proposal | int) -> Proposal:
        """Make what a settled job trained the next version; anyone can, after the publish hold.

        Raises
        ------
        GovernanceError
            It has no job, its job isn't settled, or the hold still runs.
        """
        meant = self._meant(proposal)
        if meant.job is None:
            raise GovernanceError(f"Proposal {meant.id} has no training to publish.", hint="See `decai proposals`.")
        job = self._collective.market.job(meant.job)
        step = job.next_step(self.chain.now())
        if step != "publish":
            held = step == "wait to publish"
            reason = "is in its hold before publishing" if held else f"is {job.state}, not settled"
            raise GovernanceError(f"Job {job.address} {reason}.", hint="See `decai jobs`.")
        registry = self._collective.registry_at(meant.registry)
        self._do(self.actions.publish_trained(meant, registry.latest + 1))
        return self.proposal(meant.id)

    def _meant(self, proposal: Proposal | int) -> Proposal:
        return self.proposal(proposal if isinstance(proposal, int) else proposal.id)

    def summary(self) -> dict[str, Any]:
        """Figures for an overview."""
        dao = self.dao()
        return {
            "name": dao.name, "members": len(self.members()), "supply": dao.supply, "proposals": dao.proposal_count,
            "treasury_lamports": dao.treasury_lamports, "staked_lamports": dao.staked_lamports,
        }  # fmt: skip


def _moment(at: datetime | None) -> str:
    """A time for a sentence; None for what isn't known yet."""
    return "a time not known yet" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
