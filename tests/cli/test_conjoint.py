"""`prefcore conjoint`: the figures are those of `conjoint`, with the levels and the pull that the config names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import conjoint as cj

CONFIG = {"factors": ["price", "color"], "outcome": "chosen", "respondent": "who", "task": "task",
          "levels": {"price": ["9", "10", "11"], "color": ["red", "blue"]}, "beta": 0.2}  # fmt: skip


def survey(n: int = 120) -> list[dict[str, Any]]:
    """Cheap and red win more often; 20 respondents of 6 tasks."""
    random = np.random.default_rng(8)
    rows = []
    for task in range(n):
        price, color = random.integers(0, 3, 2), random.integers(0, 2, 2)
        first = random.random() < 1 / (1 + np.exp(price[0] - price[1] + color[0] - color[1]))
        for side, won in ((0, first), (1, not first)):
            group = "ab"[task // 6 % 2] if task % 24 > 5 else ""
            levels = {"price": int(9 + price[side]), "color": ["red", "blue"][color[side]]}
            rows.append(levels | {"chosen": int(won), "who": f"r{task // 6}", "task": task, "side": group})
    return rows


def data(rows: list[dict[str, Any]], **more: Any) -> cj.ConjointData:
    frame = {name: [str(row[name]) if name in {"price", "color"} else row[name] for row in rows] for name in rows[0]}
    design = cj.Design(CONFIG["levels"])
    frame["side"] = [side or None for side in frame["side"]]
    return cj.ConjointData.from_frame(
        frame, factors=["price", "color"], outcome="chosen", respondent="who", task="task", design=design, **more
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    return tmp_path / "c.json"


def test_effects_and_policy(run: Any, lines: Callable[..., Path], config: Path) -> None:
    rows = survey()
    found = run("conjoint", lines("s.jsonl", *rows), "--config", config, "--vcov", "CR0", "--json").json
    effects = cj.amce(data(rows), vcov="CR0")
    assert found["effects"]["estimate"] == effects.estimate.tolist()
    assert found["effects"]["level"] == ["10", "11", "blue"]
    assert found["effects"]["lower"] == effects.interval()[0].tolist()
    best = cj.optimal_policy(cj.fit_outcome_logit(data(rows), intercept=False), beta=0.2)
    assert found["policy"]["optimal"] == np.concatenate(best.policy).tolist()
    assert found["policy"]["shown"] == [1 / 3] * 3 + [1 / 2] * 2
    assert found["optimal"]["value"] == best.value
    assert found["equilibrium"] is None
    assert found["rows"] == {"read": 240, "kept": 240, "rejected": 0}


def test_groups_give_an_equilibrium(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    """Respondents without a group count in the effects alone."""
    from prefcore.cli._write import write_table

    rows = survey()
    (tmp_path / "c.toml").write_text(
        'factors = ["price", "color"]\noutcome = "chosen"\nrespondent = "who"\ntask = "task"\ngroup = "side"\n'
        '[levels]\nprice = ["9", "10", "11"]\ncolor = ["red", "blue"]\n[electorate]\na = 0.4\nb = 0.6\n'
    )
    path = lines("s.jsonl", *rows)
    found = run("conjoint", path, "--config", tmp_path / "c.toml", "--beta", 0.3, "--json").json
    for end in ("csv", "parquet"):
        write_table(tmp_path / f"s.{end}", {name: [row[name] for row in rows] for name in rows[0]})
        again = run("conjoint", tmp_path / f"s.{end}", "--config", tmp_path / "c.toml", "--beta", 0.3, "--json")
        assert again.json == found
    parts = data(rows, group="side").by_group()
    models = {name: cj.fit_outcome_logit(part, intercept=False) for name, part in parts.items()}
    expected = cj.equilibrium(cj.Game(models, electorate={"a": 0.4, "b": 0.6}), beta=0.3)
    assert found["policy"]["party_a"] == np.concatenate(expected.policy_a).tolist()
    assert found["equilibrium"]["value"] == expected.value


def test_csv_and_parquet_give_the_same(run: Any, lines: Callable[..., Path], tmp_path: Path, config: Path) -> None:
    from prefcore.cli._write import write_table

    rows = survey()
    expected = run("conjoint", lines("s.jsonl", *rows), "--config", config, "--json").json
    for end in ("csv", "parquet", "arrow.gz"):
        path = tmp_path / f"s.{end}"
        write_table(path, {name: [row[name] for row in rows] for name in rows[0]})
        assert run("conjoint", path, "--config", config, "--json").json == expected


def test_out(run: Any, lines: Callable[..., Path], tmp_path: Path, config: Path) -> None:
    path = lines("s.jsonl", *survey())
    assert run("conjoint", path, "--config", config, "--out", tmp_path / "o").code == 0
    assert (tmp_path / "o/effects.csv").read_text().startswith("factor,level,estimate,std_error,lower,upper,p_value\n")
    assert len((tmp_path / "o/policy.csv").read_text().splitlines()) == 6
    assert run("conjoint", path, "--config", config, "--out", tmp_path / "o").code == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": []}, "there is no key 'factor'; nearest: factors"),
        ({"outcome": None}, "key 'outcome' is missing"),
        ({"factors": "price"}, "factors must list names of columns"),
        ({"levels": {"prize": []}}, "[levels] has no factor 'prize'; nearest: price"),
        ({"respondent": "whom"}, "no column 'whom' (nearest: who)"),
        ({"outcome": "color"}, "column 'color' must be a finite number, got 'red'"),
        ({"levels": {"color": ["red"]}}, "blue"),
        ({"probs": {"color": {"red": 0.5}}}, "levels, probs and restrictions do not fit: 'blue'"),
        ({"restrictions": 3}, "levels, probs and restrictions do not fit: 'int' object is not iterable"),
        ({"beta": "much"}, "c.json: beta must be a number"),
    ],
)
def test_what_is_wrong_with_a_config(
    run: Any, lines: Callable[..., Path], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    changed = {key: value for key, value in {**CONFIG, **change}.items() if value is not None}
    (tmp_path / "c.json").write_text(json.dumps(changed))
    rows = sorted(survey(), key=lambda row: row["color"] == "blue")
    ran = run("conjoint", lines("s.jsonl", *rows), "--config", tmp_path / "c.json")
    assert (ran.code, message in ran.err) == (3, True), ran.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.json", b"{", "not JSON: Expecting"),
        ("c.json", b"[]", "must hold keys and values"),
        ("c.json", b'{"beta": 1, "beta": 2}', "not JSON: key 'beta' comes twice"),
        ("c.json", b'{"beta": Infinity}', "not JSON: Infinity is no JSON number"),
        ("c.json", b"\xff\xfe{", "not UTF-8: byte 0xff at 0"),
        ("c.toml", b"factors = [", "Invalid value"),
        ("c.toml", b"beta = 1\nbeta = 2", "Cannot overwrite a value"),
        ("c.toml", b"\xff\xfe", "'utf-8' codec can't decode byte 0xff in position 0"),
        ("c.toml", b"", "key 'factors' is missing"),
    ],
)
def test_what_is_no_config(
    run: Any, lines: Callable[..., Path], tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    ran = run("conjoint", lines("s.jsonl", *survey()), "--config", tmp_path / name)
    assert (ran.code, f"{tmp_path / name}: {message}" in ran.err) == (3, True), ran.err


def test_a_rejected_row_may_not_shift_the_others(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    config = {key: value for key, value in CONFIG.items() if key != "task"} | {"rows_per_task": 2}
    (tmp_path / "c.json").write_text(json.dumps(config))
    path = lines("s.jsonl", "no JSON", *survey())
    ran = run("conjoint", path, "--config", tmp_path / "c.json", "--rejects", tmp_path / "bad")
    assert "rows_per_task would join others" in ran.err


def test_levels_stand_by_the_numbers_in_their_names(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    """Without `levels`: 5% before 15%, and words by the alphabet."""
    names = {"9": "<7.5%", "10": "7.5-15%", "11": ">15%"}
    rows = [row | {"price": names[str(row["price"])]} for row in survey()]
    settings = {name: value for name, value in CONFIG.items() if name != "levels"}
    (tmp_path / "c.json").write_text(json.dumps(settings))
    found = run("conjoint", lines("s.jsonl", *rows), "--config", tmp_path / "c.json", "--json").json
    assert found["policy"]["level"] == ["<7.5%", "7.5-15%", ">15%", "blue", "red"]


def test_real_taxes(run: Any, data: Path, tmp_path: Path) -> None:
    """Ballard-Rosa, Martin and Scheve (2016): 32,000 profiles; the estimate of cregg (vector real_taxes_amce)."""
    factors = [*(f"taxrate{n}" for n in range(1, 7)), "taxrev"]
    config = {"factors": factors, "outcome": "chose_plan", "respondent": "respondent", "rows_per_task": 2}
    (tmp_path / "c.json").write_text(json.dumps(config))
    found = run("conjoint", data / "taxes.csv.gz", "--config", tmp_path / "c.json", "--json").json
    table = found["effects"]
    place = table["level"].index("<10k: 25%")
    assert table["estimate"][place] == pytest.approx(-0.2215, abs=5e-5)
    assert found["rows"]["read"] == 32_000
