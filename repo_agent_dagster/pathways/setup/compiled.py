"""What Go and Rust repositories need for their tests, in images that have their tools. Pure."""

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.steps import SetupPlan, Step, Tools

_FETCHED = {"go": ("go.mod", ("go", "mod", "download")), "cargo": ("Cargo.toml", ("cargo", "fetch"))}


def compiled_steps(facts: RepositoryFacts, tools: Tools) -> SetupPlan:
    """Return how the modules that go.mod and Cargo.toml name are fetched; tests are compiled without a network then."""
    found = [
        (name, Step(command))
        for tool, (name, command) in _FETCHED.items()
        if tool in tools.programs and name in facts.files
    ]
    return SetupPlan(
        tuple(step for _, step in found), "; ".join(f"{name} names the modules that are fetched" for name, _ in found)
    )
