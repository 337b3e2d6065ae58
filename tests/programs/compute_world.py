"""A DAO's jobs on a fresh ledger, for the tests of compute-verifier alone.

The dao program isn't here: its accounts are put in place as bytes, and its authority "signs" because this ledger
checks no signatures (the programs still see who signed). ``test_dao*`` runs the same calls through the real one.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from harness import NO_CONTENT, SYSTEM_PROGRAM, Ledger, Result, content_id, text
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from decai.localnet.isolation import in_vm_thread

PROGRAM = "compute_verifier"
DAO_PROGRAM = Pubkey.from_string("Ew5hmZw2E717FAXzqN2k4gvoZZbCD9U3JYWyob6cdtPS")
NOBODY = Pubkey.default()

BUDGET = 100_000_000
BOND = BUDGET // 10
PRICE = 60_000_000
STAKE = 1_000_000_000
BID_PERIOD, WORK_PERIOD, CHALLENGE_PERIOD, PUBLISH_HOLD, STAKE_AGE = 60, 600, 40, 30, 500
TREASURY_START = 890_880  # the rent of an empty account: what the dao founds a treasury with

BIDDING, LEASED, COMMITTED, SUBMITTED, DISPUTED, SETTLED, PUBLISHED, REFUNDED = range(8)
TRAIN, EVAL = 1, 2
AKASH, GOLEM, PEER, LOCAL = 1, 2, 3, 4

FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
BASE_HEAD = (7).to_bytes(32, "big")
TRAINED_HEAD = (11).to_bytes(32, "big")
OTHER_HEAD = (13).to_bytes(32, "big")

POLICY: dict[str, Any] = {
    "bid_period": BID_PERIOD,
    "publish_hold": PUBLISH_HOLD,
    "challenge_period": CHALLENGE_PERIOD,
    "min_attestations": 2,
    "dispute_bond": 5_000_000,
    "min_gain_ppm": 1_000,
    "min_counted_reward": 1_000_000,
    "min_stake": STAKE,
    "stake_age": STAKE_AGE,
    "vk_steps": bytes(32),
    "vk_eval": bytes(32),
    "allow_development_keys": 0,
}


class UncheckedLedger(Ledger):
    """A ledger on which a :class:`Pubkey` among the signers counts as having signed."""

    def __init__(self, *programs: str) -> None:
        super().__init__(*programs)
        self.svm = self.svm.with_sigverify(False)

    def try_send(
        self, *instructions: Instruction, signers: Sequence[Keypair | Pubkey], compute_units: int | None = None
    ) -> Result:
        if all(isinstance(signer, Keypair) for signer in signers):
            return super().try_send(*instructions, signers=signers, compute_units=compute_units)
        self.svm.expire_blockhash()
        keypairs = [signer for signer in signers if isinstance(signer, Keypair)]
        blockhash = self.svm.latest_blockhash()
        message = Message.new_with_blockhash(instructions, keypairs[0].pubkey(), blockhash)
        transaction = Transaction.new_unsigned(message)
        transaction.partial_sign(keypairs, blockhash)
        outcome = in_vm_thread(lambda: self.svm.send_transaction(transaction))
        failed = isinstance(outcome, FailedTransactionMetadata)
        meta = outcome.meta() if failed else outcome
        return Result(
            error=self._error_name(outcome) if failed else None,
            compute_units=meta.compute_units_consumed(),
            logs=list(meta.logs()),
            events=[] if failed else self._events(meta.logs()),
            return_data=bytes(meta.return_data().data),
        )


class World:
    """A DAO with a training and an evaluation set; Ada and Bob provide, Mia and Max are staked members."""

    def __init__(self) -> None:
        self.ledger = UncheckedLedger(PROGRAM)
        keypair = self.ledger.keypair
        self.ada, self.bob, self.eve = keypair("ada"), keypair("bob"), keypair("eve")
        self.mia, self.max, self.proposer = keypair("mia"), keypair("max"), keypair("proposer")
        self.dao = self.found("dao")
        self.authority, self.treasury = self.authority_of(self.dao), self.treasury_of(self.dao)
        self.train, self.eval = self.register(TRAIN, chunks=20), self.register(EVAL, chunks=5)
        for wallet in (self.ada, self.bob):
            self.send(self.create_provider_ix(wallet), wallet)
        self.send(self.ledger.ix(f"{PROGRAM}.create_leaderboard", self.leaderboard_accounts()))
        for member in (self.mia, self.max, self.proposer, self.ada):
            self.seat(member)

    # the dao program's accounts

    def found(self, label: str) -> Pubkey:
        """A Dao account, and a treasury holding its rent."""
        dao = self.ledger.keypair(f"{label} account", sol=0).pubkey()
        self.ledger.set_account(dao, _discriminator("Dao") + bytes(600), DAO_PROGRAM)
        self.ledger.set_account(self.treasury_of(dao), b"", SYSTEM_PROGRAM, TREASURY_START)
        return dao

    def seat(
        self,
        wallet: Keypair,
        aged: int = STAKE,
        pending: int = 0,
        since: int = 0,
        dao: Pubkey | None = None,
        owner: Pubkey = DAO_PROGRAM,
        kind: str = "Member",
        layout: int = 1,
    ) -> Pubkey:
        """A Member of the DAO with that much stake (lamports)."""
        dao = dao or self.dao
        data = _discriminator(kind) + bytes([layout, 255]) + bytes(dao) + bytes(wallet.pubkey())
        data += struct.pack("<QQq", aged, pending, since) + bytes(300)
        self.ledger.set_account(self.member_of(wallet, dao), data, owner)
        return self.member_of(wallet, dao)

    # addresses

    def authority_of(self, dao: Pubkey) -> Pubkey:
        return _dao_pda(b"authority", dao)

    def treasury_of(self, dao: Pubkey) -> Pubkey:
        return _dao_pda(b"treasury", dao)

    def member_of(self, wallet: Keypair, dao: Pubkey | None = None) -> Pubkey:
        return _dao_pda(b"member", dao or self.dao, wallet.pubkey())

    def proposal(self, number: int) -> Pubkey:
        return _dao_pda(b"proposal", self.dao, number.to_bytes(8, "little"))

    def job_of(self, number: int) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"job", self.proposal(number))

    def record_of(self, job: Pubkey) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"record", job)

    def attestation_of(self, job: Pubkey, wallet: Keypair) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"attest", job, wallet)

    def provider_of(self, wallet: Keypair, dao: Pubkey | None = None) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"provider", dao or self.dao, wallet)

    def leaderboard_of(self, dao: Pubkey | None = None) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"leaderboard", dao or self.dao)

    def draft_of(self, owner: Keypair, set_id: bytes) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"draft", owner, set_id)

    def set_of(self, set_id: bytes) -> Pubkey:
        return self.ledger.pda(PROGRAM, b"set", set_id)

    # sets

    def set_args(self, kind: int, chunks: int, **changes: Any) -> dict[str, Any]:
        content = content_id(f"set {kind} {chunks}")
        return {"content": content, "kind": kind, "features": 32, "rows_per_chunk": 256, "chunks": chunks} | changes

    def open_draft_ix(self, owner: Keypair, set_id: bytes, **changes: Any) -> Instruction:
        accounts = {"owner": owner, "draft": self.draft_of(owner, set_id)}
        return self._ix("open_draft", accounts, changes, id=set_id)

    def write_draft_ix(self, owner: Keypair, set_id: bytes, offset: int, data: bytes, **changes: Any) -> Instruction:
        accounts = {"owner": owner, "draft": self.draft_of(owner, set_id)}
        return self._ix("write_draft", accounts, changes, offset=offset, data=data)

    def register_ix(self, owner: Keypair, set_id: bytes, args: dict[str, Any], **changes: Any) -> Instruction:
        accounts = {"registrar": owner, "draft": self.draft_of(owner, set_id), "set": self.set_of(set_id)}
        return self._ix("register_set", accounts, changes, id=set_id, **args)

    def draft(self, owner: Keypair, set_id: bytes, data: bytes) -> None:
        """Opens a draft and writes all of it, in as many transactions as it takes."""
        self.send(self.open_draft_ix(owner, set_id), owner)
        for offset in range(0, len(data), 800):
            self.send(self.write_draft_ix(owner, set_id, offset, data[offset : offset + 800]), owner)

    def register(self, kind: int, chunks: int, **changes: Any) -> Pubkey:
        args = self.set_args(kind, chunks, **changes)
        data = roots(chunks)
        set_id = set_id_of(args, data)
        self.draft(self.eve, set_id, data)
        self.send(self.register_ix(self.eve, set_id, args), self.eve)
        return self.set_of(set_id)

    # providers

    def create_provider_ix(self, wallet: Keypair, **changes: Any) -> Instruction:
        accounts = {
            "wallet": wallet,
            "dao": self.dao,
            "provider": self.provider_of(wallet, changes.get("dao")),
        }
        return self._ix("create_provider", accounts, changes)

    def leaderboard_accounts(self) -> dict[str, Pubkey | Keypair]:
        return {"payer": self.eve, "dao": self.dao, "leaderboard": self.leaderboard_of()}

    # jobs: instructions, right unless told otherwise

    def open_args(self, number: int, **changes: Any) -> dict[str, Any]:
        return {
            "dao": self.dao,
            "proposal": self.proposal(number),
            "proposer": self.proposer.pubkey(),
            "registry": Pubkey.from_bytes(hashlib.sha256(b"registry").digest()),
            "base_version": 1,
            "base_commitment": BASE_HEAD,
            "train_set": self.train,
            "eval_set": self.eval,
            "budget": BUDGET,
            "work_period": WORK_PERIOD,
            "prove_period": 900,
            "policy": POLICY,
        } | changes

    def open_ix(self, number: int = 1, args: dict[str, Any] | None = None, **changes: Any) -> Instruction:
        args = self.open_args(number) | (args or {})
        accounts = {
            "payer": self.eve,
            "authority": self.authority,
            "job": self.job_of(number),
            "train_set": args["train_set"],
            "eval_set": args["eval_set"],
        }
        return self._ix("open_job", accounts, changes, args=args)

    def bid_ix(
        self, job: Pubkey, wallet: Keypair, price: int, /, outbid: Keypair | None = None, **changes: Any
    ) -> Instruction:
        accounts = {
            "wallet": wallet,
            "provider": self.provider_of(wallet),
            "job": job,
            "outbid": outbid or wallet,
        }
        args = {
            "price": price,
            "market": LOCAL,
            "external_id": bytes(64),
            "offer_sha256": hashlib.sha256(b"offer").digest(),
            "price_usd_micros": 12_000_000,
        }
        return self._ix("bid", accounts, changes, **args)

    def lease_ix(self, job: Pubkey) -> Instruction:
        return self.ledger.ix(f"{PROGRAM}.lease", {"job": job})

    def fail_lease_ix(self, job: Pubkey, wallet: Keypair, **changes: Any) -> Instruction:
        accounts = {"job": job, "provider": self.provider_of(wallet), "treasury": self.treasury}
        return self._ix("fail_lease", accounts, changes)

    def record_args(self, **changes: Any) -> dict[str, Any]:
        return {
            "model": content_id("trained model"),
            "manifest_sha256": hashlib.sha256(b"manifest").digest(),
            "w_after": TRAINED_HEAD,
            "correct_before": 704,
            "correct_after": 1_100,
            "energy_joules": 5_000,
            "energy_grade": 2,
            "energy_band_ppm": 300_000,
            "carbon_mg_per_kwh": 381_000,
            "co2e_mg": 529,
            "hardware_efficiency_ppm": 920_000,
            "region": text("DE", 8),
            "duration_s": 60,
            "device": text("8 x86-64 cores", 32),
            "report": NO_CONTENT,
        } | changes

    def submit_ix(
        self, job: Pubkey, wallet: Keypair, args: dict[str, Any] | None = None, **changes: Any
    ) -> Instruction:
        accounts = {"wallet": wallet, "job": job, "record": self.record_of(job)}
        return self._ix("submit_record", accounts, changes, args=self.record_args(**(args or {})))

    def attest_ix(self, job: Pubkey, wallet: Keypair, w_after: bytes = TRAINED_HEAD, **changes: Any) -> Instruction:
        accounts = {
            "attester": wallet,
            "job": job,
            "member": self.member_of(wallet),
            "attestation": self.attestation_of(job, wallet),
        }
        return self._ix("attest", accounts, changes, w_after=w_after)

    def settle_ix(self, job: Pubkey, wallet: Keypair, /, **changes: Any) -> Instruction:
        accounts = {
            "job": job,
            "record": self.record_of(job),
            "wallet": wallet,
            "provider": self.provider_of(wallet),
            "leaderboard": self.leaderboard_of(),
            "treasury": self.treasury,
        }
        return self._ix("settle", accounts, changes)

    def refund_ix(self, job: Pubkey, **changes: Any) -> Instruction:
        return self._ix("refund_expired", {"job": job, "treasury": self.treasury}, changes)

    def publish_ix(self, job: Pubkey, version: int = 2, **changes: Any) -> Instruction:
        accounts = {"authority": self.authority, "job": job}
        return self._ix("mark_published", accounts, changes, version=version)

    # a job on its way; Ada is its provider

    def opened(self, number: int = 1, **args: Any) -> Pubkey:
        """An open job with its budget in escrow."""
        job = self.job_of(number)
        self.send(self.open_ix(number, args), self.eve, self.authority)
        self.ledger.svm.airdrop(job, args.get("budget", BUDGET))
        return job

    def leased(self, number: int = 1, price: int = PRICE, **args: Any) -> Pubkey:
        job = self.opened(number, **args)
        self.send(self.bid_ix(job, self.ada, price), self.ada)
        self.ledger.warp(BID_PERIOD)
        self.send(self.lease_ix(job))
        return job

    def submitted(self, number: int = 1, **args: Any) -> Pubkey:
        job = self.leased(number, **args)
        self.send(self.submit_ix(job, self.ada), self.ada)
        return job

    def attested(self, number: int = 1, **args: Any) -> Pubkey:
        """A job that can be settled now."""
        job = self.submitted(number, **args)
        for member in (self.mia, self.max):
            self.send(self.attest_ix(job, member), member)
        self.ledger.warp(CHALLENGE_PERIOD)
        return job

    def settled(self, number: int = 1, **args: Any) -> Pubkey:
        job = self.attested(number, **args)
        self.send(self.settle_ix(job, self.ada))
        return job

    # shorthands

    def send(self, instruction: Instruction, *signers: Keypair | Pubkey) -> Result:
        return self.ledger.send(instruction, signers=signers or [self.eve])

    def refuse(self, error: str, instruction: Instruction, *signers: Keypair | Pubkey) -> None:
        self.ledger.expect_error(error, instruction, signers=signers or [self.eve])

    def state(self, job: Pubkey) -> int:
        return self.ledger.account(job)["state"]

    def escrow(self, job: Pubkey) -> int:
        """Lamports of a job above its rent."""
        return self.ledger.lamports(job) - self.ledger.rent(len(self.ledger.svm.get_account(job).data))

    def balances(self, *who: Keypair | Pubkey) -> list[int]:
        return [self.ledger.lamports(key.pubkey() if isinstance(key, Keypair) else key) for key in who]

    def _ix(self, name: str, accounts: dict[str, Any], changes: dict[str, Any], **args: Any) -> Instruction:
        """``changes`` replace accounts or arguments, whichever has the name."""
        unsigned = changes.get("unsigned", ())
        unknown = set(changes) - set(accounts) - set(args) - {"unsigned"}
        if unknown:
            raise TypeError(f"{name} has no {sorted(unknown)}")
        accounts |= {key: value for key, value in changes.items() if key in accounts}
        args |= {key: value for key, value in changes.items() if key in args}
        return self.ledger.ix(f"{PROGRAM}.{name}", accounts, unsigned=unsigned, **args)


def roots(chunks: int) -> bytes:
    """Different field elements, 32 bytes each."""
    return b"".join((1_000 + chunk).to_bytes(32, "big") for chunk in range(chunks))


def set_id_of(args: dict[str, Any], data: bytes) -> bytes:
    """A set's id, as the program's documentation defines it."""
    content = bytes([args["content"]["scheme"], args["content"]["len"]]) + args["content"]["bytes"]
    params = struct.pack("<BHII", args["kind"], args["features"], args["rows_per_chunk"], args["chunks"])
    return hashlib.sha256(content + params + data).digest()


def _discriminator(account: str) -> bytes:
    return hashlib.sha256(f"account:{account}".encode()).digest()[:8]


def _dao_pda(*seeds: bytes | Pubkey) -> Pubkey:
    return Pubkey.find_program_address([bytes(seed) for seed in seeds], DAO_PROGRAM)[0]
