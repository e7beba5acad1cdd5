"""Every run starts from the same files, and from nothing else."""

import pytest

from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import clone
from repo_agent_dagster.pathways.validation.applying import CloneDamaged
from repo_agent_dagster.pathways.validation.ground import fresh, lay_ground
from tests.pathways.conftest import MakeRepository

pytestmark = pytest.mark.docker

STATE = (
    "cat a.txt /tmp/made ~/made; stat -c '%A %U' tool.sh /tmp /workspace; readlink ~/link; ls -A ~; "
    "ps -eo comm= | grep -c sleep; git status --porcelain"
)


def test_a_fresh_sandbox_is_as_the_set_up_left_the_first_one_and_no_test(
    context: TaskContext, repository: MakeRepository
) -> None:
    box, checkout = clone(context, SolutionValidationPayload(repo_url=repository({"a.txt": "a\n"}), diff="…"))
    box.exec(
        "echo changed > a.txt; install -m 755 /dev/null tool.sh; echo t > /tmp/made; echo h > ~/made;"
        " ln -s made ~/link; mkdir -p ~/.cache/pip && echo x > ~/.cache/pip/wheel; nohup sleep 600 >/dev/null 2>&1 &",
        cwd=checkout.path,
    )

    ground = lay_ground(context, box, checkout)
    first = box.exec(STATE, cwd=checkout.path).output
    box.exec("rm -rf a.txt .git ~/made /tmp/made; touch ~/left-behind", cwd=checkout.path)
    with fresh(context, ground) as other:
        second = other.exec(STATE, cwd=checkout.path).output

    assert first.startswith("a\nt\nh\n-rwxr-xr-x agent\ndrwxrwxrwt agent\n"), first
    assert first.endswith("\n0\n?? tool.sh\n"), first
    assert second == first


def test_a_clone_that_the_set_up_destroyed_is_told(context: TaskContext, repository: MakeRepository) -> None:
    box, checkout = clone(context, SolutionValidationPayload(repo_url=repository({"a.txt": "a\n"}), diff="…"))
    box.exec("rm -rf .git", cwd=checkout.path)

    with pytest.raises(CloneDamaged, match="git cannot reset it"):
        lay_ground(context, box, checkout)
