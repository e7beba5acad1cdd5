"""Poetry's and Pipenv's dependency tables as requirements that pip and uv understand. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_RELEASE = re.compile(r"\d+(?:\.\d+)*")


def poetry_specifier(constraint: Any) -> str:
    """Return Poetry's version constraint as a specifier: ``^1.2`` is ``>=1.2,<2``, ``~1.2`` is ``>=1.2,<1.3``."""
    if not isinstance(constraint, str):
        return ""
    if "||" in constraint:
        return ""  # alternatives have no specifier: any version is taken
    parts = [part.strip() for part in constraint.replace(",", " , ").split(" , ")]
    return ",".join(filter(None, (_one(part.replace(" ", "")) for part in parts)))


def table_requirements(dependencies: Mapping[str, Any]) -> list[str]:
    """Return a dependency table of Poetry or a package table of a Pipfile as requirements; paths are left out."""
    requirements = []
    for name, wanted in dependencies.items():
        if name == "python":
            continue
        details = wanted if isinstance(wanted, Mapping) else {"version": wanted}
        if "path" in details or details.get("optional") is True:
            continue
        extras = details.get("extras")
        listed = f"[{','.join(str(extra) for extra in extras)}]" if isinstance(extras, list) and extras else ""
        marker = f"; {details['markers']}" if isinstance(details.get("markers"), str) else ""
        if isinstance(details.get("git"), str):
            ref = next((f"@{details[key]}" for key in ("rev", "tag", "branch", "ref") if details.get(key)), "")
            requirements.append(f"{name}{listed} @ git+{details['git']}{ref}{marker}")
        else:
            requirements.append(f"{name}{listed}{poetry_specifier(details.get('version', ''))}{marker}")
    return requirements


def _one(part: str) -> str:
    if part in ("", "*"):
        return ""
    release = _RELEASE.search(part)
    if release is None:
        return ""
    numbers = [int(number) for number in release[0].split(".")]
    if part.startswith("^"):
        # The leftmost number that is not zero stays; ^0.0 and ^0 have none among those that are written.
        place = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
        return f">={part[1:]},<{_raised(numbers, place)}"
    if part.startswith("~") and not part.startswith("~="):
        return f">={part[1:]},<{_raised(numbers, min(1, len(numbers) - 1))}"
    return part if part[0] in "<>=!~" else f"=={part}"


def _raised(numbers: list[int], place: int) -> str:
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])
