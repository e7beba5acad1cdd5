"""Every known shape of a secret goes, its name stays, and the same secret has the same digest."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.redaction import may_hold_secret, redact, redact_counted, redact_source, redact_value
from repo_agent_dagster.redaction.shapes import SHAPES
from tests.redaction.made_secrets import STANDING_ALONE, WITH_A_PLACE, all_lines, made

LINES = all_lines()
IDS = [f"{number}-{text[:20]}" for number, (text, _) in enumerate(LINES)]
ALONE = [(kind, secret) for kind, group in STANDING_ALONE.items() for secret in group]


def test_there_is_a_made_up_secret_of_every_kind() -> None:
    kinds = {*STANDING_ALONE, *(kind for kind, _, _ in WITH_A_PLACE)}
    assert {shape.kind for shape in SHAPES} <= kinds


@pytest.mark.parametrize(("kind", "secret"), ALONE, ids=[f"{kind}-{secret[:6]}" for kind, secret in ALONE])
def test_a_token_is_known_by_its_shape_alone(kind: str, secret: str) -> None:
    assert redact_counted(f"see {secret}, then") == (f"see [REDACTED:{kind}], then", 1)
    assert redact(f"a\\n{secret}\\nb") == f"a\\n[REDACTED:{kind}]\\nb"
    assert secret not in redact_source(f'const x = "{secret}";')


@pytest.mark.parametrize(("kind", "text", "secret"), WITH_A_PLACE, ids=[text for _, text, _ in WITH_A_PLACE])
def test_a_secret_is_known_by_the_name_before_it_which_stays(kind: str, text: str, secret: str) -> None:
    assert redact_counted(text.format(secret)) == (text.format(f"[REDACTED:{kind}]"), 1)


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize(("text", "secret"), LINES, ids=IDS)
def test_redacting_twice_changes_nothing(text: str, secret: str) -> None:
    once = redact(text)

    assert secret not in once
    assert re.search(r"\[REDACTED:[a-z-]+:[0-9a-f]{8}\]", once)
    assert redact_counted(once) == (once, 0)
    assert redact_source(once) == once


@pytest.mark.parametrize(("text", "_secret"), LINES, ids=IDS)
def test_the_cheap_test_never_misses_what_redaction_would_take(text: str, _secret: str) -> None:
    assert may_hold_secret(text)
    assert may_hold_secret(json.dumps({"message": text}))


@pytest.mark.usefixtures("keyed")
@given(
    st.lists(
        st.sampled_from([*(text for text, _ in LINES), "token", "=", ": ", '"', "\\", "[REDACTED:", "]", "\n", "é"])
    )
)
def test_texts_of_many_secrets_are_redacted_once_and_for_all(texts: list[str]) -> None:
    once = redact(" ".join(texts))

    assert redact(once) == once


def test_secrets_are_counted_in_values_and_under_names() -> None:
    secret = made(20)
    value = {"token": secret, "n": 3, "list": ["password=" + secret, None], "nested": {"Cookie": "x", "name": "bob"}}

    assert redact_value(value) == {
        "token": "[REDACTED:secret]",
        "n": 3,
        "list": ["password=[REDACTED:secret]", None],
        "nested": {"Cookie": "[REDACTED:secret]", "name": "bob"},
    }
    assert redact_counted(f"token={secret} and password={secret}")[1] == 2
    assert redact_value({"max_tokens": "4096", "secret_name": "db", "token_url": "https://x"}) == {
        "max_tokens": "4096",
        "secret_name": "db",
        "token_url": "https://x",
    }


@pytest.mark.parametrize("between", ["\u200b", "\u00ad", "\U000e0041", "\x1b[0m", "\ufe0f"])
def test_what_nobody_sees_hides_no_secret(between: str) -> None:
    secret = STANDING_ALONE["github-token"][0]
    text = f"using {secret[:2]}{between}{secret[2:]}"

    assert may_hold_secret(text)
    assert redact_counted(text) == ("using [REDACTED:github-token]", 1)
    assert redact(f"an ordinary{between} line") == f"an ordinary{between} line"
