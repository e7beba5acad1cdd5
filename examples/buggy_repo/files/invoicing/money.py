"""Amounts of money: exact decimals while they are worked with, whole cents when they are shown or charged."""

from decimal import Decimal

CENT = Decimal("0.01")


def to_cents(amount):
    """Round an amount to whole cents; half a cent is rounded up, away from zero."""
    return Decimal(round(amount, 2)).quantize(CENT)


def percentage(amount, percent):
    """Return so many per cent of an amount, unrounded."""
    return amount * Decimal(percent) / 100
