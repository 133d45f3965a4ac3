"""Who wins a preference game: Nash policy, maximal lottery, ratings with intervals and Schulze order, side by side.

    python examples/preference_game.py --data examples/data/win_probabilities.csv --out out/game

Every prompt is a voter: of two models it prefers the one with the higher probability of beating the common baseline. So
the models play a game whose payoffs need not be transitive, and each method says in its own way who is ahead.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from prefcore import games, ratings
from rated import InputError
from report import Stopwatch, machine, write_json, written_at_once
from standings import Standings, draw_standings, read_win_probabilities, table


def main(argv: Sequence[str] | None = None) -> None:
    """Do the job; what is wrong with the input is told in one sentence, with exit status 1."""
    args = arguments(argv)
    try:
        run(args)
    except InputError as error:
        sys.exit(f"error: {error}")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="CSV (or .csv.gz): a row for each prompt, a column for each model")
    add("--out", type=Path, required=True, help="folder for standings.json and standings.png")
    add("--beta", type=float, default=0.02, help="pull of the Nash policy to the uniform one, above 0")
    add("--resamples", type=int, default=200, help="bootstrap samples of the prompts, at least 2")
    add("--confidence", type=float, default=0.95, help="confidence level of the intervals")
    add("--seed", type=int, default=0, help="of the bootstrap")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Read, solve, rate, write."""
    if not 0 < args.beta < float("inf"):
        raise InputError(f"--beta must be a finite number above 0, got {args.beta}")
    if args.resamples < 2 or not 0 < args.confidence < 1:
        raise InputError(
            f"--resamples must be at least 2 and --confidence in (0, 1), got {args.resamples}, {args.confidence}"
        )
    watch = Stopwatch()
    models, probabilities = read_win_probabilities(args.data)
    prompts = len(probabilities)
    print(f"{prompts} prompts compare {len(models)} models")
    comparisons = compare(models, probabilities)
    watch.lap("read")
    with tqdm(total=5 + args.resamples, desc="solve", unit="step", dynamic_ncols=True) as progress:
        standings = solve(comparisons, args, progress)
    watch.lap("solve")
    print(table(models, standings))
    with written_at_once(args.out) as folder:
        write_json(folder / "standings.json", record(models, prompts, standings, args, watch))
        draw_standings(folder / "standings.png", models, standings)
    print(f"written to {args.out}: standings.json, standings.png")


def compare(models: Sequence[str], probabilities: np.ndarray) -> ratings.Comparisons:
    """Every prompt compares every pair of models; the prompt is the cluster, as its answers share their difficulty."""
    first, second = np.triu_indices(len(models), 1)
    margin = probabilities[:, first] - probabilities[:, second]
    prompts = np.repeat(np.arange(len(probabilities)), len(first))
    return ratings.Comparisons.from_outcomes(
        np.tile(first, len(probabilities)),
        np.tile(second, len(probabilities)),
        ((np.sign(margin) + 1) / 2).ravel(),
        n_items=len(models),
        clusters=prompts,
        names=models,
    )


def solve(comparisons: ratings.Comparisons, args: argparse.Namespace, progress: Any) -> Standings:
    """Each method on the same comparisons."""
    votes = comparisons.votes()
    payoff = comparisons.preference_matrix(unmet=0.5)
    nash = games.solve_nash_kl(payoff, beta=args.beta)
    progress.update()
    lottery = games.maximal_lottery(votes)
    progress.update()
    board = ratings.bradley_terry(comparisons)
    progress.update()
    schulze = games.schulze(votes)
    progress.update()

    def rated(sample: ratings.Comparisons) -> np.ndarray:
        progress.update()
        return ratings.bradley_terry(sample).theta

    spread = ratings.bootstrap(comparisons, rated, n_resamples=args.resamples, seed=args.seed)
    interval = spread.interval(confidence_level=args.confidence)
    ranks = spread.rank_intervals(confidence_level=args.confidence)
    return Standings(
        nash=nash.policy,
        nash_gap=float(nash.gap),
        lottery=lottery.policy,
        lottery_unique=bool(lottery.unique),
        points=ratings.elo_scale(board.theta),
        low=ratings.elo_scale(interval[0]),
        high=ratings.elo_scale(interval[1]),
        best_rank=ranks.best,
        worst_rank=ranks.worst,
        schulze=schulze.ranks,
        cyclic=ratings.cyclic_triples(comparisons),
    )


def record(
    models: Sequence[str], prompts: int, standings: Standings, args: argparse.Namespace, watch: Stopwatch
) -> dict[str, Any]:
    """Everything that the picture shows, in the order of the ratings."""
    order = np.argsort(-standings.points, kind="stable")
    rows = [standings.row(models, int(item)) for item in order]
    return {
        "prompts": prompts,
        "beta": args.beta,
        "resamples": args.resamples,
        "confidence_level": args.confidence,
        "nash_gap": standings.nash_gap,
        "lottery_unique": standings.lottery_unique,
        "cyclic_triples": int(standings.cyclic.cyclic),
        "triples": int(standings.cyclic.total),
        "models": rows,
        "seconds": watch.seconds,
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
