"""Published months as CSV with a row of HXL tags under the headings (Humanitarian Exchange Language 1.1)."""

import csv
import io
from collections.abc import Iterable, Iterator

from services.exchange.indicators.protection import OTHER, PROVINCE
from services.exchange.schemas import PublishedMonth

MEDIA_TYPE = "text/csv"
HEADINGS = ("month", "table", "value", "province", "people")
TAGS = ("#date+month", "#indicator+name", "#indicator+value+code", "#adm1+code", "#affected")
"""`#affected` is numeric: what is withheld stands empty."""
ALL = "arrivals"


def rows_of(months: Iterable[PublishedMonth]) -> str:
    """One row to each figure; `arrivals` is the whole of its month. Provinces are Kemendagri's codes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([HEADINGS, TAGS])
    for month in months:
        writer.writerows(_rows(month))
    return text.getvalue()


def _rows(month: PublishedMonth) -> Iterator[tuple[str | int, ...]]:
    yield month.month, ALL, "", "", _number(month.arrivals)
    for name, table in month.tables.items():
        for value, people in table.items():
            province = value if name == PROVINCE and value != OTHER else ""
            yield month.month, name, value, province, _number(people)


def _number(people: int | None) -> int | str:
    return "" if people is None else people
