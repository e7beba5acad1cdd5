"""Log archives of GitHub Actions: what they lack, and what hostile ones try."""

import zipfile
from collections.abc import Iterator
from io import BytesIO

import pytest

from repo_agent_dagster.ops.sources.protocol import DamagedLogObject
from tests.loopback import github_faults
from tests.loopback.actions import ActionsServer, Job, Run, log_text, packed, serving_actions
from tests.ops.sources.actions_reading import WINDOW, messages, read, source_of


@pytest.fixture
def server() -> Iterator[ActionsServer]:
    with serving_actions() as actions:
        yield actions


def test_a_server_without_archives_of_attempts_gives_each_jobs_text(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test", [("Set up job", ["Prepare"]), ("Run x", ["##[group]Run x", "boom"])])]))
    server.api.goes_wrong("/attempts/", github_faults.not_found())
    ((_, lines),) = read(source_of(server)).items()
    assert [(line["meta"]["step"], line["message"]) for line in lines] == [
        ("Set up job", "Prepare"),
        ("Run x", "Run x"),
        ("Run x", "boom"),
    ]


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"no zip at all",
        packed({}),
        packed({"test/1_a.txt": b"x" * 5000})[:60],
        packed({"../../etc/passwd": b"x", "/etc/1_passwd.txt": b"x", "..\\..\\1_a.txt": b"x"}),
        packed({"test/1_a.txt": b"x", "tést/1_a.txt": b"y", "te st/1_a.txt": b"z"}),
    ],
    ids=["empty", "no zip", "empty zip", "cut", "names that are paths", "two folders that fit"],
)
def test_an_archive_that_cannot_tell_is_replaced_by_the_jobs_own_text(server: ActionsServer, archive: bytes) -> None:
    server.add(Run("acme/shop", 7, [Job("test")], archive=archive))
    assert messages(source_of(server)) == ["Current runner version: '2.330.0'", "boom"]


def damaged(member: bytes) -> bytes:
    """An archive whose second step has a wrong checksum."""
    whole = packed({"test/1_Set up job.txt": log_text(["fine"]), "test/2_Run tests.txt": member})
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        offset = archive.getinfo("test/2_Run tests.txt").header_offset
    place = whole.index(b"test/2_Run tests.txt", offset) + len("test/2_Run tests.txt") + 2
    return whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]


def test_of_a_damaged_archive_the_good_steps_are_kept(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")], archive=damaged(log_text(["lost"]))))
    (log,) = source_of(server).fetch(WINDOW)
    found = b""
    with pytest.raises(DamagedLogObject, match="damaged"):  # noqa: PT012 - the bytes before the fault are the point
        for chunk in log.chunks():
            found += chunk
    assert b"fine" in found


def test_a_zip_bomb_is_cut_short(server: ActionsServer) -> None:
    bomb = packed({"test/1_Set up job.txt": log_text(["fine"]), "test/2_Run tests.txt": b"\0" * 60_000_000})
    server.add(Run("acme/shop", 7, [Job("test")], archive=bomb))
    (log,) = source_of(server).fetch(WINDOW)
    found = b""
    with pytest.raises(DamagedLogObject, match="unpacks to more than"):  # noqa: PT012 - as above
        for chunk in log.chunks():
            found += chunk
    assert b"fine" in found
    assert len(found) < 1_000_000


def test_an_encrypted_member_is_not_read(server: ActionsServer) -> None:
    whole = bytearray(packed({"test/1_Run tests.txt": log_text(["secret"])}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(mark) + offset] |= 1
    server.add(Run("acme/shop", 7, [Job("test")], archive=bytes(whole)))
    (log,) = source_of(server).fetch(WINDOW)
    with pytest.raises(DamagedLogObject, match="encrypted"):
        b"".join(log.chunks())


def test_an_archive_that_has_a_text_for_each_job_alone_is_enough(server: ActionsServer) -> None:
    steps = [("Set up job", ["Prepare"]), ("Run x", ["##[group]Run x", "boom"])]
    run = server.add(Run("acme/shop", 7, [Job("build / test", steps), Job("build / tests", steps)]))
    run.archive = packed(
        {
            "0_build _ test.txt": run.jobs[0].text,
            "1_build _ tests.txt": run.jobs[1].text,
            "build _ test/system.txt": b"",
        }
    )
    for lines in read(source_of(server)).values():
        assert [(line["meta"].get("step"), line["message"]) for line in lines] == [
            ("Set up job", "Prepare"),
            ("Run x", "Run x"),
            ("Run x", "boom"),
        ]
    assert server.blobs.times("/texts/") == 0


def test_a_folder_whose_name_was_cut_is_still_its_jobs(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("matrix " + "very-long-name " * 12)]))
    assert "boom" in messages(source_of(server))
    assert server.blobs.times("/texts/") == 0


def test_an_archive_of_very_many_members_is_not_opened(server: ActionsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repo_agent_dagster.ops.sources.archive.MOST_MEMBERS", 3)
    server.add(Run("acme/shop", 7, [Job("test"), Job("lint")]))
    assert messages(source_of(server)).count("boom") == 2
    assert server.blobs.times("/texts/") == 2


def test_an_archive_in_the_archive_is_not_opened(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")], archive=packed({"test/1_a.zip": packed({"test/1_b.txt": b"x"})})))
    assert messages(source_of(server)) == ["Current runner version: '2.330.0'", "boom"]
