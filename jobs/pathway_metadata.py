"""What the jobs of pathways on repositories show of their first steps."""

from typing import Any

from assets.metadata import markdown_table
from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.sandbox.sandbox import Sandbox


def clone_metadata(box: Sandbox, checkout: Checkout) -> dict[str, Any]:
    """Return which commit of which repository stands in which sandbox."""
    return {"commit": checkout.commit, "repository": checkout.url, "sandbox": box.name}


def setup_metadata(setup: SetupSummary) -> dict[str, Any]:
    """Return what was installed, why, and whether the network was on for it."""
    return {
        "commands": markdown_table([{"command": command} for command in setup.commands]),
        "note": setup.note,
        "used_network": setup.used_network,
        "from the kept set-ups": setup.cached,
    }
