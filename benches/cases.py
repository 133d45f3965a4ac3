"""One `BenchCase` per function whose point is speed, with its rivals by name."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import conjoint_adversarial
import conjoint_effects
import conjoint_outcome
import conjoint_policy
import games_dynamics
import games_exact
import games_kl
import games_regret
import games_torch
import games_voting
import linear
import listwise
import pairs
import ratings
import ratings_bootstrap
import ratings_bt
import ratings_elo
import regression
import retrieval
import scores
import selection
import tokens
import trec
import trl_step
import winrate
from prefcore.cli import _cases

Contenders = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class BenchCase:
    """A function, the input it is timed on, and the contenders that compute the same."""

    name: str
    #: device -> the input in words; a case runs on the devices named here
    shape: dict[str, str]
    #: pytest arguments of the tests that must be green
    tests: tuple[str, ...]
    #: device -> contenders, "prefcore" first; a name ending in "/k" runs on 1/k of the input
    make: Callable[[str], Contenders]
    #: by how much the floats of the contenders may differ, relative and absolute
    tolerance: float = 1e-9
    #: device -> error of a result against float64, for cases whose contenders differ in it
    error: Callable[[str], Callable[[Any], float]] | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(self.shape)


def _on_cpu(case: _cases.Case) -> Callable[[str], Contenders]:
    """A case of `prefcore bench`, which knows no devices."""
    return lambda _device: case.make()


def _tests_of(case: _cases.Case) -> str:
    return f"tests/{case.name.split('.')[0]}"


def ppo_clip(device: str) -> Contenders:
    """Forward and gradient with mask and penalty, at the drift between two updates."""
    import torch

    from prefcore import losses

    generator = torch.Generator().manual_seed(5)
    rows, width = (512, 8192) if device == "cuda" else (32, 2048)
    old, new, ref = torch.randn(3, rows, width, generator=generator)
    old, logps, ref = (x.to(device) for x in (old, old + 0.1 * new, old + 0.1 * ref))
    advantages, mask = torch.randn(rows, generator=generator).to(device), (new < 0.5).to(device)
    logps.requires_grad_()
    given = old, advantages, mask, ref
    contenders = {
        "prefcore": lambda: tokens.with_gradient(
            lambda x, _: losses.ppo_clip(x, old, advantages, mask=mask, ref_logps=ref, kl_coef=0.04), logps, None
        ),
        "torch, eager": lambda: tokens.with_gradient(lambda x, _: _ppo_clip_eager(x, *given), logps, None),
    }
    if device == "cuda":
        compiled = torch.compile(_ppo_clip_eager)
        contenders["torch, compiled"] = lambda: tokens.with_gradient(lambda x, _: compiled(x, *given), logps, None)
    return contenders


def _ppo_clip_eager(logps: Any, old: Any, advantages: Any, mask: Any, ref: Any) -> Any:
    """The chain of a trainer: overflows at wide gaps, and the penalty cancels at narrow ones."""
    import torch

    ratio, advantages = (logps - old).exp(), advantages.unsqueeze(1)
    gain = torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    gap = ref - logps
    return (0.04 * (gap.exp() - gap - 1) - gain) * mask


def imports(_device: str) -> Contenders:
    """Whole processes: what a command-line user waits for."""
    return {
        "prefcore": lambda: _python("import prefcore"),
        "bare interpreter": lambda: _python("pass"),
        "import numpy": lambda: _python("import numpy"),
        "import torch": lambda: _python("import torch"),
    }


def _python(program: str) -> int:
    return subprocess.run([sys.executable, "-c", program], check=True).returncode


#: torch rounds f32 sums of 32,000 terms, and on cuda its results to bf16, also the log-sum-exp before a gradient
ROUNDED = 5e-2
POLICY = {"cpu": "[32, 2048] f32, mask and k3", "cuda": "[512, 8192] f32, mask and k3"}
WEIGHTED_TESTS = ("tests/ops", "-k", "weighted_sequence_logps")
POLICY_TESTS = ("tests/ops", "-k", "ppo_clip")
PAIRED_TESTS = ("tests/test_paired.py",)
TOKEN_TESTS = ("tests/ops", "-k", "token_stats and not linear")
NASH = ("tests/games/test_exact.py",)
NASH_KL = ("tests/games/test_regularized.py",)
LISTS = ("tests/ops", "tests/losses/test_listwise.py", "-k", "list")
LINEAR = ("tests/ops", "tests/test_linear.py", "-k", "linear")
GROUP_TESTS = ("tests/ops", "tests/scores", "-k", "group")
GAE_TESTS = ("tests/ops", "tests/scores", "-k", "gae")
NASH_TESTS = ("tests/ops", "tests/scores/test_games.py", "-k", "kl_nash or equilibrium")
#: bf16 products of the contenders on cuda; their errors against float64 are in the table
ROUNDED_OPERANDS = 5e-2
CASES = [
    *(
        BenchCase(case.name, {"cpu": case.shape}, (_tests_of(case),), _on_cpu(case), case.tolerance)
        for case in _cases.CASES
    ),
    BenchCase("import prefcore", {"cpu": "a new process"}, ("tests/test_packaging.py", "-k", "import"), imports),
    BenchCase("pairs.all_pairs", {"cpu": f"{pairs.GROUPS}, min_gap 0.5"}, ("tests/pairs",), pairs.all_pairs),
    BenchCase("pairs.best_worst", {"cpu": pairs.GROUPS}, ("tests/pairs",), pairs.best_worst),
    BenchCase(
        "conjoint.equilibrium",
        conjoint_adversarial.EQUILIBRIUM,
        ("tests/conjoint",),
        conjoint_adversarial.equilibrium,
        1e-8,
    ),
    BenchCase(
        "conjoint.equilibrium with errors",
        conjoint_adversarial.ERRORS,
        ("tests/conjoint",),
        conjoint_adversarial.with_errors,
        1e-8,
    ),
    BenchCase("conjoint.policy_path", conjoint_policy.PATH, ("tests/conjoint",), conjoint_policy.path, 1e-8),
    BenchCase("conjoint.expected_value", conjoint_policy.VALUE, ("tests/conjoint",), conjoint_policy.value),
    BenchCase("metrics.fit_logit", regression.SHAPE, ("tests/metrics/test_regression.py",), regression.fit_logit, 1e-6),
    BenchCase(
        "metrics.kendall_tau/million", {"cpu": "1 list of 1e6 f64"}, ("tests/metrics",), retrieval.kendall_million
    ),
    BenchCase("cli.rank", trec.FILES, ("tests/cli/test_rank.py",), trec.rank),
    BenchCase("metrics.ndcg", retrieval.LISTS["f64"], ("tests/metrics",), retrieval.ndcg),
    BenchCase("metrics.ndcg/f32", retrieval.LISTS["f32"], ("tests/metrics",), retrieval.ndcg_f32),
    BenchCase("metrics.krippendorff_alpha", winrate.RATINGS, winrate.AGREEMENT_TESTS, winrate.krippendorff),
    BenchCase("metrics.krippendorff_alpha/few", winrate.FEW_RATINGS, winrate.AGREEMENT_TESTS, winrate.krippendorff_few),
    BenchCase("metrics.best_of_n", winrate.SAMPLES, winrate.SAMPLING_TESTS, winrate.best_of_n),
    BenchCase("selection.top_k", {"cpu": "1e5 groups of 8-64 f64, k 4"}, ("tests/selection",), selection.top_k),
    BenchCase(
        "selection.top_k_cosine",
        {"cpu": "1e3 queries, pool of 1e5, 256 columns, f32, k 10"},
        ("tests/selection",),
        selection.top_k_cosine,
        1e-5,
    ),
    BenchCase("logps.token_logps", tokens.SHAPE, TOKEN_TESTS, tokens.token_logps_forward, ROUNDED),
    BenchCase("logps.token_logps/bf16", tokens.HALF, TOKEN_TESTS, tokens.token_logps_half, ROUNDED),
    BenchCase("logps.token_logps/backward", tokens.SHAPE, TOKEN_TESTS, tokens.token_logps_backward, ROUNDED),
    BenchCase("logps.token_stats", tokens.SHAPE, TOKEN_TESTS, tokens.token_stats_forward, ROUNDED),
    BenchCase(
        "logps.weighted_sequence_logps/backward",
        tokens.SHAPE,
        WEIGHTED_TESTS,
        tokens.weighted_sequence_logps,
        ROUNDED,
    ),
    BenchCase("losses.ppo_clip/backward", POLICY, POLICY_TESTS, ppo_clip, 1e-4),
    BenchCase("scores.group_advantage", scores.GROUPS["f64"], GROUP_TESTS, scores.group_advantage, 1e-6),
    BenchCase("scores.group_advantage/f32", scores.GROUPS["f32"], GROUP_TESTS, scores.group_advantage_f32, 1e-3),
    BenchCase("scores.gae", scores.TOKENS, GAE_TESTS, scores.gae, 1e-4),
    BenchCase("scores.kl_nash", games_torch.SHAPE, NASH_TESTS, games_torch.kl_nash, 1e-4),
    BenchCase("logps.paired_token_stats", tokens.PAIRED, PAIRED_TESTS, tokens.paired_forward, ROUNDED),
    BenchCase("logps.paired_token_stats/bf16", tokens.PAIRED_HALF, PAIRED_TESTS, tokens.paired_forward_bf16, ROUNDED),
    BenchCase("logps.paired_token_stats/backward", tokens.PAIRED, PAIRED_TESTS, tokens.paired_backward, ROUNDED),
    BenchCase(
        "logps.linear_token_stats",
        linear.SHAPE,
        LINEAR,
        linear.forward,
        0.5,  # logits rounded to bf16 by a rival are off by as much
        linear.logps_error,
    ),
    BenchCase(
        "logps.linear_token_stats/backward, half masked",
        linear.SHAPE,
        LINEAR,
        linear.half_masked,
        ROUNDED_OPERANDS,
    ),
    BenchCase(
        "logps.linear_token_stats/backward",
        linear.SHAPE,
        LINEAR,
        linear.forward_backward,
        ROUNDED_OPERANDS,
        linear.gradient_error,
    ),
    BenchCase(
        "logps.linear_token_stats/backward, 3 of 4 rows without gradient",
        linear.SHAPE,
        LINEAR,
        linear.three_quarters_zero,
        ROUNDED_OPERANDS,
        lambda device: linear.gradient_error(device, every=4),
    ),
    BenchCase(
        "logps.linear_token_stats/backward, frozen head",
        linear.SHAPE,
        LINEAR,
        linear.frozen_head,
        ROUNDED_OPERANDS,
        linear.gradient_error,
    ),
    BenchCase("games.solve_nash/many", games_exact.MANY, NASH, games_exact.many, 1e-8),
    BenchCase("games.solve_nash/100", games_exact.MEDIUM, NASH, games_exact.one(100, "highs"), 1e-8),
    BenchCase("games.solve_nash/300", games_exact.LARGE, NASH, games_exact.one(300, "highs"), 1e-8),
    BenchCase("games.solve_nash/1000", games_exact.LARGEST, NASH, games_exact.one(1000, "highs-ipm"), 1e-8),
    BenchCase("games.solve_nash_kl/many", games_kl.MANY, NASH_KL, games_kl.many, 1e-8),
    BenchCase("games.solve_nash_kl/1000", games_kl.LARGE, NASH_KL, games_kl.large, 1e-8),
    BenchCase("losses.plackett_luce/backward", listwise.SHAPE, LISTS, listwise.plackett_luce, 1e-9),
    BenchCase("losses.listmle/backward", listwise.SHAPE, LISTS, listwise.listmle, 1e-9),
    BenchCase("losses.ranknet/backward", listwise.SHAPE, LISTS, listwise.ranknet, 2e-6),
    BenchCase("losses.lambdarank/backward", listwise.SHAPE, LISTS, listwise.lambdarank, 2e-6),
    BenchCase("losses.soft_rank/backward", listwise.SHAPE, LISTS, listwise.soft_rank, 1e-6),
    BenchCase(
        "games.predictive_regret_matching_plus",
        games_regret.REGRET_SHAPE,
        ("tests/games/test_regret.py",),
        games_regret.predictive_regret_matching_plus,
    ),
    BenchCase(
        "games.extragradient",
        games_dynamics.BATCH_SHAPE,
        ("tests/games/test_dynamics.py",),
        games_dynamics.extragradient_batch,
    ),
    BenchCase(
        "games.extragradient/one",
        games_dynamics.ONE_SHAPE,
        ("tests/games/test_dynamics.py",),
        games_dynamics.extragradient_one,
    ),
    BenchCase("games.duality_gap", games_regret.GAP_SHAPE, ("tests/games/test_gaps.py",), games_regret.duality_gap),
    BenchCase("games.schulze", games_voting.SCHULZE_SHAPE, ("tests/games/test_voting.py",), games_voting.schulze),
    BenchCase("games.kemeny", games_voting.KEMENY_SHAPE, ("tests/games/test_voting.py",), games_voting.kemeny),
    BenchCase(
        "games.pairwise_votes",
        games_voting.BALLOTS_SHAPE,
        ("tests/games/test_voting.py",),
        games_voting.pairwise_votes,
    ),
    BenchCase("games.gpm_matvec", games_voting.MATVEC_SHAPE, ("tests/games/test_gpm.py",), games_voting.gpm_matvec),
    BenchCase(
        "conjoint.fit_outcome_logit",
        conjoint_outcome.SHAPE,
        ("tests/conjoint/test_outcome.py",),
        conjoint_outcome.main,
        1e-7,
    ),
    BenchCase(
        "conjoint.fit_outcome_logit, interactions",
        conjoint_outcome.FULL_SHAPE,
        ("tests/conjoint/test_outcome.py",),
        conjoint_outcome.full,
        1e-7,
    ),
    BenchCase(
        "conjoint.fit_outcome_logit, large",
        conjoint_outcome.LARGE_SHAPE,
        ("tests/conjoint/test_outcome.py",),
        conjoint_outcome.large,
        1e-7,
    ),
    BenchCase(
        "ratings.bradley_terry",
        ratings_bt.SHAPE,
        ("tests/ratings/test_bradley_terry.py",),
        ratings_bt.bradley_terry,
        1e-6,
    ),
    BenchCase(
        "ratings.bradley_terry/strings",
        ratings_bt.NAMES_SHAPE,
        ("tests/ratings/test_bradley_terry.py", "tests/ratings/test_strings.py"),
        ratings_bt.from_strings,
        1e-6,
    ),
    BenchCase(
        "ratings.bootstrap",
        ratings_bootstrap.SHAPE,
        ("tests/ratings/test_bootstrap.py",),
        ratings_bootstrap.bootstrap,
        1e-6,
    ),
    BenchCase("ratings.davidson", ratings_bt.TIES_SHAPE, ("tests/ratings/test_ties.py",), ratings_bt.davidson, 1e-6),
    BenchCase(
        "ratings.contextual_bradley_terry",
        ratings_bt.FEATURES_SHAPE,
        ("tests/ratings/test_contextual.py",),
        ratings_bt.contextual,
        1e-7,
    ),
    BenchCase("ratings.from_outcomes", ratings.ROWS, ratings.ROWS_TESTS, ratings.from_outcomes),
    BenchCase("ratings.factorize", ratings.NAMES, ratings.NAMES_TESTS, ratings.factorize),
    BenchCase("conjoint.amce", conjoint_effects.SHAPE, conjoint_effects.TESTS, conjoint_effects.amce, 1e-9),
    BenchCase(
        "conjoint.marginal_means", conjoint_effects.SHAPE, conjoint_effects.TESTS, conjoint_effects.marginal_means
    ),
    BenchCase(
        "conjoint.conditional_logit",
        conjoint_effects.CHOICE_SHAPE,
        conjoint_effects.CHOICE_TESTS,
        conjoint_effects.conditional_logit,
        1e-6,
    ),
    BenchCase("ratings.elo", ratings_elo.SHAPE, ("tests/ratings/test_elo.py",), ratings_elo.elo),
    *(
        [
            BenchCase(
                "integrations.trl.patch/DPO step",
                trl_step.SHAPE,
                ("tests/integrations/test_trl_kernel.py",),
                trl_step.dpo_step,
                1e-5,
            )
        ]
        if trl_step.INSTALLED
        else []
    ),
]
