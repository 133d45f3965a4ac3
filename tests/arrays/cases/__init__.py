"""`module.name` -> `ArrayCase`, of every public function of the data world and of papers that takes arrays."""

from arrays.cases import (
    accuracy,
    calibration,
    correlation,
    games_dynamics,
    games_regret,
    groups,
    pairs,
    papers_metrics,
    papers_selection,
    ranking,
    ratings_elo,
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
    **games_dynamics.CASES,
    **games_regret.CASES,
    **groups.CASES,
    **pairs.CASES,
    **papers_metrics.CASES,
    **papers_selection.CASES,
    **ranking.CASES,
    **ratings_elo.CASES,
    **regression.CASES,
    **retrieval.CASES,
    **selection.CASES,
    **strength.CASES,
    **winrate.CASES,
}
