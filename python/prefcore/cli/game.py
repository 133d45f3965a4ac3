"""`prefcore game`: the policy that no other beats, and what voting rules say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prefcore.cli import _options as o
from prefcore.cli._run import Code, Stop, near
from prefcore.cli._tables import print_json, print_table, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Kind = Literal["preference", "payoff", "votes"]
RULES = ("borda", "copeland", "minimax", "schulze", "ranked-pairs", "kemeny")


def game(
    matrix: Annotated[Path, typer.Argument(metavar="MATRIX", help="Row against column: .csv, .json or .npy.")],
    kind: Annotated[
        Kind, typer.Option("--kind", help="Entries: win probabilities, margins, or counts of wins.")
    ] = "preference",
    beta: Annotated[float, typer.Option("--beta", min=0, help="Pull of the policy to a reference; 0: none.")] = 0.0,
    ref: Annotated[
        Path | None,
        typer.Option("--ref", metavar="FILE", help="The reference: columns item and probability; else all alike."),
    ] = None,
    symmetrize: Annotated[
        bool, typer.Option("--symmetrize", help="Average the two orders of each pair first.")
    ] = False,
    selection: Annotated[
        Literal["max-entropy", "center", "vertex"], typer.Option("--selection", help="Which of several equilibria.")
    ] = "max-entropy",
    rules: Annotated[
        str, typer.Option("--rules", metavar="LIST", help=f"Voting rules to show, of {', '.join(RULES)}.")
    ] = ",".join(RULES[:5]),
    out: o.Out = None,
    plot: o.Plot = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> Code:
    """Nash policy of a preference matrix. With its certificate, the maximal lottery, and voting rules side by side.

    The file: .csv with a line of names and a line per item, .json ({"names": [...], "matrix": [[...], ...]}) or .npy.

    Example: prefcore game win_rates.csv --beta 0.05 --plot ranks.svg
    """
    from prefcore import games
    from prefcore.cli import _pictures, _write
    from prefcore.cli._matrix import read_matrix

    chosen = _rules(rules)
    if ref is not None and beta == 0:
        raise Stop(Code.USAGE, "--ref needs --beta above 0")
    if out is not None:
        _write.refuse_output(out, matrix, ref, overwrite=overwrite)
    if plot is not None:
        _pictures.refuse_plot(plot, matrix, ref, overwrite=overwrite)
    names, values = read_matrix(matrix)
    payoff = _payoff(values, kind, symmetrize)
    log_ref = None if ref is None else _log_ref(ref, names)
    if beta > 0:
        solved = games.solve_nash_kl(payoff, beta=beta, log_ref=log_ref, strict=False)
    else:
        solved = games.solve_nash(payoff, selection=selection.replace("-", "_"), strict=False)
    if kind == "preference" and solved.value != 0.5:
        text = f"{matrix}: pairs of win probabilities must sum to 1, got {2 * solved.value:g}"
        raise Stop(Code.INPUT, f"{text}; --symmetrize averages the two orders, --kind payoff takes margins")
    votes = _votes(payoff, values, kind)
    table = {"item": list(names), "policy": solved.policy, "lottery": games.maximal_lottery(votes).policy}
    table |= {rule: _ranks(rule, votes) for rule in chosen}
    if out is not None:
        _write.write_table(out, table)
    if plot is not None:
        _draw(plot, table)
    record = {
        name: getattr(solved, name) for name in ("value", "gap", "gap0", "kl_ref", "unique", "status", "residual")
    }
    if as_json:
        print_json(table=table, **record)
    else:
        _printed(table, record, solved.converged)
    return Code.DONE if solved.converged else Code.VERDICT


def _draw(path: Path, table: dict[str, Any]) -> None:
    """Where each item stands by each rule; probabilities that differ by rounding are equal."""
    import numpy as np

    from prefcore import plots
    from prefcore.cli import _pictures

    chances = {name: np.round(table[name], 9) for name in ("policy", "lottery")}
    scores = {name: -column for name, column in table.items() if name not in {"item", *chances}} | chances
    _pictures.save(path, plots.score_comparison(scores, names=table["item"]))


def _printed(table: dict[str, Any], record: dict[str, Any], converged: bool) -> None:
    print_table(table)
    say()
    only = {True: "the only equilibrium", False: "one of several equilibria", None: "uniqueness was not checked"}
    say(f"value {record['value']:g}, gap {record['gap']:.3g} ({only[record['unique']]}), {record['status']}")
    if not converged:
        say(f"not converged: residual {record['residual']:.3g}")


def _rules(text: str) -> list[str]:
    chosen = [rule for rule in text.split(",") if rule]
    for rule in chosen:
        if rule not in RULES:
            raise Stop(Code.USAGE, f"--rules: there is no {rule!r}; {near(rule, RULES)}")
    return chosen


def _payoff(values: "Values", kind: Kind, symmetrize: bool) -> "Values":
    """A payoff whose pairs sum to 1 (shares) or 0 (margins)."""
    from prefcore import games, ratings

    if kind == "votes":
        return ratings.Comparisons.from_matrix(values).preference_matrix(unmet=0.5)
    return games.symmetrize(values, constant=float(kind == "preference")) if symmetrize else values


def _votes(payoff: "Values", values: "Values", kind: Kind) -> "Values":
    """Votes whose margins are those of the game."""
    import numpy as np

    if kind == "votes":
        return values
    votes = payoff.copy() if kind == "preference" else (payoff + np.abs(payoff).max()) / 2
    np.fill_diagonal(votes, 0.0)
    return votes


def _ranks(rule: str, votes: "Values") -> Any:
    """Ranks by a rule; 1 is the best, equal scores share one."""
    import numpy as np

    from prefcore import games

    match rule:
        case "schulze":
            return games.schulze(votes).ranks
        case "ranked-pairs" | "kemeny":
            ranking = games.ranked_pairs(votes).ranking if rule == "ranked-pairs" else games.kemeny(votes).rankings[0]
            return np.argsort(ranking) + 1
        case "copeland":
            scores = games.copeland(votes, ties=0.5)
        case _:
            scores = games.borda(votes) if rule == "borda" else games.minimax(votes)
    return 1 + (scores > scores[:, None]).sum(1)


def _log_ref(path: Path, names: tuple[str, ...]) -> "Values":
    import numpy as np

    from prefcore.cli._columns import batches, joined
    from prefcore.cli._rejects import Rejects

    with Rejects(path, file=None, limit=None, overwrite=False, offered=False) as rejects:
        kinds = {"item": "text", "probability": "number"}
        rows = joined(batches(path, kinds, {name: name for name in kinds}, rejects))
    items = rows["item"].to_pylist() if rows else []
    given = dict(zip(items, rows["probability"].tolist(), strict=True)) if rows else {}
    if len(given) < len(items):
        again = next(item for place, item in enumerate(items) if item in items[:place])
        raise Stop(Code.INPUT, f"{path}: item {again!r} comes twice")
    for name in names:
        if given.get(name, -1.0) < 0:
            raise Stop(Code.INPUT, f"{path}: item {name!r} must have a probability >= 0, got {given.get(name)}")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log([given[name] for name in names]))
