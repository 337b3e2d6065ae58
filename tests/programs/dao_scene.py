"""Scenes for the dao's tests: a collective on a fresh chain, as far along as a test needs it.

``scene.do("stake", "ada", amount=5)`` sends an instruction signed by ada and must succeed;
``scene.refuse("InsufficientStake", "unstake", "ada", amount=6)`` must fail with that error. Accounts are those an
honest client would pass; ``over={"vault": address}`` replaces some.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import LAMPORTS_PER_SOL, NO_CONTENT, Ledger, Result, content_id, text
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ATA_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
NOBODY = Pubkey.default()

TRAIN, PUBLISH, SET_CURRENT, ADOPT_REGISTRY, SPEND = 1, 2, 3, 5, 8
PENDING, VOTING, SUCCEEDED, DEFEATED, EXECUTED, VETOED, CANCELLED, EXPIRED = range(8)
FOR, AGAINST, ABSTAIN = 1, 2, 3
JOB_SUBMITTED, JOB_SETTLED, JOB_PUBLISHED = 3, 5, 6
GROTH16, REVIEW = 1, 2

SUPPLY = 1_000
SHARES = {"ada": 600, "bob": 300, "eve": 100}
BUDGET = 2 * LAMPORTS_PER_SOL
POLICY: dict[str, Any] = {
    "voting_delay": 10,
    "voting_period": 100,
    "hold_up": 50,
    "execution_window": 200,
    "quorum_ppm": 150_000,
    "approval_ppm": 600_000,
    "min_stake": 1_000_000,
    "reward_pool": 0,
    "min_counted_reward": 1,
    "bid_period": 20,
    "publish_hold": 30,
    "challenge_period": 40,
    "min_attestations": 1,
    "dispute_bond": 1,
    "min_gain_ppm": 1_000,
    "stake_age": 60,
    "vk_steps": bytes(32),
    "vk_eval": bytes(32),
    "allow_development_keys": 0,
}


@dataclass(frozen=True)
class Sets:
    """Addresses of a training and an evaluation set."""

    train: Pubkey
    evaluation: Pubkey


class Scene:
    """A collective called "first" by its creator ("creator").

    Parameters
    ----------
    **policy
        What differs from :data:`POLICY`.
    """

    def __init__(self, **policy: Any) -> None:
        self.ledger = Ledger("model_manager", "dao", "compute_verifier")
        self.policy = {**POLICY, **policy}
        self.name = text("first", 32)
        creator = self.key("creator")
        self.dao = self.ledger.pda("dao", b"dao", creator, self.name)
        of_dao = ("authority", "mint", "vault", "treasury", "deposits")
        self.of_dao = {name: self.ledger.pda("dao", name.encode(), self.dao) for name in of_dao}
        self.registry = self.ledger.pda("model_manager", b"registry", creator, text("sentiment", 32))
        self.proposers: dict[int, str] = {}

    # names to addresses

    def key(self, label: str) -> Keypair:
        """The keypair that a label stands for, with SOL to spend."""
        return self.ledger.keypair(label)

    def wallet(self, label: str) -> Pubkey:
        """Its public key."""
        return self.key(label).pubkey()

    def member(self, label: str) -> Pubkey:
        """Its Member account."""
        return self.ledger.pda("dao", b"member", self.dao, self.wallet(label))

    def tokens(self, label: str) -> Pubkey:
        """Its customary token account."""
        seeds = [bytes(self.wallet(label)), bytes(TOKEN_PROGRAM), bytes(self.of_dao["mint"])]
        return Pubkey.find_program_address(seeds, ATA_PROGRAM)[0]

    def proposal(self, number: int) -> Pubkey:
        """The address of a proposal."""
        return self.ledger.pda("dao", b"proposal", self.dao, number.to_bytes(8, "little"))

    def vote(self, number: int, label: str) -> Pubkey:
        """The address of a member's vote."""
        return self.ledger.pda("dao", b"vote", self.proposal(number), self.member(label))

    def job(self, number: int) -> Pubkey:
        """The address of a proposal's job."""
        return self.ledger.pda("compute_verifier", b"job", self.proposal(number))

    def record(self, number: int) -> Pubkey:
        """The address of the job's record."""
        return self.ledger.pda("compute_verifier", b"record", self.job(number))

    def version(self, number: int, registry: Pubkey | None = None) -> Pubkey:
        """The address of a model version."""
        return self.ledger.pda("model_manager", b"version", registry or self.registry, number.to_bytes(4, "little"))

    # instructions

    def ix(
        self,
        name: str,
        who: str,
        proposal: int | None = None,
        /,
        *,
        over: Mapping[str, Pubkey | Keypair] | None = None,
        unsigned: tuple[str, ...] = (),
        **args: Any,
    ) -> Instruction:
        """An instruction of the dao, as ``who`` would send it."""
        signer = self.wallet(who)
        known: dict[str, Pubkey | Keypair] = {
            "dao": self.dao,
            **self.of_dao,
            "member": self.member(who),
            "tokens": self.tokens(who),
            "registry": self.registry,
            **dict.fromkeys(
                ("wallet", "creator", "proposer", "voter", "signer", "payer", "funder", "guardian"), signer
            ),
        }
        if proposal is not None:
            known |= {
                "proposal": self.proposal(proposal),
                "record": self.vote(proposal, who),
                "proposer_member": self.member(self.proposers.get(proposal, "ada")),
            }
        known |= over or {}
        idl = self.ledger.idls["dao"]
        taken = {account["name"] for account in idl.instructions[name]["accounts"]}
        if unknown := set(over or {}) - taken:
            raise TypeError(f"{name} takes no {sorted(unknown)}")
        accounts = {key: value for key, value in known.items() if key in taken}
        return self.ledger.ix(f"dao.{name}", accounts, unsigned=unsigned, **args)

    def do(self, name: str, who: str, proposal: int | None = None, /, **more: Any) -> Result:
        """Send an instruction of the dao; it must succeed."""
        return self.ledger.send(self.ix(name, who, proposal, **more), signers=[self.key(who)])

    def refuse(self, error: str, name: str, who: str, proposal: int | None = None, /, **more: Any) -> Result:
        """Send an instruction of the dao; it must fail with ``error``."""
        return self.ledger.expect_error(error, self.ix(name, who, proposal, **more), signers=[self.key(who)])

    # accounts

    def read(self, address: Pubkey) -> dict[str, Any]:
        """The fields of an account."""
        return self.ledger.account(address)

    def state(self, number: int) -> int:
        """The written state of a proposal."""
        return int(self.read(self.proposal(number))["state"])

    def balance(self, token_account: Pubkey) -> int:
        """Tokens in an SPL token account."""
        return int.from_bytes(bytes(self.ledger.svm.get_account(token_account).data)[64:72], "little")

    def supply(self) -> int:
        """Voting tokens there are."""
        return int.from_bytes(bytes(self.ledger.svm.get_account(self.of_dao["mint"]).data)[36:44], "little")

    def lots(self, label: str) -> list[tuple[int, int]]:
        """A member's lots: (amount, first_id)."""
        return [(lot["amount"], lot["first_id"]) for lot in self.read(self.member(label))["lots"] if lot["amount"]]

    # steps

    def charter(self, **changes: Any) -> dict[str, Any]:
        """What the creator decides."""
        charter = {"founding_supply": SUPPLY, "policy": self.policy}
        return {**charter, "guardian": NOBODY, "guardian_expires_at": 0, **changes}

    def create(self, **changes: Any) -> Result:
        """The collective itself."""
        return self.do("create_dao", "creator", name=self.name, charter=self.charter(**changes))

    def create_other(self, label: str, **changes: Any) -> tuple[Pubkey, dict[str, Pubkey]]:
        """Another collective, by somebody else; answers its address and those around it."""
        name = text("other", 32)
        other = self.ledger.pda("dao", b"dao", self.key(label), name)
        of_other = {key: self.ledger.pda("dao", key.encode(), other) for key in self.of_dao}
        over = {"dao": other, **of_other}
        self.do("create_dao", label, name=name, charter=self.charter(**changes), over=over)
        return other, of_other

    def distribute(self, label: str, amount: int) -> Result:
        """Founding tokens for a holder."""
        over = {"holder": self.wallet(label), "holder_tokens": self.tokens(label)}
        return self.do("distribute", "creator", amount=amount, over=over)

    def transfer(self, giver: str, taker: str, amount: int) -> Result:
        """Tokens from one wallet to another, by the token program's Transfer (3)."""
        accounts = [
            AccountMeta(self.tokens(giver), is_signer=False, is_writable=True),
            AccountMeta(self.tokens(taker), is_signer=False, is_writable=True),
            AccountMeta(self.wallet(giver), is_signer=True, is_writable=False),
        ]
        move = Instruction(TOKEN_PROGRAM, b"\3" + amount.to_bytes(8, "little"), accounts)
        return self.ledger.send(move, signers=[self.key(giver)])

    def publish(self, registry: Pubkey | None = None, number: int = 1, label: str = "creator") -> Result:
        """A version that the registry's owner publishes by hand and makes current."""
        publish = self.ledger.ix(
            "model_manager.publish_version",
            {
                "payer": self.wallet(label),
                "owner": self.wallet(label),
                "registry": registry or self.registry,
                "version": self.version(number, registry),
            },
            content=content_id(f"model {number}"),
            training_data=NO_CONTENT,
            manifest_sha256=b"\1" * 32,
            head_commitment=bytes(31) + b"\2",
            accuracy_ppm=760_000,
            job=NOBODY,
            note=bytes(64),
            make_current=True,
        )
        return self.ledger.send(publish, signers=[self.key(label)])

    def offer(self, name: str = "sentiment", label: str = "creator", to: Pubkey | None = None) -> Pubkey:
        """A registry with one version, offered to the collective (or to somebody else)."""
        registry = self.ledger.pda("model_manager", b"registry", self.key(label), text(name, 32))
        create = self.ledger.ix(
            "model_manager.create_registry", {"creator": self.wallet(label), "registry": registry}, name=name
        )
        self.ledger.send(create, signers=[self.key(label)])
        self.publish(registry, label=label)
        offer = self.ledger.ix(
            "model_manager.offer_owner",
            {"owner": self.wallet(label), "registry": registry},
            new_owner=to or self.of_dao["authority"],
        )
        self.ledger.send(offer, signers=[self.key(label)])
        return registry

    def found(self, shares: Mapping[str, int] = SHARES, *, deposit: bool = True, **charter: Any) -> Scene:
        """A collective whose members have joined, hold and deposited their shares; ada's stake has aged."""
        self.create(**{"founding_supply": sum(shares.values()), **charter})
        self.offer()
        self.do("adopt_registry", "creator")
        for label, share in shares.items():
            self.distribute(label, share)
            self.do("join", label)
            if deposit:
                self.do("deposit", label, amount=share)
        self.do("stake", "ada", amount=10 * self.policy["min_stake"])
        self.ledger.warp(self.policy["stake_age"])
        return self

    def opening(self, kind: int, payload: bytes, budget: int = 0, **more: Any) -> dict[str, Any]:
        """What a proposer says."""
        return {
            "kind": kind,
            "payload": payload.ljust(128, b"\0"),
            "description": "Make it better",
            "details": NO_CONTENT,
            "target_param": "sentiment" if kind == TRAIN else "",
            "training_budget": budget,
            **more,
        }

    def propose(self, opening: Mapping[str, Any], who: str = "ada", registry: Pubkey | None = None) -> int:
        """A proposal; answers its number."""
        number = int(self.read(self.dao)["proposal_count"])
        self.propose_as(opening, number, who, registry)
        self.proposers[number] = who
        return number

    def propose_as(
        self, opening: Mapping[str, Any], number: int, who: str = "ada", registry: Pubkey | None = None
    ) -> Result:
        """The instruction alone."""
        over = {"registry": registry or self.registry}
        return self.do("create_proposal", who, number, opening=opening, over=over)

    def propose_current(self, version: int = 1, who: str = "ada") -> int:
        """A SetCurrent proposal."""
        return self.propose(self.opening(SET_CURRENT, version.to_bytes(8, "little")), who)

    def open_vote(self) -> None:
        """Pass the voting delay."""
        self.ledger.warp(self.policy["voting_delay"])

    def end_vote(self) -> None:
        """Pass the voting period."""
        self.ledger.warp(self.policy["voting_period"])

    def hold_up(self) -> None:
        """Pass the hold-up."""
        self.ledger.warp(self.policy["hold_up"])

    def cast(self, number: int, label: str, choice: int = FOR) -> Result:
        """A member's vote."""
        return self.do("cast_vote", label, number, choice=choice)

    def decide(self, number: int, votes: Mapping[str, int] | None = None) -> int:
        """Vote (by default ada alone, for) and count; answers the state."""
        self.open_vote()
        for label, choice in ({"ada": FOR} if votes is None else votes).items():
            self.cast(number, label, choice)
        self.end_vote()
        self.do("finalize", "eve", number)
        return self.state(number)

    # training

    def register_set(self, kind: int) -> Pubkey:
        """A set of one chunk."""
        content, roots = content_id(f"set {kind}"), bytes(31) + bytes([kind])
        params = bytes([kind]) + (32).to_bytes(2, "little") + (256).to_bytes(4, "little") + b"\1\0\0\0"
        named = bytes([content["scheme"], content["len"]]) + content["bytes"] + params + roots
        digest = hashlib.sha256(named).digest()
        owner = self.key("creator")
        draft = self.ledger.pda("compute_verifier", b"draft", owner, digest)
        address = self.ledger.pda("compute_verifier", b"set", digest)
        self.ledger.send(
            self.ledger.ix("compute_verifier.open_draft", {"owner": owner, "draft": draft}, id=digest),
            self.ledger.ix("compute_verifier.write_draft", {"owner": owner, "draft": draft}, offset=0, data=roots),
            self.ledger.ix(
                "compute_verifier.register_set",
                {"registrar": owner, "draft": draft, "set": address},
                id=digest,
                content=content,
                kind=kind,
                features=32,
                rows_per_chunk=256,
                chunks=1,
            ),
            signers=[owner],
        )
        return address

    def sets(self) -> Sets:
        """A training and an evaluation set that fit each other."""
        return Sets(self.register_set(1), self.register_set(2))

    def train_payload(
        self, sets: Sets, base_version: int = 1, work_period: int = 1_000, prove_period: int = 1_000
    ) -> bytes:
        """The payload of a Train proposal."""
        numbers = b"".join(n.to_bytes(8, "little") for n in (base_version, work_period, prove_period))
        return bytes(sets.train) + bytes(sets.evaluation) + numbers

    def propose_train(self, sets: Sets, budget: int = BUDGET) -> int:
        """A Train proposal."""
        return self.propose(self.opening(TRAIN, self.train_payload(sets), budget))

    def train_accounts(self, number: int, sets: Sets) -> dict[str, Pubkey]:
        """What execute_train takes beside the usual."""
        return {
            "base_version": self.version(1),
            "train_set": sets.train,
            "eval_set": sets.evaluation,
            "job": self.job(number),
        }

    def execute_train(self, number: int, sets: Sets) -> Result:
        """Open the job of a decided proposal."""
        return self.do("execute_train", "eve", number, over=self.train_accounts(number, sets))

    def decided_train(self, treasury: int = BUDGET) -> tuple[int, Sets]:
        """A succeeded Train proposal past its hold-up, and the money for it."""
        if treasury:
            self.do("fund_treasury", "creator", amount=treasury)
        sets = self.sets()
        number = self.propose_train(sets)
        assert self.decide(number) == SUCCEEDED
        self.hold_up()
        return number, sets

    def work(self, number: int, price: int = BUDGET // 2) -> None:
        """Pia wins the job, trains, is attested by bob and paid: the reviewed path to a settled job."""
        ledger, job, dao = self.ledger, self.job(number), self.dao
        pia, bob = self.key("pia"), self.key("bob")
        provider = ledger.pda("compute_verifier", b"provider", dao, pia)
        leaderboard = ledger.pda("compute_verifier", b"leaderboard", dao)
        attestation = ledger.pda("compute_verifier", b"attest", job, bob)

        def send(name: str, who: Keypair, accounts: Mapping[str, Pubkey], **args: Any) -> None:
            ledger.send(ledger.ix(f"compute_verifier.{name}", accounts, **args), signers=[who])

        self.do("stake", "bob", amount=self.policy["min_stake"])
        send("create_leaderboard", pia, {"payer": pia.pubkey(), "dao": dao, "leaderboard": leaderboard})
        send("create_provider", pia, {"wallet": pia.pubkey(), "dao": dao, "provider": provider})
        bidding = {"wallet": pia.pubkey(), "provider": provider, "job": job, "outbid": pia.pubkey()}
        send(
            "bid",
            pia,
            bidding,
            price=price,
            market=4,
            external_id=bytes(64),
            offer_sha256=bytes(32),
            price_usd_micros=0,
        )
        ledger.warp(max(self.policy["bid_period"], self.policy["stake_age"]))
        send("lease", pia, {"job": job})
        w_after = bytes(31) + b"\7"
        record = {
            "model": content_id("trained"),
            "manifest_sha256": b"\5" * 32,
            "w_after": w_after,
            "correct_before": 190,
            "correct_after": 220,
            "energy_joules": 0,
            "energy_grade": 2,
            "energy_band_ppm": 0,
            "carbon_mg_per_kwh": 0,
            "co2e_mg": 0,
            "hardware_efficiency_ppm": 0,
            "region": bytes(8),
            "duration_s": 1,
            "device": "cpu",
            "report": NO_CONTENT,
        }
        submitting = {"wallet": pia.pubkey(), "job": job, "record": self.record(number)}
        send("submit_record", pia, submitting, args=record)
        attesting = {"attester": bob.pubkey(), "job": job, "member": self.member("bob"), "attestation": attestation}
        send("attest", bob, attesting, w_after=w_after)
        ledger.warp(self.policy["challenge_period"])
        settling = {
            "job": job,
            "record": self.record(number),
            "wallet": pia.pubkey(),
            "provider": provider,
            "leaderboard": leaderboard,
            "treasury": self.of_dao["treasury"],
        }
        send("settle", pia, settling)

    def publish_accounts(self, number: int, sets: Sets, version: int = 2) -> dict[str, Pubkey]:
        """What publish_trained takes beside the usual."""
        return {
            "job": self.job(number),
            "record": self.record(number),
            "train_set": sets.train,
            "version": self.version(version),
        }

    def settled_train(self) -> tuple[int, Sets]:
        """A Train proposal whose job is done, reviewed and paid, past the publish hold."""
        number, sets = self.decided_train()
        self.execute_train(number, sets)
        self.work(number)
        self.ledger.warp(self.policy["publish_hold"])
        return number, sets
