"""Large files: `prefcore rate` and `prefcore pairs` against what one would write instead.

    python benches/large.py rate --rows 100000000
    python benches/large.py pairs --rows 1000000 --rounds 2

Each contender is a process of its own, in turns; printed are wall time, CPU time and peak memory of each, and the
ratios of the median wall times. The file is made once, in `--folder`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

MODELS, CHUNK, COMPLETIONS = 200, 1_000_000, 6
WORDS = (
    "the",
    "of",
    "a",
    "to",
    "and",
    "in",
    "is",
    "it",
    "you",
    "that",
    "he",
    "was",
    "for",
    "on",
    "are",
    "with",
    "as",
    "his",
)

#: bytes of a file of votes that pandas may read: 2e7 votes
FRAME_AT_MOST = 5e7
#: in place of `prefcore rate`: cells by a streaming scan, ratings by evalica
CELLS = """
import evalica, polars, sys
cells = polars.scan_parquet(sys.argv[1]).group_by("model_a", "model_b", "winner").len().collect(engine="streaming")
winners = [evalica.Winner.X if w == "model_a" else evalica.Winner.Y if w == "model_b" else evalica.Winner.Draw
           for w in cells["winner"]]
a, b, counts = (cells[name].to_list() for name in ("model_a", "model_b", "len"))
print(evalica.bradley_terry(a, b, winners, weights=counts).scores.sort_values(ascending=False).head(3))
"""
#: the same by evalica's own path from a data frame
FRAME = """
import evalica, pandas, sys
votes = pandas.read_parquet(sys.argv[1])
winners = votes["winner"].map({"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y, "tie": evalica.Winner.Draw})
print(evalica.bradley_terry(votes["model_a"], votes["model_b"], winners).scores.sort_values(ascending=False).head(3))
"""
#: in place of `prefcore pairs`: reads the same file and writes as much, without a choice
COPY = """
import polars, sys
rows = polars.scan_ndjson(sys.argv[1], infer_schema_length=100)
of = lambda k: polars.col("completions").list.get(k).struct.field("response")
rows.select("prompt", chosen=of(0), rejected=of(1), chosen_score=1.0, rejected_score=0.0).sink_ndjson(sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("rate", "pairs"))
    parser.add_argument("--rows", type=int, required=True, help="votes, or prompts of six completions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("out/large"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    make, suffix = {"rate": (votes, "parquet"), "pairs": (rated, "jsonl")}[options.command]
    file = options.folder / f"{options.command}-{options.rows}.{suffix}"
    if not file.exists():
        make(file, options.rows)
    print(f"{file}: {file.stat().st_size / 2**20:,.0f} MiB")
    compare(contenders(options.command, file, options.folder), options.rounds)


def contenders(command: str, file: Path, folder: Path) -> dict[str, list[str]]:
    """Command lines."""
    python, prefcore = [sys.executable], [sys.executable, "-m", "prefcore", command, str(file)]
    if command == "rate":
        found = {
            "prefcore rate": [*prefcore, "--json"],
            "polars streaming + evalica": [*python, "-c", CELLS, str(file)],
        }
        # pandas takes 300 bytes a vote
        return (
            found
            if file.stat().st_size > FRAME_AT_MOST
            else found | {"pandas + evalica": [*python, "-c", FRAME, str(file)]}
        )
    return {
        "prefcore pairs": [*prefcore, str(folder / "ours.jsonl"), "--overwrite"],
        "polars, no pairs": [*python, "-c", COPY, str(file), str(folder / "theirs.jsonl")],
    }


def compare(commands: dict[str, list[str]], rounds: int) -> None:
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in list(commands)[:: -1 if number % 2 else 1]:
            wall, cpu, memory = measured(commands[name])
            found[name].append((wall, cpu, memory))
            print(f"{name}: wall {wall:.1f} s, CPU {cpu:.1f} s, {memory:,.0f} MiB")
    base, *others = (statistics.median(wall for wall, _, _ in runs) for runs in found.values())
    print({name: round(other / base, 2) for name, other in zip(list(commands)[1:], others, strict=True)})


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, MiB at the peak."""
    os.sync()  # nobody waits for what the one before has written
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command}: {process.returncode}\n{output[-2000:]}"
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**10


def votes(file: Path, rows: int) -> None:
    """Votes of 200 models with names, strengths from a normal distribution, a tenth of them ties."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    strength = rng.normal(0, 1, MODELS)
    names = pa.array([f"organization-{k % 20}/model-{k}" for k in range(MODELS)])
    winner = pa.array(["model_a", "model_b", "tie"])
    columns = pa.schema([(name, pa.string()) for name in ("model_a", "model_b", "winner")])
    with pq.ParquetWriter(file, columns) as writer:
        for start in range(0, rows, CHUNK):
            n = min(CHUNK, rows - start)
            a, b = rng.integers(0, MODELS, n), rng.integers(0, MODELS - 1, n)
            b += b >= a
            outcome = np.where(rng.random(n) < 0.1, 2, rng.logistic(size=n) > strength[a] - strength[b])
            parts = [names.take(pa.array(a)), names.take(pa.array(b)), winner.take(pa.array(outcome))]
            writer.write_table(pa.table(parts, schema=columns))


def rated(file: Path, rows: int) -> None:
    """Prompts of ten words with six completions of a hundred words and scores of 1 to 10."""
    rng = np.random.default_rng(0)
    words, text = np.array(WORDS), lambda n: " ".join(words[rng.integers(0, len(words), n)])
    pool = [text(n) for n in rng.integers(60, 260, 4_096)]
    with file.open("w") as out:
        for row in range(rows):
            places, scores = rng.integers(0, len(pool), COMPLETIONS).tolist(), rng.integers(1, 11, COMPLETIONS).tolist()
            completions = [
                {"response": f"{row} {pool[place]}", "score": float(score)}
                for place, score in zip(places, scores, strict=True)
            ]
            out.write(json.dumps({"prompt": f"{row} {pool[places[0]][:60]}", "completions": completions}) + "\n")


if __name__ == "__main__":
    main()
