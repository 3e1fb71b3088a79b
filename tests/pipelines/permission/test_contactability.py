"""Permission: worked cases, and a row-by-row oracle that shares no code with the stage."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.codes import Channel
from pipelines.contracts.identity import ContactPoint, CustomerLink
from pipelines.contracts.permission import Contactability
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Consent, Erasure, Suppression
from pipelines.permission.contactability import decide_contactability

AS_OF = datetime(2017, 6, 2, 4, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
BASIS = "A written basis that is long enough to be one."
PEOPLE = {"1": 101, "2": 102, "3": 103}
#: Person 1 has two records; persons 1 and 2 share a mailbox; person 3 has a phone only.
LINKS = [("main", "1", 101), ("shop", "9", 101), ("main", "2", 102), ("main", "3", 103)]
POINTS = [(101, "email", "x@example.com"), (102, "email", "x@example.com"), (103, "sms", "+12165550101")]


def workspace(policy="deny"):
    return WorkspaceSettings(
        version=1, workspace="acme", time_zone="UTC", currency="USD",
        consent_without_record=policy, consent_basis=BASIS,
    )  # fmt: skip


def frame(schema, rows):
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    full = [dict.fromkeys(dtypes) | {"workspace_id": "acme"} | row for row in rows]
    if "source" in dtypes:
        full = [row | {"source": row["source"] or "main"} for row in full]
    return pl.DataFrame(full, schema=dtypes).lazy()


def consent(number=1, *, at=AS_OF - DAY, status="granted", channel="email", purpose="marketing", **subject):
    fixed = {"consent_id": str(number), "status": status, "channel": channel, "purpose": purpose}
    return fixed | {"recorded_at": at} | (subject or {"customer_ref": "1"})


def decide(consents=(), suppressions=(), erasures=(), *, policy="deny", purposes=("marketing",)):
    links = frame(
        CustomerLink,
        [{"source": source, "customer_ref": ref, "customer_id": person} for source, ref, person in LINKS],
    )
    points = [dict(zip(("customer_id", "channel", "address"), point, strict=True)) for point in POINTS]
    verdicts = decide_contactability(
        links,
        frame(ContactPoint, points),
        frame(Consent, consents),
        frame(Suppression, suppressions),
        frame(Erasure, erasures),
        purposes=purposes,
        workspace=workspace(policy),
        as_of=AS_OF,
        channels=(Channel.EMAIL, Channel.SMS),
    ).collect()
    Contactability.validate(verdicts)
    return verdicts


def reason(verdicts, ref, channel="email", purpose="marketing"):
    row = verdicts.filter(customer_id=PEOPLE[ref], channel=channel, purpose=purpose)
    return row.get_column("reason").item()


def test_everyone_has_one_verdict_for_each_purpose_and_channel():
    verdicts = decide(purposes=("marketing", "service"))
    assert verdicts.height == 3 * 2 * 2
    assert verdicts.select("customer_id", "purpose", "channel").is_unique().all()


def test_no_purpose_gives_no_verdict():
    assert decide(purposes=()).is_empty()


@pytest.mark.parametrize(
    ("policy", "with_address", "without_address"),
    [("deny", "no_record_denied", "no_record_denied"), ("allow", "no_record_allowed", "no_address")],
)
def test_without_record_the_workspace_decides(policy, with_address, without_address):
    verdicts = decide(policy=policy)
    assert reason(verdicts, "1") == with_address
    assert reason(verdicts, "1", "sms") == without_address
    assert verdicts.get_column("is_allowed").sum() == (3 if policy == "allow" else 0)


@pytest.mark.parametrize(
    ("consents", "expected"),
    [
        ([consent()], "granted"),
        ([consent(at=AS_OF)], "no_record_denied"),  # said at the end of the night: tomorrow's
        ([consent(at=AS_OF - SECOND)], "granted"),
        ([consent(status="denied")], "denied"),
        ([consent(1), consent(2, at=AS_OF - SECOND, status="withdrawn")], "withdrawn"),
        ([consent(1, status="withdrawn"), consent(2, at=AS_OF - SECOND)], "granted"),
        ([consent(1), consent(2, status="denied"), consent(3, status="withdrawn")], "withdrawn"),  # a tie
        ([consent() | {"expires_at": AS_OF}], "expired"),
        ([consent() | {"expires_at": AS_OF + SECOND}], "granted"),
        ([consent(status="withdrawn") | {"expires_at": AS_OF - DAY}], "withdrawn"),  # a refusal never ends
        ([consent(channel="sms")], "no_record_denied"),
        ([consent(purpose="service")], "no_record_denied"),
        ([consent(customer_ref="9", source="shop")], "granted"),  # any record of the person speaks
        ([consent(customer_ref="9")], "no_record_denied"),  # 9 of main is nobody
        ([consent(address=" X+tag@Example.com")], "granted"),
        (
            [consent(1), consent(2, address="x@example.com", status="withdrawn", at=AS_OF - 9 * DAY)],
            "withdrawn",
        ),
        (
            [consent(1, status="withdrawn"), consent(2, address="x@example.com", at=AS_OF - SECOND)],
            "withdrawn",
        ),
    ],
)
def test_consent_is_the_fold_of_its_history(consents, expected):
    assert reason(decide(consents), "1") == expected


def test_an_address_speaks_for_everyone_who_has_it():
    verdicts = decide([consent(address="x@example.com", status="withdrawn")], policy="allow")
    assert [reason(verdicts, ref) for ref in ("1", "2")] == ["withdrawn", "withdrawn"]
    assert reason(verdicts, "3", "sms") == "no_record_allowed"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"address": "X@example.com "}, "suppressed"),
        ({"address": "x+shop@example.com"}, "suppressed"),
        ({"address": "@Example.com"}, "suppressed"),
        ({"address": "@other.example.com"}, "granted"),
        ({"address": "y@example.com"}, "granted"),
        ({"address": "x@example.com", "channel": "sms"}, "granted"),
        ({"address": "x@example.com", "recorded_at": AS_OF - SECOND}, "suppressed"),
        ({"address": "x@example.com", "recorded_at": AS_OF}, "granted"),
        ({"address": "x@example.com", "expires_at": AS_OF}, "granted"),
        ({"address": "x@example.com", "expires_at": AS_OF + SECOND}, "suppressed"),
    ],
)
def test_suppressions_match_the_normalised_address_while_they_last(row, expected):
    verdicts = decide([consent()], [{"channel": "email", "reason": "bounce"} | row])
    assert reason(verdicts, "1") == expected


@pytest.mark.parametrize("written", ["+1 216 555-0101", "12165550101", "001 216 555 0101"])
def test_a_phone_is_suppressed_however_it_is_written(written):
    rows = [{"address": written, "channel": "sms", "reason": "complaint"}]
    assert reason(decide([], rows, policy="allow"), "3", "sms") == "suppressed"


@pytest.mark.parametrize(
    ("row", "erased"),
    [
        ({"customer_ref": "9", "source": "shop"}, ["1"]),
        ({"customer_ref": "2"}, ["2"]),
        ({"address": "X@example.com"}, ["1", "2"]),
        ({"address": "1 (216) 555 0101"}, ["3"]),
        ({"customer_ref": "1", "requested_at": AS_OF}, []),
    ],
)
def test_erasure_comes_before_everything(row, erased):
    request = {"request_id": "r", "requested_at": AS_OF - SECOND} | row
    everyone_granted = [consent(number, customer_ref=ref) for number, ref in enumerate(PEOPLE)]
    suppressed = [{"address": "x@example.com", "channel": "email", "reason": "bounce"}]
    verdicts = decide(everyone_granted, suppressed, [request])
    found = [ref for ref in PEOPLE if {reason(verdicts, ref), reason(verdicts, ref, "sms")} == {"erased"}]
    assert found == erased


@pytest.mark.parametrize("status", ["denied", "withdrawn"])
def test_a_withdrawal_is_named_before_a_suppression(status):
    suppressed = [{"address": "x@example.com", "channel": "email", "reason": "bounce"}]
    verdicts = decide([consent(status=status)], suppressed)
    assert reason(verdicts, "1") == ("withdrawn" if status == "withdrawn" else "suppressed")


def oracle(consents, ref, policy):
    """Whether person `ref` may get e-mail for marketing, by reading the records one by one."""
    records = {"1": {("main", "1"), ("shop", "9")}, "2": {("main", "2")}}[ref]
    of_person, of_address = [], []
    for row in consents:
        if row["recorded_at"] >= AS_OF or (row["purpose"], row["channel"]) != ("marketing", "email"):
            continue
        if row.get("customer_ref") and (row.get("source") or "main", row["customer_ref"]) in records:
            of_person.append(row)
        elif row.get("address"):
            of_address.append(row)
    votes = []
    for said in (of_person, of_address):
        if said:
            newest = max(row["recorded_at"] for row in said)
            votes.extend(
                row["status"] == "granted" and (row.get("expires_at") or AS_OF + DAY) > AS_OF
                for row in said
                if row["recorded_at"] == newest
            )
    return all(votes) if votes else policy == "allow"


SUBJECTS = [
    {"customer_ref": "1"}, {"customer_ref": "9", "source": "shop"}, {"customer_ref": "2"},
    {"address": "x@example.com"},
]  # fmt: skip
ROWS = st.builds(
    lambda subject, status, channel, offset, expiry: (
        {
            "purpose": "marketing",
            "channel": channel,
            "status": status,
            "recorded_at": AS_OF + offset,
            "expires_at": None if expiry is None else AS_OF + expiry,
        }
        | subject
    ),
    st.sampled_from(SUBJECTS),
    st.sampled_from(["granted", "denied", "withdrawn"]),
    st.sampled_from(["email", "email", "sms"]),
    st.sampled_from([-DAY, -2 * SECOND, -SECOND, 0 * SECOND, SECOND]),
    st.sampled_from([None, -SECOND, 0 * SECOND, SECOND]),
)


@given(rows=st.lists(ROWS, max_size=6), policy=st.sampled_from(["deny", "allow"]))
def test_nobody_is_allowed_whom_the_oracle_refuses(rows, policy):
    consents = [row | {"consent_id": str(number)} for number, row in enumerate(rows)]
    verdicts = decide(consents, policy=policy)
    for ref in ("1", "2"):
        allowed = verdicts.filter(customer_id=PEOPLE[ref], channel="email").get_column("is_allowed").item()
        assert allowed == oracle(consents, ref, policy)
