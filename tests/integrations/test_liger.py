"""Liger's chunked losses on the CPU as a third program to agree with: values and gradients."""

import warnings
from functools import partial

import pytest
import torch
from torch import Tensor

from prefcore import losses
from prefcore.logps import linear_token_stats, sequence_logps

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    chunked = pytest.importorskip("liger_kernel.chunked_loss", reason="liger-kernel 0.8 is not installed")

PAIRS, T, D, V = 3, 11, 16, 97  # of trainers.md 2.6
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def operands() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Hidden states, head, targets, and hidden states and head of the reference."""
    draw = torch.Generator().manual_seed(0)
    hidden, ref_hidden = torch.randn(2, 2 * PAIRS, T, D, generator=draw)
    head, ref_head = torch.randn(2, V, D, generator=draw) * 0.3
    targets = torch.randint(0, V, (2 * PAIRS, T), generator=draw)
    targets[torch.arange(T) >= torch.tensor([[11], [7], [9], [4], [11], [2]])] = -100
    return hidden.requires_grad_(), head.requires_grad_(), targets, ref_hidden, ref_head


def summed(hidden: Tensor, head: Tensor, targets: Tensor, *, average: bool) -> Tensor:
    mask = targets != -100
    found = sequence_logps(linear_token_stats(hidden, head, targets, mask=mask).logps, mask)  # type: ignore[arg-type]
    return found.means if average else found.sums


def nll(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Mean over the tokens of the chosen half."""
    chosen, counted = summed(hidden, head, targets, average=False)[:PAIRS], (targets != -100)[:PAIRS].sum()
    return -chosen.sum() / counted


def agree(theirs: Tensor, ours: Tensor, hidden: Tensor, head: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    for one, other in zip(*(torch.autograd.grad(x, (hidden, head)) for x in (ours, theirs)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("average", [False, True])
def test_dpo(average: bool) -> None:
    hidden, head, targets, ref_hidden, ref_head = operands()
    call = chunked.LigerFusedLinearDPOLoss(compiled=False, beta=0.1, average_log_prob=average)
    theirs = call(head, hidden, targets, ref_input=ref_hidden, ref_weight=ref_head)[0]
    reference = summed(ref_hidden, ref_head, targets, average=average)
    ratios = summed(hidden, head, targets, average=average) - reference
    agree(theirs, losses.dpo(*ratios.chunk(2), beta=0.1).mean(), hidden, head)


def test_simpo() -> None:
    """Its gamma is in units of the reward, as our margin is; taken for one of log-ratios it gives another number."""
    hidden, head, targets, *_ = operands()
    call = chunked.LigerFusedLinearSimPOLoss(compiled=False, beta=0.1, gamma=0.5, compute_nll_loss=False)
    theirs = call(head, hidden, targets)[0]
    simpo = partial(losses.simpo, *summed(hidden, head, targets, average=True).chunk(2), beta=0.1)
    agree(theirs, simpo(margin=0.5).mean(), hidden, head)
    assert abs(simpo(margin=0.1 * 0.5).mean().item() - 0.7) < 0.05 < abs(simpo(margin=0.5).mean().item() - 0.7)


def test_cpo_and_orpo() -> None:
    hidden, head, targets, *_ = operands()
    cpo = chunked.LigerFusedLinearCPOLoss(compiled=False, beta=0.1)(head, hidden, targets)[0]
    pair = losses.dpo(*summed(hidden, head, targets, average=False).chunk(2), beta=0.1).mean()
    agree(cpo, pair + nll(hidden, head, targets), hidden, head)
    orpo = chunked.LigerFusedLinearORPOLoss(compiled=False, beta=0.1)(head, hidden, targets)[0]
    pair = losses.orpo(*summed(hidden, head, targets, average=True).chunk(2), beta=0.1).mean()
    agree(orpo, pair + nll(hidden, head, targets), hidden, head)
