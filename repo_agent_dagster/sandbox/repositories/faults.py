"""What can go wrong with a repository: for good, or for now."""

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault


class RepositoryError(PermanentFault):
    """A repository cannot be used: its URL is refused, it does not exist, or it has no such ref, folder or object."""


class RepositoryUnavailable(TransientFault):
    """A repository could not be had now: the network or its server failed, its mirror is busy or was damaged."""
