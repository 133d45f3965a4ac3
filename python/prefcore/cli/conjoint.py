"""`prefcore conjoint`: effects, the best policy and the equilibrium of a survey."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prefcore.cli import _options as o
from prefcore.cli._rejects import Counts, Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, print_table, say

if TYPE_CHECKING:
    from prefcore.cli._survey import Answers, Results

Penalty = Literal["kl", "l2"]


def conjoint(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="One row per profile: .csv, .jsonl, .parquet, .arrow.")],
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="Says what the columns are: .toml or .json.")
    ],
    beta: Annotated[
        float | None, typer.Option("--beta", min=0, help="Pull of policies to what was shown; default 0.1.")
    ] = None,
    penalty: Annotated[str | None, typer.Option("--penalty", help="Form of the pull: kl (default) or l2.")] = None,
    vcov: Annotated[str, typer.Option("--vcov", help="Errors of the effects: CR0, CR1, survey, ...")] = "CR1",
    confidence_level: o.Confidence = 0.95,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for effects and policy, as .csv and .png.")
    ] = None,
    html: o.Html = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Effects and policies of a survey. AMCE, the policy that wins most, with voter groups the equilibrium of parties.

    The config names factors, outcome, respondent, and as needed task or rows_per_task, group, weight, levels, probs,
    restrictions, interactions, electorate, beta, penalty. The first of levels is the reference.

    Example: prefcore conjoint survey.csv --config survey.toml --out results
    """
    from prefcore.cli import _pictures, _survey, _write

    if not 0 < confidence_level < 1:
        raise Stop(Code.USAGE, "--confidence-level must be between 0 and 1")
    settings = _survey.read_config(config)
    settings |= {name: value for name, value in (("beta", beta), ("penalty", penalty)) if value is not None}
    files = [] if out is None else [out / "effects.csv", out / "policy.csv", out / "effects.png", out / "policy.png"]
    if html is not None:
        _pictures.refuse_page(html, data, config, rejects, overwrite=overwrite, confidence_level=confidence_level)
    if out is not None:
        out.mkdir(exist_ok=True)
    for file in files:
        _write.refuse_place(file, data, config, rejects, overwrite=overwrite)
    with Rejects(data, file=rejects, limit=max_rejects, overwrite=overwrite) as bad:
        survey = _survey.read(data, config, settings, bad)
    try:
        answers, results = _survey.answer(survey, settings, vcov, confidence_level)
    except TypeError as error:  # a value of the configuration
        raise Stop(Code.INPUT, f"{config}: {error}") from None
    for file, table in zip(files, (answers.effects, answers.policy), strict=False):
        _write.write_table(file, table)
    if out is not None and _pictures.can_draw():
        _draw(files[2:], results, survey.design, confidence_level)
    elif out is not None:
        sys.stderr.write("prefcore: no pictures: they need matplotlib: pip install 'prefcore[plot]'\n")
    if html is not None:
        _pictures.save_page(html, partial(_page, results))
    if as_json:
        print_json(rows=bad.counts, **answers._asdict())
    else:
        _printed(answers, bad.counts)


def _draw(files: list[Path], results: "Results", design: Any, confidence_level: float) -> None:
    from prefcore import plots
    from prefcore.cli import _pictures

    _pictures.save(files[0], plots.effect_forest(results.effects, confidence_level=confidence_level))
    bars = plots.policy_bars(results.policies, design=design, confidence_level=confidence_level)
    _pictures.save(files[1], bars)


def _page(results: "Results", path: Path) -> Path:
    from prefcore import report

    policies = {name: results.policies[name] for name in ("shown", "optimal")}
    return report.conjoint(results.effects, path, policies=policies, equilibrium=results.equilibrium)


def _printed(answers: "Answers", counts: Counts) -> None:
    print_table(answers.effects)
    say()
    print_table(answers.policy)
    say()
    policy: dict[str, Any] = answers.optimal
    say("policy: wins {value:.4f}, what was shown {baseline_value:.4f}, {status}".format(**policy))
    if answers.equilibrium is not None:
        say("equilibrium: a wins {value:.4f}, gap {gap:.3g}, {status}".format(**answers.equilibrium))
    say(answers.survey)
    say(str(counts))
