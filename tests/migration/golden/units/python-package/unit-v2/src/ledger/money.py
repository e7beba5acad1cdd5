"""Money as text and in cents."""

import decimal


def cents(text: str) -> int:
    amount = decimal.Decimal(text.replace(',', '.'))
    return int(amount.scaleb(2))
