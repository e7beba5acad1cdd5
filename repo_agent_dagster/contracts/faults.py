"""The two kinds of failure that callers treat differently, and the base of every error we raise.

Here belong only the roots of the hierarchy; each engine derives its own errors from them in its own package.
"""


class RepoAgentError(Exception):
    """Base of every error this project raises: says what was wrong, where, and what to do next."""


class PermanentFault(RepoAgentError):
    """Retrying cannot help: wrong input, missing permission, a conflict. Retries skip it."""


class TransientFault(RepoAgentError):
    """The same call may succeed later: an engine restarting, a lock held, a network blip."""
