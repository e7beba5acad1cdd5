"""A key for digests, where a test asks for one."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.redaction import use_key


@pytest.fixture
def keyed() -> Iterator[None]:
    """Give secrets digests by a fixed key."""
    use_key(b"a key of the tests alone")
    yield
    use_key(None)
