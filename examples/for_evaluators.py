"""For those who evaluate: from votes to a leaderboard, whether it exists, how sure it is, and how good a judge is.

Runs as a script, or cell by cell in Jupyter and VS Code. `prefcore rate data/votes.csv` says why cell 3
leaves one model out, with `--ridge 0.1` it rates all.
"""

# %% Where the data are and the pictures go
import argparse
import csv
from pathlib import Path

import numpy as np

from prefcore import games, metrics, plots, ratings

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", type=Path, default=Path("out/for_evaluators"), help="folder for three pictures")
out = parser.parse_known_args()[0].out
out.mkdir(parents=True, exist_ok=True)
data = (Path(__file__).parent if "__file__" in globals() else Path.cwd()) / "data"  # a notebook has no __file__

# %% 1. Votes: two models answer a prompt, and a person says whose answer is better
with (data / "votes.csv").open(encoding="utf-8", newline="") as file:
    votes = list(csv.DictReader(file))
items = ratings.factorize([vote["model_a"] for vote in votes], [vote["model_b"] for vote in votes])
outcomes = ratings.parse_winners([vote["winner"] for vote in votes])  # 1 the first, 0 the second, 0.5 a tie
arena = ratings.Comparisons.from_outcomes(items.first, items.second, outcomes, names=items.names)
print(arena)

# %% 2. Is there a leaderboard? Not while a model has never lost: the votes fit best if its rating is infinite
verdict = ratings.connectivity(arena)
unbeaten = [items.names[item] for item in verdict.undefeated]
print(f"a rating of all models exists: {verdict.rating_exists}; nobody has beaten {', '.join(unbeaten)}")
known = np.setdiff1d(np.arange(len(items.names)), verdict.undefeated)
rated = arena.select(known)  # the newcomer waits for more votes; bradley_terry(arena, ridge=1) would shrink it instead

# %% 3. Ratings, and which ranks the votes leave open
board = ratings.bradley_terry(rated)
resampled = ratings.bootstrap(rated, lambda sample: ratings.bradley_terry(sample).theta, n_resamples=200, seed=0)
ranks = resampled.rank_intervals(confidence_level=0.95)
points = ratings.elo_scale(board.theta)
for item in np.argsort(-points):
    print(f"{rated.names[item]:<8}{points[item]:8.1f}  rank {ranks.best[item]} to {ranks.worst[item]}")
figure = plots.rating_forest(board, intervals=resampled).figure
figure.savefig(out / "ratings.png", dpi=120, bbox_inches="tight")

# %% 4. Who beats whom; where majorities run in circles, one number per model hides something
circles = ratings.cyclic_triples(rated)
print(f"{circles.cyclic} of {circles.total} triples run in a circle")
lottery = games.maximal_lottery(rated.votes())  # no other choice wins against this one
print(
    "beaten by none:",
    {rated.names[item]: round(float(lottery.policy[item]), 3) for item in lottery.policy.nonzero()[0]},
)
figure = plots.win_rate_matrix(rated, order=np.argsort(-board.theta)).figure
figure.savefig(out / "wins.png", dpi=120, bbox_inches="tight")

# %% 5. May an LLM vote instead? Its probability that the first answer is better, where people were not undecided
judge = np.array([float(vote["judge"]) for vote in votes])
decided = outcomes != 0.5
people, says = outcomes[decided].astype(int), judge[decided]
same = people == (says > 0.5)
kappa = metrics.cohen_kappa(people, (says > 0.5).astype(int))  # beyond chance: 0 none, 1 all
print(f"judge and people agree on {same.mean():.3f}, kappa {kappa:.3f}, ROC AUC {metrics.roc_auc(says, people):.3f}")

# %% 6. Right often, and yet too sure of the first place: below the diagonal it promises more wins than there are
error = metrics.expected_calibration_error(says, people, n_bins=10)
first = metrics.bootstrap_mean(judge, seed=0)
print(f"calibration error {error:.3f}; first place wins {first.estimate:.3f} ({first.lower:.3f} to {first.upper:.3f})")
figure = plots.calibration_curve(metrics.calibration_curve(says, people, n_bins=10)).figure
figure.savefig(out / "judge.png", dpi=120, bbox_inches="tight")
