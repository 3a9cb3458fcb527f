"""The indicators, built only from events, against a slow and obvious reference."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.exchange.indicators import nights_and_peaks
from services.exchange.schemas import Indicators
from tests.services.exchange.hearing import Exchange, Narrator, new_id

YEAR = {"from": "2026-01-01", "until": "2026-12-31"}
FIGURES = {
    "cases",
    "sent_home",
    "still_resident",
    "resident_by_shelter",
    "checked_in_by_shelter",
    "beds_by_shelter",
    "peak_occupancy_by_shelter",
    "bed_nights_by_shelter",
    "by_trafficking_status",
    "by_arrival_point",
    "by_sex",
    "hygiene_kits_issued",
    "psychosocial_sessions",
    "identity_consent",
}


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


async def ask(exchange: Exchange, **days: str) -> dict[str, Any]:
    answer = await exchange.get("/exchange/indicators", **(days or YEAR))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def small_season(exchange: Exchange, narrator: Narrator) -> None:
    """Three people: one went home, one is there, one arrived in the year before and went elsewhere."""
    home, there, older = new_id(), new_id(), new_id()
    stays = {case: new_id() for case in (home, there, older)}
    await exchange.hear(
        narrator.opened("TNJ", "bp2mi", kind="arrival_point"),
        narrator.opened("RPTC-A", "kemensos", beds=3),
        narrator.opened("RPTC-B", "kemensos", beds=5),
        narrator.opened("RPTC-A", "kemensos", beds=4),
    )
    await exchange.hear(
        narrator.registered(home, on=day("03-01"), sex="M"),
        narrator.screened(home, "PossibleVictimOfTrafficking"),
        narrator.screened(home, "ActualVictimOfTrafficking"),
        narrator.consent(home, iom="pseudonymous", kemensos="identified"),
        narrator.consent(home, iom="identified"),
        narrator.registered(there, on=day("03-02")),
        narrator.screened(there),
        narrator.consent(there, iom="identified", kemensos="identified"),
        narrator.consent(there, iom="none"),
        narrator.registered(older, on=date(2025, 12, 30)),
        narrator.consent(older, kemensos="identified"),
    )
    await exchange.hear(
        narrator.checked_in(home, stays[home], on=day("03-01")),
        narrator.checked_in(there, stays[there], on=day("03-02")),
        narrator.checked_in(older, stays[older], on=date(2025, 12, 30)),
        narrator.checked_out(home, stays[home], day("03-05")),
        narrator.checked_out(older, stays[older], day("01-03"), reason="transferred"),
        narrator.issued(home, 2, on=day("03-01")),
        narrator.issued(home, 1, "PPE set", on=day("03-01")),
        narrator.issued(older, 1, on=date(2025, 12, 31)),
        narrator.session(home, on=day("03-02")),
        narrator.session(home, on=day("03-02")),
        narrator.session(older, on=date(2025, 12, 31)),
    )


async def test_a_small_season(exchange: Exchange, narrator: Narrator) -> None:
    await small_season(exchange, narrator)
    resident_nights = (date(2026, 12, 31) - day("03-02")).days + 1
    assert await ask(exchange) == {
        "cases": 2,
        "sent_home": 1,
        "still_resident": 1,
        "resident_by_shelter": {"RPTC-A": 1, "RPTC-B": 0},
        "checked_in_by_shelter": {"RPTC-A": 2, "RPTC-B": 0},
        "beds_by_shelter": {"RPTC-A": 4, "RPTC-B": 5},
        "peak_occupancy_by_shelter": {"RPTC-A": 2, "RPTC-B": 0},
        "bed_nights_by_shelter": {"RPTC-A": 4 + resident_nights + 2, "RPTC-B": 0},
        "by_trafficking_status": {"ActualVictimOfTrafficking": 1, "NotAVictimOfTrafficking": 1},
        "by_arrival_point": {"TNJ": 2},
        "by_sex": {"F": 1, "M": 1},
        "hygiene_kits_issued": 2,
        "psychosocial_sessions": 2,
        "identity_consent": {"iom": 1, "kemensos": 2},
    }


async def test_both_ends_are_included(exchange: Exchange, narrator: Narrator) -> None:
    await small_season(exchange, narrator)
    first = await ask(exchange, **{"from": "2026-03-01", "until": "2026-03-01"})
    assert (first["cases"], first["still_resident"], first["hygiene_kits_issued"]) == (1, 1, 2)
    assert first["bed_nights_by_shelter"]["RPTC-A"] == 1
    last = await ask(exchange, **{"from": "2026-03-05", "until": "2026-03-05"})
    assert (last["cases"], last["sent_home"], last["still_resident"]) == (0, 1, 1)
    assert last["bed_nights_by_shelter"]["RPTC-A"] == 1


async def test_the_same_told_again_counts_once(exchange: Exchange, narrator: Narrator) -> None:
    case = new_id()
    told = [
        narrator.registered(case),
        narrator.screened(case),
        narrator.consent(case, iom="identified"),
        narrator.issued(case),
        narrator.session(case),
        narrator.checked_in(case, new_id()),
    ]
    await exchange.hear(*told)
    before = await ask(exchange)
    await exchange.hear(*(event for event in told for _ in range(2)))
    assert await ask(exchange) == before
    assert before["hygiene_kits_issued"] == before["psychosocial_sessions"] == before["cases"] == 1


async def test_nothing_yet(exchange: Exchange) -> None:
    figures = await ask(exchange)
    assert set(figures) == FIGURES
    assert figures["cases"] == figures["still_resident"] == 0


async def test_who_may_ask_and_for_what(exchange: Exchange) -> None:
    assert (await exchange.get("/exchange/indicators", "kemensos", "supervisor", **YEAR)).status_code == 403
    for days in (
        {"from": "2026-02-01", "until": "2026-01-31"},
        {"from": "2026-02-31", "until": "2026-03-31"},
        {"from": "0001-01-01", "until": "2026-03-31"},
        {"until": "2026-03-31"},
    ):
        assert (await exchange.get("/exchange/indicators", **days)).status_code == 422, days
    assert (await ask(exchange, **{"from": "1900-01-01", "until": "9000-12-31"}))["cases"] == 0


def test_the_answer_has_every_figure_of_a_season() -> None:
    """The keys of `expected.json` (README of the data)."""
    assert set(Indicators.model_fields) == FIGURES


BEGIN = date(2026, 1, 1)
nights = st.tuples(st.integers(0, 20), st.integers(1, 15)).map(
    lambda stay: (BEGIN + timedelta(days=stay[0]), BEGIN + timedelta(days=sum(stay)))
)


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), nights), max_size=30))
def test_nights_and_peaks_against_counting_every_night(stays: list[tuple[str, tuple[date, date]]]) -> None:
    since, until = BEGIN + timedelta(days=5), BEGIN + timedelta(days=22)
    changes = [(shelter, day, more) for shelter, (first, morning) in stays for day, more in ((first, 1), (morning, -1))]
    total, peaks, last = nights_and_peaks((one for one in changes if one[1] <= until), since, until)
    for shelter in ("A", "B"):
        taken = [
            sum(s == shelter and first <= since + timedelta(days=offset) < morning for s, (first, morning) in stays)
            for offset in range((until - since).days + 1)
        ]
        assert total.get(shelter, 0) == sum(taken)
        assert peaks.get(shelter, 0) == max(taken)
        assert last.get(shelter, 0) == taken[-1]


async def test_exchange_tells_nothing_itself(exchange: Exchange, narrator: Narrator) -> None:
    await small_season(exchange, narrator)
    status = (await exchange.get("/exchange/operations/status")).json()
    assert status["events"] == status["outbox_backlog"] == 0


async def test_of_screening_and_identification_the_newest_holds(exchange: Exchange) -> None:
    narrator, cases = Narrator(), [new_id() for _ in range(3)]
    await exchange.hear(narrator.opened("TNJ", "bp2mi", kind="arrival_point"))
    await exchange.hear(*(narrator.registered(case) for case in cases))
    await exchange.hear(*(narrator.screened(case, "PossibleVictimOfTrafficking") for case in cases))
    await exchange.hear(*(narrator.identified(case) for case in cases[:2]), narrator.screened(cases[1]))
    assert (await ask(exchange))["by_trafficking_status"] == {
        "ActualVictimOfTrafficking": 1,
        "NotAVictimOfTrafficking": 1,
        "PossibleVictimOfTrafficking": 1,
    }
