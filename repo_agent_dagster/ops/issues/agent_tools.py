"""GitHub's issues as tools for agents: typed, for the configured repositories only, and bounded.

What an agent writes goes through the same gate as log text: redacted, neutralised, cut. What it reads was written by
strangers, and is handed to it as data. Goal runs and the MCP server offer these tools by `arguments`' JSON schema.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, ValidationError

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.ops.issues.body import MAX_TITLE_CHARACTERS
from repo_agent_dagster.pages.safety import as_data, one_line, prose
from repo_agent_dagster.redaction import redact, redact_value

if TYPE_CHECKING:
    from repo_agent_dagster.github.issues import GitHubIssues

MAX_LISTED = 50
MAX_WRITES = 20
_MAX_ANSWER_CHARACTERS = 60_000
_SIGNATURE = "\n\n<sub>Written by an agent of repo-agent.</sub>\n"

Number = Annotated[int, Field(ge=1, description="The issue's number.")]
State = Literal["open", "closed", "all"]
Label = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[\w .:/+-]+$")]


class InRepository(SnakeContract):
    """What every tool is told first."""

    repository: Annotated[str, Field(description="owner/name; one of the configured repositories.")]


class Listing(InRepository):
    """Which issues or pull requests are listed."""

    state: State = "open"
    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 20


class IssueListing(Listing):
    """Which issues are listed."""

    label: Annotated[Label | None, Field(description="Only issues with this label.")] = None


class OneIssue(InRepository):
    """Which issue."""

    number: Number


class NewIssue(InRepository):
    """An issue to be opened."""

    title: Annotated[str, Field(min_length=1, max_length=500)]
    body: Annotated[str, Field(min_length=1, max_length=50_000, description="Markdown.")]
    labels: Annotated[tuple[Label, ...], Field(max_length=10)] = ()


class NewComment(OneIssue):
    """A comment to be made."""

    body: Annotated[str, Field(min_length=1, max_length=50_000, description="Markdown.")]


class NewState(OneIssue):
    """What an issue's state shall be."""

    state: Literal["open", "closed"]
    reason: Literal["completed", "not_planned"] = "completed"


class Assignment(OneIssue):
    """Whose an issue shall be."""

    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$")]


class Labelling(OneIssue):
    """Labels to be added."""

    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=10)]


ArgumentsT = TypeVar("ArgumentsT", bound=InRepository)


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What an agent is told: the result as data, or in a sentence why there is none."""

    is_done: bool
    text: str


@dataclass(frozen=True, slots=True)
class AgentTool(Generic[ArgumentsT]):
    """A tool: its name, what it does, the model of its arguments, and how it is called."""

    name: str
    description: str
    arguments: type[ArgumentsT]
    is_writing: bool
    _do: Callable[[ArgumentsT], Any]
    _gate: "_Gate"

    def call(self, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Check the arguments, do it, and answer; what is refused is told, not raised."""
        try:
            checked = self.arguments.model_validate(dict(arguments))
            self._gate.let_through(checked.repository, is_writing=self.is_writing)
            result = self._do(checked)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            return ToolAnswer(False, f"the arguments of {self.name} are wrong: {'; '.join(problems)}")
        except (RepoAgentError, _Refused) as refused:
            return ToolAnswer(False, redact(str(refused)))
        text = json.dumps(redact_value(result), ensure_ascii=False, default=str, indent=1)
        return ToolAnswer(True, as_data(text[:_MAX_ANSWER_CHARACTERS], "texts from GitHub"))


class _Refused(Exception):
    """The gate does not let a call through."""


class _Gate:
    """Which repositories may be spoken of, and how much may still be written."""

    def __init__(self, repositories: Collection[str], max_writes: int) -> None:
        self._repositories = {name.lower() for name in repositories}
        self._writes_left = max_writes
        self._max_writes = max_writes

    def let_through(self, repository: str, *, is_writing: bool) -> None:
        if repository.lower() not in self._repositories:
            names = ", ".join(sorted(self._repositories)) or "none"
            raise _Refused(f"{repository} is not among the configured repositories ({names})")
        if is_writing:
            if self._writes_left < 1:
                raise _Refused(f"this run has written {self._max_writes} times, which is all it may")
            self._writes_left -= 1


def github_tools(
    github: "GitHubIssues", repositories: Collection[str], *, max_writes: int = MAX_WRITES
) -> tuple[AgentTool[Any], ...]:
    """Return the tools for one run of an agent; together they write at most `max_writes` times."""
    gate = _Gate(repositories, max_writes)

    def tool(
        name: str,
        description: str,
        arguments: type[ArgumentsT],
        do: Callable[[ArgumentsT], Any],
        *,
        writes: bool = True,
    ) -> AgentTool[ArgumentsT]:
        return AgentTool(name, description, arguments, writes, do, gate)

    return (
        tool(
            "github_list_issues",
            "List a repository's issues, newest first.",
            IssueListing,
            lambda a: [
                asdict(i) for i in github.list_issues(a.repository, label=a.label, state=a.state, limit=a.limit)
            ],
            writes=False,
        ),
        tool(
            "github_list_pull_requests",
            "List a repository's pull requests, newest first.",
            Listing,
            lambda a: [asdict(p) for p in github.list_pull_requests(a.repository, state=a.state, limit=a.limit)],
            writes=False,
        ),
        tool(
            "github_get_issue",
            "Read an issue and its comments.",
            OneIssue,
            lambda a: (
                asdict(github.get_issue(a.repository, a.number))
                | {"comments": [asdict(c) for c in github.comments(a.repository, a.number)[-MAX_LISTED:]]}
            ),
            writes=False,
        ),
        tool(
            "github_create_issue",
            "Open an issue.",
            NewIssue,
            lambda a: asdict(github.create_issue(a.repository, _title(a.title), _body(a.body, a.repository), a.labels)),
        ),
        tool(
            "github_comment",
            "Comment on an issue.",
            NewComment,
            lambda a: asdict(github.comment(a.repository, a.number, _body(a.body, a.repository))),
        ),
        tool(
            "github_update_issue_state",
            "Close or reopen an issue.",
            NewState,
            lambda a: github.update_state(
                a.repository, a.number, a.state, a.reason if a.state == "closed" else "reopened"
            ),
        ),
        tool(
            "github_assign_issue",
            "Assign an issue to an account; answers whether GitHub took it.",
            Assignment,
            lambda a: {"is_assigned": github.assign(a.repository, a.number, a.login)},
        ),
        tool(
            "github_add_labels",
            "Add labels to an issue.",
            Labelling,
            lambda a: github.add_labels(a.repository, a.number, a.labels),
        ),
    )


def _title(text: str) -> str:
    return one_line(redact(text), MAX_TITLE_CHARACTERS)


def _body(text: str, repository: str) -> str:
    return redact(prose(redact(text), (f"github.com/{repository}",))) + _SIGNATURE
