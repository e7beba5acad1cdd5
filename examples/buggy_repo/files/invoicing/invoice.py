"""An invoice: its lines, and what they add up to."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from invoicing.money import percentage, to_cents


@dataclass(frozen=True)
class Line:
    """So many of one article, with its unit price (without VAT), a discount and a VAT rate, both in per cent."""

    article: str
    unit_price: Decimal
    quantity: int = 1
    discount: int = 0
    vat_rate: int = 20

    @property
    def net(self):
        """The line's amount without VAT, discount taken off, unrounded."""
        gross = self.unit_price * self.quantity
        return gross - percentage(gross, self.discount)


@dataclass(frozen=True)
class Totals:
    """What an invoice adds up to, in whole cents."""

    net: Decimal
    vat: Decimal
    due: Decimal


@dataclass
class Invoice:
    """An invoice that lines are added to."""

    number: str
    lines: list = field(default_factory=list)

    def add(self, line):
        """Add a line; its quantity must be positive and its discount between 0 and 100."""
        if line.quantity < 1:
            raise ValueError(f"{line.article}: quantity {line.quantity} is not positive")
        if not 0 <= line.discount <= 100:
            raise ValueError(f"{line.article}: discount {line.discount} % is not between 0 and 100")
        self.lines.append(line)

    def totals(self):
        """Return the totals. VAT is rounded once for each rate, as tax offices ask for, not for each line."""
        by_rate = defaultdict(Decimal)
        for line in self.lines:
            by_rate[line.vat_rate] += line.net
        net = to_cents(sum(by_rate.values(), Decimal(0)))
        vat = sum((to_cents(percentage(amount, rate)) for rate, amount in by_rate.items()), Decimal("0.00"))
        return Totals(net=net, vat=vat, due=net + vat)
