"""Contenders of the metrics of ranked lists."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
K = 10
LISTS = {name: {"cpu": f"1e5 lists of 100 {name}, 5 grades, k=10"} for name in ("f64", "f32")}


def judged(dtype: Any) -> tuple[Any, Any]:
    """Scores without ties, and grades in the proportions of a web search collection."""
    rng = np.random.default_rng(11)
    scores = rng.normal(size=(100_000, 100)).astype(dtype)
    return scores, rng.choice(5, size=scores.shape, p=[0.52, 0.32, 0.13, 0.02, 0.01]).astype(dtype)


def ndcg(_device: str) -> Contenders:
    return _ndcg(np.float64)


def ndcg_f32(_device: str) -> Contenders:
    return _ndcg(np.float32)


def _ndcg(dtype: Any) -> Contenders:
    import torch

    from prefcore import metrics

    scores, labels = judged(dtype)
    tensors = torch.from_numpy(scores), torch.from_numpy(labels)
    part = scores[:5_000], labels[:5_000]
    contenders: Contenders = {
        "prefcore": lambda: metrics.ndcg(scores, labels, k=K),
        "prefcore, ties averaged": lambda: metrics.ndcg(scores, labels, k=K, ties="average"),
        "torch, topk": lambda: ndcg_topk(*tensors),
        "numpy, argpartition": lambda: ndcg_argpartition(scores, labels),
        "scikit-learn, ignore_ties/20": lambda: ndcg_sklearn(*part, ignore_ties=True),
        "scikit-learn/20": lambda: ndcg_sklearn(*part, ignore_ties=False),
    }
    return contenders | _ndcg_of_dictionaries(scores[:1_000], labels[:1_000])


def ndcg_topk(scores: Any, labels: Any) -> Any:
    import torch

    discounts = 1 / torch.arange(2, K + 2, dtype=torch.float64).log2()
    found = labels.gather(1, scores.topk(K, dim=1).indices).double() @ discounts
    return found / (labels.topk(K, dim=1).values.double() @ discounts)


def ndcg_argpartition(scores: Any, labels: Any) -> Any:
    discounts = 1 / np.log2(np.arange(2, K + 2))
    near = np.argpartition(-scores, K, axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, near, 1), axis=1)
    found = np.take_along_axis(labels, np.take_along_axis(near, order, 1), 1).astype(np.float64)
    ideal = -np.sort(np.partition(-labels, K, axis=1)[:, :K], axis=1).astype(np.float64)
    return (found @ discounts) / (ideal @ discounts)


def ndcg_sklearn(scores: Any, labels: Any, *, ignore_ties: bool) -> Any:
    """One number for all lists is what it returns: its per-list step, without the checks of the public function."""
    from sklearn.metrics._ranking import _ndcg_sample_scores

    return _ndcg_sample_scores(labels, scores, k=K, ignore_ties=ignore_ties)


def _ndcg_of_dictionaries(scores: Any, labels: Any) -> Contenders:
    """Peers that take dictionaries, which are built before the clock starts; left out where they are not installed."""
    contenders: Contenders = {}
    names = [f"d{row:03}" for row in range(scores.shape[1])]
    queries = [f"q{row:05}" for row in range(len(scores))]
    run = {q: dict(zip(names, row, strict=True)) for q, row in zip(queries, scores.tolist(), strict=True)}
    grades = labels.astype(int).tolist()
    truth = {q: dict(zip(names, row, strict=True)) for q, row in zip(queries, grades, strict=True)}
    try:
        import pytrec_eval

        evaluator = pytrec_eval.RelevanceEvaluator(truth, {f"ndcg_cut.{K}"})

        def by_trec_eval() -> Any:
            values = evaluator.evaluate(run)
            return np.array([values[q][f"ndcg_cut_{K}"] for q in queries])

        contenders["pytrec_eval, dictionaries ready/100"] = by_trec_eval
    except ImportError:
        pass
    try:
        import ranx

        qrels, ready = ranx.Qrels(truth), ranx.Run(run)
        contenders["ranx, objects ready/100"] = lambda: ranx.evaluate(qrels, ready, f"ndcg@{K}", return_mean=False)
    except ImportError:
        pass
    return contenders


def kendall_million(_device: str) -> Contenders:
    from scipy.stats import kendalltau

    from prefcore import metrics

    x, y = np.random.default_rng(14).normal(size=(2, 1_000_000))
    return {"prefcore": lambda: metrics.kendall_tau(x, y), "scipy": lambda: kendalltau(x, y).statistic}
