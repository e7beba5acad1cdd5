"""Rules that add entries; each is a module with `apply`."""

import importlib
from types import ModuleType

from ..book import Book

RULES = ("acme_ledger.rules.discount", "acme_ledger.rules.vat", "acme_ledger.rules.rounding")


def apply_rules(book: Book) -> int:
    """Apply every rule; return how many entries they added."""
    before = len(book.entries)
    for name in RULES:
        rule: ModuleType = importlib.import_module(name)
        rule.apply(book)
    return len(book.entries) - before
