"""Following a Pulang from another system: a handler per type of event, and a copy that stays in step.

    from pulang.subscriber import ClientCredentials, Feed, SqliteStore, Subscriber

    def checked_in(db, event):
        db.execute("UPDATE cases SET shelter = ? WHERE id = ?", (event.data["facility"], event.subject))

    def delete_case(db, case_id):
        db.execute("DELETE FROM cases WHERE id = ?", (case_id,))

    subscriber = Subscriber(
        SqliteStore("caseload.db", schema),
        Feed("https://pulang.example", ClientCredentials(token_url, client_id, client_secret)),
        {"pulang.stay.checked_in.v1": checked_in},
        delete_case=delete_case,
        delete_identity=lambda db, case_id: None,  # where none is kept
    )
    subscriber.run()

`docs/subscriber.md` says what is promised, and why; `examples/local-copy/` is a whole one.
"""

from pulang.client_credentials import ClientCredentials
from pulang.subscriber.applying import ANY, Report
from pulang.subscriber.feed import Feed
from pulang.subscriber.kafka import Kafka
from pulang.subscriber.order import ERASED
from pulang.subscriber.problems import (
    GapFound,
    HandlerFailed,
    Refused,
    SubscriberError,
    Unreachable,
    Unreadable,
)
from pulang.subscriber.sqlite import SqliteStore
from pulang.subscriber.store import Store, Transaction
from pulang.subscriber.subscriber import Subscriber
from shared.events.envelope import Event

__all__ = [
    "ANY",
    "ERASED",
    "ClientCredentials",
    "Event",
    "Feed",
    "GapFound",
    "HandlerFailed",
    "Kafka",
    "Refused",
    "Report",
    "SqliteStore",
    "Store",
    "Subscriber",
    "SubscriberError",
    "Transaction",
    "Unreachable",
    "Unreadable",
]
