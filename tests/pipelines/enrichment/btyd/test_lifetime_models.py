import json

import polars as pl
import pytest

from pipelines.enrichment.btyd.bg_nbd import BgNbd
from pipelines.enrichment.btyd.frequency import PooledNbd
from pipelines.enrichment.btyd.identification import Finding, Verdict
from pipelines.enrichment.btyd.lifetime_models import (
    BG_NBD,
    GAMMA_GAMMA,
    PARETO_NBD,
    POOLED_RATE,
    SHRUNKEN_MEAN,
    LifetimeModels,
    LifetimeParams,
    choose_frequency_model,
    fit_lifetime_models,
)
from pipelines.enrichment.btyd.pareto_nbd import ParetoNbd


@pytest.fixture(scope="module")
def models(cdnow_summary: pl.LazyFrame) -> LifetimeModels:
    return fit_lifetime_models(cdnow_summary)


def test_cdnow_identifies_everything(models):
    assert {model: finding.verdict for model, finding in models.findings.items()} == dict.fromkeys(
        (BG_NBD, PARETO_NBD, GAMMA_GAMMA), Verdict.IDENTIFIED
    )
    assert (models.frequency_model, models.spend_model) == (PARETO_NBD, GAMMA_GAMMA)
    assert (models.customers, models.repeat_customers) == (2357, 946)
    assert models.knows_dropout(PARETO_NBD)
    assert not models.knows_dropout(POOLED_RATE)


def test_models_come_back_from_json(models):
    assert LifetimeModels.of_record(json.loads(json.dumps(models.record()))) == models


def test_models_have_their_parameters(models):
    assert models.frequency(BG_NBD) == BgNbd(**models.fits[BG_NBD].parameters)
    assert models.frequency(PARETO_NBD) == ParetoNbd(**models.fits[PARETO_NBD].parameters)
    assert models.frequency(POOLED_RATE) == PooledNbd(models.pooled_alpha)
    assert models.gamma_gamma().p == models.fits[GAMMA_GAMMA].parameters["p"]


def test_shuffled_customers_give_the_same_models(cdnow_summary, models):
    reverse = cdnow_summary.collect().reverse().lazy()
    assert fit_lifetime_models(reverse) == models


def test_a_few_customers_get_the_pooled_rate(cdnow_summary):
    few = fit_lifetime_models(cdnow_summary.head(30), LifetimeParams(unit_days=1.0))
    assert few.fits == {}
    assert {finding.verdict for finding in few.findings.values()} == {Verdict.TOO_FEW_REPEAT_CUSTOMERS}
    assert (few.frequency_model, few.spend_model) == (POOLED_RATE, SHRUNKEN_MEAN)
    assert LifetimeModels.of_record(json.loads(json.dumps(few.record()))) == few


def test_nobody_gets_models_too(cdnow_summary):
    nobody = fit_lifetime_models(cdnow_summary.head(0))
    assert (nobody.customers, nobody.mean_spend, nobody.frequency_model) == (0, 0.0, POOLED_RATE)


def test_a_minimum_of_nobody_still_needs_somebody(cdnow_summary):
    params = LifetimeParams(minimum_repeat_customers=0)
    once = cdnow_summary.filter(pl.col("repeat_count") == 0)
    assert fit_lifetime_models(once, params).frequency_model == POOLED_RATE


@pytest.mark.parametrize(
    ("of_bg", "of_pareto", "chosen"),
    [
        (Verdict.IDENTIFIED, Verdict.IDENTIFIED, PARETO_NBD),
        (Verdict.IDENTIFIED, Verdict.DROPOUT_NOT_IDENTIFIED, BG_NBD),
        (Verdict.DROPOUT_NOT_IDENTIFIED, Verdict.DROPOUT_NOT_IDENTIFIED, BG_NBD),
        (Verdict.NOT_CONVERGED, Verdict.DROPOUT_NOT_IDENTIFIED, PARETO_NBD),
        (Verdict.NOT_CONVERGED, Verdict.NOT_CONVERGED, POOLED_RATE),
        (Verdict.TOO_FEW_REPEAT_CUSTOMERS, Verdict.TOO_FEW_REPEAT_CUSTOMERS, POOLED_RATE),
    ],
)
def test_choice_among_models_of_purchases(of_bg, of_pareto, chosen):
    findings = {BG_NBD: Finding(of_bg, ""), PARETO_NBD: Finding(of_pareto, "")}
    assert choose_frequency_model(findings) == chosen
