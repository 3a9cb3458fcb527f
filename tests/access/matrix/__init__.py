"""Who may do what: a row for every route of every service. A reviewer can read it aloud.

A new route needs a row in the file of its service: the roles that may use it, a request that is good at a side (see
`prepared.Side` for what there is to name), and for each parameter that names something what is answered to whoever
names another's.
"""

from pulang.services import SERVICES
from tests.access.matrix import aid, exchange, intake, operations, psychosocial, shelter
from tests.access.matrix.row import Row

ROWS: dict[str, Row] = {
    **intake.ROWS,
    **shelter.ROWS,
    **aid.ROWS,
    **psychosocial.ROWS,
    **exchange.ROWS,
    **{route: row for service in SERVICES for route, row in operations.rows(service).items()},
}
