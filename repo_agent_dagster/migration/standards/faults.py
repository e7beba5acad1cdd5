"""What can go wrong with standards before a file is checked."""

from repo_agent_dagster.contracts.faults import PermanentFault


class RuleError(PermanentFault):
    """A rule file is missing, malformed or breaks a rule, or no rule has the name asked for; the message says where."""
