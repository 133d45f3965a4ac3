"""One `ArrayCase` per public function of the data world: `module.name` -> case."""

from arrays.cases import correlation, groups, pairs, retrieval

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **retrieval.CASES}
from arrays.cases import correlation, groups, pairs, ranking, strength

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **ranking.CASES, **strength.CASES}
from arrays.cases import correlation, groups, pairs, papers_metrics, regression, winrate

from arrays.cases import correlation, groups, pairs, papers_metrics, papers_selection, regression

CASES = {
    **groups.CASES,
    **pairs.CASES,
    **correlation.CASES,
    **regression.CASES,
    **winrate.CASES,
    **papers_metrics.CASES,
    **papers_metrics.CASES,
    **papers_selection.CASES,
}
from arrays.cases import accuracy, calibration, correlation, groups, pairs

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **accuracy.CASES, **calibration.CASES}
