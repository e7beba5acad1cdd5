"""Totals of invoices: lines, discounts, and VAT by rate."""

from invoicing.invoice import Invoice, Line, Totals
from invoicing.money import to_cents

__all__ = ["Invoice", "Line", "Totals", "to_cents"]
