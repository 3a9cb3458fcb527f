"""Exchange: who may do what. An agency sees its own log alone, whatever it asks for."""

from tests.access.matrix.row import Row, ask, row
from tests.access.prepared import DAYS

ROWS: dict[str, Row] = {
    "GET /exchange/agencies": row("administrator", lambda it: ask()),
    "GET /exchange/feed": row("reader integrator", lambda it: ask(), reach=lambda caller, side: True),
    "GET /exchange/indicators": row("administrator", lambda it: ask(query=DAYS)),
}
