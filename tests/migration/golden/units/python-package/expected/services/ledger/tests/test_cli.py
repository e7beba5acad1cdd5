"""The command prints balances."""

import acme_ledger.cli as cli


def test_balances_are_printed(capsys) -> None:
    assert cli.main(["cash=1.02", "sales=2"]) == 0

    assert capsys.readouterr().out == "cash 100\nsales 200\nvat 38\n"
