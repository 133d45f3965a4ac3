"""Errors of functions called inside name the arguments of the paper's function, and odd input gets words."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from prefcore import papers
from prefcore.errors import DomainError, PrefcoreError, ShapeError
from prefcore.papers import (
    action_preference,
    adversarial_conjoint,
    aligndiff,
    anyprefer,
    curry_dpo,
    delta_learning,
    dr_sow,
    drift,
    egpo,
    evolve,
    follow_up_likelihood,
    fusechat3,
    gpm,
    infifpo,
    osp,
    pref_grpo,
    preference_rankings,
    psychocounsel,
    regularized_relevance,
    rps,
    skywork_reward_v2,
    suboptimal_on_policy,
    themis,
    unpacking_dpo_ppo,
    utility_probability,
    vbench,
    wimhf,
    worldpm,
)

NAN = math.nan
ONE, YES = torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool)
OFFSETS = [0, 2]
SCORES = [1.0, NAN]
REPORT: dict[str, Any] = {name: 0.5 for name, *_ in vbench.DIMENSIONS}
DESCENT = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
HUGE = [[1e308], [-1e308], [0.0]]
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "dr_sow reward": (lambda: dr_sow.pairs(SCORES, OFFSETS), DomainError, r"^reward\[1\] must be a number"),
    "evolve rewards": (lambda: evolve.pairs(SCORES, OFFSETS), DomainError, r"^rewards\[1\] must be a number"),
    "follow-up score": (lambda: follow_up_likelihood.pairs("x", OFFSETS), TypeError, "^score must hold integers, "),
    "infifpo score": (lambda: infifpo.pairs(SCORES, OFFSETS), DomainError, r"^score\[1\] must be a number"),
    "delta level": (lambda: delta_learning.pairs([NAN], [0, 1], [1]), DomainError, r"^level\[0\] must be a number"),
    "delta text": (
        lambda: delta_learning.pairs([2, 1], OFFSETS, [1]),
        ShapeError,
        r"^text_id must have an entry for each of 2 rows, got \[1\]",
    ),
    "null id": (lambda: drift.pairs(["a"], [None]), DomainError, r"^dissatisfied_id\[0\] must be .*string, got None"),
    "NaN id": (lambda: drift.pairs([NAN], [1]), DomainError, r"^fresh_id\[0\] must be an integer or a string, got nan"),
    "anyprefer judge": (
        lambda: anyprefer.synthesize(3.0, OFFSETS, [1.0], threshold=0.0),
        ShapeError,
        "^judge must be 1-D, or 2-D",
    ),
    "curry ratings": (lambda: curry_dpo.stages([[1.0]], [0, 1]), ShapeError, "^offsets must be None where ratings is"),
    "reward": (
        lambda: psychocounsel.extremes([[1.0]], [0, 1]),
        ShapeError,
        "^offsets must be None where reward is 2-D",
    ),
    "threshold": (
        lambda: suboptimal_on_policy.pairs([1.0], [0, 1], threshold=-1.0),
        DomainError,
        r"^threshold must be a number >= 0, got -1",
    ),
    "prompt": (lambda: fusechat3.pairs([1.0], [None], [1]), DomainError, r"^prompt\[0\] must be .*, got None"),
    "prompts": (
        lambda: fusechat3.pairs([1.0, 2.0], [1], [1, 1]),
        DomainError,
        r"^boundaries of prompt\[1\] must be 2,",
    ),
    "source": (
        lambda: fusechat3.pairs([1.0, 2.0], [1, 1], [1]),
        ShapeError,
        r"^source must have shape \[2\] like scores",
    ),
    "task": (lambda: themis.evaluate([1.0], [0.0], [None]), DomainError, r"^task\[0\] must be .*, got None"),
    "preference": (
        lambda: fusechat3.alpaca_eval([1.0, 1.0], [1.0, 2.0], [2.0, 1.0]),
        DomainError,
        "^preference must not all be 1",
    ),
    "clip range": (
        lambda: pref_grpo.loss(ONE[0], ONE[0], clip_range=2.0),
        DomainError,
        r"^clip_range must be in \[0, 1\], got 2\.0",
    ),
    "clip": (
        lambda: unpacking_dpo_ppo.ppo_loss(ONE, ONE, ONE, unpacking_dpo_ppo.Targets(ONE, ONE), YES, clip=2.0),
        DomainError,
        r"^clip must be in \[0, 1\], got 2\.0",
    ),
    "mismatched": (
        lambda: action_preference.loss(ONE, ONE, NAN * ONE, YES, YES, YES),
        DomainError,
        "^mean of mismatched must be finite, got nan",
    ),
    "prob": (
        lambda: preference_rankings.evaluate([1.0], [0.0], [1.0], [0.0], [NAN]),
        DomainError,
        r"^prob\[0\] must be in \[0, 1\], got NaN",
    ),
    "style": (
        lambda: worldpm.style_adjusted([1e308, 1.0], [[1], [2]], [[2], [1]], [0, 1], folds=2),
        DomainError,
        r"^\(score_diff, style\)\[0, 0\] must be a number within 1e150",
    ),
    "weight": (
        lambda: aligndiff.guide(ONE, ONE, weight=torch.ones(3)),
        ShapeError,
        r"^weight must be a float, \[B\] or of the data's shape \[1, 2\], got \[3\]",
    ),
    "label": (
        lambda: action_preference.sample(["correct", "fail"]),
        DomainError,
        r"^labels\[1\] must be 'correct', 'interaction' or 'failure', got 'fail'",
    ),
    "percent": (
        lambda: vbench.final_score({**REPORT, "color": 93.0}),
        DomainError,
        r"^raw\[0, 10\] must be in \[0, 1\], not a percentage, got 93\.0",
    ),
    "unknown dimension": (
        lambda: vbench.final_score({**REPORT, "colour": 0.5}),
        DomainError,
        "^raw must have names of vbench.DIMENSIONS, got 'colour'",
    ),
    "missing dimension": (
        lambda: vbench.final_score({"scene": 0.5}),
        DomainError,
        "^raw must have all 16 dimensions, 'subject consistency' is missing",
    ),
    "models": (
        lambda: vbench.final_score({**REPORT, "scene": [0.5, 0.6]}),
        ShapeError,
        r"^raw\['scene'\] must have shape \[1\] like raw\['subject consistency'\], got \[2\]",
    ),
    "a text": (
        lambda: regularized_relevance.score("Yes", [1.0], [True]),  # type: ignore[arg-type]
        TypeError,
        "^texts must be a list of strings, got str",
    ),
    "no text": (
        lambda: regularized_relevance.score(["Yes", None], [1.0, 1.0], [True, True]),  # type: ignore[list-item]
        TypeError,
        r"^texts\[1\] must be a string, got None",
    ),
    "relevance": (
        lambda: regularized_relevance.score(["Yes"], [NAN], [True]),
        DomainError,
        r"^relevance\[0\] must be a finite number, got NaN",
    ),
    "span": (
        lambda: regularized_relevance.score(["Yes"], [1.0], [True], span=(1.0, 1.0)),
        DomainError,
        r"^span must be two finite numbers, the lower first, got \(1\.0, 1\.0\)",
    ),
    "max_tokens": (
        lambda: regularized_relevance.score(["Yes"], [1.0], [True], max_tokens=0),
        DomainError,
        "^max_tokens must be 1 to .*, got 0",
    ),
    "target": (
        lambda: suboptimal_on_policy.mode_seeking(torch.tensor([0.5, 0.6]), torch.zeros(2)),
        DomainError,
        r"^sum of target must be 1 to within 0.01, got 1\.1",
    ),
    "scalar target": (
        lambda: suboptimal_on_policy.mode_seeking(torch.tensor(1.0), torch.tensor(0.0)),
        ShapeError,
        r"^target must be \[\.\.\., K\] with K > 0, got \[\]",
    ),
    "empty target": (
        lambda: suboptimal_on_policy.mode_seeking(torch.zeros(2, 0), torch.zeros(2, 0)),
        ShapeError,
        r"^target must be \[\.\.\., K\] with K > 0, got \[2, 0\]",
    ),
    "sources": (
        lambda: infifpo.confidence_reference(torch.tensor([[math.inf, -1.0]])),
        DomainError,
        r"^sources\[0, 0\] must be a log-prob, <= 0, got inf",
    ),
    "similarity": (
        lambda: utility_probability.decide(torch.zeros(1, 1), torch.full((1, 1, 1), NAN)),
        DomainError,
        r"^similarity\[0, 0, 0\] must be finite, got nan",
    ),
    "tiny temperature": (
        lambda: utility_probability.decide(torch.zeros(1, 1), torch.zeros(1, 1, 1), temperature=1e-320),
        DomainError,
        "^temperature",
    ),
    "code": (
        lambda: wimhf.select(HUGE, np.zeros((3, 0)), [1, 0, 1], n_select=1),
        DomainError,
        r"^code\[0, 0\] must be within 1e150: squares overflow, got 1e\+308",
    ),
    "controls": (
        lambda: wimhf.features([[1.0], [2.0], [0.0]], HUGE, [1, 0, 1]),
        DomainError,
        r"^controls\[0, 0\] must be within 1e150",
    ),
    "tiny beta": (
        lambda: egpo.tabular([[0.5]], [0.0], beta=1e-320),
        DomainError,
        "^beta must be at least 1e-100: the steps overflow, got 1e-320",
    ),
    "much noise": (
        lambda: egpo.tabular([[0.5]], [0.0], noise=1e308),
        DomainError,
        r"^noise must be at most 1e100: the steps overflow, got 1e\+308",
    ),
    "inverse temperature": (
        lambda: gpm.loss(ONE, ONE, temperature=5e-324),
        DomainError,
        "^1 / temperature must be finite and > 0, got inf",
    ),
    "no survey": (
        lambda: adversarial_conjoint.average_case(None, beta=0.1),  # type: ignore[arg-type]
        TypeError,
        r"^data must be ConjointData\(\.\.\.\), got NoneType",
    ),
    "no contest": (
        lambda: adversarial_conjoint.adversarial(None, beta=0.1),  # type: ignore[arg-type]
        TypeError,
        r"^data must be ConjointData\(\.\.\.\), got NoneType",
    ),
    "p_first": (lambda: osp.ranked_pairs([["a", "b"], ["c", "d"]]), TypeError, "^p_first must hold integers, float32"),
    "ragged p_first": (lambda: osp.ranked_pairs([[0.5], [0.5, 0.5]]), ShapeError, "^p_first must be rectangular"),
    "adjacent": (
        lambda: osp.ranked_pairs([[0.5, 0.5], [0.5, 0.5]], adjacent="no"),  # type: ignore[arg-type]
        TypeError,
        "^adjacent must be True or False, got 'no'",
    ),
    "pool": (lambda: skywork_reward_v2.retrieve([0.5], [[1.0]], None), TypeError, "^pool must hold integers, float32"),
    "flat pool": (
        lambda: skywork_reward_v2.retrieve([0.5], [[1.0]], [1.0]),
        ShapeError,
        r"^pool must be \[N, d\], got \[1\]",
    ),
    "step": (
        lambda: rps.neighbors([1.0, 0.0], step=1e-30),
        DomainError,
        r"^step must be at least \(high - low\) / 1e6 = 8e-05, got 1e-30",
    ),
    "optimizer": (
        lambda: egpo.extragradient_step(None, ONE.sum, print),  # type: ignore[arg-type]
        TypeError,
        r"^optimizer must be Optimizer\(\.\.\.\), got NoneType",
    ),
    "loss": (
        lambda: egpo.extragradient_step(DESCENT, ONE, print),  # type: ignore[arg-type]
        TypeError,
        "^loss must be a function, got tensor",
    ),
    "opponent": (
        lambda: egpo.extragradient_step(DESCENT, ONE.sum, 3),  # type: ignore[arg-type]
        TypeError,
        "^opponent must be a function, got 3",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name: str) -> None:
    function, error, text = ERRORS[name]
    with pytest.raises(error, match=text) as caught:
        function()
    assert isinstance(caught.value, PrefcoreError | TypeError)


def test_modules_are_imported_when_they_are_named() -> None:
    assert papers.osp is osp
    assert {"osp", "wimhf"} <= set(dir(papers))
    assert len(papers.__all__) == 50
    with pytest.raises(AttributeError, match=r"module 'prefcore\.papers' has no attribute 'opsm'"):
        _ = papers.opsm
