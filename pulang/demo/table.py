"""The season's totals beside the expected ones, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulang.demo.figures import Difference, Figures


def show(figures: Figures, differences: list[Difference], *, to_stderr: bool) -> None:
    """A table; a row a figure, and whether all sources agree."""
    from rich.console import Console
    from rich.table import Table

    wrong = {difference.figure for difference in differences}
    table = Table(title="The season", title_justify="left")
    table.add_column("figure")
    for source in ("exchange", "services", *(["expected"] if figures.expected is not None else [])):
        table.add_column(source, justify="right")
    table.add_column("")
    for name in figures.names():
        service = figures.services.get(name, ("", None))[1]
        expected = None if figures.expected is None else figures.expected[name]
        for label, *cells in _rows(name, figures.exchange.get(name), service, expected):
            shown = [_cell(cell) for cell in (cells if figures.expected is not None else cells[:2])]
            table.add_row(label, *shown, "[red]differs[/red]" if label in wrong else "[green]agrees[/green]")
    Console(stderr=to_stderr).print(table)


def _rows(name: str, *sources: Any) -> Iterator[list[Any]]:
    keyed = [source for source in sources if isinstance(source, Mapping)]
    if not keyed:
        yield [name, *sources]
        return
    for key in dict.fromkeys(key for source in reversed(keyed) for key in source):
        yield [f"{name}.{key}", *(source.get(key) if isinstance(source, Mapping) else source for source in sources)]


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
