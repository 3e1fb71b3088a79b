from datetime import timedelta
from decimal import Decimal

import pytest

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.planning.adjusting import Adjustment, AdjustmentError, adjust

CONFIG = NightConfig(
    workspace=WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD"),
    connector=ConnectorSettings.model_validate({"connections": {}, "sources": {}}),
    personalization=PersonalizationSettings.model_validate(
        {"catalogue": {"offers": {"ten_off": {"name": "Ten", "stock": 5}, "free": {"name": "Free"}}}}
    ),
    guardrails=Guardrails.model_validate(
        {
            "caps": [{"name": "two_a_week", "max": 2, "window": "7d"}],
            "minimum_gaps": [{"name": "breath", "gap": "3h"}],
            "budgets": [{"name": "night", "amount": 80, "per": "night"}],
            "capacity": {"sms": 100},
            "minimums": [{"name": "vip", "segment": "vip", "share": 0.5}],
            "excluded_segments": ["staff"],
        }
    ),
)


def _adjusted(*wanted):
    return adjust(CONFIG, wanted)[0].guardrails


def test_limits_are_found_by_kind_and_name():
    changed = _adjusted(
        "capacity.sms=120",
        "capacity.email=30",
        "budgets.night=50",
        "caps.two_a_week.max=3",
        "exploration=0.1",
    )
    assert changed.capacity == {Channel.SMS: 120, Channel.EMAIL: 30}
    assert changed.budgets[0].amount == Decimal(50)
    assert changed.caps[0].max == 3
    assert changed.exploration == 0.1


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("caps.two_a_week=4", lambda limits: limits.caps[0].max == 4),
        ("caps.two_a_week.window=3d", lambda limits: limits.caps[0].window == timedelta(days=3)),
        ("minimum_gaps.breath=5h", lambda limits: limits.minimum_gaps[0].gap == timedelta(hours=5)),
        ("budgets.night.amount=12.50", lambda limits: limits.budgets[0].amount == Decimal("12.50")),
        ("minimums.vip.share=0.8", lambda limits: limits.minimums[0].share == 0.8),
        ("holdout.universal=0", lambda limits: limits.holdout.universal == 0),
        ("quiet_hours.start=20:00", lambda limits: limits.quiet_hours.start.hour == 20),
        ("quiet_hours.end=none", None),
        ("capacity.sms=none", lambda limits: limits.capacity == {}),
        ("capacity.push=none", lambda limits: limits.capacity == {Channel.SMS: 100}),
        ("maximum_plan_size=10", lambda limits: limits.maximum_plan_size == 10),
        ("arbitration=value", lambda limits: limits.arbitration == "value"),
    ],
)
def test_each_kind_of_limit_can_be_changed(wanted, read):
    if read is None:
        with pytest.raises(AdjustmentError, match=r"quiet_hours\.end"):
            _adjusted(wanted)
    else:
        assert read(_adjusted(wanted))


def test_nothing_but_the_named_limits_changes():
    changed, adjustments = adjust(CONFIG, ["capacity.sms=100"])
    assert changed == CONFIG
    assert adjustments == [Adjustment("capacity.sms", "100", "100")]


def test_stock_is_that_of_an_offer():
    changed, adjustments = adjust(CONFIG, ["stock.ten_off=9", "stock.free=3"])
    offers = changed.personalization.catalogue.offers
    assert (offers["ten_off"].stock, offers["free"].stock) == (9, 3)
    assert adjustments == [Adjustment("stock.ten_off", "5", "9"), Adjustment("stock.free", "none", "3")]
    assert CONFIG.personalization.catalogue.offers["ten_off"].stock == 5
    assert adjust(CONFIG, ["stock.ten_off=none"])[0].personalization.catalogue.offers["ten_off"].stock is None


def test_what_was_there_before_is_told():
    _, adjustments = adjust(CONFIG, ["budgets.night=50", "capacity.email=7", "maximum_plan_size=none"])
    assert adjustments == [
        Adjustment("budgets.night", "80.00", "50"),
        Adjustment("capacity.email", "none", "7"),
        Adjustment("maximum_plan_size", "none", "none"),
    ]


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ("capacity.sms", "capacity.sms is no PATH=VALUE"),
        ("=3", "is no PATH=VALUE"),
        ("capacity.sms=", "is no PATH=VALUE"),
        (
            "capacty.sms=3",
            "capacty.sms: there is no such limit; there is arbitration, budgets, capacities, capacity, caps,",
        ),
        ("capacity.fax=3", "capacity.fax: there is no such channel; there is email, post, push, sms"),
        ("capacity.sms.max=3", "capacity.sms.max: sms has no max; there is none"),
        ("capacity=3", "capacity: it takes one more name; there is sms"),
        ("budgets.month=3", "budgets.month: budgets has no month; there is night"),
        ("budgets.night.total=3", "night has no total; there is amount, channel, name, per, programme"),
        ("budgets=3", "budgets: it takes one more name; there is night"),
        ("minimums.vip=3", "minimums.vip: it takes one more name; there is count, name, programme"),
        ("excluded_segments=3", "excluded_segments: it takes one more name; there is none"),
        ("excluded_segments.staff=3", "excluded_segments has no staff; there is none"),
        ("approval.messages=3", "approval.messages: there is no such limit"),
        ("maximum_plan_size.email=3", "maximum_plan_size has no email; there is none"),
        ("stock.five_off=3", "stock.five_off: there is no such offer; there is free, ten_off"),
        ("stock=3", "stock: there is no such offer; there is free, ten_off"),
        ("stock.ten_off=many", "stock.ten_off: Input should be a valid integer"),
        ("capacity.sms=many", r"capacity.sms: Input should be a valid integer"),
        ("capacity.sms=-1", r"capacity.sms: Input should be greater than or equal to 0"),
        ("budgets.night=0.001", "an amount of money has at most two decimals"),
        ("caps.two_a_week.window=week", "write a duration"),
        ("minimums.vip.count=3", "write either share or count"),
        ("holdout.universal=1", "asks for people who are all held out"),
    ],
)
def test_what_does_not_fit_says_what_there_is(wanted, what):
    with pytest.raises(AdjustmentError) as refused:
        _adjusted(wanted)
    assert what in str(refused.value)
