"""Write a run and judgements in TREC's format: python benches/trec_files.py FOLDER [--topics T] [--depth D]."""

import argparse
from pathlib import Path

import numpy as np

JUDGED = 50


def write(folder: Path, topics: int, depth: int, seed: int = 17) -> tuple[Path, Path]:
    """Topics one after the other, best first, a third of the judged documents outside the list; scores of 6 digits."""
    rng = np.random.default_rng(seed)
    paths = folder / f"{topics}x{depth}.run", folder / f"{topics}x{depth}.qrels"
    with paths[0].open("w") as run, paths[1].open("w") as qrels:
        for topic in range(1, topics + 1):
            documents = [f"D{number}" for number in rng.choice(8_000_000, depth + JUDGED, replace=False)]
            scores = np.sort(rng.normal(15, 3, depth).round(3))[::-1].tolist()
            found = zip(documents, scores, strict=False)
            run.writelines(f"{topic} Q0 {name} {rank} {score:.6f} bm25\n" for rank, (name, score) in enumerate(found, 1))
            judged = rng.choice(documents, JUDGED, replace=False).tolist()[: JUDGED * 2 // 3]
            judged += documents[depth : depth + JUDGED - len(judged)]
            grades = rng.choice(4, JUDGED, p=[0.6, 0.2, 0.15, 0.05]).tolist()
            qrels.writelines(f"{topic} 0 {name} {grade}\n" for name, grade in dict(zip(judged, grades, strict=True)).items())
    return paths


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--topics", type=int, default=10_000)
    arguments.add_argument("--depth", type=int, default=1_000)
    given = arguments.parse_args()
    print(*write(given.folder, given.topics, given.depth))


if __name__ == "__main__":
    main()
