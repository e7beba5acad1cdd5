"""Books for tests."""

from ledger import Book


def book_with(**amounts: str) -> Book:
    book = Book()
    for account, amount in amounts.items():
        book.add(account, amount)
    return book
