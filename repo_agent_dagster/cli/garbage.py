"""Garbage collection and short commands: looking for cycles takes a sixth of a large batch's time, and finds none."""

import atexit
import gc

import typer


def no_garbage_collection(context: typer.Context) -> None:
    """Do without it until the command ends, and once more when the process ends, which would free all anyway."""
    if gc.isenabled():
        gc.disable()
        context.call_on_close(gc.enable)
    # Frozen objects are left out of the collection with which the interpreter ends.
    atexit.register(gc.freeze)
