"""What EVOLVE and FuseChat-3.0 report of AlpacaEval 2."""

from __future__ import annotations

from typing import Any, NamedTuple


class AlpacaEval(NamedTuple):
    """Win rates against the baseline, fractions."""

    win_rate: float
    std_error: float
    """Of `win_rate`, sd / sqrt(N), sd with ddof 1."""
    length_controlled: float


def win_rates(preference: Any, lengths: Any, baseline_lengths: Any) -> AlpacaEval:
    """Both rates; `preference` as the `outcomes` of `metrics.length_controlled_win_rate`."""
    from prefcore import _arrays
    from prefcore.metrics import MeanState, length_controlled_win_rate
    from prefcore.papers._inputs import renamed

    p = _arrays.floats("preference", preference)
    _arrays.one_dimensional("preference", p)
    _arrays.refuse("preference", p, ~((p >= 0) & (p <= 1)), "a number in [0, 1]")
    own, baseline = _arrays.floats("lengths", lengths), _arrays.floats("baseline_lengths", baseline_lengths)
    _arrays.same_shape(preference=p, lengths=own, baseline_lengths=baseline)
    mean = MeanState().update(p).finish()
    with renamed(outcomes="preference"):
        rate = length_controlled_win_rate(p, own, baseline).rate
    return AlpacaEval(mean.mean, mean.std_error, rate)
