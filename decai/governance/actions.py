"""One transaction for each thing a member does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey

from decai.chain import Action, Chain, fixed_text
from decai.chain.layouts import content_id
from decai.errors import GovernanceError
from decai.governance.types import Policy, Proposal

__all__ = ["TOKEN_DECIMALS", "DaoActions", "associated_token"]

TOKEN_DECIMALS = 6
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
_ATA_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
_KINDS = {"train": 1, "set current": 3, "adopt registry": 5}
CHOICES = {"for": 1, "against": 2, "abstain": 3}


def associated_token(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """The wallet's customary account for a token."""
    seeds = [bytes(owner), bytes(TOKEN_PROGRAM), bytes(mint)]
    return Pubkey.find_program_address(seeds, _ATA_PROGRAM)[0]


class DaoActions:
    """Builds the actions of one DAO for one wallet; nothing is sent.

    Parameters
    ----------
    chain : Chain
    dao : Pubkey
    wallet : Pubkey
        Who will sign.
    """

    def __init__(self, chain: Chain, dao: Pubkey, wallet: Pubkey) -> None:
        self.chain = chain
        self.dao = dao
        self.wallet = wallet
        pda = chain.pda
        self.mint = pda.of_dao("mint", dao)
        self.authority = pda.of_dao("authority", dao)
        self.vault = pda.of_dao("vault", dao)
        self.treasury = pda.of_dao("treasury", dao)
        self.deposits = pda.of_dao("deposits", dao)
        self.member = pda.member(dao, wallet)

    def _action(
        self,
        title: str,
        instruction: str,
        args: Mapping[str, Any] | None = None,
        *,
        units: int | None = None,
        made: Mapping[str, Pubkey] | None = None,
        **accounts: Pubkey,
    ) -> Action:
        known = {
            "dao": self.dao,
            "mint": self.mint,
            "authority": self.authority,
            "vault": self.vault,
            "treasury": self.treasury,
            "deposits": self.deposits,
            "member": self.member,
            **dict.fromkeys(("creator", "wallet", "proposer", "voter", "signer", "payer", "funder", "guardian"),
                            self.wallet),
            **accounts,
        }  # fmt: skip
        built = self.chain.instruction("dao", instruction, args or {}, known)
        return Action(title, (built,), self.wallet, accounts=dict(made or {}), compute_units=units)

    # --- founding ----------------------------------------------------------------------------------------------

    def create_dao(
        self,
        name: str,
        *,
        founding_supply: int,
        policy: Policy,
        guardian: Pubkey | None = None,
        guardian_expires_at: int = 0,
    ) -> Action:
        """Create the collective: its voting token, vault, treasury and deposits."""
        charter = {
            "founding_supply": founding_supply,
            "policy": policy.to_args(),
            "guardian": guardian or Pubkey.default(),
            "guardian_expires_at": guardian_expires_at,
        }
        return self._action(
            f"Create the collective {name}",
            "create_dao",
            {"name": fixed_text(name, 32, "collective's name"), "charter": charter},
            made={"dao": self.dao},
            units=400_000,
        )

    def distribute(self, holder: Pubkey, amount: int) -> Action:
        """Mint part of the founding supply to a holder; only while founding."""
        return self._action(
            f"Give {tokens(amount)} voting tokens to {holder}", "distribute", {"amount": amount},
            holder=holder, holder_tokens=associated_token(holder, self.mint), units=200_000,
        )  # fmt: skip

    def adopt_registry(self, registry: Pubkey) -> Action:
        """Take over a registry that was offered to the collective; only while founding."""
        return self._action("Adopt the registry", "adopt_registry", registry=registry)

    # --- membership --------------------------------------------------------------------------------------------

    def fund_treasury(self, lamports: int) -> Action:
        """Add to what the collective may spend."""
        return self._action(f"Give {sol(lamports)} to the treasury", "fund_treasury", {"amount": lamports})

    def join(self) -> Action:
        """Become a member."""
        return self._action("Join the collective", "join", made={"member": self.member})

    def stake(self, lamports: int) -> Action:
        """Move SOL into the vault."""
        return self._action(f"Stake {sol(lamports)}", "stake", {"amount": lamports})

    def unstake(self, lamports: int) -> Action:
        """Take SOL back from the vault."""
        return self._action(f"Unstake {sol(lamports)}", "unstake", {"amount": lamports})

    def deposit(self, amount: int) -> Action:
        """Deposit voting tokens: they count on proposals made from then on."""
        return self._action(
            f"Deposit {tokens(amount)} voting tokens", "deposit", {"amount": amount},
            tokens=associated_token(self.wallet, self.mint),
        )  # fmt: skip

    def withdraw(self, amount: int) -> Action:
        """Take voting tokens back."""
        return self._action(
            f"Withdraw {tokens(amount)} voting tokens", "withdraw", {"amount": amount},
            tokens=associated_token(self.wallet, self.mint),
        )  # fmt: skip

    def give(self, to: Pubkey, amount: int) -> Action:
        """Give voting tokens that aren't deposited to another wallet, making its token account if needed."""
        from spl.token.instructions import (
            TransferCheckedParams,
            create_idempotent_associated_token_account,
            transfer_checked,
        )

        instructions = (
            create_idempotent_associated_token_account(self.wallet, to, self.mint),
            transfer_checked(
                TransferCheckedParams(
                    program_id=TOKEN_PROGRAM,
                    source=associated_token(self.wallet, self.mint),
                    mint=self.mint,
                    dest=associated_token(to, self.mint),
                    owner=self.wallet,
                    amount=amount,
                    decimals=TOKEN_DECIMALS,
                )
            ),
        )
        return Action(f"Give {tokens(amount)} voting tokens to {to}", instructions, self.wallet)

    def set_delegate(self, delegate: Pubkey | None) -> Action:
        """Let another wallet vote, too; None for nobody."""
        to = delegate or Pubkey.default()
        return self._action(
            f"Let {delegate} vote for you" if delegate else "Withdraw the delegation", "set_delegate", {"delegate": to}
        )

    # --- proposals ---------------------------------------------------------------------------------------------

    def _propose(
        self,
        title: str,
        *,
        number: int,
        kind: str,
        payload: bytes,
        registry: Pubkey,
        description: str,
        target_param: str = "",
        budget: int = 0,
        details: str = "",
    ) -> Action:
        if not description.strip():
            raise GovernanceError("A proposal needs a description.", hint="Say in at most 160 bytes what it is for.")
        opening = {
            "kind": _KINDS[kind],
            "payload": payload.ljust(128, b"\0"),
            "description": fixed_text(description, 160, "description"),
            "details": content_id(details),
            "target_param": fixed_text(target_param, 32, "target"),
            "training_budget": budget,
        }
        proposal = self.chain.pda.proposal(self.dao, number)
        return self._action(
            title, "create_proposal", {"opening": opening}, registry=registry, proposal=proposal,
            made={"proposal": proposal}, units=200_000,
        )  # fmt: skip

    def propose_train(
        self,
        *,
        number: int,
        registry: Pubkey,
        train_set: Pubkey,
        eval_set: Pubkey,
        base_version: int,
        budget: int,
        target: str,
        description: str,
        work_period: int,
        prove_period: int,
        details: str = "",
    ) -> Action:
        """Propose to train the model further, for at most ``budget`` lamports."""
        payload = b"".join(
            [bytes(train_set), bytes(eval_set)]
            + [n.to_bytes(8, "little") for n in (base_version, work_period, prove_period)]
        )
        return self._propose(
            f"Propose to train {target}", number=number, kind="train", payload=payload, registry=registry,
            description=description, target_param=target, budget=budget, details=details,
        )  # fmt: skip

    def propose_set_current(self, *, number: int, registry: Pubkey, version: int, description: str) -> Action:
        """Propose to use another version."""
        return self._propose(
            f"Propose to use version {version}", number=number, kind="set current",
            payload=version.to_bytes(8, "little"), registry=registry, description=description,
        )  # fmt: skip

    def propose_adopt(self, *, number: int, registry: Pubkey, description: str) -> Action:
        """Propose to take over a registry that was offered."""
        return self._propose(
            "Propose to adopt a registry", number=number, kind="adopt registry", payload=b"", registry=registry,
            description=description,
        )  # fmt: skip

    def cancel(self, proposal: Proposal) -> Action:
        """Take a proposal back before voting starts."""
        return self._action(f"Cancel proposal {proposal.id}", "cancel", proposal=_key(proposal.address))

    def vote(self, proposal: Proposal, choice: str, member_wallet: Pubkey | None = None) -> Action:
        """Vote "for", "against" or "abstain", with all tokens that were deposited before the proposal."""
        if choice not in CHOICES:
            raise GovernanceError(f"{choice!r} isn't a choice.", hint="Vote for, against or abstain.")
        member = self.chain.pda.member(self.dao, member_wallet or self.wallet)
        key = _key(proposal.address)
        record = self.chain.pda.vote(key, member)
        word = {"for": "Vote for", "against": "Vote against", "abstain": "Abstain on"}[choice]
        return self._action(
            f"{word} proposal {proposal.id}", "cast_vote", {"choice": CHOICES[choice]},
            proposal=key, member=member, record=record, made={"vote": record},
        )  # fmt: skip

    def relinquish(self, proposal: Proposal, voter: Pubkey | None = None) -> Action:
        """Take a vote back while voting lasts; ``voter`` cast it (a delegate, say) and gets its rent back."""
        key = _key(proposal.address)
        return self._action(
            f"Take back the vote on proposal {proposal.id}", "relinquish_vote",
            proposal=key, record=self.chain.pda.vote(key, self.member), voter=voter or self.wallet,
        )  # fmt: skip

    def finalize(self, proposal: Proposal) -> Action:
        """Count the votes."""
        return self._action(
            f"Count the votes of proposal {proposal.id}", "finalize",
            proposal=_key(proposal.address), proposer_member=self._proposer(proposal),
        )  # fmt: skip

    def veto(self, proposal: Proposal) -> Action:
        """Stop a succeeded proposal in its hold-up, as the guardian."""
        return self._action(
            f"Veto proposal {proposal.id}", "veto",
            proposal=_key(proposal.address), proposer_member=self._proposer(proposal),
        )  # fmt: skip

    def expire(self, proposal: Proposal) -> Action:
        """End a succeeded proposal whose window has closed."""
        return self._action(
            f"Close proposal {proposal.id}", "expire",
            proposal=_key(proposal.address), proposer_member=self._proposer(proposal),
        )  # fmt: skip

    def execute(self, proposal: Proposal) -> Action:
        """Do what was decided: open the funded job, or change the registry."""
        key, registry = _key(proposal.address), _key(proposal.registry)
        proposer = self._proposer(proposal)
        title = f"Execute proposal {proposal.id}"
        if proposal.kind == "train":
            job = self.chain.pda.job(key)
            base = self.chain.pda.version(registry, proposal.payload["base_version"])
            return self._action(
                title, "execute_train", base_version=base, train_set=_key(proposal.payload["train_set"]),
                eval_set=_key(proposal.payload["eval_set"]), job=job, made={"job": job}, units=400_000,
                proposal=key, registry=registry, proposer_member=proposer,
            )  # fmt: skip
        if proposal.kind == "set current":
            version = self.chain.pda.version(registry, proposal.payload["version"])
            return self._action(
                title, "execute_set_current", version=version, units=200_000, proposal=key, registry=registry,
                proposer_member=proposer,
            )  # fmt: skip
        if proposal.kind == "adopt registry":
            return self._action(
                title, "execute_adopt_registry", units=200_000, proposal=key, registry=registry,
                proposer_member=proposer,
            )  # fmt: skip
        raise GovernanceError(f"A proposal of kind {proposal.kind} can't be executed by this DecAI.")

    def publish_trained(self, proposal: Proposal, next_version: int) -> Action:
        """Make a settled job's model the registry's next version."""
        key, registry = _key(proposal.address), _key(proposal.registry)
        job = self.chain.pda.job(key)
        version = self.chain.pda.version(registry, next_version)
        return self._action(
            f"Publish what proposal {proposal.id} trained", "publish_trained", proposal=key, job=job,
            record=self.chain.pda.record(job), train_set=_key(proposal.payload["train_set"]), registry=registry,
            version=version, made={"version": version}, units=400_000,
        )  # fmt: skip

    def _proposer(self, proposal: Proposal) -> Pubkey:
        return self.chain.pda.member(self.dao, _key(proposal.proposer))


def _key(address: str) -> Pubkey:
    return Pubkey.from_string(address)


def sol(lamports: int) -> str:
    """Lamports in words."""
    return f"{lamports / 1e9:.9f}".rstrip("0").rstrip(".") + " SOL"


def tokens(amount: int) -> str:
    """Millionths of a token in words."""
    return f"{amount / 10**TOKEN_DECIMALS:.6f}".rstrip("0").rstrip(".")
