"""Every public function of losses, scores and papers is a `FunctionCase`, or says here why not."""

import importlib
import inspect
import pkgutil
from types import FunctionType

import prefcore.papers
from arrays.cases import CASES as ARRAY_CASES
from functions.cases import CASES
from prefcore import losses, scores

#: functions without a case -> why the common promises do not apply, and where they are tested
EXCEPTIONS = {
    "regularized_relevance.score": "takes texts and arrays: tests/metrics/test_distribution.py",
    "temporary_step": "takes an optimizer: tests/losses/test_nash.py",
    "egpo.extragradient_step": "takes an optimizer: tests/papers",
    "secrets_of_rlhf.meta_step": "takes an optimizer: tests/papers",
    "delta_learning.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "dr_sow.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "drift.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "evolve.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "follow_up_likelihood.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "fusechat3.split": "takes a number: tests/papers/test_evaluation.py",
    "videocomp.disruptions": "takes a number: tests/papers/test_evaluation.py",
    "fusechat3.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "infifpo.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "osp.ranked_pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "suboptimal_on_policy.pairs": "takes arrays, gives rows: tests/papers/test_pairs.py",
    "adversarial_conjoint.effects": "takes ConjointData: tests/papers/test_contests.py",
    "adversarial_conjoint.average_case": "takes ConjointData: tests/papers/test_contests.py",
    "adversarial_conjoint.adversarial": "takes ConjointData: tests/papers/test_contests.py",
    "pal.fit_user": "runs an optimizer: tests/papers/test_users_and_lists.py",
    "ranklist.skip_at": "takes numbers: tests/papers/test_users_and_lists.py",
    "sparsepo.learned_weights": "takes a module: tests/papers/test_users_and_lists.py",
    "preference_rankings.idealized_log_ratio": "takes arrays: tests/metrics/test_accuracy.py",
}


def public_functions() -> dict[str, FunctionType]:
    """Those of losses and scores by their name, those of papers as `module.name`."""
    functions = {name: getattr(module, name) for module in (losses, scores) for name in module.__all__}
    names = [module.name for module in pkgutil.iter_modules(prefcore.papers.__path__)]
    for paper in (name for name in names if not name.startswith("_")):
        module = importlib.import_module(f"prefcore.papers.{paper}")
        functions |= {f"{paper}.{name}": getattr(module, name) for name in module.__all__}
    return {name: function for name, function in functions.items() if not inspect.isclass(function)}


def test_every_public_function_has_a_case() -> None:
    arrays = {name for name in public_functions() if f"papers.{name}" in ARRAY_CASES}  # promises of another kind
    missing = sorted(public_functions().keys() - CASES.keys() - EXCEPTIONS.keys() - arrays)
    assert not missing, f"give each a FunctionCase in tests/functions/cases, or a reason in EXCEPTIONS: {missing}"


def test_every_exception_has_a_function_without_a_case() -> None:
    assert public_functions().keys() >= EXCEPTIONS.keys()
    assert not EXCEPTIONS.keys() & CASES.keys()
