"""The shims do as the APIs that they stand for, where these differ: what a behaviour test rests on."""

import json

import pytest

from tests.migration.refactor.behaviour.playing import Stage


@pytest.mark.docker
def test_the_shims_keep_their_promises(stage: Stage) -> None:
    told = json.loads(stage.node("shims/checks.ts"))

    assert len(told) == 10
    assert {check: why for check, why in told.items() if why != "ok"} == {}
