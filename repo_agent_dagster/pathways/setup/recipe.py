"""The recipe of a repository, `.repo-agent.yaml` or the same in a task, and which images a recipe may ask for."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import RepositoryPayload, RepositoryRecipe

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.history import Mirror

RECIPE_FILE = ".repo-agent.yaml"
MAX_RECIPE_BYTES = 64 * 1024


class RecipeError(PermanentFault):
    """A recipe cannot be followed: it is malformed, or asks for an image that is not allowed here."""


def parse_recipe(text: bytes, where: str) -> RepositoryRecipe:
    """Read a recipe; `where` names the file in messages.

    Raises:
        RecipeError: it is no YAML, or has other fields than `image`, `setup` and `test`; the message says which.
    """
    try:
        held = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(f"{where} is no YAML: {error}") from error
    if held is None:
        return RepositoryRecipe()
    if not isinstance(held, dict):
        raise RecipeError(f"{where} must be a mapping with the fields image, setup and test, all optional")
    if isinstance(held.get("setup"), str):
        held = {**held, "setup": [held["setup"]]}  # a single command, or a script of several lines
    try:
        return RepositoryRecipe.model_validate(held)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RecipeError(
            f"{where} is no recipe: {problems}. Its fields are image (text), setup (list of shell commands) and "
            "test (shell command)"
        ) from error


def find_recipe(mirror: "Mirror", commit: str, payload: RepositoryPayload) -> RepositoryRecipe:
    """Return how the repository is made runnable at a commit, by its file in the sub-folder or else at its root.

    Each field that the task's own recipe sets wins over the file's. Nothing of it: an empty recipe.

    Raises:
        RecipeError: the file is malformed or too large.
    """
    found = RepositoryRecipe()
    for folder in dict.fromkeys((payload.subfolder, "")):
        path = str(PurePosixPath(folder) / RECIPE_FILE)
        content = mirror.read_file(commit, path, max_bytes=MAX_RECIPE_BYTES)
        if content is not None:
            found = parse_recipe(content, f"{path} of {mirror.url}")
            break
    return merged(found, payload.recipe)


def merged(of_repository: RepositoryRecipe, of_task: RepositoryRecipe | None) -> RepositoryRecipe:
    """Return the repository's recipe with what the task says in its place."""
    if of_task is None:
        return of_repository
    return of_repository.model_copy(update={name: getattr(of_task, name) for name in of_task.model_fields_set})


def allowed_image(recipe: RepositoryRecipe, default: str, allowed: Sequence[str]) -> str:
    """Return the image that the sandbox is to start from.

    Which images may run is the operator's to say: an image decides what process 1 and every tool of the sandbox are,
    and whoever can push a file to a repository could otherwise choose any that lies on this machine.

    Raises:
        RecipeError: it is neither the sandbox image nor one of the globs `allowed`.
    """
    if recipe.image is None or recipe.image == default:
        return default
    if any(fnmatchcase(recipe.image, glob) for glob in allowed):
        return recipe.image
    listed = ", ".join(allowed) or "none but the sandbox image"
    raise RecipeError(
        f"the recipe asks for the image {recipe.image}, which is not allowed here (allowed: {listed}); the operator "
        "can allow it by REPO_AGENT_SANDBOX_ALLOWED_IMAGES"
    )
