"""Mine the templates of repetitive logs: lines for each second of CPU, and how well they are grouped.

    python -m benchmarks.template_mining [--lines 200000] [--rounds 3]

The peer is Drain3, where it can be imported. It is not among the project's packages, as it pins an old jsonpickle; for
this run alone it is enough to have it in a folder:

    pip install --target /tmp/drain3 drain3 && PYTHONPATH=/tmp/drain3 python -m benchmarks.template_mining

Contenders, over the same lines, generated in the forms of five well-known programs:
- ours: `masking.pattern` and `TemplateMiner.learn_id`, from the raw line to the cluster's id;
- Drain3 with masks: its own miner with seven usual masks of its own, from the raw line;
- Drain3 with our masks: each line masked by `masking.pattern`, then Drain3.

Grouping accuracy is that of the LogPAI papers (He et al., ICWS 2017; Zhu et al., ICSE-SEIP 2019): the share of lines
whose group holds exactly the lines of their true template.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from benchmarks._labelled_logs import FORMS
from repo_agent_dagster.ops.analysis import masking
from repo_agent_dagster.ops.analysis.templates import TemplateMiner

BAR = 100_000
"""Lines for each second of CPU, of repetitive logs."""

Work = Callable[[Sequence[str]], list[Hashable]]

_USUAL_MASKS = (
    (r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[.,\d]*Z?", "TIME"),
    (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "UUID"),
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{40})((?=[^A-Za-z0-9])|$)", "SHA"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
)


def ours(lines: Sequence[str]) -> list[Hashable]:
    """Mask and learn each line, with nothing remembered from before."""
    masking.forget()
    miner, pattern = TemplateMiner(), masking.pattern
    return [miner.learn_id(pattern(line)) for line in lines]


def masks_alone(lines: Sequence[str]) -> list[Hashable]:
    """Mask each line."""
    masking.forget()
    return [masking.pattern(line) for line in lines]


def drain3(*, with_our_masks: bool) -> Work:
    """Return Drain3's work; raise ImportError where it is not."""
    from drain3 import TemplateMiner as Peer
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    def work(lines: Sequence[str]) -> list[Hashable]:
        config = TemplateMinerConfig()
        config.profiling_enabled = False
        if not with_our_masks:
            config.masking_instructions = [MaskingInstruction(form, name) for form, name in _USUAL_MASKS]
        peer: Any = Peer(config=config)
        masking.forget()
        masked = masking.pattern if with_our_masks else str
        return [peer.add_log_message(masked(line))["cluster_id"] for line in lines]

    return work


def accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """Return the share of lines whose group is exactly the group of their true template."""
    groups, true_groups = _groups(found), _groups(truth)
    exact = {members for members in groups.values() if members in set(true_groups.values())}
    return sum(len(members) for members in exact) / len(truth)


def _groups(labels: Sequence[Hashable]) -> dict[Hashable, tuple[int, ...]]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        members[label].append(position)
    return {label: tuple(positions) for label, positions in members.items()}


def contenders() -> dict[str, Work]:
    """Return what is compared: ours, and Drain3 where it can be imported."""
    found: dict[str, Work] = {"ours": ours, "our masks alone": masks_alone}
    try:
        found["Drain3 with masks"] = drain3(with_our_masks=False)
        found["Drain3 with our masks"] = drain3(with_our_masks=True)
    except ImportError:
        print("Drain3 cannot be imported and is left out; how to have it: see the head of this file")
    return found


def main() -> None:
    """Print a table for each program's logs, and the figures beside their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200_000, help="of all programs together")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    works = contenders()
    seconds: dict[str, list[float]] = {name: [0.0] * arguments.rounds for name in works}
    rates: dict[str, dict[str, float]] = defaultdict(dict)
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    for form in FORMS:
        labelled = list(form.lines(arguments.lines // len(FORMS), seed=1))
        truth, lines = [number for number, _ in labelled], [line for _, line in labelled]
        for number in range(arguments.rounds):
            for name, work in works.items():
                before = time.process_time()
                found = work(lines)
                spent = time.process_time() - before
                seconds[name][number] += spent
                rates[form.name][name] = max(rates[form.name].get(name, 0), len(lines) / spent)
                scores[form.name][name] = accuracy(found, truth)
    total = arguments.lines // len(FORMS) * len(FORMS)
    print(f"{total} lines, {arguments.rounds} rounds; lines for each second of CPU (best round), grouping accuracy")
    for form in FORMS:
        for name in works:
            score = "" if name == "our masks alone" else f"   accuracy {scores[form.name][name]:.4f}"
            print(f"  {form.name:10} {name:22} {rates[form.name][name]:10,.0f} /s{score}")
    medians = {name: total / statistics.median(spent) for name, spent in seconds.items()}
    means = {name: statistics.mean(scores[form.name][name] for form in FORMS) for name in works}
    for name in works:
        score = "" if name == "our masks alone" else f", mean accuracy {means[name]:.4f}"
        print(f"all: {name}: {medians[name]:,.0f} lines/s{score}")
    print(f"ours: {medians['ours']:,.0f} lines for each second of CPU, bar {BAR:,}: {_met(medians['ours'] >= BAR)}")
    for name in (one for one in works if one.startswith("Drain3")):
        print(f"ours / {name}: {medians['ours'] / medians[name]:.2f} × the lines")
    if (peer := "Drain3 with our masks") in works:
        verdict = _met(means["ours"] >= means[peer])
        print(f"accuracy: ours {means['ours']:.4f}, bar {peer} {means[peer]:.4f}: {verdict}")


def _met(is_met: bool) -> str:
    return "met" if is_met else "NOT met"


if __name__ == "__main__":
    main()
