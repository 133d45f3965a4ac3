"""Properties and error messages of `prefcore.scores`: pairs, general preference models, decisions, dynamic beta."""

import math
from typing import Any

import pytest
import torch

from prefcore import scores
from prefcore.errors import DomainError, ShapeError


@pytest.mark.parametrize("ties", [0.0, 0.5, 1.0])
def test_accuracy_counts_ties_by_their_credit_and_nan_as_nan(ties: float) -> None:
    """-inf on both sides is a tie, though the margin is not a number."""
    chosen = torch.tensor([2.0, 1.0, 1.0, math.nan, -math.inf])
    rejected = torch.tensor([1.0, 2.0, 1.0, 0.0, -math.inf])
    got = scores.pair_metrics(chosen, rejected, beta=2.0, ties=ties)
    assert got.accuracies[[0, 1, 2, 4]].tolist() == [1.0, 0.0, ties, ties]
    assert got.accuracies[3].isnan()
    assert got.margins[:3].tolist() == [2.0, -2.0, 0.0]


def test_pair_metrics_are_detached_also_from_a_learned_beta() -> None:
    chosen, rejected, beta = (torch.rand(3, requires_grad=True) for _ in range(3))
    got = scores.pair_metrics(chosen, rejected, beta=beta, ties=0.0)
    assert not any(field.requires_grad for field in got)
    assert torch.equal(got.chosen_rewards, beta.detach() * chosen.detach())


def test_gpm_scores_are_skew_to_the_bit_and_agree_with_gpm_score() -> None:
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-13)):
        embeddings, gate = torch.randn(3, 7, 10, dtype=dtype), torch.rand(3, 5, dtype=dtype)
        table = scores.gpm_scores(embeddings, gate=gate)
        assert torch.equal(table, -table.mT)
        assert not table.diagonal(dim1=-2, dim2=-1).any()
        i, j = torch.triu_indices(7, 7)
        gates = gate.unsqueeze(1).expand(3, len(i), 5)
        pairs = scores.gpm_score(embeddings[:, i], embeddings[:, j], gate=gates)
        torch.testing.assert_close(table[:, i, j], pairs, rtol=tolerance, atol=tolerance)
        assert torch.equal(pairs, -scores.gpm_score(embeddings[:, j], embeddings[:, i], gate=gates))


def test_gpm_score_does_not_change_when_each_plane_is_rotated() -> None:
    """It is the signed area that two vectors span in each plane."""
    v, w = torch.randn(2, 5, 6, dtype=torch.float64)
    angles = torch.randn(3, dtype=torch.float64)
    turn = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1).view(3, 2, 2)
    turned = [torch.einsum("lij,blj->bli", turn, x.view(5, 3, 2)).reshape(5, 6) for x in (v, w)]
    torch.testing.assert_close(scores.gpm_score(*turned), scores.gpm_score(v, w), rtol=1e-12, atol=1e-12)


def test_minimum_bayes_risk_breaks_ties_by_the_first_and_maximizes_the_expectation() -> None:
    probs = torch.tensor([[0.25, 0.25, 0.5], [0.5, 0.5, 0.0]])
    similarity = torch.eye(3).expand(2, 3, 3)
    best, expected = scores.minimum_bayes_risk(probs, similarity)
    assert best.tolist() == [2, 0]
    assert torch.equal(expected, probs)  # with the identity a candidate is only like itself
    similarity = torch.rand(2, 3, 3)
    best, expected = scores.minimum_bayes_risk(probs, similarity)
    loops = [[sum(probs[b, j] * similarity[b, i, j] for j in range(3)) for i in range(3)] for b in range(2)]
    torch.testing.assert_close(expected, torch.tensor(loops))
    assert torch.equal(best, expected.argmax(1))


def test_dynamic_beta_has_its_base_at_the_usual_gap_and_a_floor() -> None:
    gap = torch.tensor([-1.0, 0.0, 4.0])
    assert float(scores.dynamic_beta(gap, 1.0, beta=0.3)) == pytest.approx(0.3)
    assert float(scores.dynamic_beta(gap, torch.tensor(1e4), beta=0.3, beta_min=0.01)) == pytest.approx(0.01)
    above = scores.dynamic_beta(gap + 1.0, 1.0, beta=0.3, alpha=0.5)
    assert float(above) == pytest.approx(0.3 * 1.5)
    assert scores.dynamic_beta(gap / 0, 1.0).isnan()
    assert not scores.dynamic_beta(gap.requires_grad_(), 1.0).requires_grad


PAIRS = {"chosen": torch.zeros(2), "rejected": torch.zeros(2), "beta": 0.1, "ties": 0.0}
PLANES = {"first": torch.zeros(2, 4), "second": torch.zeros(2, 4)}
CANDIDATES = {"probs": torch.full((2, 3), 0.3), "similarity": torch.zeros(2, 3, 3)}
GAP = {"gap": torch.zeros(3), "gap_mean": 0.0}


@pytest.mark.parametrize(
    ("function", "arguments", "change", "error", "match"),
    [
        (scores.pair_metrics, PAIRS, {"ties": 1.5}, DomainError, r"ties must be in \[0, 1\], got 1.5"),
        (scores.pair_metrics, PAIRS, {"ties": "drop"}, TypeError, "ties must be a number, got str"),
        (scores.pair_metrics, PAIRS, {"beta": 0.0}, DomainError, "beta must be finite and > 0, got 0.0"),
        (
            scores.gpm_score,
            {"first": torch.zeros(3), "second": torch.zeros(3)},
            {},
            ShapeError,
            r"first must be \[..., 2k\] with k >= 1, got \[3\]",
        ),
        (
            scores.gpm_score,
            {"first": torch.tensor(1.0), "second": torch.tensor(1.0)},
            {},
            ShapeError,
            r"first must be \[..., 2k\] with k >= 1, got \[\]",
        ),
        (
            scores.gpm_score,
            PLANES,
            {"gate": torch.zeros(4)},
            ShapeError,
            r"gate must be \[2\] or \[2, 2\], one weight for each plane, got \[4\]",
        ),
        (
            scores.gpm_scores,
            {"embeddings": torch.zeros(4)},
            {},
            ShapeError,
            r"embeddings must be \[..., K, 2k\], got \[4\]",
        ),
        (scores.gpm_scores, {"embeddings": torch.zeros(2, 0)}, {}, ShapeError, r"with k >= 1, got \[2, 0\]"),
        (
            scores.gpm_scores,
            {"embeddings": torch.zeros(3, 5, 4)},
            {"gate": torch.zeros(5, 2)},
            ShapeError,
            r"gate must be \[2\] or \[3, 2\]",
        ),
        (
            scores.minimum_bayes_risk,
            CANDIDATES,
            {"similarity": torch.zeros(3, 3)},
            ShapeError,
            r"similarity \[B, K, K\] with K >= 1, got \[2, 3\] and \[3, 3\]",
        ),
        (
            scores.minimum_bayes_risk,
            CANDIDATES,
            {"probs": torch.tensor([[0.5, 0.5, 0.0], [-0.7, 0.5, 0.1]])},
            DomainError,
            r"probs\[1, 0\] must be in \[0, 1\], got -0.69",
        ),
        (scores.dynamic_beta, GAP, {"gap": torch.zeros(0)}, ShapeError, r"gap must be \[B\] with B >= 1, got \[0\]"),
        (scores.dynamic_beta, GAP, {"gap_mean": torch.zeros(3)}, ShapeError, r"gap_mean must be a float or \[\]"),
        (scores.dynamic_beta, GAP, {"beta_min": 0.0}, DomainError, "beta_min must be finite and > 0"),
    ],
)
def test_errors(
    function: Any, arguments: dict[str, Any], change: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        function(**{**arguments, **change})
