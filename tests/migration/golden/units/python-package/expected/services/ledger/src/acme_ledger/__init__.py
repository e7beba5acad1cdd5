"""Books amounts, in cents."""

from .book import Book, Entry
from .rules import apply_rules

__all__ = ["Book", "Entry", "apply_rules"]
