"""Ask a model for what no rule can do: structured, budgeted, redacted, logged whole; what it gives is data, checked.

Nothing needs it: without a provider (`spec_of` gives None) every feature goes its deterministic way.
"""

from repo_agent_dagster.ai.call_log import into_store
from repo_agent_dagster.ai.faults import (
    AiFault,
    AnswerInvalid,
    BudgetSpent,
    ModelRefused,
    NothingProposed,
    PromptBroken,
    ProviderRefused,
    ProviderUnavailable,
)
from repo_agent_dagster.ai.patch_proposals import propose_batch
from repo_agent_dagster.ai.provider import Answer, Provider
from repo_agent_dagster.ai.spec import ProviderSpec, spec_of

__all__ = [
    "AiFault",
    "Answer",
    "AnswerInvalid",
    "BudgetSpent",
    "ModelRefused",
    "NothingProposed",
    "PromptBroken",
    "Provider",
    "ProviderRefused",
    "ProviderSpec",
    "ProviderUnavailable",
    "into_store",
    "propose_batch",
    "spec_of",
]
