"""Described errors made to happen in a sandbox, or not: the shop of `conftest.py` has bugs of all kinds."""

import pytest

from repo_agent_dagster.contracts.recreation import RecreationVerdict
from repo_agent_dagster.store import ai_logs
from repo_agent_dagster.store.engine import read_transaction
from tests.pathways.recreation.conftest import Bench

pytestmark = pytest.mark.docker

CRASH = """\
# Crash on an empty cart

```python
import shop

names = ["a", "b"]
for name in names:
    print(name)
prices = []
if not prices:
    print(shop.dearest(prices))
print("done")
```

```
Traceback (most recent call last):
  File "/home/me/x.py", line 8, in <module>
    print(shop.dearest(prices))
  File "/home/me/venv/lib/python3.8/site-packages/shop/cart.py", line 9, in dearest
    return max(prices)
ValueError: max() arg is an empty sequence
```
Python 3.8.1
"""


def test_an_error_that_happens_becomes_a_minimal_failing_test(shop: Bench) -> None:
    result = shop.recreate(CRASH)

    assert result.verdict is RecreationVerdict.REPRODUCED
    assert (result.confidence, result.runs, result.path) == (0.95, "3 of 3", "rules")
    assert result.attempts[0].matched == ["exception", "message", "frame"]
    assert result.repro_fails
    assert result.command == "python3 -m pytest tests/test_repro_crash_on_an_empty_cart.py"
    assert result.repro is not None
    body = result.repro.split("def test_crash_on_an_empty_cart():\n")[1]
    assert body == "    import shop\n\n    prices = []\n    if not prices:\n        print(shop.dearest(prices))\n"
    assert any(
        "Python 3.8.1; here it is" in reason or "python 3.8.1; here it is" in reason for reason in result.reasons
    )
    assert result.environment["python"].startswith("3.")
    assert {one.name for one in result.artifacts} >= {
        "repro/test_repro_crash_on_an_empty_cart.py",
        "attempts.md",
        "recreation.md",
    }
    with read_transaction(shop.context.engine) as conn:
        thoughts = [one.thought or "" for one in ai_logs.listing(conn, shop.context.task_id)]
    assert any(
        "sought is ValueError: max() arg is an empty sequence in shop/cart.py:dearest" in one for one in thoughts
    )


def test_a_wrong_value_fails_an_assertion_with_both_values(shop: Bench) -> None:
    result = shop.recreate("`discounted(200, 10)` returns `180` instead of `150`.", repeats=1)

    assert (result.verdict, result.confidence) == (RecreationVerdict.REPRODUCED, 0.95)
    assert result.seen == "AssertionError: expected 150, got 180"
    assert "assert actual == 150" in (result.repro or "")


def test_an_error_that_should_come_and_does_not_keeps_its_call_when_it_is_made_minimal(shop: Bench) -> None:
    text = "```python\nx = 1\ndiscounted(100, 200)\n```\nThis should raise `ValueError` but returns 0."

    result = shop.recreate(text, repeats=1)

    assert result.verdict is RecreationVerdict.REPRODUCED
    assert "discounted(100, 200)" in (result.repro or "")
    assert "x = 1" not in (result.repro or "")


def test_a_javascript_error_becomes_a_test_of_node(shop: Bench) -> None:
    text = """\
        # label of nothing
        ```js
        const shop = require('shop-js');
        console.log('hello');
        shop.label({});
        ```
        ```
        TypeError: Cannot read properties of undefined (reading 'toUpperCase')
            at exports.label (/home/me/node_modules/shop-js/lib/index.js:1:40)
        ```
        """

    result = shop.recreate("\n".join(line.removeprefix("        ") for line in text.split("\n")), repeats=2)

    assert (result.verdict, result.confidence) == (RecreationVerdict.REPRODUCED, 0.95)
    assert result.command == "node --test repro-label-of-nothing.test.cjs"
    assert "hello" not in (result.repro or "hello")


def test_a_command_becomes_a_test_that_runs_it(shop: Bench) -> None:
    text = "```console\n$ pip install shop\n$ python3 -m shop\nValueError: max() arg is an empty sequence\n```"

    result = shop.recreate(text, repeats=1)

    assert result.verdict is RecreationVerdict.REPRODUCED
    assert result.repro_fails
    assert "COMMAND = 'python3 -m shop'" in (result.repro or "")


def test_a_command_that_prints_something_else_becomes_a_test_of_its_output(shop: Bench) -> None:
    command = 'python3 -c "import shop; print(shop.discounted(200, 10))"'

    result = shop.recreate(f"`{command}` prints `180` but should print `150`.", repeats=1)

    assert (result.verdict, result.repro_fails) == (RecreationVerdict.REPRODUCED, True)
    assert 'assert "150" in done.stdout' in (result.repro or "")


def test_a_failing_test_that_is_named_is_its_own_reproduction(shop: Bench) -> None:
    result = shop.recreate("`test_adding_twice_counts_both` fails on main", repeats=1)

    assert result.verdict is RecreationVerdict.REPRODUCED
    assert result.repro_path == "tests/test_cart.py"
    assert result.command == "python3 -m pytest tests/test_cart.py::test_adding_twice_counts_both"


def test_an_error_that_comes_now_and_then_is_flaky(shop: Bench) -> None:
    text = "```python\nfrom shop.cart import wobbly\nwobbly()\n```\nSometimes `RuntimeError: out of luck`"

    result = shop.recreate(text, repeats=4)

    assert (result.verdict, result.runs) == (RecreationVerdict.FLAKY, "2 of 4")
    assert result.confidence < 0.5


def test_code_that_runs_well_does_not_reproduce(shop: Bench) -> None:
    result = shop.recreate("```python\nprint(Cart())\n```\nraises `ValueError: bad`", repeats=2)

    assert (result.verdict, result.confidence) == (RecreationVerdict.NOT_REPRODUCED, 0.7)
    assert result.repro is None


def test_the_snippets_own_fault_is_not_the_error(shop: Bench) -> None:
    result = shop.recreate("```python\nimport notthere\n```\nraises `ValueError: bad`", repeats=1)

    assert result.verdict is RecreationVerdict.UNCLEAR
    assert result.attempts[0].outcome == "own_error"


def test_another_message_of_the_same_type_is_unclear(shop: Bench) -> None:
    text = "```python\nCart().take('milk')\n```\nraises `OutOfStock: everything is sold out today`"

    result = shop.recreate(text, repeats=1)

    assert result.verdict is RecreationVerdict.UNCLEAR
    assert result.attempts[0].outcome == "near"


def test_a_hang_and_a_crash_are_tested_in_processes_of_their_own(shop: Bench) -> None:
    hang = "```python\nfrom shop.cart import endless\nendless()\n```\nhangs forever"
    crash = "```python\nfrom shop.cart import dies\ndies()\n```\nIt segfaults"

    hung = shop.recreate(hang, repeats=1, timeout_seconds=2)
    died = shop.recreate(crash, repeats=1)

    assert (hung.verdict, hung.repro_fails) == (RecreationVerdict.REPRODUCED, True)
    assert (died.verdict, died.repro_fails) == (RecreationVerdict.REPRODUCED, True)
    assert died.seen == "ended by SIGSEGV"


def test_what_does_not_end_is_timed_out_where_no_hang_was_told(shop: Bench) -> None:
    text = "```python\nfrom shop.cart import endless\nendless()\n```\nraises `ValueError: bad`"

    result = shop.recreate(text, repeats=1, timeout_seconds=1)

    assert result.verdict is RecreationVerdict.TIMED_OUT
