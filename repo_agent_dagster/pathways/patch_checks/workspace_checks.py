"""By what, and where, a batch is checked: the one place where that is decided.

A command that a batch brings never runs on the host. What runs there is the check that the registry has for a trusted
workspace, or what a person types at his own terminal. All else runs in a sandbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.patches import Check, PatchBatch
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
from repo_agent_dagster.patching.checks.bench import Bench
from repo_agent_dagster.patching.checks.checker import Checker
from repo_agent_dagster.patching.checks.host_bench import HostBench, host_identity
from repo_agent_dagster.patching.checks.recipes import Recipe, recipe_of
from repo_agent_dagster.patching.checks.tool_checker import ToolChecker
from repo_agent_dagster.patching.checks.tsc_recipe import TscRecipe

if TYPE_CHECKING:
    from repo_agent_dagster.settings import Settings


@dataclass(frozen=True)
class CheckLimits:
    """What a check may use: seconds for each command, MiB of memory, MiB of files; and the sandbox that it gets.

    `owner` names the installation. It is not the owner of tasks' sandboxes: the reaper knows nothing of checks, whose
    sandboxes end with their batch, or else by themselves at their deadline.
    """

    timeout_seconds: float = 300.0
    memory_mb: int = 2048
    copy_mb: int = 512
    image: str = "repo-agent/sandbox:latest"
    user: str = "agent"
    cpus: float = 1.0
    pids: int = 256
    disk_mb: int = 2048
    owner: str = ""

    @property
    def deadline_seconds(self) -> int:
        """After this time a sandbox ends itself: looks before and after, and the search for the guilty patch."""
        return int(3 * self.timeout_seconds) + 120


def check_limits(settings: "Settings") -> CheckLimits:
    """Return what checks may use, as the settings say."""
    return CheckLimits(
        timeout_seconds=settings.check_timeout_seconds,
        memory_mb=settings.check_memory_mb,
        copy_mb=settings.check_copy_mb,
        image=settings.sandbox_image,
        user=settings.sandbox_user,
        cpus=settings.sandbox_cpus,
        pids=settings.sandbox_pids,
        disk_mb=settings.sandbox_disk_mb,
        owner=f"{settings.home}/checks",
    )


def checker_for(
    root: Path,
    batch: PatchBatch,
    limits: CheckLimits,
    *,
    registered: RegisteredWorkspace | None = None,
    typed: Check | None = None,
    trusted: bool = False,
) -> Checker | None:
    """Return what a batch is checked by: what was typed, else what it asks for, else the workspace's own; or None.

    `registered` is what the store knows of the workspace. `typed` is a check that a person gave on his command line,
    and `trusted` says that he trusts the workspace: for faces at people's own terminals, never for what came over a
    network or in a file.
    """
    own = registered.check if registered is not None else None
    check = typed or batch.check or own
    if check is None:
        return None
    is_own = own is not None and check == own
    trusts_own = is_own and registered is not None and registered.trusted
    if trusts_own or (trusted and (is_own or typed is not None)):
        return host_checker(root, check, limits.timeout_seconds)
    return sandbox_checker(check, limits)


def host_checker(root: Path, check: Check, timeout_seconds: float) -> Checker:
    """Return a check that runs on the host, on a workspace that is trusted."""
    recipe = recipe_of(check)
    return ToolChecker(
        recipe, lambda: HostBench(root, timeout_seconds), lambda _root: host_identity(_root, recipe.programs)
    )


def project_checker(projects: Sequence[str], limits: CheckLimits) -> Checker:
    """Return the type check of some projects of a workspace (their tsconfig files), in a sandbox."""
    return _in_sandbox(TscRecipe(projects), limits)


def sandbox_checker(check: Check, limits: CheckLimits) -> Checker:
    """Return a check that runs in a sandbox, which is made when something has to be run."""
    return _in_sandbox(recipe_of(check), limits)


def _in_sandbox(recipe: Recipe, limits: CheckLimits) -> Checker:
    from repo_agent_dagster.sandbox.images.recipe import recipe_of as image_recipe_of

    def open_bench() -> Bench:
        from repo_agent_dagster.pathways.patch_checks.sandbox_bench import SandboxBench

        return SandboxBench(limits)

    identity = f"sandbox {limits.image} {image_recipe_of()}"
    return ToolChecker(recipe, open_bench, lambda _root: identity)
