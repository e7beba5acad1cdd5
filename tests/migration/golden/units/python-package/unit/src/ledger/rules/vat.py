"""Value added tax on all sales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import money as amounts

from .. import data
from ..book import Entry

if TYPE_CHECKING:
    from ledger.book import Book


def apply(book: Book) -> None:
    rate = amounts.cents(data.read("vat.txt"))
    tax = sum(entry.amount for entry in book.entries if entry.account == "sales") * rate // 10_000
    if tax:
        book.entries.append(Entry("vat", tax))
