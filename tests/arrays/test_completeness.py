"""Every public function of the data world is an `ArrayCase`, or says here why not."""

import importlib
import inspect
from types import FunctionType

from arrays.cases import CASES
from test_layers import DATA_WORLD, PUBLIC

#: functions without a case -> why the common promises do not apply, and where they are tested
EXCEPTIONS = {
    "conjoint.best_profiles": "takes a model: tests/conjoint/test_policy.py",
    "conjoint.best_response": "takes a game: tests/conjoint/test_equilibrium.py",
    "conjoint.equilibrium": "takes a game: tests/conjoint/test_equilibrium.py",
    "conjoint.expected_value": "takes a model: tests/conjoint/test_policy.py",
    "conjoint.game_value": "takes a game: tests/conjoint/test_games.py",
    "conjoint.optimal_policy": "takes a model: tests/conjoint/test_policy.py",
    "conjoint.policy_objective": "takes a model: tests/conjoint/test_policy.py",
    "conjoint.policy_path": "takes a model: tests/conjoint/test_policy_properties.py",
    "conjoint.amce": "takes ConjointData: tests/conjoint/test_effects.py",
    "conjoint.marginal_means": "takes ConjointData: tests/conjoint/test_effects.py",
    "conjoint.fit_outcome_linear": "takes ConjointData: tests/conjoint/test_outcome_linear.py",
    "conjoint.fit_outcome_logit": "takes ConjointData: tests/conjoint/test_outcome.py",
    "conjoint.bootstrap": "takes ConjointData: tests/conjoint/test_resampling.py",
    "conjoint.crossfit_policy_value": "takes ConjointData: tests/conjoint/test_value.py",
    "conjoint.policy_value": "takes ConjointData: tests/conjoint/test_value.py",
    "conjoint.select_beta": "takes ConjointData: tests/conjoint/test_value.py",
    "conjoint.strategic_divergence": "takes one array per factor: tests/conjoint/test_games.py",
    "games.extragradient_step_size": "takes numbers: tests/games/test_gpm.py",
    "groups.from_lists": "takes a column of lists: tests/test_groups.py",
    "pairs.iter_pairs": "an iterator: tests/pairs/test_count.py",
    "pairs.pair_weights": "takes Pairs: tests/pairs/test_score.py",
    "ratings.bootstrap": "takes Comparisons: tests/ratings/test_bootstrap.py",
    "ratings.bradley_terry": "takes Comparisons: tests/ratings/test_bradley_terry.py",
    "ratings.davidson": "takes Comparisons: tests/ratings/test_ties.py",
    "ratings.eigenvector_centrality": "takes Comparisons: tests/ratings/test_spectral.py",
    "ratings.pagerank": "takes Comparisons: tests/ratings/test_spectral.py",
    "ratings.rank_centrality": "takes Comparisons: tests/ratings/test_spectral.py",
    "ratings.rao_kupper": "takes Comparisons: tests/ratings/test_ties.py",
}


def public_functions() -> dict[str, FunctionType]:
    """`module.name` -> function."""
    functions = {}
    for name in sorted(DATA_WORLD & PUBLIC):  # pictures and reports give neither arrays nor figures
        module = importlib.import_module(f"prefcore.{name}")
        functions |= {f"{name}.{public}": getattr(module, public) for public in module.__all__}
    return {name: function for name, function in functions.items() if inspect.isfunction(function)}


def test_every_public_function_has_a_case() -> None:
    missing = sorted(public_functions().keys() - CASES.keys() - EXCEPTIONS.keys())
    assert not missing, f"give each an ArrayCase in tests/arrays/cases, or a reason in EXCEPTIONS: {missing}"


def test_every_exception_has_a_function_without_a_case() -> None:
    assert public_functions().keys() >= EXCEPTIONS.keys()
    assert not EXCEPTIONS.keys() & CASES.keys()
