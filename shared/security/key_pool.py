"""Keys made ahead: a pool in memory, and a thread that refills it so that a request hardly ever waits."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from shared.security.sealing import DataKey

_log = logging.getLogger(__name__)


REFILL_AFTER_SECONDS = 0.2
"""The request that brought the pool below half goes first: beside another busy thread it takes half as long again."""


class KeyStoreClosed(Exception):
    """The key store was used after it was closed."""


class KeyPool:
    """Gives every key out once. `make(count)` returns new keys that are durable already; it runs on any thread.

    A pool must not be carried through a fork: two processes would give out the same keys.
    """

    def __init__(self, make: Callable[[int], list[DataKey]], *, batch: int, name: str) -> None:
        """`batch`: how many keys a full pool holds; it is refilled when fewer than half are left."""
        self._make = make
        self._batch = batch
        self._name = name
        self._keys: deque[DataKey] = deque()
        self._changed = threading.Condition()
        self._wanted = False
        self._closed = False
        self._refiller: threading.Thread | None = None

    def take(self, count: int) -> list[DataKey]:
        """`count` keys; what the pool lacks is made at once. Raises KeyStoreClosed, and what `make` raises."""
        if count < 0:
            raise ValueError("cannot take fewer than no keys")
        with self._changed:
            if self._closed:
                raise KeyStoreClosed
            keys = [self._keys.popleft() for _ in range(min(count, len(self._keys)))]
            if len(self._keys) * 2 < self._batch and not self._wanted:
                self._want()
        if len(keys) < count:
            keys += self._make(count - len(keys))
        return keys

    def settle(self, timeout_seconds: float) -> bool:
        """Waits until no refill is due or under way; False where the time was too short."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not self._wanted, timeout_seconds)

    def close(self) -> None:
        """Waits for the thread to end; what is left in the pool is wasted. May be repeated."""
        with self._changed:
            self._closed = True
            self._keys.clear()
            self._changed.notify_all()
            refiller = self._refiller
        if refiller is not None:
            refiller.join()

    def _want(self) -> None:
        self._wanted = True
        self._changed.notify_all()
        # Started by the first take, so that whoever only reads makes no keys.
        if self._refiller is None:
            self._refiller = threading.Thread(target=self._refill, name=f"keys-{self._name}", daemon=True)
            self._refiller.start()

    def _refill(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted)
                self._changed.wait_for(lambda: self._closed, REFILL_AFTER_SECONDS)
                if self._closed:
                    return
                missing = self._batch - len(self._keys)
            keys: list[DataKey] = []
            try:
                keys = self._make(missing)
            except Exception as error:
                # The next take makes its own keys, tells its caller what is wrong, and wakes this thread again.
                _log.warning("no keys made ahead: %s", type(error).__name__)
            with self._changed:
                self._wanted = False
                self._changed.notify_all()
                if not self._closed:
                    self._keys.extend(keys)
