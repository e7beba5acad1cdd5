"""What can go wrong when a model is asked. Whoever asks goes on without it after any `AiFault`."""

from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError, TransientFault


class AiFault(RepoAgentError):
    """The model did not give what it was asked for; the work is left as it would be without a model."""


class ProviderUnavailable(AiFault, TransientFault):
    """The endpoint did not answer, was overloaded or failed, also after retries; try again later."""


class ProviderRefused(AiFault, PermanentFault):
    """The endpoint refused the call: its key, the model's name, the address, or the size of the prompt is wrong."""


class ModelRefused(AiFault, PermanentFault):
    """The model declined to answer, or its answer was withheld; the message says why."""


class AnswerInvalid(AiFault, PermanentFault):
    """The answer was not what was asked for, also after one chance to correct it; `problems` says in what."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class NothingProposed(AiFault, PermanentFault):
    """The model answered that it cannot do the work; the message gives its reason."""


class BudgetSpent(AiFault, PermanentFault):
    """The tokens or the seconds that this piece of work may cost do not suffice for one more call."""


class PromptBroken(PermanentFault):
    """A prompt's template is missing, malformed, or wants a value that it was not given: a mistake in our code."""
