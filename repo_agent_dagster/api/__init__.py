"""The HTTP face: the queue, the approvals and the STAGING units for other programs. It runs nothing by itself."""

from repo_agent_dagster.api.app import create_app
from repo_agent_dagster.api.serving import serve

__all__ = ["create_app", "serve"]
