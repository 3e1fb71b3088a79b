import numpy as np
import pytest
from scipy import integrate, stats

from pipelines.enrichment.btyd.quadrature import beta_nodes, power_integral


def _rows(*values: float) -> list[np.ndarray]:
    return [np.array([value]) for value in values]


@pytest.mark.parametrize("p", [0.5, 10.0, 300.0])
@pytest.mark.parametrize("q", [0.8, 10.0, 5000.0])
@pytest.mark.parametrize("k", [0.2, 3.0, 80.0])
@pytest.mark.parametrize("m", [1.1, 4.0])
@pytest.mark.parametrize("bounds", [(0.0, 40.0), (30.0, 39.0), (38.9, 39.0), (5.0, 500.0)], ids=str)
def test_integral_agrees_with_adaptive_quadrature(p, q, k, m, bounds):
    start, end = bounds
    found = power_integral(*_rows(p, k, q, m), tuple(_rows(start, end)))

    def relative(u: float) -> float:
        return ((p + u) / (p + start)) ** -k * ((q + u) / (q + start)) ** -m

    # Adaptive quadrature misses a narrow peak unless it is told where it is.
    decay = k / (p + start) + m / (q + start)
    breaks = [point for point in start + np.array([1.0, 5.0, 20.0]) / decay if point < end]
    expected, _ = integrate.quad(relative, start, end, points=breaks, epsabs=0, epsrel=1e-12, limit=500)
    assert np.exp(found.log_value[0]) == pytest.approx(expected, rel=1e-7)
    assert found.weights.sum() == pytest.approx(1)
    assert start <= found.times.min() <= found.times.max() <= end


def test_mean_under_the_integrand():
    # (1 + u)^-3 from 0 to 1: integral 3/8, of u times it 1/8.
    found = power_integral(*_rows(1.0, 1.0, 1.0, 2.0), tuple(_rows(0.0, 1.0)))
    assert found.mean(found.times)[0] == pytest.approx((1 / 8) / (3 / 8))


def test_an_empty_range_is_nothing_and_its_mean_is_there():
    found = power_integral(*_rows(2.0, 3.0, 4.0, 1.5), tuple(_rows(7.0, 7.0)))
    assert found.log_value[0] == -np.inf
    assert found.mean(found.times)[0] == pytest.approx(7.0)


@pytest.mark.parametrize(("left", "right"), [(0.01, 0.5), (0.8, 2.4), (5.0, 3.0), (0.8, 30_000.0)])
def test_nodes_give_the_moments_of_a_beta(left, right):
    nodes, weights = beta_nodes(left, np.array([right]), 48)
    assert weights.sum() == pytest.approx(1)
    for power in (1, 2, 5, 20):
        moment = float((weights * nodes**power).sum())
        assert moment == pytest.approx(stats.beta.moment(power, left, right), rel=1e-6)
    assert nodes.min() > 0
