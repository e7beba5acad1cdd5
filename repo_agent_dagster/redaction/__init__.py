"""Take secrets out of text before it is stored or sent: the name stays, the value becomes ``[REDACTED:kind:digest]``.

Only shapes that are known to be secrets are taken; no guess by entropy, which would flag every hash in a log.
"""

from repo_agent_dagster.redaction.digests import REDACTED, installation_key, use_key
from repo_agent_dagster.redaction.texts import (
    LineRedactor,
    may_hold_secret,
    redact,
    redact_counted,
    redact_source,
    redact_value,
)
from repo_agent_dagster.redaction.unseen import visible

__all__ = [
    "REDACTED",
    "LineRedactor",
    "installation_key",
    "may_hold_secret",
    "redact",
    "redact_counted",
    "redact_source",
    "redact_value",
    "use_key",
    "visible",
]
