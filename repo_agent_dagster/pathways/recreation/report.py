"""What a recreation leaves for people: the log of attempts, and the whole result as Markdown. Pure."""

from collections.abc import Sequence

from repo_agent_dagster.contracts.recreation import Attempt, ErrorRecreationResult
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.redaction import redact

SHOWN_OUTPUT = 6000
"""Characters of each run's output that the log keeps, the last ones."""


def fenced(text: str, language: str = "") -> str:
    """Return the text in a fence that nothing in it can close."""
    fence = "~~~~"
    while fence in text:
        fence += "~"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def attempts_log(attempts: Sequence[Attempt], scripts: Sequence[Candidate], outputs: Sequence[str]) -> str:
    """Return all attempts with what was run and what it printed; secrets of known shapes are taken out."""
    parts = ["# Attempts"]
    for number, (attempt, candidate, output) in enumerate(zip(attempts, scripts, outputs, strict=True), 1):
        facts = [f"outcome: {attempt.outcome}", f"exit code: {attempt.exit_code}", f"{attempt.duration_seconds:.2f} s"]
        parts += [f"## {number}. {attempt.origin}", " · ".join(facts)]
        parts += [f"- {repair}" for repair in attempt.repairs]
        parts.append(fenced(candidate.text, {"python": "python", "node": "js", "shell": "sh"}.get(candidate.kind, "")))
        parts.append(f"`{attempt.command.splitlines()[0]}` printed:")
        parts.append(fenced(redact(output[-SHOWN_OUTPUT:]), "text"))
    return "\n\n".join(parts) + "\n"


def as_markdown(result: ErrorRecreationResult) -> str:
    """Return the result for people."""
    head = f"# {result.verdict.value.replace('_', ' ')} (confidence {result.confidence:.2f})"
    parts = [head, " ".join(result.reasons)]
    told = result.expected
    rows = {
        "sought": " ".join(
            part for part in (told.exception, told.message, told.expected and f"not {told.expected}") if part
        ),
        "in": told.frame,
        "seen": result.seen,
        "runs": result.runs,
        "found by": result.path,
        "command": f"`{result.command}`" if result.command else "",
    }
    parts.append("\n".join(f"- {name}: {redact(value)}" for name, value in rows.items() if value))
    if result.confidence_reasons:
        parts.append("\n".join(["## Confidence", "", *(f"- {reason}" for reason in result.confidence_reasons)]))
    if result.repro:
        parts += [f"## {result.repro_path}", fenced(result.repro)]
    if result.bisection:
        found = result.bisection
        first = f"`{found.first_bad}` {found.subject}" if found.first_bad else "not found"
        parts.append(f"## First bad commit\n\n{first}, in {found.steps} steps ({found.note})")
    if result.attempts:
        lines = [
            f"- {one.origin}: {one.outcome}{f' ({redact(one.seen)})' if one.seen else ''}" for one in result.attempts
        ]
        parts.append("\n".join(["## Attempts", "", *lines]))
    if result.environment:
        versions = ", ".join(f"{name} {version}" for name, version in result.environment.items())
        parts.append(f"## Environment\n\n{versions}")
    return "\n\n".join(parts) + "\n"
