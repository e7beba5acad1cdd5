"""Files that rules read."""

from importlib.resources import files


def read(name: str) -> str:
    return (files(__name__) / name).read_text().strip()
