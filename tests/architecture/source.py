"""The project's own source files, read as text and as syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pulang", "services", "shared")


def source_files() -> Iterator[tuple[str, Path]]:
    """Every module, by its path from the root."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path


def swallowing(text: str) -> list[int]:
    """Lines where any error at all is caught and lost: neither raised again nor put to use."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and not _minds(node):
            found.append(node.lineno)
        if isinstance(node, ast.Call) and _name(node.func) == "suppress" and any(map(_catches_all, node.args)):
            found.append(node.lineno)
    return found


def clock_readings(text: str) -> list[int]:
    """Lines that ask what time it is."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and _name(node.func) in {"now", "utcnow", "utc_now", "today", "time_ns", "monotonic"}
    ]


def _catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_all, caught.elts))
    return caught is None or _name(caught) in {"Exception", "BaseException"}


def _minds(handler: ast.ExceptHandler) -> bool:
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    return any(isinstance(node, ast.Raise) for node in inside) or any(
        isinstance(node, ast.Name) and node.id == handler.name for node in inside
    )


def _name(expression: ast.expr) -> str:
    """The last word of a dotted name."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
