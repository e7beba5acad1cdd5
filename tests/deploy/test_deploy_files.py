"""The deployment files are what Dagster and Compose accept, and agree with each other and with the local instance."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

DEPLOY = Path(__file__).parents[2] / "deploy"


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize("folder", [DEPLOY, DEPLOY.parent])
def test_dagster_accepts_the_instance_file(folder: Path) -> None:
    config, _ = dagster_instance_config(str(folder))
    assert config["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert config["concurrency"]["pools"]["granularity"] == "run"


def test_every_service_has_what_the_instance_file_reads_from_the_environment() -> None:
    wanted = {
        value["env"]
        for value in yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["storage"]["postgres"][
            "postgres_db"
        ].values()
        if isinstance(value, dict)
    }
    for name in ("prepare", "code", "webserver", "daemon"):
        assert wanted <= set(compose()["services"][name]["environment"]), name


def test_run_containers_join_the_network_and_the_volume_of_the_services() -> None:
    launcher = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["run_launcher"]["config"]
    assert launcher["network"] == compose()["networks"]["repo_agent"]["name"]
    volumes = {volume.partition(":")[0] for volume in launcher["container_kwargs"]["volumes"]}
    assert compose()["volumes"]["repo_agent_home"]["name"] in volumes
    assert set(launcher["env_vars"]) <= set(compose()["services"]["code"]["environment"])


def test_the_web_interface_is_published_on_loopback_only() -> None:
    assert compose()["services"]["webserver"]["ports"] == ["127.0.0.1:3000:3000"]


def test_the_workspace_names_the_code_service_and_its_port() -> None:
    (entry,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    command = compose()["services"]["code"]["command"]
    assert entry["grpc_server"]["host"] == "code"
    assert str(entry["grpc_server"]["port"]) in command
