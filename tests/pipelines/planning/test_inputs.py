from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts import tables
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.planning.inputs import LEDGER_NIGHTS, READ, ledger_nights, planning_inputs

NIGHT = date(2024, 3, 5)


def _config(caps=(), stock=None):
    return NightConfig(
        workspace=WorkspaceSettings(
            version=1, workspace="acme", time_zone="UTC", currency="USD", first_night=date(2022, 3, 5)
        ),
        connector=ConnectorSettings.model_validate({"connections": {}, "sources": {}}),
        guardrails=Guardrails.model_validate({"caps": caps}),
        personalization=PersonalizationSettings.model_validate(
            {"catalogue": {"offers": {"ten_off": {"name": "Ten", "stock": stock}}}}
        ),
    )


@pytest.mark.parametrize(
    ("config", "nights"),
    [
        (_config(), LEDGER_NIGHTS),
        (_config(caps=[{"name": "week", "max": 2, "window": "7d"}]), LEDGER_NIGHTS),
        (_config(caps=[{"name": "once", "max": 1, "window": "lifetime"}]), 731),
        (_config(stock=0), 731),
    ],
)
def test_what_counts_for_ever_looks_back_to_the_first_night(config, nights):
    assert ledger_nights(config, NIGHT) == nights


def test_candidates_of_all_products_stand_one_under_the_other_and_the_ledger_is_that_of_the_past():
    asked, looked_back = [], []
    rows = {
        tables.JOURNEY_CANDIDATES: [{"candidate_id": "journey"}],
        tables.SEQUENCE_CANDIDATES: [{"candidate_id": "sequence"}],
        tables.ACTION_CANDIDATES: [{"candidate_id": "action"}],
        tables.PLAN: [
            {
                "workspace_id": "acme",
                "send_id": "sent",
                "customer_id": 7,
                "channel": "email",
                "not_before": datetime(2024, 3, 4, 9, tzinfo=UTC),
                "not_after": datetime(2024, 3, 4, 10, tzinfo=UTC),
                "cost_amount": Decimal("0.10"),
            }
        ],
    }

    def frame(table):
        types = {name: column.dtype for name, column in table.schema.columns().items()}
        return pl.LazyFrame(rows.get(table, []), schema=types)

    def read(table):
        asked.append(table)
        return frame(table)

    def history(table, nights):
        looked_back.append((table, nights))
        return frame(table)

    as_of = datetime(2024, 3, 6, tzinfo=UTC)
    inputs = planning_inputs(read, history, config=_config(), night=NIGHT, as_of=as_of)
    assert set(inputs.candidates.collect()["candidate_id"]) == {"journey", "sequence", "action"}
    ledger = inputs.ledger.collect()
    assert ledger.select("customer_id", "channel", "cost_minor").rows() == [(7, "email", 10)]
    assert set(asked) == set(READ)
    assert looked_back == [(tables.PLAN, LEDGER_NIGHTS), (tables.DISPATCH_LOG, LEDGER_NIGHTS)]
