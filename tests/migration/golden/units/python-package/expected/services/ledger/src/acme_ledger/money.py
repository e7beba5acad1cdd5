"""Money as text and in cents."""

import decimal


def cents(text: str) -> int:
    return int(decimal.Decimal(text).scaleb(2))
