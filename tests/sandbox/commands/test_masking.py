"""Secrets never come out, plain or encoded, wherever the stream is cut; and nothing else is lost or held back."""

import base64
import html
import json
import re
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.commands.masking import Masker
from repo_agent_dagster.sandbox.spec import SandboxSpecError

TOKEN = "ghp_8Zq/+w&x'y\"z<0>é~k"
SECRETS = st.lists(
    st.text(alphabet="ab\n/+é&", min_size=4, max_size=9).filter(lambda s: len(s.strip()) >= 4), max_size=3
)
CUTS = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=9)


def in_parts(masker: Masker, data: bytes, cuts: list[int]) -> bytes:
    stream, got, position, turn = masker.stream(), b"", 0, 0
    assert stream is not None
    while position < len(data):
        size = cuts[turn % len(cuts)]
        got += stream.feed(data[position : position + size])
        position, turn = position + size, turn + 1
    return got + stream.feed(b"", last=True)


@given(SECRETS.filter(bool), st.data())
def test_where_the_stream_is_cut_does_not_matter(secrets: list[str], data: st.DataObject) -> None:
    masker = Masker(secrets)
    parts = st.sampled_from([*secrets, *(base64.b64encode(one.encode()).decode() for one in secrets)])
    text = "".join(data.draw(st.lists(parts | st.text(alphabet="ab\n/+YWJh", max_size=4), max_size=8)))
    whole = masker.text(text)

    assert in_parts(masker, text.encode(), data.draw(CUTS)).decode() == whole


@given(SECRETS, st.text(alphabet="ab\n/+é&", max_size=60))
def test_no_secret_survives(secrets: list[str], text: str) -> None:
    masked = Masker(secrets).text(text)

    assert not [secret for secret in secrets if secret.strip() in masked]


@given(st.binary(max_size=80), CUTS)
def test_other_output_comes_through_byte_for_byte(data: bytes, cuts: list[int]) -> None:
    assert in_parts(Masker(["not-in-there-at-all"]), data, cuts) == data


@pytest.mark.parametrize(
    "written",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        quote(TOKEN),
        quote_plus(TOKEN),
        re.sub("%..", lambda escape: escape[0].lower(), quote(TOKEN, safe="")),
        json.dumps(TOKEN),
        json.dumps(TOKEN, ensure_ascii=False),
        html.escape(TOKEN),
        repr(TOKEN),
        repr(TOKEN.encode()),
        shlex.quote(TOKEN),
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(TOKEN.encode()).decode(),
        base64.encodebytes(f"user:{TOKEN} {'.' * 60}".encode()).decode(),
    ],
)
def test_a_secret_is_masked_however_it_is_written(written: str) -> None:
    masked = Masker([TOKEN]).text(f"before {written} after")

    assert "***" in masked
    assert written[4:-4] not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@pytest.mark.parametrize("before", ["", "u", "us", "use"])
@pytest.mark.parametrize("after", ["", "h", "ho", "hos"])
def test_base64_of_more_than_the_secret_shows_no_more_than_its_edges(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{TOKEN}{after}".encode()).decode()

    left, _, right = Masker([TOKEN]).text(encoded).partition("***")

    assert encoded.startswith(left)
    assert len(left) <= 4 * len(before)
    assert encoded.endswith(right)
    assert len(right) <= 4 * len(after)


def test_base64_wrapped_over_lines_is_masked_in_parts_too() -> None:
    secret = bytes(range(33, 120)) * 2
    wrapped = base64.encodebytes(b"key = " + secret)

    masked = in_parts(Masker([secret]), wrapped.replace(b"\n", b"\r\n"), [1, 7, 3])

    assert b"***" in masked
    assert len(masked) < 24


def test_the_lines_of_a_secret_are_secrets() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"

    assert Masker([key]).text(f"{key}hkiG9w0BAQEFAASC") == "***\n***"


def test_the_longest_of_overlapping_secrets_is_masked() -> None:
    assert Masker(["abcd", "abcdefgh"]).text("abcd abcdefgh abcdefg") == "*** *** ***efg"


def test_no_more_is_held_back_than_what_may_be_a_beginning() -> None:
    stream = Masker(["secret-value"]).stream()
    assert stream is not None

    assert stream.feed(b"his secret") == b"his "
    assert stream.feed(b" is safe\n") == b"secret is safe\n"
    assert stream.feed(b"it is s") == b"it is "
    assert stream.feed(b"", last=True) == b"s"


def test_without_secrets_there_is_nothing_to_do() -> None:
    assert Masker([]).stream() is None
    assert Masker([]).text("as it is") == "as it is"


def test_a_secret_too_short_to_be_masked_is_refused() -> None:
    with pytest.raises(SandboxSpecError, match="a secret of 3 bytes cannot be masked in output; use one of 4 or more"):
        Masker(["abc\n"])
