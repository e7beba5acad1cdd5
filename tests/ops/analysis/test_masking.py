"""What varies is masked, what tells problems apart stays."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis import masking
from repo_agent_dagster.ops.analysis.masking import error_codes, headline, pattern, word_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order=48213 took 1.5s (3/10), 99.5 %", "order=<NUM> took <NUM> (<NUM>/<NUM>), <NUM>"),
        ("id 8f2b6c1e-9a41-4c5b-9d2e-7f3a11c0aa10", "id <UUID>"),
        ("connect ECONNREFUSED 10.2.3.4:5432", "connect ECONNREFUSED <IP>"),
        ("denied to 10.2.0.0/16. Stop.", "denied to <IP>. Stop."),
        ("from ::1 and fe80::12:ab and 2001:db8:0:0:0:0:2:1", "from <IP> and <IP> and <IP>"),
        ("listening on [2001:db8::1]:443", "listening on [<IP>]:<NUM>"),
        (
            "GET https://api.example.com:8443/users/99/x?a=1&b=2 failed",
            "GET https://api.example.com:<NUM>/users/<NUM>/x?<QUERY> failed",
        ),
        (
            "GET https://registry.example/@acme%2Fcart: 404 Not Found",
            "GET https://registry.example/@acme/cart: 404 Not Found",
        ),
        ("mail to bob.smith+x@example.co.uk", "mail to <EMAIL>"),
        ("pod checkout-api-7d9f8b6c5-xkqzt evicted", "pod checkout-api-<NUM> evicted"),
        ("pod checkout-api-bcdfghjkl-xkqzt evicted", "pod checkout-api-<NUM> evicted"),
        (
            "user usr_01HXYZABC on worker7 at 0xdeadbeef, commit 3fa9c1d",
            "user usr_<NUM> on worker<NUM> at <NUM>, commit <NUM>",
        ),
        ("commit 1234567 or deadbeef or 3fa9c1d", "commit <NUM> or <NUM> or <NUM>"),
        ("digest sha256:4f3a, i7 and c2VjcmV0IGJsb2Igb2YgZGF0YQ==", "digest sha256:<NUM> and <BLOB>"),
        ("mac aa:bb:cc:0d:ee:ff", "mac <IP>"),
        ("token [REDACTED:github-token:1a2b3c4d] is bad", "token <SECRET> is bad"),
        ("token [REDACTED:bearer] is bad", "token <SECRET> is bad"),
        ("glob@7.2.3 and v1.2.3-rc.1 are deprecated", "glob@<NUM> and <NUM> are deprecated"),
        ("used 512 MiB of 2.5 GiB after 1m30s", "used <NUM> of <NUM> after <NUM>"),
        ("ids [1, 2, 3] and [4]", "ids [<NUM>] and [<NUM>]"),
        ("in \x1b[31mred\x1b[0m", "in red"),
        ("plain words stay", "plain words stay"),
        ("", ""),
    ],
)
def test_a_message_becomes_its_pattern(text: str, expected: str) -> None:
    assert pattern(text) == expected


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-04",
        "2026-03-04T12:00:01.123Z",
        "2026-03-04 12:00:01 +0200",
        "2026-03-04 12:00:01,123",
        "2026/03/04 12:00:01",
        "04/Mar/2026:12:00:01 +0000",
        "Mar  4 12:00:01",
        "Mar 14 12:00:01",
        "Wed, 04 Mar 2026 12:00:01 GMT",
        "Wed Mar  4 12:00:01 UTC 2026",
        "Mar 4, 2026 1:02:03 PM",
        "04-Mar-2026 12:00:01.123",
        "12:00:01",
        "12:00:01,5",
    ],
)
def test_times_in_the_common_forms_are_masked(time: str) -> None:
    assert pattern(f"at {time} it ended") == "at <TIME> it ended"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/runner/_work/shop/shop/src/a.ts:12:3", "src/a.ts:<NUM>:<NUM>"),
        ("/opt/actions-runner/_work/shop/shop/src/a.ts", "src/a.ts"),
        ("file:///__w/shop/shop/src/a.mjs", "src/a.mjs"),
        ("/github/workspace/src/a.ts", "src/a.ts"),
        ("/builds/acme/shop/src/a.ts", "src/a.ts"),
        (r"D:\a\shop\shop\src\a.ts(12,3)", r"src\a.ts(<NUM>)"),
        ("cannot open /tmp/build-xk2/src/a.ts:12:3", "cannot open /tmp/<PATH>:<NUM>:<NUM>"),
        ("/home/runner/_work/_temp/3f2.sh: line 1", "<PATH>: line <NUM>"),
        ("/home/runner/_work/_temp/8f2b6c1e-9a41-4c5b-9d2e-7f3a11c0aa10.sh: line 1", "<PATH>: line <NUM>"),
        (r"C:\Users\ci\AppData\Local\Temp\x1\y.txt is gone", "<PATH> is gone"),
        ("in /home/runner/jobs/x1/y.js", "in /home/<USER>/jobs/<NUM>/y.js"),
    ],
)
def test_paths_are_told_from_where_the_checkout_lies(text: str, expected: str) -> None:
    assert pattern(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "error TS2322: no",
        "error[E0308]: mismatched types",
        "a.py: F401 'os' imported",
        "warning CS8602: null",
        "SC2086 and DL3008",
        "npm error code E404",
        "code: 'P2002'",
        "SQLSTATE[23505]: duplicate key",
        "ERROR 1045: Access denied",
        "failed with status 503 and exit code 137.",
        "HTTP 404, errno: 13, signal 9",
        "got 404, returned 503",
        "The requested URL returned error: 403",
        "502 Bad Gateway",
        "cannot add `i64` to `f32`",
        "utf-8 in x86_64, k8s, S3 and D1",
        "e2e of ec2 by sha256",
    ],
)
def test_error_codes_and_names_with_digits_stay(text: str) -> None:
    assert pattern(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user 'alice' is locked", "user '<NUM>' is locked"),
        ("tenant=acme and requestId: Qx-Abc", "tenant=<NUM> and requestId: <NUM>"),
        ("Cannot read properties of undefined (reading 'id')", None),
        ("column 'email' does not exist", None),
        ("invalid: foo", None),
    ],
)
def test_what_names_one_of_many_is_masked_and_what_names_code_is_not(text: str, expected: str | None) -> None:
    assert pattern(text) == (expected or text)


@given(st.text(alphabet=st.sampled_from("019af-:. /TEsx[]'=HP"), max_size=40), st.randoms(use_true_random=False))
def test_a_pattern_does_not_depend_on_what_was_masked_before(text: str, order: Random) -> None:
    others = ["".join(order.choice("0123456789") if c.isdigit() else c for c in text) for _ in range(3)]
    masking.forget()
    fresh = pattern(text)
    for other in others:
        masking.forget()
        pattern(other)
        assert pattern(text) == fresh


def test_codes_tell_problems_apart_and_masks_do_not() -> None:
    assert word_tokens("error TS2322: x") != word_tokens("error TS2532: x")
    assert word_tokens("got HTTP 404 for 17") == word_tokens("got http 404 for 99182")
    assert word_tokens("got HTTP 404") != word_tokens("got HTTP 500")


def test_one_and_many_are_the_same_words() -> None:
    assert word_tokens("1 test was skipped, a file is gone") == word_tokens("2 tests were skipped, 4 files are gone")


def test_error_codes_are_read_from_a_headline() -> None:
    assert error_codes("connect ECONNREFUSED 10.0.0.1:80 after HTTP 503, ERR_TLS, job 7") == (
        *("econnrefused", "err_tls"),
        "http 503",
    )


def test_the_headline_is_the_first_line_that_is_not_empty() -> None:
    assert headline("\n  \nTypeError: x\n    at f (a.js:1:2)") == "TypeError: x"
    assert headline("   ") == ""


def test_the_headline_of_a_traceback_is_its_last_line() -> None:
    text = "Task failed\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nKeyError: 'a'"

    assert headline(text) == "KeyError: 'a'"
    assert headline("Traceback (most recent call last):\n  File") == "Traceback (most recent call last):"


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a1-",
            "1:",
            "a.",
            "://",
            "1.1.",
            "f:",
            "@a.",
            "/tmp/",
            "2026-03-04T",
            "_1",
            "\x1b[",
            "code ",
            "/srv/",
            "\\a",
        ),
        *(
            "0a-",
            "user '",
            "user=",
            "id=",
            "1 ",
            "1,",
            "Mar 1 ",
            "Wed, ",
            "0/",
            "[REDACTED:",
            "1h ",
            "status: ",
            "f",
            "A1/",
        ),
    ],
)
def test_no_message_makes_masking_slow(unit: str) -> None:
    for _ in range(20):
        masking.forget()
        pattern(unit * (1024 * 1024 // len(unit)))
