"""Secrets in a sandbox: files on a tmpfs of their own, there for as long as a block of trusted commands, and no longer.

They travel by a command's standard input, so that no argument, environment, label or image has them, and the kernel
does not write a tmpfs to disk while swap is off, as it is for sandboxes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from repo_agent_dagster.sandbox import files
from repo_agent_dagster.sandbox.commands.clearing import clear
from repo_agent_dagster.sandbox.commands.own import RunOwn
from repo_agent_dagster.sandbox.container import SECRETS, LiveContainer
from repo_agent_dagster.sandbox.spec import SandboxUnavailable

_MODE = 0o400
_REMOVE = ("/usr/bin/find", SECRETS, "-mindepth", "1", "-delete")


@contextmanager
def lend(box: LiveContainer, run: RunOwn, values: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    """Put the secrets where commands find them for a ``with`` block. See `Sandbox.secrets`."""
    if not values:
        yield {}
        return
    try:
        clear(box)  # what an earlier command left running must not read them
        files.put(run, values, SECRETS, mode=_MODE)
        yield {name: f"{SECRETS}/{name}" for name in values}
    except BaseException as failure:
        problem = _withdraw(box, run)
        if problem:
            failure.add_note(problem)
        raise
    problem = _withdraw(box, run)
    if problem:
        raise SandboxUnavailable(problem)


def _withdraw(box: LiveContainer, run: RunOwn) -> str:
    """Remove the secrets and whoever may hold them; destroy a sandbox in which that fails, and return the problem."""
    gone, said = False, ""
    try:
        clear(box)
        code, said = run(_REMOVE)
        gone = code == 0
    except SandboxUnavailable as error:
        said = str(error)
    finally:
        if not gone:  # also when this is interrupted
            box.destroy()
    return "" if gone else f"the secrets of sandbox {box.name} could not be removed ({said}); destroyed the sandbox"
