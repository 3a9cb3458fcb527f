"""What a run comes to, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.faults.history import History
from tests.faults.schedule import Played
from tests.faults.violations import Violation

SHOWN = 20


def report(
    history: History,
    played: Played,
    violations: Sequence[Violation],
    settled_seconds: float,
    odd_answers: Mapping[str, int],
) -> str:
    """Operations by outcome, faults by kind, violations by rule."""
    by_name: dict[str, Counter[str]] = {}
    for operation in history.operations:
        by_name.setdefault(operation.name, Counter())[str(operation.outcome)] += 1
    lines = [f"operations: {len(history.operations)} {history.outcomes()}"]
    lines += [f"  {name}: {dict(sorted(outcomes.items()))}" for name, outcomes in sorted(by_name.items())]
    tries = sum(operation.tries for operation in history.operations)
    lines += [f"tries: {tries}", f"faults: {len(played.faults)} {dict(sorted(played.by_kind().items()))}"]
    lines += [f"  without {kind}: {reason}" for kind, reason in sorted(played.skipped.items())]
    lines += [f"settled {settled_seconds:.1f} s after the last fault", f"odd answers: {dict(odd_answers)}"]
    lines += [f"violations: {len(violations)} {dict(Counter(one.rule for one in violations))}"]
    lines += [f"  {one.rule}: {one.detail}" for one in violations[:SHOWN]]
    return "\n".join(lines)
