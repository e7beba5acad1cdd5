"""A recipe is read strictly, the task's fields win, and images are the operator's to allow."""

from pathlib import Path
from uuid import uuid4

import docker
import pytest

from repo_agent_dagster.contracts.tasks import RepositoryPayload, RepositoryRecipe
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import clone
from repo_agent_dagster.pathways.setup.recipe import RecipeError, allowed_image, merged, parse_recipe
from tests.pathways.conftest import MakeRepository


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("", RepositoryRecipe()),
        ("image: a/b:1\nsetup: [make, make more]\ntest: make test\n", None),
        ("setup: |\n  a\n  b\n", RepositoryRecipe(setup=["a\nb\n"])),
        ("test: ~\n", RepositoryRecipe()),
    ],
)
def test_a_recipe_has_an_image_commands_and_a_test_all_optional(text: str, recipe: RepositoryRecipe | None) -> None:
    expected = recipe or RepositoryRecipe(image="a/b:1", setup=["make", "make more"], test="make test")
    assert parse_recipe(text.encode(), "x") == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "is no YAML"),
        ("[]", "must be a mapping"),
        ("tests: make", "tests: Extra inputs are not permitted"),
        ("setup: [{a: b}]", r"setup\.0: Input should be a valid string"),
        ("image: 1", "image: Input should be a valid string"),
        ("a: !!python/object/apply:os.system [id]", "is no YAML"),
        ("\xff", "is no YAML|must be a mapping"),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=problem) as refused:
        parse_recipe(text.encode("latin-1"), "sub/.repo-agent.yaml of https://git.example/x")
    assert "sub/.repo-agent.yaml of https://git.example/x" in str(refused.value)


def test_each_field_that_a_task_sets_wins() -> None:
    file = RepositoryRecipe(image="a", setup=["b"], test="c")

    assert merged(file, None) == file
    assert merged(file, RepositoryRecipe(test="d")) == RepositoryRecipe(image="a", setup=["b"], test="d")
    assert merged(file, RepositoryRecipe(setup=[], image=None)) == RepositoryRecipe(test="c")


@pytest.mark.parametrize(("globs", "allowed"), [((), False), (("acme/*",), False), (("acme/*", "node:2?"), True)])
def test_an_image_has_to_be_allowed(globs: tuple[str, ...], allowed: bool) -> None:
    recipe = RepositoryRecipe(image="node:24")

    assert allowed_image(RepositoryRecipe(), "default", globs) == "default"
    assert allowed_image(RepositoryRecipe(image="default"), "default", globs) == "default"
    if allowed:
        assert allowed_image(recipe, "default", globs) == "node:24"
    else:
        with pytest.raises(RecipeError, match="REPO_AGENT_SANDBOX_ALLOWED_IMAGES"):
            allowed_image(recipe, "default", globs)


@pytest.mark.docker
def test_a_repository_gets_the_image_that_it_asks_for_if_that_is_allowed(
    context: TaskContext, repository: MakeRepository, docker_client: docker.DockerClient, sandbox_image: str
) -> None:
    tag = f"repo-agent-test-recipe:{uuid4().hex}"
    payload = RepositoryPayload(repo_url=repository({".repo-agent.yaml": f"image: {tag}\n"}))
    docker_client.images.get(sandbox_image).tag(tag)
    try:
        with pytest.raises(RecipeError, match=tag):
            clone(context, payload)
        context.allowed_images = ("repo-agent-test-*",)
        box, checkout = clone(context, payload)
        assert docker_client.containers.get(box.id).attrs["Config"]["Image"] == tag
        assert checkout.recipe.image == tag
    finally:
        context.sandboxes.destroy_all()
        docker_client.images.remove(tag)


def test_the_page_names_every_field_of_a_recipe() -> None:
    page = (Path(__file__).parents[3] / "docs/set-up.md").read_text()
    assert all(f"\n{name}:" in page for name in RepositoryRecipe.model_fields)
