"""The log archive of a run's attempt: a zip with a text file for each step, in folders of jobs, or for each job alone.

It comes from outside: names in it are compared, never used as paths; what it unpacks to is bounded; members that are
encrypted, nested or damaged end where they are.
"""

import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.ops.sources.protocol import DamagedLogObject

MOST_MEMBERS = 20_000
MOST_LOG_BYTES = 1024 * 1024 * 1024
"""Unpacked bytes of one job that are read."""

_LEAST_SUSPICIOUS_BYTES = 16 * 1024 * 1024
_MOST_RATIO = 300
"""Logs pack to a hundredth at best; a bomb packs to a thousandth."""

_CHUNK_BYTES = 256 * 1024
_TRUNCATED_NAME = 80  # GitHub cuts folder names at about 90 characters
_STEP = re.compile(r"(\d{1,4})_([^/\\]{0,300})\.txt")
_IS_ENCRYPTED = 0x1


class ArchiveUnusable(DamagedLogObject):
    """It is no zip that can be read: cut short, or hostile."""


@dataclass(frozen=True, slots=True)
class StepFile:
    """A step's log in the archive: its number, and its name as far as a file name can tell."""

    number: int
    name: str
    member: zipfile.ZipInfo


class LogArchive:
    """An archive in a file, opened for reading.

    Raises:
        ArchiveUnusable: it is no zip, or has too many members.
    """

    def __init__(self, path: Path, *, most_bytes: int = MOST_LOG_BYTES) -> None:
        self._most_bytes = most_bytes
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ArchiveUnusable(f"the log archive is no whole zip: {error}") from error
        members = self._zip.infolist()
        if len(members) > MOST_MEMBERS:
            self._zip.close()
            raise ArchiveUnusable(f"the log archive has {len(members):,} members; {MOST_MEMBERS:,} are read at most")
        self._jobs = _by_job(members)
        self._texts = _of_whole_jobs(members)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def steps_of(self, job: str) -> tuple[StepFile, ...]:
        """Return a job's step files in the order of the steps; none where its folder is not there, or not for sure.

        GitHub leaves characters out of folder names, cuts them and numbers equal ones, so only letters and digits
        are compared, and what fits two folders fits none.
        """
        wanted = _letters(job)
        fitting = [name for name in self._jobs if _fits(_letters(name), wanted)]
        if len(fitting) != 1:
            return ()
        return tuple(sorted(self._jobs[fitting[0]], key=lambda step: step.number))

    def text_of(self, job: str) -> tuple[StepFile, ...]:
        """Return the file that has a job's whole log as one text, or nothing where it is not there for sure."""
        wanted = _letters(job)
        fitting = [text for text in self._texts if _fits(_letters(text.name), wanted)]
        return tuple(fitting) if len(fitting) == 1 else ()

    def chunks(self, steps: tuple[StepFile, ...]) -> Iterator[tuple[StepFile, Iterator[bytes]]]:
        """Yield each step with its bytes; together they are bounded.

        Raises:
            DamagedLogObject: from within a step's bytes; what came before is good.
        """
        left = self._most_bytes
        for step in steps:
            read = [0]
            yield step, self._unpacked(step.member, left, read)
            left -= read[0]

    def _unpacked(self, member: zipfile.ZipInfo, left: int, read: list[int]) -> Iterator[bytes]:
        if member.flag_bits & _IS_ENCRYPTED:
            raise DamagedLogObject("a step's log in the archive is encrypted")
        most = min(left, max(_LEAST_SUSPICIOUS_BYTES, _MOST_RATIO * member.compress_size))
        try:
            with self._zip.open(member) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    read[0] += len(chunk)
                    if read[0] > most:
                        raise DamagedLogObject(
                            f"a step's log unpacks to more than {most:,} bytes, from {member.compress_size:,}: "
                            "the rest is not read"
                        )
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise DamagedLogObject(f"a step's log in the archive is damaged: {error}") from error


def _by_job(members: list[zipfile.ZipInfo]) -> dict[str, list[StepFile]]:
    jobs: dict[str, list[StepFile]] = defaultdict(list)
    for member in members:
        folder, slash, name = member.filename.replace("\\", "/").rpartition("/")
        match = _STEP.fullmatch(name)
        if slash and folder and match:
            jobs[folder].append(StepFile(int(match[1]), match[2], member))
    return jobs


def _of_whole_jobs(members: list[zipfile.ZipInfo]) -> list[StepFile]:
    matches = ((member, _STEP.fullmatch(member.filename)) for member in members)
    return [StepFile(int(match[1]), match[2], member) for member, match in matches if match]


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _fits(folder: str, job: str) -> bool:
    return folder == job or (len(folder) >= _TRUNCATED_NAME * 3 // 4 and job.startswith(folder))
