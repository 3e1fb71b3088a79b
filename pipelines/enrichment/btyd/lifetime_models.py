"""All models of a workspace from one summary: fitted, judged, and the usable ones chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from pipelines.enrichment.btyd.bg_nbd import BgNbd
from pipelines.enrichment.btyd.fitting import (
    PARETO_CUSTOMERS,
    Fit,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_pareto_nbd,
)
from pipelines.enrichment.btyd.frequency import FrequencyModel, PooledNbd
from pipelines.enrichment.btyd.gamma_gamma import GammaGamma, distinct_spends
from pipelines.enrichment.btyd.histories import Histories, distinct_histories
from pipelines.enrichment.btyd.identification import Finding, Verdict, judge_frequency, judge_spend, too_few
from pipelines.enrichment.btyd.pareto_nbd import ParetoNbd

BG_NBD = "bg_nbd"
PARETO_NBD = "pareto_nbd"
GAMMA_GAMMA = "gamma_gamma"
POOLED_RATE = "pooled_rate"
SHRUNKEN_MEAN = "shrunken_mean"
#: Verdicts under which forecasts of purchases may be used.
_USABLE = {Verdict.IDENTIFIED, Verdict.DROPOUT_NOT_IDENTIFIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class LifetimeParams:
    """What a fit may be told.

    Attributes:
        unit_days: Days in a unit of the parameters' time; the literature counts weeks.
        minimum_repeat_customers: Customers with a second purchase day below whom nothing is fitted.
        pareto_customers: Size of the sample on which the Pareto/NBD is fitted.
    """

    unit_days: float = 7.0
    minimum_repeat_customers: int = 50
    pareto_customers: int = PARETO_CUSTOMERS


@dataclass(frozen=True, slots=True, kw_only=True)
class LifetimeModels:
    """Fitted models of a workspace; `record` is plain JSON, and `of_record` its inverse.

    Attributes:
        unit_days: Days in a unit of the parameters' time.
        customers: Customers with a purchase.
        repeat_customers: Those of them with a second purchase day.
        fits: By model; none of those that were not fitted.
        findings: By model, whether it may be used and why.
        pooled_alpha: Inverse purchase rate of everyone, in units of time.
        mean_spend: Spend per purchase day of everyone, major units.
        frequency_model: The one that predicts purchases: the Pareto/NBD if it is
            identified, since the BG/NBD takes everyone who bought once for alive;
            else the BG/NBD; else the pooled rate.
        spend_model: The one that predicts spend per purchase day: Gamma–Gamma if
            it is identified, else the shrunken mean.
    """

    unit_days: float
    customers: int
    repeat_customers: int
    fits: dict[str, Fit]
    findings: dict[str, Finding]
    pooled_alpha: float
    mean_spend: float
    frequency_model: str
    spend_model: str

    def record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **record,
                "fits": {model: Fit(**fit) for model, fit in record["fits"].items()},
                "findings": {
                    model: Finding(Verdict(finding["verdict"]), finding["note"])
                    for model, finding in record["findings"].items()
                },
            }
        )

    def knows_dropout(self, model: str) -> bool:
        """Whether the model's P(alive) means anything."""
        finding = self.findings.get(model)
        return finding is not None and finding.verdict is Verdict.IDENTIFIED

    def frequency(self, model: str) -> FrequencyModel:
        """A model of purchases by its name."""
        if model == BG_NBD:
            return BgNbd(**self.fits[BG_NBD].parameters)
        if model == PARETO_NBD:
            return ParetoNbd(**self.fits[PARETO_NBD].parameters)
        return PooledNbd(self.pooled_alpha)

    def gamma_gamma(self) -> GammaGamma:
        return GammaGamma(**self.fits[GAMMA_GAMMA].parameters)


def fit_lifetime_models(summary: pl.LazyFrame, params: LifetimeParams | None = None) -> LifetimeModels:
    """Fits, judges and chooses, from the rows of `summarise_purchases`.

    Deterministic: rows are sorted first, starts are fixed, samples systematic.
    """
    chosen = params or LifetimeParams()
    histories = distinct_histories(summary, chosen.unit_days)
    refusal = too_few(histories.repeat_customer_count, max(chosen.minimum_repeat_customers, 1))
    spends = distinct_spends(summary, includes_first=True)
    fits: dict[str, Fit] = {}
    findings: dict[str, Finding] = {}
    if refusal is None:
        fits = {
            BG_NBD: fit_bg_nbd(histories),
            PARETO_NBD: fit_pareto_nbd(histories, maximum_customers=chosen.pareto_customers),
            GAMMA_GAMMA: fit_gamma_gamma(spends),
        }
        findings = _judged(fits, histories, spends.correlation)
    else:
        findings = dict.fromkeys((BG_NBD, PARETO_NBD, GAMMA_GAMMA), refusal)
    return LifetimeModels(
        unit_days=chosen.unit_days,
        customers=round(histories.customer_count),
        repeat_customers=round(histories.repeat_customer_count),
        fits=fits,
        findings=findings,
        pooled_alpha=PooledNbd.of(histories, chosen.unit_days).alpha,
        mean_spend=spends.mean,
        frequency_model=choose_frequency_model(findings),
        spend_model=GAMMA_GAMMA if findings[GAMMA_GAMMA].verdict is Verdict.IDENTIFIED else SHRUNKEN_MEAN,
    )


def _judged(fits: Mapping[str, Fit], histories: Histories, correlation: float) -> dict[str, Finding]:
    of_purchases = BgNbd(**fits[BG_NBD].parameters).mean_dropout
    of_time = ParetoNbd(**fits[PARETO_NBD].parameters).mean_dropout(histories.mean_tenure)
    return {
        BG_NBD: judge_frequency(fits[BG_NBD], of_purchases),
        PARETO_NBD: judge_frequency(fits[PARETO_NBD], of_time),
        GAMMA_GAMMA: judge_spend(fits[GAMMA_GAMMA], correlation),
    }


def choose_frequency_model(findings: Mapping[str, Finding]) -> str:
    """By the verdicts on the BG/NBD and the Pareto/NBD; see `LifetimeModels.frequency_model`."""
    if findings[PARETO_NBD].verdict is Verdict.IDENTIFIED:
        return PARETO_NBD
    usable = [model for model in (BG_NBD, PARETO_NBD) if findings[model].verdict in _USABLE]
    return usable[0] if usable else POOLED_RATE
