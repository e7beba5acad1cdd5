"""What one piece of work may cost in tokens and seconds, and what it has cost so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.ai.faults import BudgetSpent

# Source code has three to four bytes a token in the common vocabularies; to count too many is the safe side.
_BYTES_PER_TOKEN = 3
_LEAST_ANSWER_TOKENS = 64
_LEAST_SECONDS = 0.05


def estimated_tokens(texts: Sequence[str]) -> int:
    """Return about how many tokens the texts have, rather too many than too few."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) // _BYTES_PER_TOKEN + 8 * len(texts)


@dataclass(slots=True)
class Budget:
    """The limits of one piece of work, in tokens (of prompts and answers) and in seconds, and what is spent of them."""

    tokens: int
    seconds: float
    spent_tokens: int = 0
    spent_seconds: float = 0.0

    def charge(self, *, tokens: int = 0, seconds: float = 0.0) -> None:
        """Count what a call or a wait has cost."""
        self.spent_tokens += tokens
        self.spent_seconds += seconds

    def answer_tokens(self, prompt_tokens: int, most: int) -> int:
        """Return how long the answer to a prompt may be, in tokens.

        Raises:
            BudgetSpent: the prompt leaves no room for one.
        """
        left = self.tokens - self.spent_tokens
        if left - prompt_tokens < _LEAST_ANSWER_TOKENS:
            raise BudgetSpent(
                f"a prompt of about {prompt_tokens} tokens does not fit: {max(left, 0)} are left of the budget of "
                f"{self.tokens}; raise ai_budget_tokens, or ask for less at once"
            )
        return min(most, left - prompt_tokens)

    def call_seconds(self, most: float) -> float:
        """Return how long a call may take, in seconds.

        Raises:
            BudgetSpent: no time is left.
        """
        left = self.seconds_left
        if left < _LEAST_SECONDS:
            raise BudgetSpent(f"the budget of {self.seconds:g} s for the model is spent; raise ai_budget_seconds")
        return min(most, left)

    @property
    def seconds_left(self) -> float:
        """Seconds that may still be spent; never below 0."""
        return max(self.seconds - self.spent_seconds, 0.0)
