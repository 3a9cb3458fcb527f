"""What everybody may read: published once, never changed, and nothing to be worked out from all of it."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.services.exchange.hearing import Exchange, Narrator, new_id
from tests.services.exchange.indicators.attacker import guesses, total_of
from tests.services.exchange.indicators.months import (
    Person,
    counts,
    erased,
    life,
    places,
    published,
    publisher,
    rebuild,
    season,
)

MID_FEBRUARY = datetime(2020, 2, 16, tzinfo=UTC)
MID_MARCH = datetime(2020, 3, 16, tzinfo=UTC)


def january(count: int, **more: Any) -> list[Person]:
    return [Person(date(2020, 1, 2 + at % 28), **more) for at in range(count)]


async def tell(exchange: Exchange, narrator: Narrator, people: Iterable[Person], recorded: date | None = None) -> None:
    await exchange.hear(*(event for person in people for event in life(narrator, person, recorded)))


def check_nothing_can_be_worked_out(months: list[dict[str, Any]], people: Iterable[Person]) -> int:
    """How many figures are withheld."""
    everybody, seen = list(people), 0
    for month in months:
        if month["arrivals"] is None:
            assert all(number is None for table in month["tables"].values() for number in table.values())
            continue
        those = [person for person in everybody if f"{person.arrived:%Y-%m}" == month["month"]]
        exact = counts(those)
        low, high = total_of(month)
        assert low <= len(those) <= high
        for table, told in month["tables"].items():
            for value, number in told.items():
                assert number is None or abs(number - exact[table][value]) <= 5
                assert number is None or exact[table][value] >= 10
        for guess in guesses(month):
            truth, seen = exact[guess.table][guess.value], seen + 1
            assert guess.least == 0
            assert guess.most >= 10
            assert guess.least <= truth <= guess.most
            assert truth >= 10 or truth < guess.most
    return seen


@pytest.mark.either_database
async def test_a_month_is_told_in_fixed_tables(exchange: Exchange, narrator: Narrator) -> None:
    people = [
        *january(24, left=date(2020, 2, 1), status="closed"),
        *january(31, sex="M", post="ENT", band="9--17", status="reopened"),
        *january(2, sex="M", post="BTM", finding=None, band=None, left=date(2020, 2, 1)),
    ]
    await exchange.hear(*places(narrator))
    await tell(exchange, narrator, people)
    assert await published(exchange) == []
    assert await publisher(exchange, MID_FEBRUARY).publish() == ["2020-01"]
    (month,) = await published(exchange)
    assert (month["month"], month["arrivals"]) == ("2020-01", 60)
    tables = month["tables"]
    assert tables["sex"] == {"M": 30, "F": 20}
    assert tables["case_status"] == {"open": 30, "closed": 20}
    assert tables["province"] == {"21": 30, "other": 30}
    assert set(tables["trafficking_status"].values()) == {None}  # 0, 0, 2 and 55: there is nothing to hide 2 behind
    assert tables["way"]["elsewhere"] is None
    assert check_nothing_can_be_worked_out([month], people) > 5


async def test_what_is_published_never_changes(exchange: Exchange, narrator: Narrator) -> None:
    """Late entries, findings, check-outs, an erasure and a rebuild: whoever compares two days learns nothing."""
    first = new_id()
    await exchange.hear(*places(narrator), *life(narrator, Person(date(2020, 1, 5)), case=first))
    await tell(exchange, narrator, [*january(23), *january(12, sex="M")])
    await publisher(exchange, MID_FEBRUARY).publish()
    before = await published(exchange)
    late = date(2020, 2, 20)
    await tell(exchange, narrator, [*january(9, sex="M"), *january(2, band="48+")], recorded=late)
    await exchange.hear(
        narrator.screened(first, "ActualVictimOfTrafficking"),
        erased(narrator, first),
    )
    assert await publisher(exchange, MID_FEBRUARY).publish() == []
    assert await published(exchange) == before
    assert await publisher(exchange, MID_MARCH).publish() == []
    await rebuild(exchange)
    assert await publisher(exchange, MID_MARCH).publish() == []
    again = await published(exchange)
    assert again[0] == before[0]
    exact = await exchange.get("/exchange/indicators", **{"from": "2020-01-01", "until": "2020-01-31"})
    assert exact.json()["cases"] == 24 + 12 + 11


async def test_a_month_waits_for_late_entries_and_for_what_is_not_heard_yet(
    exchange: Exchange, narrator: Narrator
) -> None:
    await exchange.hear(*places(narrator))
    await tell(exchange, narrator, january(20))
    await tell(exchange, narrator, january(1), recorded=date(2020, 2, 12))
    assert await publisher(exchange, MID_FEBRUARY).publish() == []
    assert await publisher(exchange, datetime(2020, 2, 26, 23, tzinfo=UTC)).publish() == []
    bus = exchange.bus
    behind = publisher(exchange, datetime(2020, 2, 27, tzinfo=UTC))

    class Behind:
        async def lag(self, *_: object) -> int:
            return 1

    behind._bus = Behind()  # type: ignore[assignment]
    assert await behind.publish() == []
    behind._bus = bus
    assert await behind.publish() == ["2020-01"]


async def test_small_months_and_empty_ones_look_the_same(exchange: Exchange, narrator: Narrator) -> None:
    """And a month of nine stays what it was when the tenth is entered."""
    march, april = date(2020, 3, 3), date(2020, 4, 3)
    await exchange.hear(*places(narrator))
    await tell(exchange, narrator, january(15))
    await tell(exchange, narrator, [Person(march)] * 9 + [Person(april)] * 15)
    in_june = datetime(2020, 6, 20, tzinfo=UTC)
    assert await publisher(exchange, in_june).publish() == ["2020-01", "2020-03", "2020-04"]
    months = {month.pop("month"): month for month in await published(exchange)}
    assert list(months) == ["2020-01", "2020-02", "2020-03", "2020-04", "2020-05"]
    assert months["2020-02"] == months["2020-03"] == months["2020-05"]
    assert months["2020-03"]["arrivals"] is None
    await tell(exchange, narrator, [Person(march)], recorded=date(2020, 6, 21))
    await publisher(exchange, datetime(2020, 7, 14, tzinfo=UTC)).publish()
    assert {month.pop("month"): month for month in await published(exchange)} == months


async def test_the_season_published_month_by_month(exchange: Exchange, narrator: Narrator) -> None:
    people = season()
    await exchange.hear(*places(narrator))
    kept: dict[str, Any] = {}
    for number in range(1, 13):
        month = [person for person in people if person.arrived.month == number]
        await tell(exchange, narrator, month)
        year, following = (2020, number + 1) if number < 12 else (2021, 1)
        assert await publisher(exchange, datetime(year, following, 15, tzinfo=UTC)).publish() == [f"2020-{number:02}"]
        now = {one["month"]: one for one in await published(exchange)}
        assert {name: now[name] for name in kept} == kept
        kept = now
    assert len(kept) == 12
    assert check_nothing_can_be_worked_out(list(kept.values()), people) > 50
    told = [number for one in kept.values() for table in one["tables"].values() for number in table.values()]
    assert sum(number is not None for number in told) > len(told) / 3
    assert abs(sum(one["arrivals"] for one in kept.values()) - len(people)) <= 60


async def test_pages_and_rows_with_tags(exchange: Exchange, narrator: Narrator) -> None:
    await exchange.hear(*places(narrator))
    await tell(exchange, narrator, [*january(15), *(Person(date(2020, 3, 3)) for _ in range(15))])
    await publisher(exchange, datetime(2020, 4, 20, tzinfo=UTC)).publish()
    whole = await published(exchange)
    first = await exchange.get("/exchange/indicators/published", "iom", "integrator", limit=2)
    assert first.json()["items"] == whole[:2]
    assert 'rel="next"' in first.headers["link"]
    assert await published(exchange, limit=2, after=first.json()["next"]) == whole[2:]
    feed = (await exchange.page("iom"))["next"]
    other = await exchange.get("/exchange/indicators/published", "iom", "reader", after=feed)
    assert other.status_code == 422
    answer = await exchange._client.get(
        "/exchange/indicators/published",
        headers={"Authorization": f"Bearer {exchange._issuer.issue('iom', 'reader')}", "Accept": "text/csv"},
    )
    assert answer.headers["content-type"].startswith("text/csv")
    headings, tags, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(headings) == len(tags) == 5
    assert tags[-1] == "#affected"
    assert all(people == "" or int(people) >= 10 for *_, people in rows)
    assert ["2020-01", "arrivals", "", "", "20"] in rows
    assert ["2020-01", "province", "21", "21", "20"] not in rows  # 0 elsewhere: it would tell that it is all
    assert sum(row[1] == "province" for row in rows) == 5  # 21 and other, or of a month without figures other alone


async def test_who_may_read_them(exchange: Exchange) -> None:
    allowed = {"reader", "integrator", "auditor", "supervisor", "shelter_staff", "aid_officer", "administrator"}
    for role in (*allowed, "arrival_officer", "counsellor"):
        answer = await exchange.get("/exchange/indicators/published", "kemensos", role)
        assert answer.status_code == (200 if role in allowed else 403), role
