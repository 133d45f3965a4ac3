"""Bad arguments of the losses of papers are named."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from prefcore.errors import DomainError, ShapeError
from prefcore.papers import (
    aligndiff,
    delta_learning,
    egpo,
    evolve,
    follow_up_likelihood,
    fusechat3,
    gpm,
    grao,
    infifpo,
    mcts_dpo,
    medical_rpo,
    omnidpo,
    osp,
    pal,
    pref_grpo,
    rationales,
    spo_degree,
    suboptimal_on_policy,
    unpacking_dpo_ppo,
    weak_to_strong_deception,
    wimhf,
)

PAIR = (torch.zeros(2), torch.zeros(2))
POINTS = (torch.zeros(2, 3), torch.ones(2, 3), torch.ones(2, 3))
TOKENS = (torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 3).bool(), torch.ones(2, 3).bool())


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: osp.loss(*PAIR, 1.5), DomainError, r"prob must be in \[0, 1\], got 1.5"),
        (lambda: omnidpo.loss(*PAIR, *PAIR, video_weight=-1.0), DomainError, "video_weight must be finite and >= 0"),
        (lambda: evolve.loss(*PAIR, *PAIR, alpha=1.1), DomainError, r"alpha must be in \[0, 1\], got 1.1"),
        (lambda: rationales.rdpo_loss(*PAIR, PAIR[0], gamma=0.0), DomainError, "gamma must be finite and > 0, got 0.0"),
        (
            lambda: weak_to_strong_deception.reward_loss(*PAIR, torch.ones(2)),
            TypeError,
            r"truth must be a bool tensor, got torch.float32",
        ),
        (
            lambda: weak_to_strong_deception.reward_loss(PAIR[0], torch.tensor([0.5, 7.0]), torch.ones(2).bool()),
            DomainError,
            r"weak\[1\] must be in \[0, 1\], got 7.0",
        ),
        (
            lambda: weak_to_strong_deception.reverse_dpo_loss(*PAIR, torch.ones(2), torch.ones(2).bool()),
            TypeError,
            "conflict must be a bool tensor",
        ),
        (lambda: pal.loss(*POINTS, torch.tensor([1, 0])), DomainError, r"side\[1\] must be 1 or -1, got 0"),
        (
            lambda: pal.loss(*POINTS, torch.ones(3)),
            ShapeError,
            r"expected left \[B, ...\] and side \[B\], got \[2, 3\] and \[3\]",
        ),
        (
            lambda: pal.users(torch.zeros(2, 3), torch.zeros(2, 3)),
            ShapeError,
            r"expected weights \[U, K\] and prototypes \[K, D\], got \[2, 3\] and \[2, 3\]",
        ),
        (
            lambda: pal.token_loss(torch.zeros(1, 3), torch.ones(1), torch.zeros(1), torch.ones(1)),
            TypeError,
            "start must be an integer tensor, got torch.float32",
        ),
        (
            lambda: pal.token_loss(torch.zeros(2, 3), torch.ones(2), torch.tensor([0, 2]), torch.tensor([3, 2])),
            DomainError,
            "expected 0 <= start < end <= T = 3, got 2 and 2 in row 1",
        ),
        (
            lambda: infifpo.reference(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3), torch.zeros(2)),
            ShapeError,
            r"expected chosen_sources \[B, N\] with N > 0 and chosen_init \[B\], got \[2, 3\] and \[3\]",
        ),
        (
            lambda: fusechat3.loss(*TOKENS[:3], torch.tensor([[True] * 3, [False] * 3])),
            DomainError,
            "rejected_mask: row 1",
        ),
        (lambda: delta_learning.loss(*TOKENS[:3], torch.ones(2, 3)), TypeError, "rejected_mask must be a bool tensor"),
        (
            lambda: medical_rpo.loss(*PAIR, torch.zeros(3, 2), torch.ones(3, 2).bool()),
            ShapeError,
            r"expected chosen \[B\] and chosen_logps \[B, T\], got \[2\] and \[3, 2\]",
        ),
        (
            lambda: spo_degree.loss(PAIR[0], torch.zeros(2, 4), torch.tensor([0, 4])),
            DomainError,
            r"level\[1\] must be 0 to 3, got 4",
        ),
        (
            lambda: spo_degree.loss(PAIR[0], torch.zeros(3, 4), torch.tensor([0, 1])),
            ShapeError,
            r"expected align \[B\] and degree_logits \[B, K\] with K > 0, got \[2\] and \[3, 4\]",
        ),
        (
            lambda: aligndiff.strength(torch.zeros(2, 3)),
            ShapeError,
            r"raw must be \[E, B, A\] with E > 0, got \[2, 3\]",
        ),
        (
            lambda: follow_up_likelihood.score(torch.zeros(2, 3), torch.zeros(3, 3)),
            ShapeError,
            r"got \[2, 3\] and \[3, 3\]",
        ),
        (
            lambda: follow_up_likelihood.score(torch.zeros(2, 3), torch.zeros(2, 3), nan="drop"),
            DomainError,
            "nan must be 'raise' or 'omit', got 'drop'",
        ),
        (
            lambda: mcts_dpo.loss(*PAIR, torch.tensor([1, -1]), torch.tensor([1, 1])),
            DomainError,
            r"chosen_visits\[1\] must be finite and >= 0, got -1.0",
        ),
        (
            lambda: egpo.loss(*PAIR, torch.tensor([0.5, 1.5]), 0.5),
            DomainError,
            r"first_pref\[1\] must be in \[0, 1\], got 1.5",
        ),
        (
            lambda: suboptimal_on_policy.mode_seeking(torch.tensor([0.0, 1.0]), torch.zeros(2)),
            DomainError,
            r"target\[0\] must be finite and > 0, got 0.0",
        ),
        (
            lambda: gpm.loss(torch.zeros(2, 2), torch.zeros(2, 2), temperature=0.0),
            DomainError,
            "temperature must be finite and > 0, got 0.0",
        ),
        (
            lambda: grao.loss(torch.zeros(2, 3), torch.zeros(3), torch.zeros(2, 3), torch.zeros(3)),
            ShapeError,
            r"got \[2, 3\] and \[3\]",
        ),
        (
            lambda: pref_grpo.advantages(*PAIR, torch.tensor([0, 2]), limit=0.0),
            DomainError,
            "limit must be finite and > 0",
        ),
        (
            lambda: unpacking_dpo_ppo.targets(*TOKENS[:2], TOKENS[0], TOKENS[2], *PAIR),
            TypeError,
            "ended must be a bool tensor",
        ),
        (
            lambda: gpm.loss(torch.tensor(1.0), torch.tensor(1.0)),
            ShapeError,
            r"chosen must be \[B, 2k\] with k > 0, got \[\]",
        ),
        (lambda: infifpo.loss(*PAIR, PAIR), TypeError, r"reference must be FusedReference\(...\), got tuple"),
        (
            lambda: unpacking_dpo_ppo.ppo_loss(*TOKENS[:2], TOKENS[0], PAIR, TOKENS[2]),
            TypeError,
            r"targets must be Targets\(...\), got tuple",
        ),
        (
            lambda: pref_grpo.advantages(*PAIR, torch.tensor([0, 2]), weights=(1.0,)),
            TypeError,
            r"weights must be two numbers, of win_rate and clip_score, got \(1.0,\)",
        ),
        (
            lambda: pref_grpo.advantages(*PAIR, torch.tensor([0, 2]), weights=(1.0, math.nan)),
            DomainError,
            r"weights\[1\] must be finite, got nan",
        ),
        (
            lambda: spo_degree.loss(torch.tensor(0.0), torch.zeros(4), torch.tensor(1)),
            ShapeError,
            r"got \[\] and \[4\]",
        ),
        (lambda: spo_degree.loss(PAIR[0], torch.zeros(2, 4), PAIR[0]), TypeError, "level must be an integer tensor"),
        (
            lambda: wimhf.sae(torch.eye(2), wimhf.SAE(torch.eye(2), torch.eye(2), *PAIR), k=1.0, prefixes=[1]),
            TypeError,
            r"k and prefixes must be integers, got 1.0 and \[1\]",
        ),
        (lambda: gpm.gpo_loss(*PAIR), ShapeError, r"ratio must be \[B, K\] with K > 0, got \[2\]"),
        (
            lambda: wimhf.sae(torch.eye(2), wimhf.SAE(torch.eye(2), torch.eye(2), *PAIR), k=3, prefixes=[1]),
            DomainError,
            r"k and prefixes must be 1 to M = 2, got 3 and \[1\]",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
