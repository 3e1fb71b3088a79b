import polars as pl
import pytest

from pipelines.contracts.permission import Contactability
from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.profiling import permitted_rows


@pytest.mark.parametrize(("purpose", "people"), [(None, [1, 1, 2, 3]), ("profiling", [1, 1])])
def test_only_rows_of_people_who_allow_the_purpose_stay(rows_of, purpose, people):
    verdicts = rows_of(
        Contactability,
        {"customer_id": 1, "purpose": "profiling", "channel": "email", "is_allowed": True},
        {"customer_id": 1, "purpose": "profiling", "channel": "sms", "is_allowed": True},
        {"customer_id": 2, "purpose": "profiling", "channel": "email", "is_allowed": False},
        {"customer_id": 3, "purpose": "marketing", "channel": "email", "is_allowed": True},
    )
    rows = pl.LazyFrame({"customer_id": [3, 1, 2, 1], "order": [1, 2, 3, 4]})
    permitted = permitted_rows(rows, verdicts, ModelSettings(profiling_purpose=purpose)).collect()
    assert sorted(permitted["customer_id"]) == people
    assert permitted.columns == ["customer_id", "order"]
