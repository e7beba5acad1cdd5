from decimal import Decimal

import pytest

from invoicing import to_cents
from invoicing.money import percentage


@pytest.mark.parametrize(("amount", "cents"), [("1", "1.00"), ("2.344", "2.34"), ("2.346", "2.35")])
def test_amounts_round_to_the_nearest_cent(amount, cents):
    assert to_cents(Decimal(amount)) == Decimal(cents)


def test_percentages_stay_exact():
    assert percentage(Decimal("19.99"), 7) == Decimal("1.3993")
