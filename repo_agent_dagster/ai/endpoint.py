"""One call over the Chat Completions protocol: bounded in time as a whole and in what is read. The only door to openai.

What the endpoint says is data: it is read through models of our own, and what they do not know is passed over.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from repo_agent_dagster.ai.spec import ProviderSpec

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

MOST_BYTES = 8 * 1024 * 1024
"""What is read of an answer; the longest that models give are some hundred KiB."""

_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said. `tokens` counts prompt and answer, None where the endpoint does not tell."""

    text: str | None
    refusal: str | None = None
    finish: str | None = None
    tokens: int | None = None
    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """Why there is no reply; `status` is the endpoint's, None when there was no answer or none that can be read."""

    said: str
    status: int | None = None
    code: str | None = None
    retry_after: str | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    total_tokens: int


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None


class Endpoint:
    """The endpoint of a provider."""

    def __init__(self, spec: ProviderSpec) -> None:
        self._spec = spec

    def ask(self, request: Mapping[str, Any], *, within_seconds: float) -> Reply | Miss:
        """Send one request and return what came of it, at the latest after `within_seconds`.

        The client's time-outs are for each read: an endpoint that sends a byte now and then would hold us for ever. So
        the call has a thread of its own, and is waited for from outside.
        """
        with _client(self._spec, within_seconds) as client:
            call = _Call(client, request)
            call.start()
            call.join(within_seconds)
            if call.is_alive():
                return Miss(f"no answer within {within_seconds:.3g} s")
        if call.error is not None:
            raise call.error
        return call.outcome or Miss("no answer")


class _Call(threading.Thread):
    def __init__(self, client: "OpenAI", request: Mapping[str, Any]) -> None:
        super().__init__(name="model call", daemon=True)
        self._client = client
        self._request = request
        self.outcome: Reply | Miss | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        import httpx2
        import openai

        try:
            self.outcome = self._read()
        except openai.APIStatusError as error:
            self.outcome = _refused(error)
        except openai.APITimeoutError:
            self.outcome = Miss("no answer in time")
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            cause = error.__cause__ or error
            self.outcome = Miss(f"{type(cause).__name__}: {cause}")
        except BaseException as error:  # noqa: BLE001 - raised in the thread that asked
            self.error = error

    def _read(self) -> Reply | Miss:
        body = bytearray()
        with self._client.chat.completions.with_streaming_response.create(**self._request) as response:
            status = response.status_code
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    return Miss(f"the answer is longer than {MOST_BYTES // 2**20} MiB", status, "answer_too_long")
        return _reply(bytes(body), status)


def _client(spec: ProviderSpec, within_seconds: float) -> "OpenAI":
    """Return a client that goes where the spec says, as whom it says; the library would ask the environment, too."""
    from openai import DefaultHttpxClient, Omit, OpenAI

    key = spec.api_key.get_secret_value()
    headers: dict[str, Any] = {
        "Accept-Encoding": "identity",  # a few bytes must not become a large answer
        "Authorization": f"Bearer {key}",
        "OpenAI-Organization": Omit(),
        "OpenAI-Project": Omit(),
    }
    return OpenAI(
        # A redirect would take the prompt to a place that nobody configured.
        http_client=DefaultHttpxClient(follow_redirects=False, timeout=within_seconds),
        api_key=key,
        base_url=spec.base_url,
        timeout=within_seconds,
        max_retries=0,
        default_headers=headers,
    )


def _reply(body: bytes, status: int) -> Reply | Miss:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        shown = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
        return Miss(f"the answer is not one of the Chat Completions protocol: {shown}", status, "not_chat_completions")
    choice = completion.choices[0]
    return Reply(
        choice.message.content,
        choice.message.refusal,
        choice.finish_reason,
        None if completion.usage is None else completion.usage.total_tokens,
        choice.message.reasoning_content,
    )


def _refused(error: "APIStatusError") -> Miss:
    told = error.body.get("message") if isinstance(error.body, dict) else None
    said = " ".join(str(told or error.response.text).split())[:_SHOWN]
    return Miss(
        f"HTTP {error.status_code}: {said}" if said else f"HTTP {error.status_code}",
        error.status_code,
        error.code,
        error.response.headers.get("retry-after"),
    )
