"""A model is asked for data of a shape, and gives it or a fault, whatever its endpoint does."""

import json
import time
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, Field

from repo_agent_dagster.ai import AnswerInvalid, BudgetSpent, ModelRefused, ProviderRefused, ProviderUnavailable
from repo_agent_dagster.store.ai_logs import AiCall
from tests.ai.conftest import KEY, MakeProvider
from tests.ai.endpoint_server import ModelServer, completion, error, raw


class Verdict(BaseModel):
    """What the tests ask for."""

    name: str
    score: int = Field(ge=0, le=10)


GOOD = {"name": "a", "score": 7}


def ask(provider, prompt: str = "Judge it.", **more):
    return provider.propose(Verdict, prompt, agent="judge", **more)


# --- what is asked, and what comes back ----------------------------------------------------------------------------


def test_the_answer_is_asked_for_by_its_schema_and_comes_back_as_a_value(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(completion(GOOD, tokens=120))

    answer = ask(provider())

    assert answer.value == Verdict(name="a", score=7)
    assert (answer.tokens, answer.is_repaired) == (120, False)
    (got,) = model.got
    assert got.path == "/v1/chat/completions"
    assert got.headers["authorization"] == f"Bearer {KEY}"
    assert got.body["response_format"]["json_schema"]["strict"] is True
    assert got.body["response_format"]["json_schema"]["schema"]["required"] == ["name", "score"]
    assert [message["role"] for message in got.body["messages"]] == ["system", "user"]


def test_an_endpoint_without_structured_output_is_asked_in_json_mode_from_then_on(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(error(400, "response_format json_schema is not supported"), completion(GOOD))
    asked = provider()

    ask(asked)
    ask(asked)

    assert [got.dialect for got in model.got] == ["json_schema", "json_object", "json_object"]
    assert '"score"' in model.got[1].body["messages"][0]["content"]


def test_a_prompt_that_is_refused_either_way_is_refused_with_what_the_endpoint_says(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(error(400, "maximum context length exceeded"))
    asked = provider()

    with pytest.raises(ProviderRefused, match="maximum context length exceeded"):
        ask(asked)
    with pytest.raises(ProviderRefused):
        ask(asked)

    assert [got.dialect for got in model.got] == ["json_schema", "json_object"] * 2


def test_a_fence_around_the_json_is_taken_off(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion(f"```json\n{json.dumps(GOOD)}\n```"))

    assert ask(provider()).value.score == 7


def test_the_environment_has_no_say_in_where_and_as_whom_is_asked(
    model: ModelServer, provider: MakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer from-the-environment")
    model.says(completion(GOOD))

    ask(provider())

    assert model.got[0].headers["authorization"] == f"Bearer {KEY}"
    assert "environment" not in json.dumps(model.got[0].headers)


def test_a_redirect_is_not_followed_for_it_would_take_the_prompt_elsewhere(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(raw(b"", 307, Location=f"{model.url}/elsewhere"))

    with pytest.raises(ProviderRefused, match="ai_base_url"):
        ask(provider())

    assert len(model.got) == 1


# --- answers that are wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("I would say seven.", "Invalid JSON"),
        ("", "Invalid JSON"),
        (None, "Invalid JSON"),
        ({"name": "a"}, "score: Field required"),
        ({"name": "a", "score": 11}, "score: Input should be less than or equal to 10"),
        ('{"name": "\\ud800", "score": 1}', "Invalid JSON"),
    ],
)
def test_an_answer_that_does_not_validate_may_be_corrected_once(
    model: ModelServer, provider: MakeProvider, wrong: object, told: str
) -> None:
    model.says(completion(wrong, tokens=50), completion(GOOD, tokens=70))

    answer = ask(provider())

    assert (answer.value.score, answer.is_repaired, answer.tokens) == (7, True, 120)
    assert [message["role"] for message in model.got[1].body["messages"]] == ["system", "user", "assistant", "user"]
    assert told in model.got[1].body["messages"][-1]["content"]


def test_what_a_judge_finds_is_told_to_the_model(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion({"name": "b", "score": 1}), completion(GOOD))

    answer = ask(provider(), judge=lambda verdict: [] if verdict.name == "a" else ["name: only a will do"])

    assert answer.value.name == "a"
    assert "name: only a will do" in model.got[1].said


def test_an_answer_that_is_wrong_twice_is_a_fault_with_its_problems(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion({"name": "a", "score": -1}))

    with pytest.raises(AnswerInvalid, match="score") as caught:
        ask(provider())

    assert len(model.got) == 2
    assert caught.value.problems == ("score: Input should be greater than or equal to 0",)


@pytest.mark.parametrize(
    "says",
    [completion(None, refusal="I cannot help with that."), completion("", finish="content_filter")],
    ids=["refusal", "filter"],
)
def test_a_model_that_declines_is_not_asked_again(model: ModelServer, provider: MakeProvider, says) -> None:
    model.says(says)

    with pytest.raises(ModelRefused, match=r"cannot help|withheld"):
        ask(provider())

    assert len(model.got) == 1


def test_an_answer_that_was_cut_off_says_which_setting_to_raise(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion('{"name": "a', finish="length"))

    with pytest.raises(AnswerInvalid, match="ai_max_tokens"):
        ask(provider())


def test_a_huge_answer_is_not_read_to_its_end(model: ModelServer, provider: MakeProvider) -> None:
    model.says(raw(b" " * (9 * 1024 * 1024)))

    with pytest.raises(ProviderRefused, match="longer than 8 MiB"):
        ask(provider())

    assert len(model.got) == 1


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"{}", b'{"choices": []}', b"\xff\xfe", b""])
def test_an_answer_of_another_protocol_says_which_setting_to_check(
    model: ModelServer, provider: MakeProvider, body: bytes
) -> None:
    model.says(raw(body))

    with pytest.raises(ProviderRefused, match="ai_base_url"):
        ask(provider())


# --- endpoints that fail -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again(
    model: ModelServer, provider: MakeProvider, pauses: list[float], status: int
) -> None:
    model.says(error(status, "later"), error(status, "later"), completion(GOOD))

    assert ask(provider()).value.score == 7
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 2.0


def test_retry_after_is_kept_in_seconds_and_as_a_date(
    model: ModelServer, provider: MakeProvider, pauses: list[float], now: datetime
) -> None:
    date = datetime(2026, 3, 4, 9, 30, 45, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    model.says(error(429, "slow", Retry_After="12"), error(503, "slow", Retry_After=date), completion(GOOD))

    ask(provider())

    assert pauses == [12.0, 45.0]


def test_a_wait_that_the_budget_does_not_allow_is_not_begun(
    model: ModelServer, provider: MakeProvider, pauses: list[float]
) -> None:
    model.says(error(429, "slow", Retry_After="3600"))

    with pytest.raises(BudgetSpent, match="3600 s"):
        ask(provider(budget_seconds=60))

    assert pauses == []


def test_an_endpoint_that_fails_for_good_is_given_up_after_four_calls(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(error(500, "broken"))

    with pytest.raises(ProviderUnavailable, match=r"127\.0\.0\.1 \(model m-1\) gave no reply: HTTP 500: broken"):
        ask(provider())

    assert len(model.got) == 4


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        (error(401, "bad key"), "ai_api_key"),
        (error(403, "not yours"), "ai_api_key"),
        (error(404, "no such model"), "ai_model"),
        (error(429, "You exceeded your quota", code="insufficient_quota"), "quota"),
    ],
)
def test_what_cannot_pass_is_not_tried_again(model: ModelServer, provider: MakeProvider, says, hint: str) -> None:
    model.says(says)

    with pytest.raises(ProviderRefused, match=hint):
        ask(provider())

    assert len(model.got) == 1


@pytest.mark.parametrize("how", ["hangs", "drips"])
def test_an_endpoint_that_is_too_slow_is_left_in_time(model: ModelServer, provider: MakeProvider, how: str) -> None:
    model.says(getattr(model, how), completion(GOOD))
    began = time.monotonic()

    assert ask(provider(timeout_seconds=0.3)).value.score == 7

    assert time.monotonic() - began < 3


def test_an_endpoint_that_is_not_there_is_unavailable(provider: MakeProvider) -> None:
    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        ask(provider(base_url="http://127.0.0.1:1/v1"))


# --- budgets -------------------------------------------------------------------------------------------------------


def test_a_prompt_that_does_not_fit_the_budget_is_not_sent(model: ModelServer, provider: MakeProvider) -> None:
    with pytest.raises(BudgetSpent, match="ai_budget_tokens"):
        ask(provider(budget_tokens=1000), "word " * 1000)

    assert model.got == []


def test_the_answer_may_be_as_long_as_the_budget_leaves(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion(GOOD, tokens=600))
    asked = provider(budget_tokens=1500, max_tokens=5000)

    ask(asked)
    ask(asked)
    with pytest.raises(BudgetSpent):
        ask(asked, "word " * 100)

    first, second = (got.body["max_completion_tokens"] for got in model.got)
    assert first < 1500
    assert second == first - 600
    assert asked.budget.spent_tokens == 1200


def test_an_endpoint_that_does_not_tell_its_tokens_is_counted_by_estimate(
    model: ModelServer, provider: MakeProvider, calls: list[AiCall]
) -> None:
    model.says(completion(GOOD, tokens=None))

    assert ask(provider(), "word " * 300).tokens > 500
    assert calls[0].tokens is None


def test_the_seconds_of_a_piece_of_work_run_out(model: ModelServer, provider: MakeProvider) -> None:
    model.says(model.hangs)
    began = time.monotonic()

    with pytest.raises(BudgetSpent, match="budget"):
        ask(provider(budget_seconds=0.4, timeout_seconds=60))

    assert time.monotonic() - began < 3


# --- secrets and the log -------------------------------------------------------------------------------------------


def test_no_secret_is_sent_or_logged(model: ModelServer, provider: MakeProvider, calls: list[AiCall]) -> None:
    secret = "Aa1" * 9
    model.says(completion({"name": f"password='{secret}'", "score": 99}, thought=f"the token is gh{'p'}_{secret}"))

    with pytest.raises(AnswerInvalid) as caught:
        ask(provider(), f"const apiKey = '{secret}';\nconst mine = f('{KEY}');\nconst token = next();")

    everything = json.dumps([got.body for got in model.got]) + repr(calls) + str(caught.value)
    assert secret not in everything
    assert KEY not in everything
    assert "const token = next();" in model.got[0].said


def test_every_call_is_logged_whole(
    model: ModelServer, provider: MakeProvider, calls: list[AiCall], now: datetime
) -> None:
    model.says(error(500, "broken"), completion("no JSON", tokens=40), completion(GOOD, tokens=60, thought="hm"))

    ask(provider(), "Judge the thing.")

    assert [call.response for call in calls] == ["[no reply] HTTP 500: broken", "no JSON", json.dumps(GOOD)]
    assert [call.tokens for call in calls] == [None, 40, 60]
    assert all("[system]" in call.prompt and "Judge the thing." in call.prompt for call in calls)
    assert (calls[2].timestamp, calls[2].agent_name, calls[2].model, calls[2].thought) == (now, "judge", "m-1", "hm")
    assert calls[2].ai_provider == "127.0.0.1"
    assert calls[2].latency > 0
