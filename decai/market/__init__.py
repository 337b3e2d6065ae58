"""Compute: offers, jobs, leases and what becomes of them."""

from decai.market.jobs import Job, Jobs, Offer, Record, Terms
from decai.market.offers import Quote, Quotes, SourceReport, best_quotes
from decai.market.service import Market

__all__ = ["Job", "Jobs", "Market", "Offer", "Quote", "Quotes", "Record", "SourceReport", "Terms", "best_quotes"]
