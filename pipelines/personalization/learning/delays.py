"""How long answers take: the share of them that is seen by a given age.

A decision whose window is still open has not shown all that will come of it. An
outcome credited at age d is divided by the share F(d) of outcomes that come by
then, so that young decisions count in full on average (Chapelle 2014 models the
same delay; here it is estimated without a form).
"""

import numpy as np

from pipelines.personalization.learning.arrays import Floats, Ints

#: Below it an age says next to nothing, and one outcome would count for ten.
SMALLEST_SEEN_SHARE = 0.1


def seen_shares(delays: Floats, ages: Ints, *, window_days: int) -> Floats:
    """F(0), F(1), ..., F(window): share of the window's outcomes that are seen by each age.

    The product-limit estimate (Kaplan and Meier 1958) of the time to the first
    outcome, where a decision without one is censored at its age or the end of
    the window; F(d) = (1 - S(d)) / (1 - S(window)). 1 at the end of the window.
    Without any outcome nothing is corrected: 1 at every age but 0.
    """
    end = np.minimum(ages, window_days)
    is_seen = delays <= end
    last = np.where(is_seen, delays, end).astype(np.int64)
    days = np.arange(window_days + 1)
    at_risk = np.bincount(last, minlength=window_days + 1)[::-1].cumsum()[::-1]
    events = np.bincount(last[is_seen], minlength=window_days + 1)
    survival = np.cumprod(1 - events / np.maximum(at_risk, 1))
    total = 1 - survival[-1]
    if total <= 0:
        return np.asarray(days > 0, np.float64)
    return np.asarray((1 - survival) / total, np.float64)


def share_at_age(shares: Floats, ages: Ints) -> Floats:
    """F at the age of each decision; 1 once the window is closed."""
    return np.asarray(shares[np.minimum(ages, len(shares) - 1)])
