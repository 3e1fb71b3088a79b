"""The linear program of an allocation by HiGHS; runs in an interpreter that has highspy and numpy.

PYTHON benchmarks/peers/highs_allocation.py problem.npz ipm|simplex
"""

import json
import resource
import sys
import time

import highspy
import numpy as np


def build(arrays: dict[str, np.ndarray]) -> highspy.HighsLp:
    """Columns are rows of the problem; a column is in its group's row and in those of the limits it uses."""
    values, offsets, kinds = arrays["values"], arrays["offsets"], arrays["kinds"].astype(np.int64)
    group = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    used = arrays["weights"][:, kinds] * arrays["members"][:, group]
    is_entry = np.concatenate([np.ones((1, len(values)), bool), used != 0])
    place = np.concatenate(
        [group[None], np.broadcast_to(len(offsets) - 1 + np.arange(len(used))[:, None], used.shape)]
    )
    weight = np.concatenate([np.ones((1, len(values))), used])
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(values), len(offsets) - 1 + len(used)
    lp.col_cost_ = -values.astype(np.float64)
    lp.col_lower_, lp.col_upper_ = np.zeros(len(values)), np.ones(len(values))
    endless = np.full(len(used), highspy.kHighsInf)
    sizes, is_minimum = arrays["sizes"], arrays["is_minimum"]
    lp.row_lower_ = np.concatenate(
        [np.full(len(offsets) - 1, -highspy.kHighsInf), np.where(is_minimum, sizes, -endless)]
    )
    lp.row_upper_ = np.concatenate([np.ones(len(offsets) - 1), np.where(is_minimum, endless, sizes)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(is_entry.sum(axis=0))])
    lp.a_matrix_.index_, lp.a_matrix_.value_ = place.T[is_entry.T], weight.T[is_entry.T]
    return lp


def main() -> None:
    path, method = sys.argv[1:]
    with np.load(path) as stored:
        lp = build(dict(stored))
    solver = highspy.Highs()
    for option, setting in (("output_flag", False), ("solver", method), ("threads", 1), ("parallel", "off")):
        solver.setOptionValue(option, setting)
    if method == "ipm":
        # Crossover would only turn the answer into a vertex, which nobody asked for.
        solver.setOptionValue("run_crossover", "off")
    solver.passModel(lp)
    started = time.process_time()
    solver.run()
    seconds = time.process_time() - started
    print(
        json.dumps(
            {
                "seconds": seconds,
                "value": -solver.getInfo().objective_function_value,
                "status": str(solver.getModelStatus()),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
