"""For those who run surveys: from choices between two profiles to effects, the offer that wins most, and rival offers.

Runs as a script, or cell by cell in Jupyter and VS Code. A program for your own survey is conjoint_taxes.py.
"""

# %% Where the data are and the pictures go
import argparse
import csv
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from prefcore import conjoint as cj
from prefcore import plots

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", type=Path, default=Path("out/for_surveys"), help="folder for three pictures")
out = parser.parse_known_args()[0].out
out.mkdir(parents=True, exist_ok=True)
data = (Path(__file__).parent if "__file__" in globals() else Path.cwd()) / "data"  # a notebook has no __file__

# %% 1. The survey: a row for each profile, two in a task, and the order of the levels (the first is the reference)
levels = {
    "fare": ["free", "1 euro", "2 euros"],
    "service": ["every 30 min", "every 15 min", "every 5 min"],
    "paid_by": ["property tax", "parking fees"],
    "night_bus": ["no", "yes"],
}
with (data / "survey.csv").open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
frame: dict[str, list[object]] = {name: [row[name] for row in rows] for name in rows[0]}
frame["chosen"] = [int(row["chosen"]) for row in rows]
columns = {"outcome": "chosen", "respondent": "respondent", "task": "task", "group": "lives_in"}
survey = cj.ConjointData.from_frame(frame, factors=list(levels), **columns, design=cj.Design(levels))
print(survey)

# %% 2. Effects: how much more often a profile is chosen with this level than with the reference; errors by respondent
effects = cj.amce(survey)
low, high = effects.interval(confidence_level=0.95)
for names in zip(effects.factor, effects.level, effects.estimate, low, high, strict=True):
    print("{:<10}{:<14}{:+.3f} ({:+.3f} to {:+.3f})".format(*names))
plots.effect_forest(effects).figure.savefig(out / "effects.png", dpi=120, bbox_inches="tight")

# %% 3. Who wants what: effects of two groups depend on the reference, marginal means can be compared
groups = survey.by_group()
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharex=True, layout="constrained")
for ax, (name, part) in zip(axes, groups.items(), strict=True):
    plots.effect_forest(cj.marginal_means(part), ax=ax).set_title(f"{name}, {part.n_respondents} respondents")
figure.savefig(out / "groups.png", dpi=120)

# %% 4. The offer that wins most. beta holds it near what was shown: a larger one asks less of the model
everybody = cj.fit_outcome_logit(survey, intercept=False)
best = cj.optimal_policy(everybody, beta=0.05)
print(f"the best offer beats what was shown in {best.value:.3f} of the choices")

# %% 5. Two parties, each for one group, both after every vote: from here neither gains by another offer
voters = {name: cj.fit_outcome_logit(part, intercept=False) for name, part in groups.items()}
own = {name: cj.optimal_policy(model, beta=0.05).policy for name, model in voters.items()}
slates = [cj.Design(levels, probs=own[name]) for name in ("town", "country")]  # each starts from what its voters like
rivals = cj.equilibrium(cj.Game(voters, slate_a=slates[0], slate_b=slates[1]), beta=0.05)
print(f"in equilibrium the town party has {rivals.value:.3f} of the votes: ", end="")
print({name: round(float(share), 3) for name, share in rivals.by_group.items()}, f"gap {rivals.gap:.1e}")
for factor, names, town, country in zip(levels, levels.values(), rivals.policy_a, rivals.policy_b, strict=True):
    print(f"{factor}: town {names[int(np.argmax(town))]!r}, country {names[int(np.argmax(country))]!r}")
offers = {"best for all": best, "town party": rivals.policy_a, "country party": rivals.policy_b}
figure = plots.policy_bars(offers, design=survey.design).figure
figure.savefig(out / "offers.png", dpi=120, bbox_inches="tight")
