"""Scripts of ours that run in sandboxes: assets in the artifact store under their hash, delivered from there.

Here belong the scripts (`.sh` and `.py` files beside this one, which are never imported) and how they get into a
sandbox; what they are for is the business of the pathway that runs them.
"""

from repo_agent_dagster.pathways.scripts.delivery import DeliveredScript, Scripts, ScriptUndelivered

__all__ = ["DeliveredScript", "ScriptUndelivered", "Scripts"]
