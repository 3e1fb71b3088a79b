"""What the best choice is worth, by scipy's linear and integer programs; shares nothing with the product."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack


def best_value(problem, *, whole=False):
    """Value of the best choice, or None when the limits cannot be kept; rows may be split unless whole."""
    row_count = len(problem.values)
    if row_count == 0:
        return 0.0 if not (problem.is_minimum & (problem.sizes > 0)).any() else None
    group = np.repeat(np.arange(len(problem.offsets) - 1), np.diff(problem.offsets))
    one_each = csr_array(
        (np.ones(row_count), (group, np.arange(row_count))), shape=(len(problem.offsets) - 1, row_count)
    )
    used = problem.weights[:, problem.kinds]
    if problem.members is not None:
        used = used * problem.members[:, group]
    low = np.where(problem.is_minimum, problem.sizes, -np.inf)
    high = np.where(problem.is_minimum, np.inf, problem.sizes)
    matrix = vstack([one_each, csr_array(used)])
    found = milp(
        -problem.values.astype(np.float64),
        constraints=LinearConstraint(
            matrix,
            np.concatenate([np.full(one_each.shape[0], -np.inf), low]),
            np.concatenate([np.ones(one_each.shape[0]), high]),
        ),
        bounds=Bounds(0, 1),
        integrality=np.full(row_count, int(whole)),
    )
    return -found.fun if found.success else None


def used_by(problem, chosen):
    """Units by limit, one group after the other in whole numbers."""
    used = [0] * len(problem.sizes)
    for group, row in enumerate(chosen.tolist()):
        if row == -1:
            continue
        assert problem.offsets[group] <= row < problem.offsets[group + 1]
        for limit in range(len(used)):
            if problem.members is None or problem.members[limit, group]:
                used[limit] += int(problem.weights[limit, problem.kinds[row]])
    return used


def broken(problem, chosen):
    """Numbers of the limits that a choice does not keep."""
    return [
        limit
        for limit, (used, size, is_minimum) in enumerate(
            zip(used_by(problem, chosen), problem.sizes, problem.is_minimum, strict=True)
        )
        if (used < size if is_minimum else used > size)
    ]


def value_of(problem, chosen):
    return sum(float(problem.values[row]) for row in chosen.tolist() if row != -1)
