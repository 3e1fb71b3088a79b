"""Places under caps, gaps and shared limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.contracts.codes import DecisionOutcome
from pipelines.planning.admission import Contenders
from pipelines.planning.contesting import OTHER_ACTION_CHOSEN, PLANNED, Contest
from pipelines.planning.limits import PersonLimit, SharedLimit
from pipelines.planning.places import NOBODY, Send
from tests.pipelines.planning.cases import DAY, cap, send


def contenders(*rows: tuple[str, int, str, str | None, int]) -> Contenders:
    """Decision, person, channel, offer and cost; all at one instant."""
    return Contenders(
        decision=[row[0] for row in rows],
        person=[row[1] for row in rows],
        channel=[row[2] for row in rows],
        purpose=["news"] * len(rows),
        offer=[row[3] for row in rows],
        cost_minor=[row[4] for row in rows],
        start=[0] * len(rows),
        end=[0] * len(rows),
    )


def allocate(
    rows: Contenders,
    *,
    person_limits: Sequence[PersonLimit],
    shared_limits: Sequence[SharedLimit],
    ledger: Mapping[int, Sequence[Send]],
    households: Mapping[int, int] | None = None,
) -> Contest:
    """Everyone in their order."""
    contest = Contest(
        rows,
        person_limits=person_limits,
        shared_limits=shared_limits,
        ledger=ledger,
        households=households or {},
    )
    contest.admit(range(len(rows.decision)))
    return contest


def shared(outcome: DecisionOutcome, size: int, **scope: object) -> SharedLimit:
    return SharedLimit(name="limit", outcome=outcome, size=size, **scope)  # type: ignore[arg-type]


def test_a_decision_takes_one_action_and_a_loser_tries_its_next() -> None:
    fates = allocate(
        contenders(
            ("d1", 1, "email", None, 0),
            ("d1", 1, "sms", None, 0),
            ("d2", 2, "email", None, 0),
            ("d2", 2, "sms", None, 0),
        ),
        person_limits=[],
        shared_limits=[shared(DecisionOutcome.CAPACITY, 1, channel="email")],
        ledger={},
    )
    assert fates.fate == [PLANNED, OTHER_ACTION_CHOSEN, 0, PLANNED]
    assert fates.winner == [NOBODY, 0, 0, NOBODY]
    assert fates.used() == [1]


def test_caps_see_the_ledger_and_tonight() -> None:
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 2, "email", None, 0), ("d3", 2, "email", None, 0)),
        person_limits=[cap(1)],
        shared_limits=[],
        ledger={1: [send(1 - DAY)]},
    )
    # Person 1 lost to the past, the second message of person 2 to the first.
    assert fates.fate == [0, PLANNED, 0]
    assert fates.winner == [NOBODY, NOBODY, 1]


def test_a_budget_is_kept_to_the_cent_and_cheaper_messages_still_fit() -> None:
    budget = shared(DecisionOutcome.BUDGET, 100, used_before=41)
    fates = allocate(
        contenders(
            ("d1", 1, "email", None, 30),
            ("d2", 2, "email", None, 30),
            ("d3", 3, "email", None, 29),
            ("d4", 4, "email", None, 1),
        ),
        person_limits=[],
        shared_limits=[budget],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0, PLANNED, 0]
    assert fates.winner == [NOBODY, 0, NOBODY, 2]
    assert fates.used() == [100]


def test_a_free_message_does_not_break_a_budget_that_history_broke() -> None:
    budget = shared(DecisionOutcome.BUDGET, 100, used_before=500)
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 2, "email", None, 1)),
        person_limits=[],
        shared_limits=[budget],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0]


def test_stock_counts_its_offer_only() -> None:
    stock = shared(DecisionOutcome.STOCK, 3, used_before=2, offer="tenth")
    fates = allocate(
        contenders(
            ("d1", 1, "sms", "tenth", 0),
            ("d2", 2, "email", "tenth", 0),
            ("d3", 3, "sms", None, 0),
            ("d4", 4, "sms", "other", 0),
        ),
        person_limits=[],
        shared_limits=[stock],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0, PLANNED, PLANNED]


def test_a_household_shares_its_places() -> None:
    home = cap(1, is_household=True)
    rows = contenders(
        ("d1", 1, "email", None, 0),
        ("d2", 2, "email", None, 0),
        ("d3", 3, "email", None, 0),
        ("d4", 4, "email", None, 0),
    )
    fates = allocate(
        rows,
        person_limits=[home],
        shared_limits=[],
        ledger={8: [send(0)], 9: [send(0)]},
        households={1: 5, 2: 5, 3: 8, 8: 8},
    )
    # Person 2 lost to person 1, person 3 to the past of a housemate; nobody lives with person 4.
    assert (fates.fate, fates.winner) == ([PLANNED, 0, 0, PLANNED], [NOBODY, 0, NOBODY, NOBODY])
    alone = allocate(rows, person_limits=[cap(1)], shared_limits=[], ledger={}, households={1: 5, 2: 5})
    assert alone.fate == [PLANNED] * 4


def test_a_person_alone_is_their_own_household_even_under_the_number_of_another() -> None:
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 7, "email", None, 0), ("d3", 7, "email", None, 0)),
        person_limits=[cap(1, is_household=True)],
        shared_limits=[],
        ledger={},
        households={1: 7, 2: 7},
    )
    assert fates.fate == [PLANNED, PLANNED, 0]


def test_tags_and_programmes_of_candidates_count_at_once() -> None:
    rows = contenders(("d1", 1, "email", None, 5), ("d2", 1, "email", None, 5), ("d3", 1, "email", None, 5))
    rows = replace(rows, tags=["sale", "", "new,sale"], programme=["a", "b", "b"])
    fates = allocate(rows, person_limits=[cap(1, tag="sale")], shared_limits=[], ledger={})
    assert (fates.fate, fates.winner) == ([PLANNED, PLANNED, 0], [NOBODY, NOBODY, 0])
    capacity = shared(DecisionOutcome.CAPACITY, 1, programme="b")
    money = shared(DecisionOutcome.BUDGET, 5, tag="sale")
    fates = allocate(rows, person_limits=[], shared_limits=[capacity, money], ledger={})
    assert fates.fate == [PLANNED, PLANNED, 0]
    assert fates.used() == [1, 5]


def test_the_first_limit_without_a_place_decides() -> None:
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 1, "email", None, 0)),
        person_limits=[cap(2), cap(2, tag="sale"), cap(1), cap(0, channel="sms")],
        shared_limits=[],
        ledger={},
    )
    assert (fates.fate, fates.winner) == ([PLANNED, 2], [NOBODY, 0])
