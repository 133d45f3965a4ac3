"""`module.name` -> `ArrayCase`, of every public function of the data world and of papers that takes arrays."""

from arrays.cases import (
    accuracy,
    calibration,
    correlation,
    games_exact,
    groups,
    pairs,
    papers_metrics,
    papers_selection,
    ranking,
    regression,
    retrieval,
    selection,
    strength,
    winrate,
)

CASES = {
    **accuracy.CASES,
    **calibration.CASES,
    **correlation.CASES,
    **games_exact.CASES,
    **groups.CASES,
    **pairs.CASES,
    **papers_metrics.CASES,
    **papers_selection.CASES,
    **ranking.CASES,
    **regression.CASES,
    **retrieval.CASES,
    **selection.CASES,
    **strength.CASES,
    **winrate.CASES,
}
