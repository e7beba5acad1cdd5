"""Names of things on GitHub, as far as they can be told to be none without asking."""

import re

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")


def is_repository_name(name: str) -> bool:
    """Whether a text is a repository's name on GitHub: ``owner/name``."""
    return _REPOSITORY.fullmatch(name) is not None and name.rpartition("/")[2] not in (".", "..")
