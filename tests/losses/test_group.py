"""Properties and errors of the losses over candidates; vectors and common promises are tested elsewhere."""

import pytest
import torch

from prefcore import losses
from prefcore.errors import DomainError, ShapeError


def test_grao_gradient_has_the_closed_form() -> None:
    """-(1 + lam) A_i / G for a sample, -beta A_y + lam mean A for the answer in the data; advantages are data."""
    logps, a = torch.randn(2, 3, 5, dtype=torch.float64)
    gold_logps, gold_a = torch.randn(2, 3, dtype=torch.float64)
    leaves = [x.requires_grad_() for x in (logps, gold_logps, a, gold_a)]
    losses.grao(*leaves, beta=0.4, lam=0.7).sum().backward()
    torch.testing.assert_close(logps.grad, -1.7 * a.detach() / 5, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(
        gold_logps.grad, -0.4 * gold_a.detach() + 0.7 * a.detach().mean(1), rtol=1e-13, atol=1e-15
    )
    assert a.grad is gold_a.grad is None


def test_grao_rows_do_not_mix() -> None:
    """3 prompts of 3 samples: the gold answers [B] must not be taken for one of each column."""
    logps, a = torch.randn(2, 3, 3, dtype=torch.float64)
    gold_logps, gold_a = torch.randn(2, 3, dtype=torch.float64)
    whole = losses.grao(logps, gold_logps, a, gold_a)
    alone = [losses.grao(logps[i : i + 1], gold_logps[i : i + 1], a[i : i + 1], gold_a[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.cat(alone), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (
            {"gold_logps": torch.zeros(4), "gold_advantages": torch.zeros(4)},
            ShapeError,
            r"expected logps \[B, G\] with G > 0 and gold_logps \[B\], got logps \[3, 4\] and gold_logps \[4\]",
        ),
        (
            {"logps": torch.zeros(3, 0), "advantages": torch.zeros(3, 0)},
            ShapeError,
            r"got logps \[3, 0\] and gold_logps \[3\]",
        ),
        ({"beta": -1.0}, DomainError, "beta must be finite and >= 0, got -1.0"),
        ({"lam": torch.ones(3)}, TypeError, r"lam must be a number, got a tensor \[3\]"),
    ],
)
def test_grao_errors(change: dict[str, object], error: type[Exception], match: str) -> None:
    given = {"logps": torch.zeros(3, 4), "gold_logps": torch.zeros(3)}
    given |= {"advantages": torch.zeros(3, 4), "gold_advantages": torch.zeros(3)}
    with pytest.raises(error, match=match):
        losses.grao(**{**given, **change})
