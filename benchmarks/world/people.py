"""The people of a world and what nobody can see of them."""

from dataclasses import dataclass

import numpy as np

from benchmarks.world.draws import Bools, Floats, Ints, categories_of, gammas, normals, uniforms
from benchmarks.world.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One row per person, in the order of their numbers.

    Attributes:
        order_rate: Orders a day.
        alive_days: Days from the start of the history for which a person shops.
        line_amount: Mean amount of an order line.
        shares: Category → share in what the person buys.
        taste: Category → response to its offer, relative to everyone's mean.
        preference: Channel → response on it, relative to everyone's mean.
        readiness: Response to anything, relative to everyone's mean.
        hour: Local hour at which the person is there.
        consents: Channel → agreed before the first night.
    """

    order_rate: Floats
    alive_days: Floats
    line_amount: Floats
    shares: Floats
    taste: Floats
    preference: Floats
    readiness: Floats
    hour: Ints
    consents: Bools

    def __len__(self) -> int:
        return len(self.order_rate)


def _mean_one(log_values: Floats, spread: float) -> Floats:
    """Lognormal with mean 1."""
    return np.exp(log_values * spread - spread**2 / 2)


def _mixed(visible: Floats, hidden: Floats, correlation: Floats | float) -> Floats:
    return np.asarray(correlation * visible + np.sqrt(1 - np.square(correlation)) * hidden)


def _hours(truth: Truth, person: Ints) -> Ints:
    weights = np.array([[share for _, share in truth.peak_hours]])
    peak = categories_of(np.repeat(weights, len(person), axis=0), uniforms(truth.seed, "peak", person))
    scatter = truth.hour_scatter * normals(truth.seed, "hour", person)
    hour = np.rint(np.array([hour for hour, _ in truth.peak_hours])[peak] + scatter)
    return np.asarray(hour % 24, np.int64)


def create_people(truth: Truth) -> People:
    person, seed = np.arange(truth.person_count), truth.seed
    category, channel = np.arange(len(truth.categories)), np.arange(len(truth.channels))
    shopped = normals(seed, "shopping taste", person[:, None], category)
    answered = _mixed(shopped, normals(seed, "hidden taste", person[:, None], category), truth.visible_taste)
    popularity = np.array([one.popularity for one in truth.categories])
    weights = np.exp(popularity + truth.taste_spread * shopped)
    frequency = normals(seed, "frequency", person)
    loadings = np.array([one.frequency_loading for one in truth.channels])
    preferred = _mixed(frequency[:, None], normals(seed, "preference", person[:, None], channel), loadings)
    amount = truth.order_amount_spread * normals(seed, "amount", person)
    agreed = np.array([one.consent_share for one in truth.channels])
    return People(
        order_rate=gammas(truth.order_rate_mean, truth.order_rate_shape, uniforms(seed, "frequency", person)),
        alive_days=-np.log(uniforms(seed, "dropout", person)) / truth.dropout_rate,
        line_amount=truth.order_amount_median * np.exp(amount),
        shares=weights / weights.sum(axis=1, keepdims=True),
        taste=_mean_one(answered, truth.taste_spread),
        preference=_mean_one(preferred, truth.channel_spread),
        readiness=_mean_one(normals(seed, "readiness", person), truth.responsiveness_spread),
        hour=_hours(truth, person),
        consents=uniforms(seed, "consent", person[:, None], channel) < agreed,
    )
