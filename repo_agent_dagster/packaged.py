"""Where the files that are not Python live: in the checkout's top folders, or inside an installed wheel.

The wheel carries `sql/`, `examples/`, `dagster.yaml` and `workspace.yaml` under `_packaged/` (see pyproject.toml).
"""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def packaged_root() -> Path:
    """Return the folder that holds `sql/`, `examples/` and the two Dagster files: the wheel's copy, or the checkout."""
    installed = _PACKAGE / "_packaged"
    return installed if installed.is_dir() else _PACKAGE.parent


def packaged_path(*parts: str) -> Path:
    """Return the path of a packaged file or folder, e.g. ``packaged_path("sql", "queries")``.

    Raises:
        FileNotFoundError: the installation lacks it, so it is broken.
    """
    path = packaged_root().joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing from this installation; install repo-agent-dagster again")
    return path
