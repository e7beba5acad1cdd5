"""Calls of a model by the rules: redacted, within the budget, made again where that may help, logged whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from time import monotonic

from pydantic import BaseModel

from repo_agent_dagster.ai import dialects
from repo_agent_dagster.ai.budget import Budget, estimated_tokens
from repo_agent_dagster.ai.dialects import Dialect, Message
from repo_agent_dagster.ai.endpoint import Endpoint, Miss, Reply
from repo_agent_dagster.ai.faults import AiFault, BudgetSpent, ProviderRefused, ProviderUnavailable
from repo_agent_dagster.ai.retrying import MOST_ATTEMPTS, delay_seconds, may_pass
from repo_agent_dagster.ai.spec import ProviderSpec
from repo_agent_dagster.redaction import REDACTED, redact, redact_source
from repo_agent_dagster.store.ai_logs import AiCall

# What endpoints answer to a `response_format` or a limit that they do not know.
_NOT_UNDERSTOOD = {400, 422, 501}
# A shorter key is a word for an endpoint that wants none, and may well be a word of the prompt.
_LEAST_KEY = 8


class Calls:
    """All calls that one provider makes: they share a budget, and what was learnt of the endpoint."""

    def __init__(
        self,
        spec: ProviderSpec,
        budget: Budget,
        *,
        clock: Callable[[], datetime],
        pause: Callable[[float], None],
        chance: Random,
        record: Callable[[AiCall], None],
        task_request_id: str | None,
    ) -> None:
        self._spec = spec
        self._budget = budget
        self._clock = clock
        self._pause = pause
        self._chance = chance
        self._record = record
        self._task_request_id = task_request_id
        self._endpoint = Endpoint(spec)
        self._dialect: Dialect = "schema"

    def ask(self, messages: Sequence[Message], schema: type[BaseModel], *, agent: str) -> Reply:
        """Return what the model says to a conversation that begins with a system message.

        Raises:
            ProviderUnavailable, ProviderRefused, BudgetSpent: there is no reply.
        """
        clean = [replace(message, content=self.hide(message.content)) for message in messages]
        outcome = self._patiently(clean, schema, self._dialect, agent)
        if isinstance(outcome, Miss) and self._dialect == "schema" and outcome.status in _NOT_UNDERSTOOD:
            # Words for this refusal differ between endpoints, so it is found out by asking in the older way.
            outcome = self._patiently(clean, schema, "json", agent)
            if isinstance(outcome, Reply):
                self._dialect = "json"
        if isinstance(outcome, Miss):
            raise self._fault(outcome)
        return outcome

    def hide(self, text: str) -> str:
        """Return the text without secrets of known shapes, and without the provider's own key."""
        key = self._spec.api_key.get_secret_value()
        if len(key) >= _LEAST_KEY:
            text = text.replace(key, f"{REDACTED}api-key]")
        return redact_source(text)

    def _patiently(
        self, messages: Sequence[Message], schema: type[BaseModel], dialect: Dialect, agent: str
    ) -> Reply | Miss:
        for attempt in range(1, MOST_ATTEMPTS + 1):
            outcome = self._once(messages, schema, dialect, agent)
            if isinstance(outcome, Reply) or not may_pass(outcome) or attempt == MOST_ATTEMPTS:
                break
            delay = delay_seconds(attempt, outcome.retry_after, self._clock(), self._chance)
            if delay > self._budget.seconds_left:
                raise BudgetSpent(
                    f"{self._where} wants {delay:.0f} s to pass ({self.hide(outcome.said)}), and "
                    f"{self._budget.seconds_left:.0f} s are left of the budget; try again later"
                )
            self._pause(delay)
            self._budget.charge(seconds=delay)
        return outcome

    def _once(self, messages: Sequence[Message], schema: type[BaseModel], dialect: Dialect, agent: str) -> Reply | Miss:
        sent = dialects.worded(messages, schema, dialect)
        prompt_tokens = estimated_tokens([message.content for message in sent])
        within_seconds = self._budget.call_seconds(self._spec.timeout_seconds)
        most = self._budget.answer_tokens(prompt_tokens, self._spec.max_tokens)
        began, timestamp = monotonic(), self._clock()
        request = dialects.request(self._spec.model, sent, schema, dialect, most)
        outcome = self._endpoint.ask(request, within_seconds=within_seconds)
        latency = monotonic() - began
        self._budget.charge(tokens=_cost(outcome, prompt_tokens), seconds=latency)
        self._record(self._told(sent, outcome, agent, timestamp, latency))
        return outcome

    def _told(
        self, sent: Sequence[Message], outcome: Reply | Miss, agent: str, timestamp: datetime, latency: float
    ) -> AiCall:
        if isinstance(outcome, Miss):
            said, thought, tokens = f"[no reply] {outcome.said}", None, None
        else:
            said, thought, tokens = outcome.text or outcome.refusal or "", outcome.thought, outcome.tokens
        return AiCall(
            timestamp=timestamp,
            agent_name=agent[:200],
            ai_provider=self._spec.name,
            model=self._spec.model[:200],
            thought=None if thought is None else redact(self.hide(thought)),
            prompt="\n\n".join(f"[{message.role}]\n{message.content}" for message in sent),
            response=redact(self.hide(said)),  # nothing is made of what is kept, so its code need not be spared
            tokens=tokens,
            latency=round(latency, 3),
            task_request_id=self._task_request_id,
        )

    def _fault(self, miss: Miss) -> AiFault:
        said = f"{self._where} gave no reply: {self.hide(miss.said)}"
        if may_pass(miss):
            return ProviderUnavailable(f"{said}; asked {MOST_ATTEMPTS} times, try again later")
        if miss.status in (401, 403):
            return ProviderRefused(f"{said}; check ai_api_key")
        if miss.status in (301, 302, 307, 308, 404) or miss.code == "not_chat_completions":
            return ProviderRefused(f"{said}; check ai_base_url and ai_model")
        return ProviderRefused(said)

    @property
    def _where(self) -> str:
        return f"{self._spec.name} (model {self._spec.model})"


def _cost(outcome: Reply | Miss, prompt_tokens: int) -> int:
    """Return the tokens that a call is counted with; where the endpoint does not tell, rather too many."""
    if isinstance(outcome, Miss):
        # Who hung up may have been billed for what was sent.
        return prompt_tokens if outcome.status is None else 0
    if outcome.tokens is not None:
        return outcome.tokens
    return prompt_tokens + estimated_tokens([outcome.text or "", outcome.thought or ""])
