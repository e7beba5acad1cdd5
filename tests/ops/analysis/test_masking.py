"""What varies is masked, what tells problems apart stays."""

import pytest

from repo_agent_dagster.ops.analysis.masking import headline, pattern, word_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order=48213 took 1.5s (3/10), 99.5 %", "order=<NUM> took <NUM> (<NUM>/<NUM>), <NUM> %"),
        ("id 8f2b6c1e-9a41-4c5b-9d2e-7f3a11c0aa10", "id <UUID>"),
        ("connect ECONNREFUSED 10.2.3.4:5432", "connect ECONNREFUSED <IP>"),
        ("from ::1 and fe80::12:ab and 2001:db8:0:0:0:0:2:1", "from <IP> and <IP> and <IP>"),
        ("at 2026-03-04T12:00:01.123Z", "at <TIME>"),
        ("at 2026-03-04 12:00:01 +0200 or 12:00:01,5", "at <TIME> or <TIME>"),
        ("due 2026-03-04", "due <TIME>"),
        (
            "GET https://api.example.com:8443/users/99/x?a=1&b=2 failed",
            "GET https://api.example.com:<NUM>/users/<NUM>/x?<QUERY> failed",
        ),
        ("mail to bob.smith+x@example.co.uk", "mail to <EMAIL>"),
        ("cannot open /tmp/build-xk2/src/a.ts:12:3", "cannot open /tmp/<PATH>:<NUM>:<NUM>"),
        ("in /home/runner/jobs/x1/y.js", "in /home/<USER>/jobs/<ID>/y.js"),
        ("src/pricing.ts(212,9)", "src/pricing.ts(<NUM>)"),
        ("pod checkout-api-7d9f8b6c5-xkqzt evicted", "pod checkout-api-<ID> evicted"),
        (
            "user usr_01HXYZABC on worker7 at 0xdeadbeef, commit 3fa9c1d",
            "user usr_<ID> on worker<NUM> at <ID>, commit <ID>",
        ),
        ("\x1b[31merror\x1b[0m E0308 mismatched", "error E0308 mismatched"),
        ("error TS2322: no", "error TS2322: no"),
        ("failed with status 503 and exit code 137.", "failed with status 503 and exit code 137."),
        ("HTTP 404, errno: 13, signal 9", "HTTP 404, errno: 13, signal 9"),
        ("glob@7.2.3 is deprecated", "glob@<NUM> is deprecated"),
        ("plain words stay", "plain words stay"),
        ("", ""),
    ],
)
def test_a_message_becomes_its_pattern(text: str, expected: str) -> None:
    assert pattern(text) == expected


def test_codes_tell_problems_apart_and_masks_do_not() -> None:
    assert word_tokens("error TS2322: x") != word_tokens("error TS2532: x")
    assert word_tokens("got HTTP 404 for 17") == word_tokens("got http 404 for 99182")
    assert word_tokens("got HTTP 404") != word_tokens("got HTTP 500")


def test_the_headline_is_the_first_line_that_is_not_empty() -> None:
    assert headline("\n  \nTypeError: x\n    at f (a.js:1:2)") == "TypeError: x"
    assert headline("   ") == ""


def test_the_headline_of_a_traceback_is_its_last_line() -> None:
    text = "Task failed\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nKeyError: 'a'"

    assert headline(text) == "KeyError: 'a'"
    assert headline("Traceback (most recent call last):\n  File") == "Traceback (most recent call last):"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["a1-", "1:", "a.", "://", "1.1.", "f:", "@a.", "/tmp/", "2026-03-04T", "_1", "\x1b[", "code "]
)
def test_no_message_makes_masking_slow(unit: str) -> None:
    for _ in range(20):
        pattern(unit * (1024 * 1024 // len(unit)))
