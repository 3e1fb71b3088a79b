"""Descent for hundreds of limits, where a matrix of curvatures costs more than it saves: L-BFGS-B."""

import numpy as np

from pipelines.planning.allocation.problem import Floats
from pipelines.planning.allocation.smoothing import DualPoint, Pass


def quasi_descend(
    one_pass: Pass, price: Floats, upper: Floats, *, tolerance: float, passes: int
) -> tuple[DualPoint, int]:
    """Byrd, Lu, Nocedal and Zhu (1995), in scipy's implementation; prices are scaled by the weights."""
    from scipy.optimize import minimize  # noqa: PLC0415  slow to load

    problem = one_pass.layout.problem
    scale = 1 / np.maximum(problem.weights.max(axis=1, initial=0.0), 1.0)
    begin = one_pass.at(np.clip(price, 0.0, upper), with_curvature=False)
    level = max(abs(begin.value), float(np.finfo(np.float64).tiny))

    def scaled(steps: Floats) -> tuple[float, Floats]:
        point = one_pass.at(steps * scale, with_curvature=False)
        return point.value / level, point.slope * scale / level

    found = minimize(
        scaled,
        begin.price / scale,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(np.zeros(len(upper)), upper / scale, strict=True)),
        options={"maxfun": passes, "ftol": tolerance * 1e-2, "gtol": 0.0, "maxcor": 20},
    )
    end = np.clip(found.x * scale, 0.0, upper)
    return one_pass.at(end, with_curvature=False), int(found.nfev) + 2
