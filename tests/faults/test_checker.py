"""A checker that finds nothing is worthless: each violation is planted once, and found under its name."""

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.faults.books import Line, Nights
from tests.faults.checker import check, check_replicas
from tests.faults.history import Effect, Outcome
from tests.faults.made_up import ANN, BEN, ITEM, NOON, STORE, Run, a_good_run, decides

Plant = Callable[[Run], Any]
PLANTED: dict[str, tuple[str, str, Plant]] = {}
"""Rule, words of its finding, and fault, by what is wrong."""


def planted(rule: str, words: str = "") -> Callable[[Plant], Plant]:
    """`words`: where several checks have one rule, those of the one that must find it."""

    def note(plant: Plant) -> Plant:
        PLANTED[plant.__name__] = (rule, words, plant)
        return plant

    return note


def heard(run: Run, agency: str, fact: str, subject: str = ANN) -> dict[str, Any]:
    """The last copy of an event that an agency read."""
    return next(
        one for one in reversed(run.told[agency]) if one["type"] == f"pulang.{fact}.v1" and one["subject"] == subject
    )


def logged(run: Run, fact: str, subject: str = ANN) -> int:
    """Where an event stands in the log."""
    return next(
        at
        for at, one in enumerate(run.books.log)
        if one.event["type"] == f"pulang.{fact}.v1" and one.event["subject"] == subject
    )


@planted("lost")
def an_acknowledged_write_is_in_no_log(run: Run) -> None:
    run.history.begin("x", [Effect("case.closed", ANN, "2026-02-02")]).outcome = Outcome.ACKNOWLEDGED


@planted("untold", "was acknowledged, and iom never read")
def an_acknowledged_write_is_told_to_nobody(run: Run) -> None:
    an_acknowledged_write_is_in_no_log(run)


@planted("untold")
def an_agency_misses_the_last_event_of_a_case(run: Run) -> None:
    run.told["iom"].remove(heard(run, "iom", "psychosocial.session_recorded"))


@planted("untold")
def an_agency_misses_an_operation(run: Run) -> None:
    run.told["kemensos"].remove(heard(run, "kemensos", "donation.received", "gift"))


@planted("untold")
def an_unknown_write_that_happened_is_not_told(run: Run) -> None:
    run.records("intake", "case.closed", ANN, {})


@planted("untold")
def a_later_grant_lacks_history(run: Run) -> None:
    run.told["iom"] = [
        one for one in run.told["iom"] if (one.get("grant"), one["type"]) != (2, "pulang.case.registered.v1")
    ]


@planted("undeleted")
def an_agency_is_not_told_to_delete(run: Run) -> None:
    run.told["iom"] = [one for one in run.told["iom"] if not one.get("data", {}).get("deletion_requested")]


@planted("unasked")
def a_refused_write_took_effect(run: Run) -> None:
    event = run.records("shelter", "stay.checked_in", ANN, {"stay": "never", "on": "2026-01-07"})
    run.told["iom"].append(event | {"grant": 1})


@planted("unasked")
def an_agency_reads_what_nobody_asked_for(run: Run) -> None:
    run.told["iom"].append(heard(run, "iom", "aid.issued") | {"data": {"issue": "other"}})


@planted("doubled")
def one_operation_makes_two_events(run: Run) -> None:
    run.records("aid", "aid.issued", ANN, {"issue": "i1", "store": STORE, "item": ITEM, "quantity": 2})


@planted("doubled")
def an_agency_reads_two_events_for_one_operation(run: Run) -> None:
    run.told["iom"].append(heard(run, "iom", "aid.issued") | {"id": "another", "streamversion": 2})


@planted("doubled")
def an_event_stands_twice_in_a_log(run: Run) -> None:
    run.books.log.append(run.books.log[-1])


@planted("doubled")
def an_entry_stands_twice_in_the_ledger(run: Run) -> None:
    run.books.ledger.append(Line(3, "i1", STORE, ITEM, -1, "issued"))


@planted("disorder")
def a_log_has_a_gap(run: Run) -> None:
    del run.books.log[logged(run, "case.screened")]


@planted("disorder")
def a_log_is_out_of_order(run: Run) -> None:
    at = logged(run, "case.registered")
    run.books.log[at], run.books.log[at + 1] = run.books.log[at + 1], run.books.log[at]


@planted("disorder")
def a_stream_counts_further_than_its_log(run: Run) -> None:
    run.books.streams["/pulang/aid", ANN] += 1


@planted("disorder")
def an_agency_reads_out_of_order(run: Run) -> None:
    first, second = heard(run, "iom", "case.registered"), heard(run, "iom", "case.screened")
    at, then = run.told["iom"].index(first), run.told["iom"].index(second)
    run.told["iom"][at], run.told["iom"][then] = second, first


@planted("disorder", "goes on after")
def an_agency_reads_the_end_of_an_earlier_grant_late(run: Run) -> None:
    end = next(one for one in run.told["iom"] if one.get("data", {}).get("deletion_requested"))
    run.told["iom"].remove(end)
    run.told["iom"].append(end)


@planted("disorder", "comes late")
def an_agency_reads_the_end_of_a_grant_under_an_old_version(run: Run) -> None:
    at = next(at for at, one in enumerate(run.told["iom"]) if one.get("data", {}).get("deletion_requested"))
    end = run.told["iom"][at]
    run.told["iom"].insert(at, end | {"id": "another", "type": "pulang.withheld.v1", "data": {}})


@planted("disorder", "comes after the end")
def an_agency_reads_on_after_the_end_of_a_grant(run: Run) -> None:
    run.told["iom"].append(heard(run, "iom", "stay.checked_in", BEN) | {"grant": 1})


@planted("phantom")
def an_agency_reads_what_no_log_has(run: Run) -> None:
    run.told["iom"].append(heard(run, "iom", "case.registered") | {"id": "phantom", "streamversion": 9})


@planted("phantom")
def an_agency_reads_another_version_of_an_event(run: Run) -> None:
    heard(run, "iom", "donation.received", "gift")["streamversion"] = 7


@planted("foreign")
def an_agency_reads_a_case_that_it_was_never_granted(run: Run) -> None:
    run.told["kemensos"].append(heard(run, "iom", "case.registered", BEN) | {"grant": 1})


@planted("foreign")
def an_agency_reads_a_case_event_without_a_grant(run: Run) -> None:
    del heard(run, "iom", "aid.issued")["grant"]


@planted("backlog")
def an_event_waits_in_an_outbox(run: Run) -> None:
    run.books.unpublished = 1


@planted("backlog")
def an_event_is_parked(run: Run) -> None:
    run.books.parked = 1


@planted("backlog")
def an_agency_topic_lags(run: Run) -> None:
    run.books.unsent = 1


@planted("marks")
def a_consumer_lags(run: Run) -> None:
    run.books.marks["aid.reactions"]["/pulang/intake", ANN] -= 1


@planted("marks")
def a_consumer_is_ahead(run: Run) -> None:
    run.books.marks["exchange.log"]["/pulang/intake", ANN] += 1


@planted("marks")
def a_consumer_has_no_marks_at_all(run: Run) -> None:
    del run.books.marks["exchange.indicators"]


@planted("beds")
def two_people_in_one_bed(run: Run) -> None:
    run.books.nights[0] = replace(run.books.nights[0], until=date(2026, 1, 4))


@planted("beds")
def two_open_stays_in_one_bed(run: Run) -> None:
    run.books.nights[0] = replace(run.books.nights[0], until=None)


@planted("beds")
def one_person_in_two_beds(run: Run) -> None:
    run.books.nights.append(Nights("bed2", BEN, "stay2", date(2026, 1, 5), date(2026, 1, 6)))


@planted("beds")
def more_people_than_beds_by_the_events(run: Run) -> None:
    run.books.log[logged(run, "stay.checked_out")].event["data"]["on"] = "2026-01-04"  # type: ignore[index]


@planted("stock")
def the_stock_differs_from_its_ledger(run: Run) -> None:
    run.books.stock[STORE, ITEM] = 2


@planted("stock")
def the_stock_was_below_zero_meanwhile(run: Run) -> None:
    run.books.ledger.reverse()


@planted("commit")
def goods_went_without_an_event(run: Run) -> None:
    run.books.ledger.append(Line(3, "i2", STORE, ITEM, -1, "issued"))


@planted("commit")
def an_event_of_goods_has_no_line(run: Run) -> None:
    run.books.ledger.pop()


@planted("commit")
def a_case_has_no_event(run: Run) -> None:
    run.books.cases.add("case-new")


@planted("commit")
def a_case_has_an_event_and_no_row(run: Run) -> None:
    run.books.cases.remove(ANN)


@planted("commit")
def a_session_has_no_event(run: Run) -> None:
    run.books.sessions.add("s2")


@planted("commit")
def a_stay_ended_and_nobody_was_told(run: Run) -> None:
    run.books.stays[f"stay-{BEN}"] = (BEN, "checked_out")


@planted("commit")
def a_stay_has_events_and_no_row(run: Run) -> None:
    del run.books.stays[f"stay-{ANN}"]


@planted("projection")
def a_projection_counted_an_issue_twice(run: Run) -> None:
    run.books.indicators["issued"] = 4


@planted("projection")
def a_projection_lost_a_session(run: Run) -> None:
    run.books.indicators["sessions"] = 0


def test_a_good_run_is_good() -> None:
    assert check(*_parts(a_good_run())) == []


def test_repeats_in_a_topic_are_no_violation() -> None:
    run = a_good_run()
    for agency, read in run.told.items():
        run.told[agency] = [*read, *read[3:], *read[:-2]]
    assert check(*_parts(run)) == []


def test_unknown_writes_may_have_happened() -> None:
    run = a_good_run()
    event = run.records("intake", "case.closed", ANN, {}, NOON)
    for read in run.told.values():
        read.append(event | {"grant": 1})
    assert check(*_parts(run)) == []


def test_after_an_unknown_withdrawal_nothing_is_sure() -> None:
    run = a_good_run()
    run.history.begin("consent", [Effect("case.consent_changed", ANN, "x")], {"iom": "none"}).outcome = Outcome.UNKNOWN
    run.told["iom"].remove(heard(run, "iom", "psychosocial.session_recorded"))
    assert {one.detail.split()[0] for one in check(*_parts(run))} == {"iom"}, "only the log still tells that it lacks"


def test_an_ended_grant_needs_no_more_than_its_end() -> None:
    run = a_good_run()
    run.told = {"iom": [], "kemensos": []}
    decides(run, ANN, iom="none")
    run.tell()
    run.told["iom"] = [
        one
        for one in run.told["iom"]
        if one["subject"] != ANN or one.get("data", {}).get("deletion_requested") == "case"
    ]
    assert check(*_parts(run)) == []


@pytest.mark.parametrize("wrong", PLANTED)
def test_what_is_planted_is_found(wrong: str) -> None:
    rule, words, plant = PLANTED[wrong]
    run = a_good_run()
    plant(run)
    found = check(*_parts(run))
    assert any(one.rule == rule and words in one.detail for one in found), f"found {found or 'nothing'}"


def test_replicas_that_disagree_are_found() -> None:
    assert check_replicas({"/cases": {"a": [1, 2], "b": [1, 2]}}) == []
    (wrong,) = check_replicas({"/cases": {"a": [1, 2], "b": [1]}, "/stays": {"a": 1, "b": 1}})
    assert wrong.rule == "replicas"


@pytest.mark.parametrize("file", ["checker", "books", "rooms", "goods", "history", "violations", "listening"])
def test_the_checker_shares_no_code_with_pulang(file: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{file}.py").read_text())
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not {name.split(".")[0] for name in names} & {"pulang", "shared", "services"}, file


def _parts(run: Run) -> tuple[Any, Any, Any]:
    return run.history, run.books, run.told
