"""Rules add entries."""

from unittest.mock import patch

from acme_ledger.rules import apply_rules

from .support.helpers import book_with


def test_vat_is_added_once() -> None:
    book = book_with(sales="10.00")

    assert apply_rules(book) == 1
    assert book.balance("vat") == 190


def test_the_rate_is_read() -> None:
    with patch("acme_ledger.rules.vat.data.read", return_value="7.00"):
        book = book_with(sales="10.00")
        apply_rules(book)

    assert book.balance("vat") == 70


def test_large_sales_have_a_discount() -> None:
    book = book_with(sales="2000")
    apply_rules(book)

    assert book.balance("discount") == -2000
