"""`prefcore rank`: the numbers of trec_eval, and those of `metrics` for one file."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prefcore
from prefcore import metrics

RECORDS = json.loads(Path(__file__).parents[1].joinpath("vectors/cli/trec_eval.json").read_text())
NAMES = [
    "map", "ndcg", "recip_rank", "Rprec", "num_ret", "num_rel", "num_rel_ret", "map_cut_5", "map_cut_100",
    "ndcg_cut_3", "ndcg_cut_10", "ndcg_cut_1000", "P_1", "P_5", "P_30", "recall_5", "recall_100", "success_1",
    "success_10",
]  # fmt: skip


def random_files(folder: Path, seed: int, between: str = " ") -> tuple[Path, Path]:
    """30 topics of 1 to 60 documents; scores of 12 values tie, some are equal only in 32 bits.

    Four topics lack judgements and four lack a run; a third of the documents is not judged; some that are judged are
    not in the run; grades are -1 to 3; one topic has no relevant document.
    """
    random = np.random.default_rng(seed)
    run, qrels = [], []
    for topic in range(34):
        documents = random.permutation(80)[: random.integers(1, 61)]
        for rank, document in enumerate(documents):
            score = random.integers(0, 12) / 3 + random.choice([0.0, 1e-9])
            if topic >= 4:
                run.append((str(topic), "Q0", f"d{document}", str(rank), repr(float(score)), "tag"))
        for document in random.permutation(80)[:50]:
            grade = 0 if topic == 10 else random.integers(-1, 4)
            if topic < 30:
                qrels.append((str(topic), "0", f"d{document}", str(grade)))
    paths = folder / "a.run", folder / "a.qrels"
    for path, rows in zip(paths, (run, qrels), strict=True):
        random.shuffle(rows)
        path.write_text("".join(between.join(row) + "\n" for row in rows))
    return paths


def by_trec_eval(run: Path, qrels: Path) -> dict[str, dict[str, float]]:
    evaluation = pytest.importorskip("pytrec_eval")
    with run.open() as ran, qrels.open() as judged:
        ranked, truth = evaluation.parse_run(ran), evaluation.parse_qrel(judged)
    cuts = {"map_cut", "ndcg_cut", "P", "recall", "success"}
    asked = {f"{stem}.1,3,5,10,30,100,1000" for stem in cuts} | {"map", "ndcg", "recip_rank", "Rprec"}
    asked |= {"num_ret", "num_rel", "num_rel_ret"}
    return dict(evaluation.RelevanceEvaluator(truth, asked).evaluate(ranked))


@pytest.mark.parametrize("seed", range(10))
def test_every_topic_has_the_numbers_of_trec_eval(run: Any, tmp_path: Path, seed: int) -> None:
    paths = random_files(tmp_path, seed)
    out = tmp_path / "topics.csv"
    found = run("rank", *paths, "--metrics", ",".join(NAMES), "--per-group", out, "--json").json
    expected = by_trec_eval(*paths)
    rows = {row["group"]: row for row in csv.DictReader(out.read_text().splitlines())}
    assert rows.keys() == expected.keys()
    assert found["left_out"] == 4
    for topic, values in expected.items():
        for name in NAMES:
            assert float(rows[topic][name]) == pytest.approx(values[name], abs=1e-9), (topic, name)
    for name in NAMES:
        column = [values[name] for values in expected.values()]
        total = sum(column) if name.startswith("num") else sum(column) / len(column)
        assert found["metrics"][name] == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_figures_that_trec_eval_gave(run: Any, tmp_path: Path, record: Any) -> None:
    for name, text in record["inputs"].items():
        (tmp_path / name).write_text(text)
    expected = record["expected"]
    topics, names = expected.pop("topics"), list(expected)
    out = tmp_path / "topics.csv"
    run("rank", tmp_path / "run", tmp_path / "qrels", "--metrics", ",".join(names), "--per-group", out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["group"] for row in rows] == topics
    for name, values in expected.items():
        assert [float(row[name]) for row in rows] == pytest.approx(values, abs=record["tol"]), name


def test_tabs_blanks_crlf_and_gzip_change_nothing(run: Any, tmp_path: Path) -> None:
    paths = random_files(tmp_path, 0)
    expected = run("rank", *paths, "--json").json
    for between in ("\t", "  \t "):
        assert run("rank", *random_files(tmp_path, 0, between), "--json").json == expected
    for path in paths:
        crlf = path.read_bytes().replace(b"\n", b"\r\n")
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + crlf))
    found = run("rank", *(tmp_path / f"{path.name}.gz" for path in paths), "--json").json
    assert found == expected


def test_layout_is_that_of_trec_eval(run: Any, tmp_path: Path) -> None:
    (tmp_path / "r").write_text("1 Q0 a 1 2.0 t\n1 Q0 b 2 1.0 t\n2 Q0 a 1 1 t\n")
    (tmp_path / "q").write_text("1 0 b 1\n1 0 c 1\n")
    ran = run("rank", tmp_path / "r", tmp_path / "q", "--metrics", "map,num_rel,P_2")
    assert ran.out.splitlines() == [
        "num_q                 \tall\t1",
        "map                   \tall\t0.2500",
        "num_rel               \tall\t2",
        "P_2                   \tall\t0.5000",
        "1 topics of the run have no judgements and do not count",
        "5 rows read = 5 kept + 0 rejected",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 Q0 c 1 2.0", "a run line has 6 fields, got 5"),
        ("1 Q0 c 1 2.0 t t", "a run line has 6 fields, got 7"),
        ("1 Q0 c 1 high t", "score must be a finite number, got 'high'"),
        ("1 Q0 c 1 nan t", "score must be a finite number, got 'nan'"),
        ("1 Q0 a 3 0.5 t", "document 'a' of topic '1' comes twice"),
    ],
)
def test_bad_lines(run: Any, tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "r").write_text(f"1 Q0 a 1 2.0 t\n1 Q0 b 2 1.0 t\n{line}\n")
    (tmp_path / "q").write_text("1 0 b 1\n")
    ran = run("rank", tmp_path / "r", tmp_path / "q")
    assert (ran.code, f"{tmp_path / 'r'}: line 3: {reason}" in ran.err) == (3, True), ran.err
    ran = run(
        "rank", tmp_path / "r", tmp_path / "q", "--rejects", tmp_path / "bad", "--json", "--metrics", "recip_rank"
    )
    assert ran.json["rows"] == {"read": 4, "kept": 3, "rejected": 1}
    assert ran.json["metrics"] == {"recip_rank": 0.5}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1 0 b", "a qrels line has 4 fields, got 3"),
        (b"1 0 b 1 1", "a qrels line has 4 fields, got 5"),
        (b"1 0 b two", "grade must be a finite number, got 'two'"),
        (b"1 0 b -inf", "grade must be a finite number, got '-inf'"),
        (b"1 0 \xff 1", "not UTF-8"),
        (b"9 0 x 2\n9 0 x 1", "document 'x' of topic '9' comes twice"),
    ],
)
def test_bad_judgements_and_what_is_set_aside(run: Any, tmp_path: Path, line: bytes, reason: str) -> None:
    """A topic without a run is checked too; lines keep their order, their number and their text."""
    (tmp_path / "r.gz").write_bytes(gzip.compress(b"1 Q0 a 1 2.0 t\n1 Q0 a 2 1.0 t\n1 Q0 c\n"))
    (tmp_path / "q.gz").write_bytes(gzip.compress(b"1 0 a 1\n\n" + line + b"\n"))
    paths, aside = (tmp_path / "r.gz", tmp_path / "q.gz"), tmp_path / "bad"
    assert f"{paths[0]}: line 2: document 'a' of topic '1' comes twice; --rejects FILE" in run("rank", *paths).err
    ran = run("rank", *paths, "--rejects", aside, "--json", "--metrics", "recip_rank")
    number = 3 + line.count(b"\n")
    assert ran.json["rows"] == {"read": 5 + line.count(b"\n"), "kept": 2 + line.count(b"\n"), "rejected": 3}
    assert ran.json["metrics"] == {"recip_rank": 1.0}
    assert [json.loads(entry) for entry in aside.read_text().splitlines()] == [
        {"line": 2, "reason": "document 'a' of topic '1' comes twice", "row": "1 Q0 a 2 1.0 t"},
        {"line": 3, "reason": "a run line has 6 fields, got 3", "row": "1 Q0 c"},
        {"line": number, "reason": reason, "row": line.split(b"\n")[-1].decode("utf-8", "replace")},
    ]
    ran = run("rank", *paths, "--rejects", aside, "--overwrite", "--max-rejects", 2)
    assert f"{paths[1]}: line {number}: {reason}; more than --max-rejects 2 bad lines" in ran.err


def test_grades_may_be_fractions_and_a_line_may_lack_its_end(run: Any, tmp_path: Path) -> None:
    """Relevant is what reaches 1, gains are the grades themselves."""
    (tmp_path / "r").write_text("1 Q0 a 1 2.0 t\n1 Q0 b 2 1.0 t")
    (tmp_path / "q").write_text("1 0 a 0.5\n1 0 b 1.5")
    found = run("rank", tmp_path / "r", tmp_path / "q", "--json", "--metrics", "map,ndcg,num_rel,Rprec").json
    ndcg = (0.5 + 1.5 / np.log2(3)) / (1.5 + 0.5 / np.log2(3))
    assert found["metrics"] == {"map": 0.5, "ndcg": pytest.approx(ndcg, abs=1e-15), "num_rel": 1.0, "Rprec": 0.0}


def test_threads_change_nothing(run: Any, tmp_path: Path) -> None:
    """300 kB are split over the threads; a repeat in the last part is still the later line."""
    random = np.random.default_rng(7)
    rows = [f"{topic} Q0 d{name} 0 {random.integers(0, 99)} t\n" for topic in range(30) for name in range(500)]
    random.shuffle(rows)
    (tmp_path / "r").write_text("".join([*rows, rows[0]]))
    (tmp_path / "q").write_text("".join(f"{topic} 0 d{7 * topic} 1\n" for topic in range(30)))
    found, before = [], prefcore.get_num_threads()
    try:
        for threads in (1, 2, 5):
            prefcore.set_num_threads(threads)
            aside = tmp_path / f"bad{threads}"
            found.append(run("rank", tmp_path / "r", tmp_path / "q", "--rejects", aside, "--json").json)
            assert json.loads(aside.read_text())["line"] == 15_001
    finally:
        prefcore.set_num_threads(before)
    assert found[0] == found[1] == found[2]
    assert found[0]["rows"] == {"read": 15_031, "kept": 15_030, "rejected": 1}


def test_a_cut_off_stream_is_named(run: Any, tmp_path: Path) -> None:
    paths = random_files(tmp_path, 0)
    cut = tmp_path / "cut.run.gz"
    cut.write_bytes(gzip.compress(paths[0].read_bytes())[:-200])
    ran = run("rank", cut, paths[1])
    assert ran.code == 3
    assert f"{cut}: the compressed stream ends too early: the file is cut off" in ran.err


def test_nothing_in_common_and_empty_files(run: Any, tmp_path: Path) -> None:
    (tmp_path / "r").write_text("1 Q0 a 1 2.0 t\n")
    (tmp_path / "q").write_text("2 0 b 1\n")
    assert "have no topic in common" in run("rank", tmp_path / "r", tmp_path / "q").err
    (tmp_path / "q").write_text("")
    assert "q: no line of a qrels file" in run("rank", tmp_path / "r", tmp_path / "q").err
    (tmp_path / "r").write_text("\n \r\n")
    assert "r: no line of a run file" in run("rank", tmp_path / "r", tmp_path / "q").err


def test_one_file(run: Any, lines: Callable[..., Path]) -> None:
    random = np.random.default_rng(4)
    scores, labels, who = random.integers(0, 5, 60) / 4, random.integers(0, 4, 60), random.integers(0, 6, 60)
    rows = zip(scores, labels, who, strict=True)
    path = lines("s.jsonl", *({"s": float(s), "y": int(y), "q": int(q)} for s, y, q in rows))
    columns = ["--score", "s", "--label", "y", "--group", "q", "--json"]
    order = np.argsort(who, kind="stable")
    offsets = np.append(0, np.bincount(who).cumsum())
    own = {"offsets": offsets}
    for ties in ("stable", "average"):
        found = run("rank", path, *columns, "--ties", ties, "--metrics", "ndcg,ndcg_cut_3,map,Rprec,recall_4").json
        expected = {
            "ndcg": metrics.ndcg(scores[order], labels[order], ties=ties, **own),
            "ndcg_cut_3": metrics.ndcg(scores[order], labels[order], k=3, ties=ties, **own),
            "map": metrics.average_precision(scores[order], labels[order], **own),
            "Rprec": metrics.r_precision(scores[order], labels[order], **own),
            "recall_4": metrics.recall_at_k(scores[order], labels[order], k=4, **own),
        }
        assert found["metrics"] == {name: pytest.approx(value.mean(), abs=1e-14) for name, value in expected.items()}
        assert found["groups"] == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--score", "s"], "give RUN and QRELS, or one file with --score, --label and --group"),
        (["q", "--ties", "average"], "--ties is for one file"),
        (["q", "--metrics", "ndgc"], "--metrics: there is no 'ndgc'; nearest: ndcg"),
        (["q", "--metrics", "P_0"], "--metrics: there is no 'P_0'"),
    ],
)
def test_wrong_usage(run: Any, tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "r").write_text("1 Q0 a 1 2.0 t\n")
    (tmp_path / "q").write_text("1 0 a 1\n")
    ran = run("rank", tmp_path / "r", *(tmp_path / "q" if option == "q" else option for option in options))
    assert (ran.code, message in ran.err) == (2, True), ran.err
