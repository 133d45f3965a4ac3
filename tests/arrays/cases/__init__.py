"""One `ArrayCase` per public function of the data world: `module.name` -> case."""

from arrays.cases import correlation, groups, pairs, papers_metrics, papers_selection, regression

CASES = {
    **groups.CASES,
    **pairs.CASES,
    **correlation.CASES,
    **regression.CASES,
    **papers_metrics.CASES,
    **papers_selection.CASES,
}
