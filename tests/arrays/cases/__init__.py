"""`module.name` -> `ArrayCase`, of every public function of the data world and of papers that takes arrays."""

from arrays.cases import (
    accuracy,
    calibration,
    correlation,
    groups,
    pairs,
    papers_metrics,
    papers_selection,
    ranking,
    regression,
    retrieval,
    strength,
    winrate,
)

CASES = {
    **accuracy.CASES,
    **calibration.CASES,
    **correlation.CASES,
    **groups.CASES,
    **pairs.CASES,
    **papers_metrics.CASES,
    **papers_selection.CASES,
    **ranking.CASES,
    **regression.CASES,
    **retrieval.CASES,
    **strength.CASES,
    **winrate.CASES,
}
from arrays.cases import correlation, groups, pairs, selection

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **selection.CASES}
