"""What an agency must do with what it is told, slow and obvious: it keeps every id, and looks at all of them."""

from dataclasses import dataclass, field

from pulang.subscriber.order import ERASED
from shared.events.envelope import Event

Key = tuple[int | None, str, str]


class Missing(Exception):
    """Something before this event was never told."""


@dataclass
class Reference:
    """`held`: by subject, the keys of what is in the copy, in the order in which they came."""

    gapless: bool = True
    held: dict[str, list[Key]] = field(default_factory=dict)
    seen: set[tuple[str, Key]] = field(default_factory=set)
    versions: set[tuple[str, int | None, str, int]] = field(default_factory=set)
    ended: set[tuple[str, int]] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    identities_deleted: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)
    """Subjects of which something is missing: nothing of them is taken but what asks to delete."""

    def take(self, event: Event) -> None:
        """One event; where something before it is missing its subject is set aside."""
        try:
            self._take(event)
        except Missing:
            self.aside.add(event.subject)
            if (event.data or {}).get("deletion_requested") == "identity":
                self.identities_deleted.append(event.subject)

    def _take(self, event: Event) -> None:
        """Raises Missing, and then nothing has changed."""
        case, key = event.subject, (event.grant, event.source, event.id)
        asked = (event.data or {}).get("deletion_requested")
        if event.type == ERASED:
            self.held.pop(case, None)
            self.aside.discard(case)
            self.erased.add(case)
            self.acknowledged.add(event.id)
            return
        over = case in self.erased or any(
            name == case and event.grant is not None and event.grant <= number for name, number in self.ended
        )
        if not over and (case, key) not in self.seen:
            if asked == "case":
                self.held.pop(case, None)
                self.aside.discard(case)
                self.ended.add((case, event.grant or 0))
            else:
                before = range(1, event.streamversion)
                missing = any((case, event.grant, event.source, n) not in self.versions for n in before)
                if case in self.aside or (self.gapless and missing):
                    raise Missing
                self.held.setdefault(case, []).append(key)
                self.seen.add((case, key))
                self.versions.add((case, event.grant, event.source, event.streamversion))
                if asked == "identity":
                    self.identities_deleted.append(case)
        if asked is not None:
            self.acknowledged.add(event.id)
