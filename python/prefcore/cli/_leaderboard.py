"""From votes to a leaderboard, by the public functions of `ratings`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import ratings
from prefcore.cli._columns import joined
from prefcore.cli._matrix import read_matrix
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop, near
from prefcore.cli._votes import votes
from prefcore.errors import ConvergenceError, SeparationError

if TYPE_CHECKING:
    from prefcore.cli.rate import Request


class Data(NamedTuple):
    """Votes as counts, and as rows where the model needs them."""

    comparisons: ratings.Comparisons
    rows: dict[str, Any]


class Board(NamedTuple):
    """What is printed."""

    table: dict[str, Any] | None
    """None where there is no rating."""
    model: str
    exists: bool
    """Whether a rating without ridge exists."""
    components: int
    undefeated: list[str]
    winless: list[str]
    comparison: dict[str, Any] | None
    controls: dict[str, float]
    notes: list[str]


class Fit(NamedTuple):
    """What a page is drawn from."""

    result: ratings.RatingResult
    sample: ratings.BootstrapResult | None


#: table, comparison, coefficients of the controls, and the fit
Fitted = tuple[dict[str, Any], dict[str, Any] | None, dict[str, float], Fit | None]


class Points(NamedTuple):
    """Ratings and the ends of their intervals, in the units of the scale."""

    value: Any
    lower: Any
    upper: Any


def read(path: Path, layout: str, request: "Request", columns: Sequence[str] | None, rejects: Rejects) -> Data:
    """Read a file into counts; rows are kept for controls, clusters and Elo alone."""
    if layout == "matrix":
        names, wins = read_matrix(path)
        return Data(ratings.Comparisons.from_matrix(wins, names=names), {})
    more = dict.fromkeys(request.controls, "number") | ({request.cluster: "code"} if request.cluster else {})
    found = votes(path, columns, rejects, more)
    if more or request.model == "elo":
        rows = joined(found)
        if not rows:
            raise Stop(Code.INPUT, f"{path}: no vote to rate ({rejects.counts})")
        clusters = rows[request.cluster] if request.cluster else None
        compared = ratings.Comparisons.from_votes(rows["model_a"], rows["model_b"], rows["winner"], clusters=clusters)
    else:
        rows, state = {}, ratings.ComparisonState()
        for batch in found:
            state = state.update(batch["model_a"], batch["model_b"], batch["winner"])
        compared = state.finish()
    if not len(compared.first):
        raise Stop(Code.INPUT, f"{path}: no vote to rate ({rejects.counts})")
    return Data(compared.drop_ties() if request.drop_ties else compared, rows)


def rated(data: Data, request: "Request", compare: tuple[str, str] | None) -> tuple[Board, Fit | None]:
    """Rate, or say why there is no rating; Elo has no fit."""
    compared = data.comparisons
    names = compared.names or ()
    found = ratings.connectivity(compared)
    verdict: dict[str, Any] = {
        "model": request.model,
        "exists": found.rating_exists,
        "components": len(found.components),
        "undefeated": [names[item] for item in found.undefeated],
        "winless": [names[item] for item in found.winless],
    }
    notes = [_verdict(verdict)]
    for name in [*(compare or ()), *([request.anchor[0]] if request.anchor else [])]:
        _place(names, name)
    try:
        table, comparison, controls, fit = _fitted(data, request, compare)
    except (SeparationError, ConvergenceError) as error:
        notes.append(f"{error}" if isinstance(error, ConvergenceError) else "no rating; --ridge X gives a finite one")
        return Board(None, **verdict, comparison=None, controls={}, notes=notes), None
    notes += [f"control {name}: {value:.4f}" for name, value in controls.items()]
    return Board(table, **verdict, comparison=comparison, controls=controls, notes=notes), fit


def _verdict(found: dict[str, Any]) -> str:
    if found["exists"]:
        return "connected: every model can be reached from every other by wins and ties, so a rating exists"
    parts = [
        f"{word}: {', '.join(found[word][:5])}{', ...' if len(found[word]) > 5 else ''}"
        for word in ("undefeated", "winless")
        if found[word]
    ]
    text = f"not connected: {found['components']} groups, so a rating without ridge does not exist"
    return f"{text} ({'; '.join(parts)})" if parts else text


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise Stop(Code.USAGE, f"there is no model {name!r}; {near(name, names)}")
    return names.index(name)


def _fitted(data: Data, request: "Request", compare: tuple[str, str] | None) -> Fitted:
    if request.model == "elo":
        return _elo(data, request, compare)
    fit = _statistic(request)
    result = _with_controls(data, request) if request.controls else fit(data.comparisons)
    sample = ratings.bootstrap(data.comparisons, fit, n_resamples=request.n_resamples, seed=request.seed) \
        if request.n_resamples else None  # fmt: skip
    points = _points(result, sample, request, data.comparisons.names or ())
    source = result if sample is None else sample
    if sample is None and request.cluster is not None:  # by overlap: errors of differences know no clusters
        ranks = ratings.rank_intervals(points.lower, points.upper)
    else:
        ranks = source.rank_intervals(confidence_level=request.confidence_level)
    table = _table(data.comparisons, points, ranks)
    coefs = [] if result.feature_coef is None else result.feature_coef.tolist()
    comparison = _comparison(data, result, request, compare)
    return table, comparison, dict(zip(request.controls, coefs, strict=True)), Fit(result, sample)


def _statistic(request: "Request") -> Callable[[ratings.Comparisons], ratings.RatingResult]:
    fit = {
        "bradley-terry": ratings.bradley_terry,
        "davidson": ratings.davidson,
        "rao-kupper": ratings.rao_kupper,
    }[request.model]
    return partial(fit, ridge=request.ridge) if request.ridge > 0 else fit


def _with_controls(data: Data, request: "Request") -> ratings.RatingResult:
    rows = data.rows
    items = ratings.factorize(rows["model_a"], rows["model_b"])
    outcomes = ratings.parse_winners(rows["winner"])
    keep = outcomes != 0.5 if request.drop_ties else slice(None)
    clusters = ratings.factorize(rows[request.cluster], rows[request.cluster]).first if request.cluster else None
    result = ratings.contextual_bradley_terry(
        items.first[keep],
        items.second[keep],
        outcomes[keep],
        np.column_stack([rows[name] for name in request.controls])[keep],
        n_items=len(items.names),
        clusters=None if clusters is None else clusters[keep],
        ridge=request.ridge,
    )
    return replace(result, names=items.names)


def _scaled(theta: Any, request: "Request", level: float | None) -> Any:
    """Points of log-strengths; those of 0 are `level`."""
    if request.scale == "log":
        return np.asarray(theta) + (level or 0.0)
    return ratings.elo_scale(theta, initial=1000.0 if level is None else level)


def _points(result: ratings.RatingResult, sample: Any, request: "Request", names: Sequence[str]) -> Points:
    """Ratings with intervals; with an anchor those of the differences to it."""
    level, theta = None, result.theta
    robust = request.cluster is not None
    if request.anchor is None:
        lower, upper = (
            result.interval(confidence_level=request.confidence_level, robust=robust)
            if sample is None
            else sample.interval(confidence_level=request.confidence_level)
        )
        return Points(*(_scaled(value, request, level) for value in (theta, lower, upper)))
    place, level = _place(names, request.anchor[0]), request.anchor[1]
    if sample is None:
        reach = NormalDist().inv_cdf((1 + request.confidence_level) / 2)
        gaps = [result.difference(item, place, robust=robust) for item in range(len(theta))]
        lower, upper = (np.array([gap.estimate + sign * reach * gap.std_error for gap in gaps]) for sign in (-1, 1))
    else:
        shifted = sample.samples - sample.samples[:, [place]]
        gap = ratings.BootstrapResult(theta - theta[place], shifted, sample.n_failed)
        lower, upper = gap.interval(confidence_level=request.confidence_level)
    return Points(*(_scaled(value, request, level) for value in (theta - theta[place], lower, upper)))


def _table(compared: ratings.Comparisons, points: Points, ranks: Any) -> dict[str, Any]:
    order = np.argsort(-points.value, kind="stable")
    names = compared.names or ()
    table = {
        "rank": np.arange(1, len(order) + 1),
        "model": [names[item] for item in order],
        "rating": points.value[order],
        "lower": None if points.lower is None else points.lower[order],
        "upper": None if points.upper is None else points.upper[order],
        "best_rank": None if ranks is None else ranks.best[order],
        "worst_rank": None if ranks is None else ranks.worst[order],
        "games": compared.n_games[order].astype(np.int64),
        "win_rate": ratings.win_rate(compared)[order],
    }
    return {name: column for name, column in table.items() if column is not None}


def _comparison(
    data: Data, result: ratings.RatingResult, request: "Request", compare: tuple[str, str] | None
) -> dict[str, Any] | None:
    if compare is None:
        return None
    one, two = (_place(data.comparisons.names or (), name) for name in compare)
    gap = result.difference(one, two, robust=request.cluster is not None)
    unit = 400 / np.log(10) if request.scale == "elo" else 1.0
    chance = float(result.probabilities()[one, two])
    return {"a": compare[0], "b": compare[1], "difference": gap.estimate * unit,
            "std_error": gap.std_error * unit, "probability": chance}  # fmt: skip


def _elo(data: Data, request: "Request", compare: tuple[str, str] | None) -> Fitted:
    """Ratings in the order of the file; an order has no interval."""
    items = ratings.factorize(data.rows["model_a"], data.rows["model_b"])
    outcomes = ratings.parse_winners(data.rows["winner"])
    keep = outcomes != 0.5 if request.drop_ties else slice(None)
    rows = items.first[keep], items.second[keep], outcomes[keep]
    points = ratings.elo(*rows, n_items=len(items.names), **({} if request.k is None else {"k": request.k}))
    if request.anchor is not None:
        points = points - points[_place(items.names, request.anchor[0])] + request.anchor[1]
    table = _table(data.comparisons, Points(points, None, None), None)
    if compare is None:
        return table, None, {}, None
    one, two = (_place(items.names, name) for name in compare)
    gap = float(points[one] - points[two])
    chance = 1 / (1 + 10 ** (-gap / 400))
    return (
        table,
        {"a": compare[0], "b": compare[1], "difference": gap, "std_error": None, "probability": chance},
        {},
        None,
    )
