"""Python's collector of garbage, in a process of Pulang."""

import gc

COLLECT_AFTER = (50_000, 20, 20)
"""Objects in hand before a collection. Python's own 700 are a fifth of what importing a service takes; and of the forty
that a manifest makes a row, nearly all are gone without one."""


def collect_seldom() -> None:
    """First of all in a process that imports much, and in each that serves."""
    gc.set_threshold(*COLLECT_AFTER)
