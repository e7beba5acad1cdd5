"""The same secret is known again by its digest, which nobody can compute without the installation's key."""

import stat
import threading
from pathlib import Path

import pytest

from repo_agent_dagster.redaction import installation_key, redact, use_key
from tests.redaction.made_secrets import made

SECRET = "gh" + "p_" + made(36)


def test_without_a_key_there_is_no_digest() -> None:
    assert redact(f"token={SECRET}") == "token=[REDACTED:github-token]"


@pytest.mark.usefixtures("keyed")
def test_the_same_secret_has_the_same_digest_wherever_it_stands() -> None:
    alone, named, header = redact(f"with {made(30)}, password={SECRET}!x"), redact(SECRET), redact(f"Bearer {SECRET}")
    digest = named.removeprefix("[REDACTED:github-token:").removesuffix("]")

    assert len(digest) == 8
    assert header == f"Bearer {named}"
    assert digest not in alone  # a longer secret is another one
    assert redact("password=hunter2").split(":")[-1] == redact('{"password": "hunter2"}').split(":")[-1].removesuffix(
        '"}'
    )


def test_another_key_gives_another_digest(keyed: None) -> None:
    before = redact(SECRET)
    use_key(b"another key, as long as it must be")

    assert redact(SECRET) != before


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        use_key(b"short")


def test_the_installations_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "home" / "redaction.key"

    key = installation_key("", file)

    assert len(key) == 32
    assert installation_key("", file) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["redaction.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: keys.append(installation_key("", tmp_path / "redaction.key"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_is_given_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    assert installation_key("given by the operator", tmp_path / "redaction.key") == b"given by the operator"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "not hex", "abcd"])
def test_a_broken_key_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    file = tmp_path / "redaction.key"
    file.write_text(content)

    with pytest.raises(ValueError, match="holds no redaction key; remove it"):
        installation_key("", file)
