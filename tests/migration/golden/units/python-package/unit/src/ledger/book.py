"""Entries, and the book that holds them."""

from dataclasses import dataclass, field

from ledger.money import cents


@dataclass(frozen=True)
class Entry:
    account: str
    amount: int


@dataclass
class Book:
    entries: list[Entry] = field(default_factory=list)

    def add(self, account: str, amount: str) -> Entry:
        entry = Entry(account, cents(amount))
        self.entries.append(entry)
        return entry

    def balance(self, account: str) -> int:
        return sum(entry.amount for entry in self.entries if entry.account == account)
