"""Money as text and in cents, never in floats."""

import decimal


def cents(text: str) -> int:
    return int(decimal.Decimal(text).scaleb(2))
