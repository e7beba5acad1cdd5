from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.pathways.scripts import Scripts, ScriptUndelivered
from repo_agent_dagster.pathways.scripts.delivery import script
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec, SandboxSpecError

NAME = "validate_patch.sh"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "kept")


@pytest.fixture(scope="module")
def online(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id="test-scripts", image=sandbox_image)) as opened:
        yield opened


@pytest.mark.docker
@pytest.mark.parametrize("way", ["put", "url"])
def test_a_script_gets_into_the_sandbox_from_the_store_where_it_is_kept_under_its_hash(
    way: str, store: ArtifactStore, online: Sandbox
) -> None:
    scripts = Scripts(store, way="url" if way == "url" else "put")
    try:
        delivered = scripts.deliver(online, NAME)
    finally:
        scripts.close()

    assert store.listing("scripts") == [f"scripts/{delivered.digest}/{NAME}"]
    assert online.get(delivered.path) == script(NAME)


@pytest.mark.docker
def test_a_script_that_was_changed_in_the_sandbox_does_not_run(store: ArtifactStore, online: Sandbox) -> None:
    delivered = Scripts(store).deliver(online, NAME)
    online.exec(f"rm -f {delivered.path}; echo 'echo ran' > {delivered.path}", cwd="/")

    done = online.exec(delivered.argv(), cwd="/")

    assert done.exit_code == 126
    assert "ran" not in done.stdout


@pytest.mark.docker
def test_what_the_store_gives_must_have_the_digest(store: ArtifactStore, online: Sandbox) -> None:
    delivered = Scripts(store).deliver(online, NAME)
    store.put(f"scripts/{delivered.digest}/{NAME}", b"echo something else")

    with pytest.raises(ScriptUndelivered, match="not what its key says"):
        Scripts(store).deliver(online, NAME)


@pytest.mark.docker
def test_a_sandbox_that_may_never_use_the_network_fetches_nothing(store: ArtifactStore, box: Sandbox) -> None:
    with pytest.raises(SandboxSpecError, match="never use the network"):
        Scripts(store, way="url").deliver(box, NAME)


@pytest.mark.parametrize("name", ["none.sh", "../closing.py", "__init__", ""])
def test_only_scripts_of_the_package_are_delivered(name: str) -> None:
    with pytest.raises(ScriptUndelivered, match="no script"):
        script(name)
