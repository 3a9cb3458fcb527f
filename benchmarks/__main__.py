"""`python -m benchmarks [registration|startup|season]`: all of them, or one."""

import json
import sys

from benchmarks import registration, season, startup

FIGURES = {"registration": registration.measure, "startup": startup.measure, "season": season.measure}

for name in sys.argv[1:] or FIGURES:
    print(json.dumps({name: FIGURES[name]()}, indent=2), flush=True)
