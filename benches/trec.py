"""A run and judgements in TREC's format, and contenders from the files to the figures."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
TOPICS, DEPTH, JUDGED = 10_000, 1_000, 50
FILES = {"cpu": "run of 1e4 topics of 1,000 documents and 50 judgements a topic, files to 8 measures"}
MEASURES = ("map", "ndcg", "ndcg_cut_10", "recip_rank", "P_5", "P_10", "recall_100", "Rprec")


def write(folder: Path) -> tuple[Path, Path]:
    """Topics one after the other, best first, scores of three digits; a third of the judged is outside of the list."""
    rng = np.random.default_rng(17)
    paths = folder / "bench.run", folder / "bench.qrels"
    with paths[0].open("w") as run, paths[1].open("w") as qrels:
        for topic in range(1, TOPICS + 1):
            names = [f"D{number}" for number in rng.choice(8_000_000, DEPTH + JUDGED // 3, replace=False)]
            scores = np.sort(rng.normal(15, 3, DEPTH).round(3))[::-1].tolist()
            found = enumerate(zip(names, scores, strict=False), 1)
            run.writelines(f"{topic} Q0 {name} {rank} {score:.6f} bm25\n" for rank, (name, score) in found)
            judged = rng.choice(names[:DEPTH], JUDGED - JUDGED // 3, replace=False).tolist() + names[DEPTH:]
            grades = rng.choice(4, JUDGED, p=[0.6, 0.2, 0.15, 0.05]).tolist()
            qrels.writelines(f"{topic} 0 {name} {grade}\n" for name, grade in zip(judged, grades, strict=True))
    return paths


def rank(_device: str) -> Contenders:
    """The files live as long as the contenders."""
    folder = tempfile.TemporaryDirectory()
    run, qrels = write(Path(folder.name))

    def by_prefcore() -> Any:
        from prefcore.cli import _measures
        from prefcore.cli._rejects import Rejects
        from prefcore.cli._trec import read_lists

        with Rejects(Path(folder.name) / run, file=None, limit=None, overwrite=False) as rejects:
            lists = read_lists(run, qrels, rejects)
        return np.array([_measures.measure(name, lists, "stable").mean() for name in MEASURES])

    contenders: Contenders = {"prefcore": by_prefcore}
    try:
        import pytrec_eval
    except ImportError:
        return contenders

    def by_trec_eval() -> Any:
        with run.open() as lines:
            ranked = pytrec_eval.parse_run(lines)
        with qrels.open() as lines:
            truth = pytrec_eval.parse_qrel(lines)
        asked = {"map", "ndcg", "ndcg_cut.10", "recip_rank", "P.5,10", "recall.100", "Rprec"}
        values = pytrec_eval.RelevanceEvaluator(truth, asked).evaluate(ranked).values()
        columns = ([topic[name] for topic in values] for name in MEASURES)
        means = zip(MEASURES, columns, strict=True)
        return np.array([pytrec_eval.compute_aggregated_measure(name, column) for name, column in means])

    return contenders | {"pytrec_eval": by_trec_eval}


if __name__ == "__main__":
    print(*write(Path(sys.argv[1])))
