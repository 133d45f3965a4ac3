"""`prefcore game`: policies, certificates and ranks are those of `games`."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import games

P = [[0.5, 0.3, 0.8], [0.7, 0.5, 0.1], [0.2, 0.9, 0.5]]
NAMES = ["rock", "paper", "scissors"]


def written(folder: Path, rows: Any, *, names: bool = True, ends: str = "\n") -> Path:
    body = [
        ",".join([*([name] if names else []), *map(repr, map(float, row))])
        for name, row in zip(NAMES, rows, strict=True)
    ]
    head = ",".join([*(["item"] if names else []), *NAMES])
    (folder / "m.csv").write_text(ends.join([head, *body]) + ends)
    return folder / "m.csv"


@pytest.mark.parametrize("names", [True, False])
def test_policy_and_certificate(run: Any, tmp_path: Path, names: bool) -> None:
    found = run("game", written(tmp_path, P, names=names), "--json", "--rules", "schulze,kemeny,ranked-pairs").json
    assert found["table"]["item"] == NAMES
    assert found["table"]["policy"] == pytest.approx([4 / 9, 3 / 9, 2 / 9], abs=1e-14)
    assert found["table"]["lottery"] == pytest.approx([4 / 9, 3 / 9, 2 / 9], abs=1e-14)
    assert found["table"]["schulze"] == found["table"]["kemeny"] == found["table"]["ranked-pairs"] == [1, 3, 2]
    assert (found["unique"], found["value"], found["gap"] < 1e-15) == (True, 0.5, True)


def test_json_and_npy_are_the_same_game(run: Any, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(str(P))
    np.save(tmp_path / "m.npy", np.array(P))
    first, second = (run("game", tmp_path / f"m.{end}", "--json").json for end in ("json", "npy"))
    assert first == second
    assert first["table"]["item"] == ["0", "1", "2"]


def test_kl_policy_with_a_reference(run: Any, tmp_path: Path) -> None:
    (tmp_path / "ref.csv").write_text("item,probability\nscissors,0.25\nrock,0.75\npaper,0\n")
    path = written(tmp_path, P)
    found = run("game", path, "--beta", 0.1, "--ref", tmp_path / "ref.csv", "--json").json
    expected = games.solve_nash_kl(P, beta=0.1, log_ref=[np.log(0.75), -np.inf, np.log(0.25)])
    assert found["table"]["policy"] == expected.policy.tolist()
    assert "--ref needs --beta above 0" in run("game", path, "--ref", tmp_path / "ref.csv").err
    (tmp_path / "ref.csv").write_text("item,probability\nscissors,0.25\nrock,0.75\n")
    ran = run("game", path, "--beta", 0.1, "--ref", tmp_path / "ref.csv")
    assert (ran.code, "item 'paper' must have a probability >= 0, got None" in ran.err) == (3, True)


def test_margins_and_votes_keep_majorities(run: Any, tmp_path: Path) -> None:
    """7 : 3 votes are the share 0.7 and the margin 0.4: the same ranks, and the same lottery of pairs met equally."""
    margins = np.array(P) - np.array(P).T
    votes = 10 * np.array(P) * (1 - np.eye(3))
    found = [
        run("game", written(tmp_path, rows), "--kind", kind, "--json").json["table"]
        for rows, kind in ((P, "preference"), (margins, "payoff"), (votes.round(), "votes"))
    ]
    for rule in ("copeland", "minimax", "schulze", "ranked-pairs"):
        assert found[0][rule] == found[1][rule] == found[2][rule]
    assert found[1]["policy"] == pytest.approx(found[0]["policy"], abs=1e-13)
    assert found[2]["policy"] == pytest.approx(found[0]["policy"], abs=1e-13)


def test_symmetrize(run: Any, tmp_path: Path) -> None:
    """A judge who likes the first answer: both orders are averaged."""
    path = written(tmp_path, np.array(P) + 0.05 * (1 - np.eye(3)))
    assert run("game", path).code == 3
    found = run("game", path, "--symmetrize", "--json").json
    assert found["table"]["policy"] == pytest.approx([4 / 9, 3 / 9, 2 / 9], abs=1e-13)
    ran = run("game", written(tmp_path, np.array(P) + 0.05))
    assert "pairs of win probabilities must sum to 1, got 1.1; --symmetrize averages the two orders" in ran.err


SQUARE = "[[0.5, 0.6], [0.4, 0.5]]"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "a,b\n0.5,x\n0.5,0.5\n", "row 1, column 2 must be a finite number, got 'x'"),
        ("m.csv", "a,b\n0.5,\n0.5,0.5\n", "row 1, column 2 must be a finite number, got ''"),
        ("m.csv", "a,b\n0.5,0.5\n0.5,nan\n", "row 2, column 2 must be a finite number, got 'nan'"),
        ("m.csv", "a,b\n0.5,0.5\n", "must be square with at least one row, got shape [1, 2]"),
        ("m.csv", "m,a,b\nb,0.5,0.5\na,0.5,0.5\n", "rows must be named like columns, in their order: a, b"),
        ("m.csv", "a,b\n0.5\n0.5,0.5\n", "line 2: has 1 fields, the first line has 2"),
        ("m.csv", "a,a\n0.5,0.6\n0.4,0.5\n", "line 1: column 'a' comes twice"),
        ("m.csv", "", "must be square"),
        ("m.json", "", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("m.json", "[" * 100_000, "not JSON: maximum recursion depth exceeded"),
        ("m.json", "[[0.5, NaN], [0.4, 0.5]]", "not JSON: NaN is no JSON number"),
        ("m.json", "[[0.5, 1e999], [0.4, 0.5]]", "not JSON: 1e999 is beyond the range of numbers"),
        ("m.json", "[[0.5, 0.6], [null, 0.5]]", "row 2, column 1 must be a finite number, got None"),
        ("m.json", '[[0.5, "0.6"], [0.4, 0.5]]', "row 1, column 2 must be a finite number, got '0.6'"),
        ("m.json", "[[0.5, true], [0.4, 0.5]]", "row 1, column 2 must be a finite number, got True"),
        ("m.json", "[[0.5, 0.6], [0.4]]", "row 2 has 1 entries, the first has 2"),
        ("m.json", "[0.5, 0.6]", "must be [[...], ...], or an object with names and matrix"),
        ("m.json", "null", "must be [[...], ...], or an object with names and matrix"),
        ("m.json", f'{{"names": 3, "matrix": {SQUARE}}}', "names must be a list of text, got 3"),
        ("m.json", f'{{"names": ["a", "a"], "matrix": {SQUARE}}}', "name 'a' comes twice"),
        ("m.json", f'{{"matrix": {SQUARE}, "matrix": []}}', "not JSON: key 'matrix' comes twice"),
        ("m.npy", "", "No data left in file"),
    ],
)
def test_what_is_no_matrix(run: Any, tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    ran = run("game", tmp_path / name)
    assert (ran.code, f"{tmp_path / name}: {message}" in ran.err) == (3, True), ran.err


def test_encodings_and_streams_of_a_matrix(run: Any, tmp_path: Path) -> None:
    """A mark of the byte order and line ends of Windows change nothing; UTF-16 and a stream cut off are told."""
    plain = b"a,b\n0.5,0.6\n0.4,0.5\n"
    contents = {
        "p.csv": plain,
        "b.csv": b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"),
        "z.csv.gz": gzip.compress(plain),
    }
    contents |= {"j.json": b'\xef\xbb\xbf{"names": ["a", "b"], "matrix": ' + SQUARE.encode() + b"}"}
    found = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        found.append(run("game", tmp_path / name, "--json").json)
    assert found == [found[0]] * 4
    for name, content, message in (
        ("u.csv", plain.decode().encode("utf-16"), "line 1: not UTF-8: byte 0xff at 0"),
        ("u.json", SQUARE.encode("utf-16"), "not UTF-8: byte 0xff at 0"),
        (
            "c.json.gz",
            gzip.compress(np.random.default_rng(0).bytes(9999))[:5000],
            "the compressed stream ends too early",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        ran = run("game", tmp_path / name)
        assert (ran.code, f"{tmp_path / name}: {message}" in ran.err) == (3, True), ran.err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,0.5\nb,nan", "line 3: column 'probability' must be a finite number, got 'nan'\n"),
        ("a,0.5\na,0.5", "item 'a' comes twice\n"),
        ("a,0.5\nc,0.5", "item 'b' must have a probability >= 0, got None\n"),
        ("a,0.5\nb,-1", "item 'b' must have a probability >= 0, got -1.0\n"),
    ],
)
def test_what_is_no_reference(run: Any, tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "m.json").write_text(f'{{"names": ["a", "b"], "matrix": {SQUARE}}}')
    (tmp_path / "r.csv").write_text(f"item,probability\n{rows}\n")
    ran = run("game", tmp_path / "m.json", "--beta", 1, "--ref", tmp_path / "r.csv")
    assert (ran.code, ran.err) == (3, f"prefcore: {tmp_path / 'r.csv'}: {message}")


def test_unknown_rule(run: Any, tmp_path: Path) -> None:
    ran = run("game", written(tmp_path, P), "--rules", "shulze")
    assert (ran.code, "there is no 'shulze'; nearest: schulze" in ran.err) == (2, True)


def test_out(run: Any, tmp_path: Path) -> None:
    assert run("game", written(tmp_path, P), "--rules", "", "--out", tmp_path / "o.csv").code == 0
    assert (tmp_path / "o.csv").read_text().splitlines()[0] == "item,policy,lottery"
