"""What a command does when it is told to end. Imports nothing of ours, for commands whose start-up counts."""

import signal


def interrupt_on_signals() -> None:
    """Make SIGTERM and SIGHUP end a command the way Ctrl-C does, so that its `finally` blocks run."""

    def interrupt(_signum: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupt)
