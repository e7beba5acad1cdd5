"""`ledger ACCOUNT=AMOUNT ...` prints the balances."""

import sys

import ledger.rules as rules
from ledger import (
    Book,  # from ledger import Entry would be unused
)


def main(args: list[str] | None = None) -> int:
    book = Book()
    for pair in sys.argv[1:] if args is None else args:
        account, _, amount = pair.partition("=")
        book.add(account, amount)
    rules.apply_rules(book)
    for account in sorted({entry.account for entry in book.entries}):
        print(account, book.balance(account))
    return 0
