"""The first steps of every pathway on a repository: bring it into a sandbox, make it runnable."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import RepositoryPayload, RepositoryRecipe
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, facts_at, read_facts
from repo_agent_dagster.pathways.setup.installing import install
from repo_agent_dagster.pathways.setup.recipe import allowed_image, find_recipe
from repo_agent_dagster.pathways.suites.detection import Ecosystem, NoTestCommand, TestCommand, detect_test_command

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.history import Mirror
    from repo_agent_dagster.sandbox.sandbox import Sandbox

CLONE = "/workspace/repo"
WHOLE_HISTORY_BYTES = 256 << 20
"""A repository whose packed objects are larger is cloned with its last commits only."""
LAST_COMMITS = 50


@dataclass(frozen=True)
class Checkout:
    """The clone in the sandbox: its root, the folder to work in, which commit the ref meant, and whose it is.

    `path` is `root` or, of a monorepo, the sub-folder below it. `url` is without credentials.
    `trusted`: the commit is on a branch or a tag, so that whoever may write to the repository has put it there.
    """

    root: str
    path: str
    commit: str
    url: str
    recipe: RepositoryRecipe = field(default_factory=RepositoryRecipe)
    trusted: bool = False
    mirror: "Mirror | None" = None


@dataclass(frozen=True)
class Environment:
    """How the tests are run (None: nobody knows), how they were made runnable, and what the repository says."""

    command: TestCommand | None
    setup: SetupSummary
    facts: RepositoryFacts

    @property
    def ready(self) -> TestCommand | None:
        """The test command, if it can be run."""
        return self.command if self.setup.ok else None


class Opened(NamedTuple):
    """The task's first sandbox, and the clone in it."""

    box: "Sandbox"
    checkout: Checkout


def clone(context: TaskContext, payload: RepositoryPayload) -> Opened:
    """Open the task's sandbox and bring the repository at the payload's ref into it, through the host's mirror.

    Raises:
        PermanentFault: the URL's protocol is not allowed, or the repository, the ref or the sub-folder does not exist.
        TransientFault: the repository or the Docker engine cannot be reached at the moment.
    """
    # Loaded here and not above, so that the pure parts of this package do without docker.
    from repo_agent_dagster.sandbox.repositories.cloning import clone_into
    from repo_agent_dagster.sandbox.repositories.submodules import clone_submodules, submodule_around

    mirror = context.repositories.mirror(payload.repo_url, ref=payload.ref)
    commit = mirror.resolve(payload.ref)
    if mirror.source.protocol == "file":
        context.think("clone", f"{mirror.url} is on this machine: its commits are used, changes not committed are not")
    depth = None
    if mirror.size > WHOLE_HISTORY_BYTES:
        depth = LAST_COMMITS
        context.think("clone", f"the history has {mirror.size >> 20} MiB: the last {depth} commits are cloned")
    around = submodule_around(mirror, commit, payload.subfolder) if payload.submodules else None
    subfolder = "" if around else payload.subfolder
    if subfolder:
        mirror.folder(commit, subfolder)  # before a sandbox is made for nothing
    recipe = find_recipe(mirror, commit, payload)
    box = context.sandboxes.open(image=allowed_image(recipe, context.sandboxes.spec.image, context.allowed_images))
    cloned = clone_into(box, mirror, commit, CLONE, depth=depth, subfolder=subfolder)
    if cloned.sparse:
        context.think("clone", f"a large tree: of files outside {subfolder} only those on the way are checked out")
    if payload.lfs:
        _bring_lfs_files(context, box, mirror, commit)
    if payload.submodules:
        clone_submodules(box, context.repositories, mirror, commit, CLONE, depth=depth)
    path = f"{CLONE}/{payload.subfolder}" if payload.subfolder else CLONE
    if around and not box.exec(["test", "-d", path]).ok:
        raise PermanentFault(f"the submodule {around} of {mirror.url} has no folder {payload.subfolder}")
    trusted = not mirror.is_pull_request(payload.ref)
    return Opened(box, Checkout(CLONE, path, commit, mirror.url, recipe, trusted, mirror))


def _bring_lfs_files(context: TaskContext, box: "Sandbox", mirror: "Mirror", commit: str) -> None:
    from repo_agent_dagster.sandbox.repositories.lfs import fetch_lfs, lfs_files, put_lfs

    files = lfs_files(mirror, commit)
    if files:
        contents = fetch_lfs(mirror, files, context.repositories.credentials(mirror.source))
        put_lfs(box, files, contents, CLONE)
    context.think("clone", f"{len(files)} file(s) of Git LFS stand in the place of their pointers")


def set_up(
    context: TaskContext,
    box: "Sandbox",
    checkout: Checkout,
    payload: RepositoryPayload,
    *,
    test_command: str | None = None,
    ecosystem: Ecosystem | None = None,
) -> Environment:
    """Find the test command and install what it needs; failures are told in the result, not raised.

    The test command is `test_command`, else the recipe's, else what is detected. With an `ecosystem`, what that one
    needs is installed whatever the command is, and also where there is none.
    """
    if checkout.mirror is not None and not (payload.submodules and payload.subfolder):
        facts = facts_at(checkout.mirror, checkout.commit, payload.subfolder)
    else:
        facts = read_facts(box, checkout.path)
    command, missing = None, ""
    try:
        command = detect_test_command(facts, test_command or checkout.recipe.test)
        context.think("set_up", f"the tests are run by `{command.display}`: {command.reason}")
    except NoTestCommand as error:
        missing = str(error)
        context.think("set_up", missing)
    needed = ecosystem or (command.ecosystem if command else None)
    if needed is None:
        nothing = SetupSummary(ok=True, ecosystem="", commands=[], used_network=False, duration_seconds=0, note=missing)
        return Environment(None, nothing, facts)
    return Environment(command, install(context, box, checkout, payload, facts, needed), facts)
