"""How a command is shown."""

from collections.abc import Sequence

import pytest

from repo_agent_dagster.sandbox.commands.output import shown


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("bash", "-c", "a && b"), "a && b"),
        (["bash", "-c", "a && b"], "a && b"),
        (("git", "log", "a b"), "git log 'a b'"),
    ],
)
def test_a_command_is_shown_as_a_person_types_it(command: Sequence[str], text: str) -> None:
    assert shown(command) == text
