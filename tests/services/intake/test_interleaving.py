"""However the sources interleave within a case, and however often a message comes: the state is the same."""

import random

import pytest

from shared.events.envelope import Event
from shared.events.shelter import ReferralAccepted, ReferralRejected, StayCheckedIn, StayCheckedOut
from tests.services.intake.story import SHELTER, ShelterVoice, case_of, facts, intake_of, refer
from tests.world import Pulang

OTHER = "BALAI-MULYA-JAYA"
PEOPLE = 6


def story_of(shelter: ShelterVoice, case: str, number: int, first: str, second: str | None) -> list[Event]:
    """What the shelters say of one person, in their stream's order."""
    stay_in = StayCheckedIn(stay="s", facility=SHELTER, room_type="female", on="2026-11-03")  # type: ignore[arg-type]
    stay_out = StayCheckedOut(stay="s", facility=SHELTER, on="2026-11-08", reason="return_home")  # type: ignore[arg-type]
    if second is not None:
        said = [
            ReferralRejected(referral=first, facility=SHELTER, reason="full"),
            ReferralAccepted(referral=second, facility=OTHER),
        ]
    else:
        said = [ReferralAccepted(referral=first, facility=SHELTER)]
    said += [stay_in, stay_out][: number % 3]
    return [shelter.event(case, fact) for fact in said]


@pytest.mark.parametrize("seed", range(4))
async def test_shuffled_and_doubled_news_end_in_one_state(pulang: Pulang, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    await pulang.open_post()
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    await shelter.opens(OTHER)
    streams: list[list[Event]] = []
    expected: dict[str, tuple[str, str, str]] = {}
    for number in range(PEOPLE):
        case = await pulang.register()
        (first,) = await refer(pulang, case)
        second = None
        if number % 2:
            await pulang.officer().done(f"/intake/referrals/{first}/revocation", {"occurred_at": "2026-11-03"})
            (second,) = await refer(pulang, case, shelter=OTHER)
        streams.append(story_of(shelter, case, number, first, second))
        stay = ("none", "checked_in", "checked_out")[number % 3]
        expected[case] = ("accepted", OTHER if second else SHELTER, stay)
    before = {case: facts(pulang, case) for case in expected}
    waiting = [list(stream) for stream in streams for _ in range(1 + (seed > 0))]
    merged: list[Event] = []
    while waiting := [stream for stream in waiting if stream]:
        merged.append(chance.choice(waiting).pop(0))
    await shelter.publish([event for event in merged for _ in range(2)])
    for case, state in expected.items():
        found = await case_of(pulang, case)
        assert (found["referral_status"], found["facility"], found["stay_status"]) == state
        assert facts(pulang, case) == before[case]
    status = await intake_of(pulang).status()
    assert (status["parked"], status["dead_letters"]) == (0, 0)


@pytest.mark.parametrize("seed", range(4))
async def test_own_commands_and_the_shelters_news_may_cross(pulang: Pulang, seed: int) -> None:
    """A screening, a consent and a closure between the news: what each leaves behind does not depend on the order."""
    chance = random.Random(seed)  # noqa: S311
    await pulang.open_post()
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    case = await pulang.register()
    (referral,) = await refer(pulang, case)
    news = story_of(shelter, case, 2, referral, None)
    own = ["screening", "consent"]
    while news or own:
        if news and (not own or chance.random() < 0.5):
            await shelter.publish([news.pop(0)])
            continue
        step = own.pop(chance.randrange(len(own)))
        if step == "screening":
            finding = {"trafficking_status": "NotAVictimOfTrafficking", "occurred_at": "2026-11-03"}
            await pulang.officer().done(f"/intake/cases/{case}/screenings", finding)
        else:
            said = {"decisions": [{"agency": "iom", "level": "identified"}], "given_by": "person"}
            await pulang.officer().done(f"/intake/cases/{case}/consents", said | {"occurred_at": "2026-11-03"})
    state = await case_of(pulang, case)
    assert (state["phase"], state["trafficking_status"], state["consent_recorded"], state["facility"]) == (
        "left_shelter",
        "NotAVictimOfTrafficking",
        True,
        SHELTER,
    )
