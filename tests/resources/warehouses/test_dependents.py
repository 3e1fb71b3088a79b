"""Which segments and programmes rest on a column of a source, found through what their rules name."""

import pytest

from pipelines.contracts.codes import TraitName
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.contracts.tables import CUSTOMER_FEATURES, CUSTOMER_VALUE
from resources.warehouses.base import SourceProblem
from resources.warehouses.dependents import _BY_COLUMN, find_dependents, name_dependents
from resources.warehouses.lineage import ADDRESSES, ORIGINS

STEPS = [{"template": "letter"}]
NODES = [{"id": "say", "message": {"template": "mail"}}, {"id": "end", "exit": "done"}]


def config(segments, **parts):
    """Three templates, by e-mail, text message and post, next to what is given."""
    channels = {"mail": "email", "text": "sms", "letter": "post"}
    templates = {name: {"channel": channel} for name, channel in channels.items()}
    settings = {
        "workspace": {"version": 1, "workspace": "acme", "time_zone": "UTC", "currency": "USD"},
        "connector": {"connections": {}, "sources": {}},
        "enrichment": {"segments": segments},
        "personalization": {
            "catalogue": {
                "channels": {channel: {} for channel in channels.values()},
                "templates": templates,
                "offers": parts.pop("offers", {"ten": {"name": "Ten"}}),
            },
            "campaigns": parts.pop("campaigns", {}),
        },
        **parts,
    }
    return WorkspaceConfig.model_validate(settings)


SEGMENTS = {
    "spenders": {"rule": {"trait": "spend_amount", "at_least": 100}},
    "young": {"rule": {"trait": "age_band", "one_of": ["19-24"]}},
    "both": {"rule": {"all": [{"segment": "spenders"}, {"not": {"segment": "young"}}]}},
    "like_them": {"lookalike_of": {"segment": "both", "features": ["order_count"]}},
    "rfm": {"rfm": {"groups": ["champions", "loyal"]}},
    "kinds": {"clusters": {"count": 2, "features": ["discount_rate"]}},
    "wine": {"rule": {"event": "order_line", "where": {"category": "wine"}}},
    "online": {"rule": {"any": [{"event": "order", "where": {"channel": "web"}}, {"event": "click"}]}},
    "told": {"rule": {"event": "message", "where": {"status": "sent"}}},
    "sized": {"rule": {"event": "visit", "where": {"properties.size": "xl", "brand": "acme"}}},
}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (("orders", "net_amount"), "both kinds_1 kinds_2 like_them spenders wine"),
        (("customers", "attributes"), "both like_them young"),
        (("orders", "discount_amount"), "kinds_1 kinds_2"),
        (("products", "category"), "wine"),
        (("products", "product_id"), "sized wine"),
        (("products", "brand"), "sized"),
        (("orders", "channel"), "online"),
        (("orders", "status"), ""),
        (("messages", "status"), "told"),
        (("messages", "cost"), ""),
        (("events", "properties"), "sized"),
        (("events", "event_type"), "online sized"),
        (
            ("orders", "ordered_at"),
            "both kinds_1 kinds_2 like_them online rfm_champions rfm_loyal spenders wine",
        ),
    ],
)
def test_segments_are_found_through_features_traits_events_and_each_other(column, expected):
    assert find_dependents(column, config(SEGMENTS))["segments"] == expected.split()


def test_programmes_are_found_by_their_segments_and_by_the_addresses_that_they_write_to():
    used = config(
        SEGMENTS,
        journeys={
            "hello": {"name": "hello", "entry": {"segment": "young", "initial": "include"}, "nodes": NODES}
        },
        sequences={
            "back": {"name": "back", "segment": "rfm_loyal", "steps": STEPS},
            "kind": {"name": "kind", "segment": "kinds_2", "steps": STEPS},
        },
        offers={
            "ten": {"name": "Ten"},
            "wine": {"name": "Wine", "eligibility": {"excluded_segments": ["wine"]}},
        },
        campaigns={
            "all": {"offers": ["ten"], "templates": ["text"]},
            "few": {"offers": ["wine"], "templates": ["mail"], "audience": "spenders"},
        },
    )
    found = find_dependents(("products", "category"), used)
    assert found == {"segments": ["wine"], "journeys": [], "sequences": [], "campaigns": ["few"]}
    assert find_dependents(("customers", "email"), used) == {
        "segments": [], "journeys": ["hello"], "sequences": [], "campaigns": ["few"],
    }  # fmt: skip
    assert find_dependents(("customers", "phone"), used)["campaigns"] == ["all"]
    assert find_dependents(("customers", "postcode"), used)["sequences"] == ["back", "kind"]
    assert find_dependents(("orders", "discount_amount"), used)["sequences"] == ["kind"]
    assert find_dependents(("customers", "attributes"), used)["journeys"] == ["hello"]


def problem(code="missing_column", source="orders/shop", column="net_amount"):
    return SourceProblem(code, source, "sales", column, "It is gone.", "Map it.")


def test_an_error_of_a_column_names_who_uses_it():
    (found,) = name_dependents([problem()], config({"spenders": SEGMENTS["spenders"]}))
    assert found.what == "It is gone. It is used by segments spenders."


def test_a_long_list_is_cut():
    many = {f"s{number:02}": SEGMENTS["spenders"] for number in range(12)}
    (found,) = name_dependents([problem()], config(many))
    assert found.what.endswith("s08, s09 and 2 more.")


@pytest.mark.parametrize(
    "other", [problem(code="unreachable"), problem(column=None), problem(column="channel")]
)
def test_other_problems_stay_as_they_are(other):
    assert name_dependents([other], config({"spenders": SEGMENTS["spenders"]})) == [other]


def test_every_trait_and_feature_has_an_origin():
    own = {"workspace_id", "customer_id"}
    columns = {*CUSTOMER_FEATURES.schema.columns(), *CUSTOMER_VALUE.schema.columns()} - own
    assert set(ORIGINS) == columns | {trait.value for trait in TraitName}


def test_origins_are_columns_of_the_contract():
    named = [*ORIGINS.values(), *ADDRESSES.values(), _BY_COLUMN]
    for table, column in {one for columns in named for one in columns}:
        assert column in SOURCE_TABLES[table].schema.columns()
