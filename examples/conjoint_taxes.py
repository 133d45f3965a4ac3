"""A forced-choice survey from answers to equilibrium: effects, the best profile, and what two parties would offer.

    python examples/conjoint_taxes.py --data taxes.csv.gz --out out/taxes

The defaults are the columns of the tax experiment of Ballard-Rosa, Martin and Scheve (2016). Any other survey in long
form, one row per profile, needs its own --factors, --outcome, --respondent, --group and --parties.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from tqdm import tqdm

mpl.use("Agg")  # no display is needed
from prefcore import conjoint as cj
from prefcore import plots
from prefcore.errors import PrefcoreError
from rated import InputError
from report import Stopwatch, machine, write_json, written_at_once
from survey import read_columns, sorted_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TAXES = "taxrate1,taxrate2,taxrate3,taxrate4,taxrate5,taxrate6,taxrev"


class Offer(NamedTuple):
    """What a party offers, as a picture takes it."""

    policy: tuple[np.ndarray, ...]
    policy_std_error: tuple[np.ndarray, ...] | None


class Answers(NamedTuple):
    """What the survey says."""

    effects: cj.EffectTable
    optimal: cj.PolicyResult
    bases: dict[str, cj.PolicyResult]
    equilibrium: cj.EquilibriumResult


def main(argv: Sequence[str] | None = None) -> None:
    """Do the job; what is wrong with the input is told in one sentence, with exit status 1."""
    args = arguments(argv)
    try:
        run(args)
    except (InputError, PrefcoreError) as error:
        sys.exit(f"error: {error}")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="CSV (or .csv.gz), one row for each profile")
    add("--out", type=Path, required=True, help="folder for survey.json and three pictures")
    add("--factors", default=TAXES, help="columns of the attributes, with commas between")
    add("--outcome", default="chose_plan", help="column: 1 for the chosen profile, else 0")
    add("--respondent", default="respondent", help="column of the respondents")
    add("--task", default=None, help="column of the tasks of a respondent; without it, pairs of rows are a task")
    add("--group", default="partyid", help="column of the voter groups; may be empty in some rows")
    add("--parties", default="Democrat,Republican", help="the two groups whose parties compete; all groups vote")
    add("--beta", type=float, default=0.05, help="pull of a policy to what it starts from, above 0")
    add("--confidence", type=float, default=0.95, help="confidence level of the intervals")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Read, estimate, solve, write."""
    if not 0 < args.beta < float("inf") or not 0 < args.confidence < 1:
        raise InputError(f"--beta must be above 0 and --confidence in (0, 1), got {args.beta}, {args.confidence}")
    watch = Stopwatch()
    data = read(args)
    watch.lap("read")
    print(data)
    parties = [name.strip() for name in args.parties.split(",")]
    if len(parties) != 2 or not set(parties) <= set(data.group_labels):
        raise InputError(f"--parties must name two of the groups {data.group_labels}, got {args.parties!r}")
    with tqdm(total=4, desc="solve", unit="step", dynamic_ncols=True) as progress:
        answers = solve(data, parties, args.beta, progress)
    watch.lap("solve")
    print(answers.equilibrium)
    with written_at_once(args.out) as folder:
        write_json(folder / "survey.json", record(data, answers, parties, args, watch))
        draw(folder, data, answers, parties, args.confidence)
    print(f"written to {args.out}: survey.json, effects.png, optimal.png, equilibrium.png")


def read(args: argparse.Namespace) -> cj.ConjointData:
    """The survey, with the levels of each factor in the order of the numbers in their names."""
    factors = [name.strip() for name in args.factors.split(",")]
    columns = [*factors, args.outcome, args.respondent, args.group, *([args.task] if args.task else [])]
    frame = read_columns(args.data, columns, numbers=[args.outcome], may_be_empty=[args.group])
    design = cj.Design({name: sorted_levels(frame[name]) for name in factors})
    return cj.ConjointData.from_frame(
        frame,
        factors=factors,
        outcome=args.outcome,
        respondent=args.respondent,
        task=args.task,
        rows_per_task=None if args.task else 2,
        group=args.group,
        design=design,
    )


def solve(data: cj.ConjointData, parties: Sequence[str], beta: float, progress: Any) -> Answers:
    """Effects, the profile that wins most against the design, and the equilibrium of the two parties.

    Each party starts from what its own voters like best, and is pulled back to that; everybody votes, independents too.
    """
    effects = cj.amce(data)
    progress.update()
    optimal = cj.optimal_policy(cj.fit_outcome_logit(data, intercept=False), beta=beta)
    progress.update()
    models = {name: cj.fit_outcome_logit(part, intercept=False) for name, part in data.by_group().items()}
    progress.update()
    bases = {name: cj.optimal_policy(models[name], beta=beta) for name in parties}
    slates = [cj.Design(levels(data), probs=bases[name].policy) for name in parties]
    game = cj.Game(models, slate_a=slates[0], slate_b=slates[1])
    equilibrium = cj.equilibrium(game, beta=beta)
    progress.update()
    return Answers(effects, optimal, bases, equilibrium)


def levels(data: cj.ConjointData) -> dict[str, tuple[str, ...]]:
    """Names of the levels of each factor."""
    return dict(zip(data.design.factors, data.design.levels, strict=True))


def record(
    data: cj.ConjointData, answers: Answers, parties: Sequence[str], args: argparse.Namespace, watch: Stopwatch
) -> dict[str, Any]:
    """Everything that the pictures show."""
    equilibrium = answers.equilibrium
    low, high = answers.effects.interval(confidence_level=args.confidence)
    effects = {
        "factor": list(answers.effects.factor),
        "level": list(answers.effects.level),
        "estimate": np.asarray(answers.effects.estimate).tolist(),
        "low": np.asarray(low).tolist(),
        "high": np.asarray(high).tolist(),
    }
    return {
        "tasks": data.n_tasks,
        "respondents": data.n_respondents,
        "parties": list(parties),
        "beta": args.beta,
        "confidence_level": args.confidence,
        "amce": effects,
        "optimal": named(data, answers.optimal.policy),
        "optimal_value": float(answers.optimal.value),
        "bases": {name: named(data, base.policy) for name, base in answers.bases.items()},
        "equilibrium": {
            parties[0]: named(data, equilibrium.policy_a),
            parties[1]: named(data, equilibrium.policy_b),
        },
        "vote_share": float(equilibrium.value),
        "vote_share_by_group": {str(group): float(share) for group, share in equilibrium.by_group.items()},
        "gap": float(equilibrium.gap),
        "seconds": watch.seconds,
        "machine": machine(),
    }


def named(data: cj.ConjointData, policy: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
    """Probability of each level, by name."""
    parts = zip(data.design.factors, data.design.levels, policy, strict=True)
    return {factor: dict(zip(names, part.tolist(), strict=True)) for factor, names, part in parts}


def draw(folder: Path, data: cj.ConjointData, answers: Answers, parties: Sequence[str], confidence: float) -> None:
    """Three pictures."""
    axes = plots.effect_forest(answers.effects, confidence_level=confidence)
    save(axes, "Average marginal component effects, errors by respondent", folder / "effects.png")
    bars = partial(plots.policy_bars, design=data.design, confidence_level=confidence)
    optimal = {"best against the design": answers.optimal, "design": data.design.probs}
    save(bars(optimal), "Policy that wins most", folder / "optimal.png")
    both = answers.equilibrium
    offers = [Offer(both.policy_a, both.policy_a_std_error), Offer(both.policy_b, both.policy_b_std_error)]
    bases = {f"liked best by {name} voters": base.policy for name, base in answers.bases.items()}
    axes = bars({**dict(zip(parties, offers, strict=True)), **bases})
    save(axes, "Offers in equilibrium", folder / "equilibrium.png")


def save(axes: "Axes", title: str, path: Path) -> None:
    """Write a picture."""
    axes.set_title(title)
    axes.figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
