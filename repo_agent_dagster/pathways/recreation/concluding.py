"""The last step of a recreation: the verdict, the artifacts, the result."""

import json
import posixpath
import re

from repo_agent_dagster.contracts.recreation import (
    LISTED_ATTEMPTS,
    Bisection,
    ErrorRecreationResult,
    ErrorSignature,
    RecreationVerdict,
)
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.recreation import report
from repo_agent_dagster.pathways.recreation.failing_test import ReproTest
from repo_agent_dagster.pathways.recreation.handed_on import Bug, Repro
from repo_agent_dagster.pathways.recreation.judging import Judgement, judge
from repo_agent_dagster.pathways.recreation.reading.description import versions
from repo_agent_dagster.pathways.recreation.searching import Search
from repo_agent_dagster.pathways.setup.environment import TEST_ENVIRONMENT
from repo_agent_dagster.pathways.setup.opening import Environment, Opened

VERSIONS_SECONDS = 60
_IMPORT = re.compile(r"^\s*(?:from|import)\s+([A-Za-z_]\w*)", re.MULTILINE)


def conclude(
    context: TaskContext,
    payload: ErrorRecreationPayload,
    opened: Opened,
    environment: Environment,
    bug: Bug | None,
    search: Search | None,
    repro: Repro | None,
    bisection: Bisection | None,
) -> ErrorRecreationResult:
    """Judge, keep the artifacts, and return the task's result."""
    checkout = opened.checkout
    if bug is None or search is None:
        reason = f"What the repository needs could not be installed: {environment.setup.note}"
        judgement = Judgement(RecreationVerdict.SETUP_FAILED, (reason,), 0.0)
    else:
        judgement = judge(bug.signature, search, test_fails=repro is not None and repro.test_fails)
    found = search.found if search else None
    test = repro.test if repro else None
    tools = _versions(context, opened, bug, repro)
    result = ErrorRecreationResult(
        verdict=judgement.verdict,
        reasons=[*judgement.reasons, *_remarks(bug, tools, bisection)],
        repo_url=checkout.url,
        ref=payload.ref,
        commit=checkout.commit,
        subfolder=payload.subfolder,
        durations=dict(context.durations),
        confidence=judgement.confidence,
        confidence_reasons=list(judgement.confidence_reasons),
        path=search.path if search else "rules",
        expected=bug.signature if bug else ErrorSignature(),
        seen=found.match.seen if found else "",
        setup=environment.setup,
        attempts=search.attempts[:LISTED_ATTEMPTS] if search else [],
        runs=f"{found.happened} of {found.runs}" if found else "",
        repro=test.text if test else None,
        repro_path=test.path if test else None,
        repro_fails=repro.test_fails if repro else False,
        command=repro.command if repro else None,
        environment=tools,
        bisection=bisection,
    )
    _keep(context, result, search, test)
    return result.model_copy(update={"artifacts": list(context.artifacts.kept)})


def _versions(context: TaskContext, opened: Opened, bug: Bug | None, repro: Repro | None) -> dict[str, str]:
    """Return the versions of interpreters and of the packages that the reproduction imports."""
    text = repro.candidate.text if repro else ""
    names = sorted({*_IMPORT.findall(text), *(bug.survey.packages if bug else ())})
    script = context.scripts.deliver(opened.box, "tool_versions.py")
    done = opened.box.exec(
        script.argv(*names[:40]), cwd=opened.checkout.path, env=TEST_ENVIRONMENT, timeout_seconds=VERSIONS_SECONDS
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {}  # an image without Python: the versions are a remark, not the result
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}


def _remarks(bug: Bug | None, tools: dict[str, str], bisection: Bisection | None) -> list[str]:
    remarks = []
    here = {name.lower(): version for name, version in tools.items()}
    for name, version in (versions(bug.description) if bug else {}).items():
        if name in here and not here[name].startswith(version) and not version.startswith(here[name]):
            remarks.append(f"The description tells of {name} {version}; here it is {here[name]}.")
    if bisection is not None:
        first = f"{bisection.first_bad[:12]} ({bisection.subject})" if bisection.first_bad else "not found"
        remarks.append(f"First bad commit: {first}; {bisection.note}.")
    return remarks


def _keep(context: TaskContext, result: ErrorRecreationResult, search: Search | None, test: ReproTest | None) -> None:
    if test is not None and test.text:
        context.artifacts.put(f"repro/{posixpath.basename(test.path)}", test.text.encode("utf-8", "replace"))
    if search is not None:
        log = report.attempts_log(search.attempts, search.scripts, search.outputs)
        context.artifacts.put("attempts.md", log.encode("utf-8", "replace"))
    context.artifacts.put("recreation.md", report.as_markdown(result).encode("utf-8", "replace"))
