"""A key for digests, where a test asks for one."""

import pytest

from repo_agent_dagster.redaction import use_key


@pytest.fixture
def keyed() -> None:
    """Give secrets digests by a fixed key."""
    use_key(b"a key of the tests alone")
