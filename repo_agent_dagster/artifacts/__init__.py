"""Files that outlive their task: whole logs, reports, patches, scripts; in a local folder or an object store.

Here belongs how they are kept and handed out, not what is in them.
"""

from repo_agent_dagster.artifacts.store import (
    ArtifactError,
    ArtifactStore,
    ArtifactUnavailable,
    StoredObject,
    TaskArtifacts,
)

__all__ = ["ArtifactError", "ArtifactStore", "ArtifactUnavailable", "StoredObject", "TaskArtifacts"]
