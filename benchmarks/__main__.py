"""`python -m benchmarks [registration|startup|season|outbox|registration-postgres]`: all of them, or some."""

import json
import sys

from benchmarks import outbox, registration, registration_postgres, season, startup

FIGURES = {
    "registration": registration.measure,
    "startup": startup.measure,
    "season": season.measure,
    "outbox": outbox.measure,
    "registration-postgres": registration_postgres.measure,
}

for name in sys.argv[1:] or FIGURES:
    print(json.dumps({name: FIGURES[name]()}, indent=2), flush=True)
