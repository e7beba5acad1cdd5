"""Everybody answers the eight questions of one period; the answers are compared, and then the times."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks._patch_frames import PandasRun, pandas_run
from benchmarks._patch_questions import QUESTIONS, Answer, Period, differences
from benchmarks._store_cpu import StoreCpu

OURS, JSON = "rollups", "JSON"
JSON_BAR = 100

Ask = Callable[[str, Period, Answer], None]


class Contest:
    """The answers to the questions of one period, and the CPU seconds that each took."""

    def __init__(self, cpu: StoreCpu, period: Period) -> None:
        self.cpu, self.period = cpu, period
        self._answers: dict[str, Answer] = {}
        self._took: dict[str, dict[str, float]] = {}
        self._pandas: PandasRun | None = None

    def enter(self, name: str, ask: Ask, times: int = 1) -> None:
        """Ask one contender everything; the best of so many times counts."""
        answer = self._answers[name] = Answer()
        self._took[name] = {
            question: min(self.cpu.of(partial(ask, question, self.period, answer)).cpu for _ in range(times))
            for question in QUESTIONS
        }

    def enter_pandas(self, store: Path) -> None:
        """Let pandas read everything once and answer everything off it."""
        self._pandas = pandas_run(store, self.period)
        self._answers["pandas"] = self._pandas.answer

    def show(self) -> None:
        """Print the times beside ours; end the program if answers differ."""
        ours = self._took[OURS]
        others = {name: took for name, took in self._took.items() if name != OURS}
        for name, answer in self._answers.items():
            refuse(differences(name, answer, self._answers[OURS]))
        print(f"the same answers over all of it: {', '.join(self._answers)}; CPU, and how many times ours:")
        for question in QUESTIONS:
            beside = "   ".join(
                f"{name} {took[question]:8.3f} s {took[question] / ours[question]:8,.1f} x"
                for name, took in others.items()
            )
            print(f"  {question:10} {OURS} {1000 * ours[question]:7.1f} ms   {beside}")
        ours_of_all = sum(ours.values())
        for name, took in others.items():
            worst = min(took[question] / ours[question] for question in QUESTIONS)
            verdict = f", bar {JSON_BAR}: {'ok' if worst >= JSON_BAR else 'MISSED'}" if name == JSON else ""
            of_all = sum(took.values())
            beside = f"{of_all / ours_of_all:,.1f} x ours; at least {worst:,.1f} x{verdict}"
            print(f"  {name}: {of_all:.2f} s for all, {beside}")
        if self._pandas is not None:
            run = self._pandas
            print(
                f"  pandas: {run.cpu:.1f} s for all, {run.cpu / ours_of_all:,.0f} x ours; "
                f"{run.reading:.1f} s of it for reading; {run.memory:.1f} GiB"
            )
        print(end="", flush=True)


def refuse(wrong: list[str]) -> None:
    """End the program if something is wrong: figures of wrong answers are worth nothing."""
    if wrong:
        raise SystemExit("\n".join(["answers differ:", *wrong[:20]]))
