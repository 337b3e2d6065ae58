"""Everything that is done with jobs: bid, lease, submit, attest, settle, refund."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from decai.chain import Action, Confirmation, fixed_text, parse_address
from decai.chain.layouts import content_id
from decai.energy.meter import Reading
from decai.energy.records import EnergyRecord, EnergyRecords, co2e_mg
from decai.errors import AccountNotFound, MarketError
from decai.market.jobs import MARKETS, Job, Jobs, Offer, Record
from decai.market.offers import Quote, Quotes, best_quotes, quote_of_offer

if TYPE_CHECKING:
    from decai.collective import Collective

__all__ = ["Market"]

_GRADES = {"measured": 1, "estimated": 2, "declared": 3}
_MARKETS = {name: code for code, name in MARKETS.items()}
_ROOTS_A_WRITE = 24  # 24 × 32 bytes fit one transaction


class Market:
    """Jobs and offers of every collective on a chain. Actions are signed by the collective's wallet."""

    def __init__(self, collective: Collective) -> None:
        self._collective = collective
        self.chain = collective.chain

    def _action(
        self, title: str, name: str, args: Mapping[str, Any] | None = None, *, units: int | None = None,
        made: Mapping[str, Pubkey] | None = None, **accounts: Pubkey,
    ) -> Action:  # fmt: skip
        wallet = self._collective.signer()
        known = {**dict.fromkeys(("owner", "registrar", "wallet", "payer", "attester"), wallet), **accounts}
        built = self.chain.instruction("compute_verifier", name, args or {}, known)
        return Action(title, (built,), wallet, accounts=dict(made or {}), compute_units=units)

    def _do(self, action: Action) -> Confirmation:
        return self._collective.act(action)

    # --- reading -----------------------------------------------------------------------------------------------

    def jobs(self, dao: Pubkey | str | None = None) -> Jobs:
        """Every job, newest first; of one DAO if given."""
        equal = {} if dao is None else {"dao": parse_address(dao)}
        return Jobs([Job.of(r) for r in self.chain.fetch_all("Job", **equal).plain()])

    def job(self, address: Pubkey | str) -> Job:
        """One job.

        Raises
        ------
        MarketError
            There is none.
        """
        try:
            return Job.of(self.chain.fetch("Job", parse_address(address)))
        except AccountNotFound:
            raise MarketError(f"There is no job at {address}.", hint="See `decai jobs`.") from None

    def record(self, job: Pubkey | str) -> Record | None:
        """What was submitted for a job, or None."""
        row = self.chain.find("TrainingJobRecord", self.chain.pda.record(parse_address(job)))
        return None if row is None else Record.of(row)

    def records(self, dao: Pubkey | str | None = None) -> list[Record]:
        """Every record."""
        equal = {} if dao is None else {"dao": parse_address(dao)}
        return [Record.of(r) for r in self.chain.fetch_all("TrainingJobRecord", **equal).plain()]

    def energy(self, dao: Pubkey | str | None = None) -> EnergyRecords:
        """The energy of every job that has a record."""
        equal = {} if dao is None else {"dao": parse_address(dao)}
        return EnergyRecords([EnergyRecord.of(r) for r in self.chain.fetch_all("TrainingJobRecord", **equal).plain()])

    def offers(self, dao: Pubkey | str) -> list[Offer]:
        """What the collective's providers offer now, the unavailable included."""
        return [Offer.of(r) for r in self.chain.fetch_all("Provider", dao=parse_address(dao)).plain()]

    def quotes(
        self, dao: Pubkey | str, *, hours: float, watts: float = 10.0, budget_lamports: int | None = None
    ) -> Quotes:
        """Quotes for a job of some hours, from every source, cheapest first.

        Parameters
        ----------
        hours : float
            How long the job is assumed to take.
        watts : float
            Power assumed for the emissions' estimate.
        """

        def peers() -> Sequence[Quote]:
            return [quote_of_offer(o, source="peer", hours=hours, watts=watts) for o in self.offers(dao) if o.available]

        return best_quotes({"peers": peers}, budget_lamports=budget_lamports)

    # --- sets --------------------------------------------------------------------------------------------------

    def register_set(self, cid: str, chunked: Any) -> Pubkey:
        """Register a training or evaluation set, once for everybody: its address follows from its content.

        Parameters
        ----------
        cid : str
            The set's directory in the store.
        chunked : ChunkedSet

        Returns
        -------
        Pubkey
            The set's address.
        """
        from decai.storage.cids import content_id as encode

        digest = chunked.set_id(encode(cid))
        address = self.chain.pda.chunked_set(digest)
        if self.chain.raw_account(address) is not None:
            return address
        for action in self._set_actions(address, digest, cid, chunked):
            self._do(action)
        return address

    def _set_actions(self, address: Pubkey, digest: bytes, cid: str, chunked: Any) -> Iterator[Action]:
        """What is still to be done to register a set, in as few transactions as hold it."""
        wallet = self._collective.signer()
        draft = self.chain.pda.draft(wallet, digest)
        raw = self.chain.raw_account(draft)
        places = self.chain.idls["compute_verifier"].account_dtypes["Draft"].fields
        assert places is not None
        written = b"" if raw is None else raw[places["bytes"][1] :]
        roots = chunked.roots

        def step(name: str, args: Mapping[str, Any], **accounts: Pubkey) -> Instruction:
            built = self._action("", name, args, units=None, made=None, draft=draft, **accounts)
            return built.instructions[0]

        steps = [] if raw is not None else [step("open_draft", {"id": digest})]
        for start in range(0, len(roots), _ROOTS_A_WRITE):
            data = b"".join(roots[start : start + _ROOTS_A_WRITE])
            if written[start * 32 : start * 32 + len(data)] != data:
                steps.append(step("write_draft", {"offset": start * 32, "data": data}))
        params = {
            "content": content_id(cid),
            "kind": {"train": 1, "eval": 2}[chunked.kind],
            "features": chunked.features,
            "rows_per_chunk": chunked.rows_per_chunk,
            "chunks": len(roots),
        }
        steps.append(step("register_set", {"id": digest, **params}, set=address))
        what = f"the {chunked.kind} set {chunked.name}"
        while steps:
            count = next(n for n in range(len(steps), 0, -1) if n == 1 or _fits(steps[:n], wallet))
            title = f"Register {what}" if count == len(steps) else f"Prepare to register {what}"
            yield Action(title, tuple(steps[:count]), wallet, accounts={"set": address}, compute_units=400_000)
            del steps[:count]

    def set_cid(self, address: Pubkey | str) -> str:
        """Where a registered set's bytes are."""
        cid: str = self.chain.fetch("ChunkedSet", parse_address(address))["content"]
        return cid

    def sets(self) -> list[dict[str, Any]]:
        """Every registered set, as the chain holds it."""
        return self.chain.fetch_all("ChunkedSet").plain()

    # --- providers ---------------------------------------------------------------------------------------------

    def create_leaderboard(self, dao: Pubkey) -> Confirmation:
        """Make a DAO's leaderboard; once."""
        leaderboard = self.chain.pda.leaderboard(dao)
        return self._do(self._action("Create the leaderboard", "create_leaderboard", dao=dao, leaderboard=leaderboard))

    def set_offer(
        self,
        dao: Pubkey | str,
        *,
        price_lamports_per_hour: int,
        cores: int,
        memory_mb: int,
        device: str,
        region: str,
        carbon_mg_per_kwh: int = 0,
        available: bool = True,
    ) -> Confirmation:
        """Publish what this wallet's machine offers, becoming a provider first if needed."""
        key = parse_address(dao)
        provider = self.chain.pda.provider(key, self._collective.signer())
        if self.chain.find("Provider", provider) is None:
            self._do(self._action("Become a provider", "create_provider", dao=key, provider=provider))
        offer = {
            "available": int(available),
            "price_lamports_per_hour": price_lamports_per_hour,
            "cores": cores,
            "memory_mb": memory_mb,
            "carbon_mg_per_kwh": carbon_mg_per_kwh,
            "device": _cut(device, 32),
            "region": fixed_text(region, 8, "region"),
        }
        return self._do(self._action("Set the offer", "set_offer", {"offer": offer}, provider=provider))

    # --- a job's course ----------------------------------------------------------------------------------------

    def bid(self, job: Job, price: int, *, market: str = "local", external_id: str = "", usd: float = 0.0,
            offer_sha256: bytes = bytes(32)) -> Confirmation:  # fmt: skip
        """Bid for a job; a bond is kept until it is settled, and comes back when somebody bids less."""
        wallet = self._collective.signer()
        key = Pubkey.from_string(job.address)
        outbid = Pubkey.from_string(job.provider) if job.provider else wallet
        args = {
            "price": price,
            "market": _MARKETS[market],
            "external_id": fixed_text(external_id, 64, "offer's id"),
            "offer_sha256": offer_sha256,
            "price_usd_micros": round(usd * 1e6),
        }
        provider = self.chain.pda.provider(Pubkey.from_string(job.dao), wallet)
        return self._do(self._action("Bid for a job", "bid", args, provider=provider, job=key, outbid=outbid))

    def lease(self, job: Job) -> Confirmation:
        """Give the job to the cheapest bidder, after the auction; anyone can."""
        return self._do(self._action("Lease a job", "lease", job=Pubkey.from_string(job.address)))

    def fail_lease(self, job: Job) -> Confirmation:
        """Take back a lease that ran out; anyone can."""
        dao, key = Pubkey.from_string(job.dao), Pubkey.from_string(job.address)
        lessee = Pubkey.from_string(job.provider or "")
        return self._do(
            self._action(
                "Take back a lease", "fail_lease", job=key, provider=self.chain.pda.provider(dao, lessee),
                treasury=self.chain.pda.of_dao("treasury", dao),
            )
        )  # fmt: skip

    def submit(
        self,
        job: Job,
        *,
        model_cid: str,
        manifest_sha256: bytes,
        w_after: bytes,
        correct_before: int,
        correct_after: int,
        reading: Reading,
        device: str,
    ) -> Confirmation:
        """Submit what was trained, with its energy."""
        key = Pubkey.from_string(job.address)
        joules = max(1, round(reading.energy_joules))
        args = {
            "model": content_id(model_cid),
            "manifest_sha256": manifest_sha256,
            "w_after": w_after,
            "correct_before": correct_before,
            "correct_after": correct_after,
            "energy_joules": joules,
            "energy_grade": _GRADES[reading.grade],
            "energy_band_ppm": reading.band_ppm,
            "carbon_mg_per_kwh": reading.intensity.mg_per_kwh,
            "co2e_mg": co2e_mg(joules, reading.intensity.mg_per_kwh),
            "hardware_efficiency_ppm": reading.efficiency_ppm,
            "region": fixed_text(reading.intensity.region, 8, "region"),
            "duration_s": max(1, round(reading.duration_s)),
            "device": _cut(device, 32),
            "report": content_id(""),
        }
        record = self.chain.pda.record(key)
        return self._do(
            self._action(
                "Submit a training record", "submit_record", {"args": args}, job=key, record=record,
                made={"record": record}, units=200_000,
            )
        )  # fmt: skip

    def attest(self, job: Job, w_after: bytes) -> Confirmation:
        """State that one's own computation gives these weights; members only, not the provider, not the proposer."""
        wallet = self._collective.signer()
        key = Pubkey.from_string(job.address)
        member = self.chain.pda.member(Pubkey.from_string(job.dao), wallet)
        return self._do(
            self._action(
                "Attest a training record", "attest", {"w_after": w_after}, job=key, member=member,
                attestation=self.chain.pda.attestation(key, wallet),
            )
        )  # fmt: skip

    def settle(self, job: Job) -> Confirmation:
        """Pay the provider for a reviewed result; anyone can."""
        dao, key = Pubkey.from_string(job.dao), Pubkey.from_string(job.address)
        wallet = Pubkey.from_string(job.provider or "")
        return self._do(
            self._action(
                "Settle a job", "settle", job=key, record=self.chain.pda.record(key), wallet=wallet,
                provider=self.chain.pda.provider(dao, wallet), leaderboard=self.chain.pda.leaderboard(dao),
                treasury=self.chain.pda.of_dao("treasury", dao),
            )
        )  # fmt: skip

    def refund(self, job: Job) -> Confirmation:
        """Return the budget of a job that nobody will do to the treasury; anyone can."""
        dao, key = Pubkey.from_string(job.dao), Pubkey.from_string(job.address)
        return self._do(
            self._action("Refund a job", "refund_expired", job=key, treasury=self.chain.pda.of_dao("treasury", dao))
        )


def _fits(instructions: Sequence[Instruction], payer: Pubkey) -> bool:
    """Whether one transaction holds these instructions, with a compute limit's one more and one signature."""
    limit = Instruction(Pubkey.default(), bytes(5), [])
    try:
        message = MessageV0.try_compile(payer, [limit, *instructions], [], Hash.default())
    except (OverflowError, ValueError):
        return False
    return 1 + 64 + len(to_bytes_versioned(message)) <= 1232


def _cut(text: str, size: int) -> bytes:
    """Text cut to whole characters that fit ``size`` bytes; a processor's name may be longer."""
    raw = text.encode()[:size].decode("utf-8", "ignore").strip() or "unknown"
    return fixed_text("".join(c for c in raw if c.isprintable()), size, "text")
