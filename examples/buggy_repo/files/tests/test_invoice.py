from decimal import Decimal

import pytest

from invoicing import Invoice, Line, Totals


def invoice_of(*lines):
    invoice = Invoice("2026-0042")
    for line in lines:
        invoice.add(line)
    return invoice


def test_an_invoice_without_lines_is_free():
    assert invoice_of().totals() == Totals(Decimal("0.00"), Decimal("0.00"), Decimal("0.00"))


def test_vat_is_added_for_each_rate():
    invoice = invoice_of(
        Line("bread", Decimal("3.20"), quantity=2, vat_rate=10),
        Line("toaster", Decimal("39.90")),
    )

    assert invoice.totals() == Totals(net=Decimal("46.30"), vat=Decimal("8.62"), due=Decimal("54.92"))


def test_a_discount_is_taken_off_before_vat():
    invoice = invoice_of(Line("lamp", Decimal("50.00"), discount=10))

    assert invoice.totals() == Totals(net=Decimal("45.00"), vat=Decimal("9.00"), due=Decimal("54.00"))


def test_half_a_cent_rounds_up():
    invoice = invoice_of(Line("screw", Decimal("0.125"), vat_rate=0))

    assert invoice.totals().due == Decimal("0.13")


def test_a_quantity_must_be_positive():
    with pytest.raises(ValueError, match="quantity 0"):
        invoice_of(Line("lamp", Decimal("50.00"), quantity=0))
