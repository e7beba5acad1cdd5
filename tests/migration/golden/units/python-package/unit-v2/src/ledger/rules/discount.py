"""Takes a hundredth off large sales."""

from ledger.book import Book, Entry

from ..money import cents


def apply(book: Book) -> None:
    if book.balance("sales") > cents("1000"):
        book.entries.append(Entry("discount", -book.balance("sales") // 100))
