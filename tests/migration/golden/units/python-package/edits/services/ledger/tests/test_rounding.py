"""Cash is rounded."""

from acme_ledger import apply_rules

from .support.helpers import book_with


def test_cash_is_rounded_down() -> None:
    book = book_with(cash="1.02")
    apply_rules(book)

    assert book.balance("cash") == 100
