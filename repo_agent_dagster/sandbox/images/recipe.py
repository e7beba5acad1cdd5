"""What the sandbox image is made by. No Docker in here: a verdict that was reached in the image can be told from it."""

import hashlib
from pathlib import Path

DOCKERFILE = Path(__file__).parent / "Dockerfile"


def recipe_of(dockerfile: Path = DOCKERFILE) -> str:
    """Return the digest of a Dockerfile, which holds the pinned versions."""
    return hashlib.sha256(dockerfile.read_bytes()).hexdigest()
