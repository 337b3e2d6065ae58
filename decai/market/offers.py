"""Quotes for a job from every source at once, on one scale, and why the chosen one was chosen."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decai.errors import DecAIError, MarketError
from decai.market.jobs import Offer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Quote", "Quotes", "SourceReport", "best_quotes", "quote_of_offer"]

LAMPORTS = 1_000_000_000


@dataclass(frozen=True)
class Quote:
    """What one offer would cost and emit for one job.

    Attributes
    ----------
    source : str
        "peer" for a provider of the collective, "local" for this machine.
    provider, device, region : str
    price_sol_per_hour : float
    total_lamports : int
        For the whole job, at the hours assumed.
    co2e_g : float or None
        For the whole job at the power assumed; None when the provider names no grid.
    reliability : float or None
        Settled jobs among those that ended; None for a newcomer.
    chosen : bool
    why : str
        Why it was chosen, or why not.
    """

    source: str
    provider: str
    device: str
    region: str
    price_sol_per_hour: float
    total_lamports: int
    co2e_g: float | None
    reliability: float | None
    chosen: bool = False
    why: str = ""


@dataclass(frozen=True)
class SourceReport:
    """How asking one source went."""

    source: str
    ok: bool
    quotes: int
    seconds: float
    reason: str = ""


class Quotes(Sequence[Quote]):
    """Quotes, the chosen one first, with a report on each source."""

    def __init__(self, items: Sequence[Quote], sources: Sequence[SourceReport]) -> None:
        self._items = list(items)
        self.sources = list(sources)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[Quote]:
        return iter(self._items)

    @property
    def chosen(self) -> Quote | None:
        """The best quote, or None when there is none."""
        return next((q for q in self._items if q.chosen), None)

    def to_frame(self) -> pd.DataFrame:
        """One row a quote."""
        import pandas as pd

        names = [f.name for f in dataclasses.fields(Quote)]
        return pd.DataFrame([dataclasses.asdict(q) for q in self._items], columns=names)

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))


def quote_of_offer(offer: Offer, *, source: str, hours: float, watts: float) -> Quote:
    """A provider's standing offer as a quote.

    Parameters
    ----------
    hours : float
        How long the job is assumed to take.
    watts : float
        The power it is assumed to draw, for the emissions' estimate.
    """
    carbon = offer.carbon_mg_per_kwh
    return Quote(
        source=source,
        provider=offer.provider,
        device=offer.device,
        region=offer.region,
        price_sol_per_hour=offer.price_lamports_per_hour / LAMPORTS,
        total_lamports=max(1, round(offer.price_lamports_per_hour * hours)),
        co2e_g=watts / 1000 * hours * carbon / 1000 if carbon else None,
        reliability=offer.reliability,
    )


def best_quotes(
    sources: Mapping[str, Callable[[], Sequence[Quote]]],
    *,
    budget_lamports: int | None = None,
    timeout_s: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Quotes:
    """Ask every source at once and choose the cheapest quote for the whole job.

    A source that fails or is late is reported with its reason; the others count.

    Parameters
    ----------
    sources : mapping
        Name → a function that gives its quotes.
    budget_lamports : int, optional
        Dearer quotes are shown, never chosen.
    timeout_s : float
        For all sources together.
    """
    found: list[Quote] = []
    reports: list[SourceReport] = []
    pool = ThreadPoolExecutor(max_workers=max(1, len(sources)), thread_name_prefix="decai-market")
    began = clock()
    try:
        asked = {name: pool.submit(ask) for name, ask in sources.items()}
        for name, answer in asked.items():
            try:
                quotes = answer.result(timeout=max(0.0, timeout_s - (clock() - began)))
            except (DecAIError, OSError, ValueError, LookupError) as e:  # what a service abroad can bring about
                late = isinstance(e, TimeoutError) and not answer.done()
                reason = f"no answer within {timeout_s:g} s" if late else str(e) or type(e).__name__
                reports.append(SourceReport(name, False, 0, clock() - began, reason))
            else:
                found.extend(quotes)
                reports.append(SourceReport(name, True, len(quotes), clock() - began))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Quotes(_ranked(found, budget_lamports), reports)


def _ranked(quotes: Sequence[Quote], budget: int | None) -> list[Quote]:
    ordered = sorted(quotes, key=lambda q: (q.total_lamports, -(q.reliability or 0.0), q.provider))
    best = next((q for q in ordered if budget is None or q.total_lamports <= budget), None)
    out: list[Quote] = []
    for q in ordered:
        if q is best:
            out.insert(0, dataclasses.replace(q, chosen=True, why="Lowest total for the whole job"))
        elif budget is not None and q.total_lamports > budget:
            out.append(dataclasses.replace(q, why="Dearer than the budget"))
        else:
            assert best is not None
            more = q.total_lamports / best.total_lamports - 1
            reason = f"{more:.0%} dearer" if more > 0 else "Same price, but less reliable or listed later"
            out.append(dataclasses.replace(q, why=reason))
    return out


def price_for(quote: Quote, budget_lamports: int) -> int:
    """What to bid for a job: the quote's total, at most the budget.

    Raises
    ------
    MarketError
        The quote is dearer than the budget.
    """
    if quote.total_lamports > budget_lamports:
        raise MarketError(
            f"The job's budget is {budget_lamports} lamports; this offer asks {quote.total_lamports}.",
            hint="Offer for less, or wait for another job.",
        )
    return quote.total_lamports
