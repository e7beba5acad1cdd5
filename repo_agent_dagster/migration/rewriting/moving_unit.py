"""A unit on its way: where its files go, and what follows from it for its folders. Computed once, lazily."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from repo_agent_dagster.migration.rewriting.resolve import Relocation


@dataclass(frozen=True)
class MovingUnit:
    """The unit whose files are rewritten: where they go, and, where it is known, what they hold.

    `contents` are the bytes of the unit's files by path; only a few are looked at (go.mod, tsconfig files that others
    extend). Without it what depends on them is not re-based.
    """

    relocation: Relocation
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def moved(self) -> Mapping[str, str]:
        """The new path of each file that migrates."""
        return self.relocation.moved

    @cached_property
    def folders(self) -> Mapping[str, str | None]:
        """Where each folder of the unit goes; None where its files move apart, absent where none of them moves.

        The root is "". A file that only gets another name does not tear its folder apart.
        """
        return folder_moves(self.relocation.moved)

    @cached_property
    def all_folders(self) -> frozenset[str]:
        """Every folder of the unit that holds a file, whether it moves or not."""
        return frozenset(folder for path in self.relocation.files for folder in ancestors(path))


def folder_moves(moved: Mapping[str, str]) -> dict[str, str | None]:
    """Return where each folder above the moved files goes; None where its files move apart. The root is ""."""
    images: dict[str, str | None] = {}
    homes = {(posixpath.dirname(old), posixpath.dirname(new)) for old, new in moved.items()}
    for home, new_home in homes:
        folder, image = home, new_home
        together = True
        while True:
            place = image if together else None
            if images.setdefault(folder, place) != place:
                images[folder] = None
            if not folder:
                break
            name = posixpath.basename(folder)
            together = together and posixpath.basename(image) == name
            folder, image = posixpath.dirname(folder), posixpath.dirname(image)
    return images


def ancestors(path: str) -> list[str]:
    """Return the folders above a path, the nearest first and the root ("") last."""
    folders = []
    while path:
        path = path.rpartition("/")[0]
        folders.append(path)
    return folders
