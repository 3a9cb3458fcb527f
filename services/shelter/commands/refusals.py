"""What is wrong with the members of a group, gathered so that one answer names every culprit."""

from shared.http.faults import Fault
from shared.http.problems import Problem


class Refusals:
    """Nobody is taken where anybody is refused."""

    def __init__(self) -> None:
        self._found: list[tuple[type[Problem], Fault]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, problem: type[Problem], pointer: str, detail: str | None = None) -> None:
        """`pointer`: into the body, without its `#/`."""
        self._found.append((problem, Fault(detail or problem.title(), f"#/{pointer}")))

    def raise_any(self) -> None:
        """Raise the first kind that was found, with every fault of any kind; nothing, where there is none."""
        if self._found:
            problem, _ = self._found[0]
            raise problem(errors=[fault for _, fault in self._found])
