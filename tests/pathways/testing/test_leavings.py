"""Names of files that tests made up, as names of artifacts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.pathways.testing.leavings import artifact_name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("test-results/shop/failed 1.png", "test-results/shop/failed_1.png"),
        (".cache/../x.log", "cache/_/x.log"),
        ("a\nb/ö.log", "a_b/_.log"),
    ],
)
def test_a_name_stays_readable(name: str, kept: str) -> None:
    assert artifact_name(name) == kept


@given(name=st.text(alphabet="a./ö\n~- ", max_size=200) | st.text())
def test_every_name_becomes_one_that_the_store_takes(name: str) -> None:
    assert ArtifactStore(Path("/tmp/store")).url(f"left/{artifact_name(name)}")
