"""The documentation site, as far as it can be checked without its tools: `make docs-check` does the rest."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import docstrings
import pages
from check import broken_links
from formulas import tex

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("loss = max(0, margin - beta z)", r"\text{loss} = \max(0,\ \text{margin} - \beta \ z)"),
        ("ref_logps_t", r"\text{ref\_logps}_{t}"),
        ("sum_{j != i} exp(s_j)", r"\sum_{j \ne  i}\ \exp(s_{j})"),
        ("v_i,2l v_j,2l+1", r"v_{i,2l}\ v_{j,2l+1}"),
        ("V_t+1 - V_t", r"V_{t+1} - V_{t}"),
        ("p_shown_0 + 1", r"p_{\text{shown},0} + 1"),
        ("x = (R + m)+ / sum R+", r"x = (R + m)^{+} /\ \sum \ R^{+}"),
        ("sqrt(n (n - 1))^-1", r"\sqrt{n\ (n - 1)}^{-1}"),
        ("s = sum over j of w_j", r"s = \text{sum}\ \text{over}\ j\ \text{of}\ w_{j}"),
        ("E[a | b] = a,  b = 1", r"E[a\ \vert \ b] = a,\quad b = 1"),
        ("solve_nash_kl(sum_bt x)", r"\text{solve\_nash\_kl}(\sum_{bt}\ x)"),
        ("0 where it is -1e-5", r"0\ \text{where}\ \text{it}\ \text{is}\ {-}\text{1e-5}"),
        ("`losses.kto` with 50%", r"\texttt{losses.kto}\ \text{with}\ 50\%"),
    ],
)
def test_a_formula_keeps_its_order_and_gets_its_signs(plain: str, expected: str) -> None:
    assert tex(plain) == expected


def documented() -> list[tuple[str, str]]:
    """Docstrings of all functions and classes of the package."""
    kinds = ast.FunctionDef | ast.ClassDef | ast.Module
    return [
        (f"{path.name}:{getattr(node, 'name', '')}", text)
        for path in sorted((ROOT / "python" / "prefcore").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds) and (text := ast.get_docstring(node))
    ]


def test_every_formula_is_balanced_and_has_no_double_script() -> None:
    """What KaTeX would refuse; the browser of `make docs-check` sets them all."""
    found = [
        (name, line)
        for name, text in documented()
        for paragraph in re.split(r"\n\n+", text)[1:]
        if docstrings.is_formula(paragraph)
        and not re.match(r"(    |\||>>>|Args|Returns|Yields|Raises|Source)", paragraph)
        for line in map(tex, paragraph.splitlines())
    ]
    assert len(found) > 300
    plain = [(name, re.sub(r"\\[{}]", "", line)) for name, line in found]
    assert [item for item in plain if item[1].count("{") != item[1].count("}")] == []
    assert [item for item in plain if re.search(r"_\{[^{}]*(\{[^{}]*\})?[^{}]*\}\s*_", item[1])] == []


def test_prose_and_fields_stay_as_they_are() -> None:
    text = "Sum of `x`.\n\ny = x_i\n\nWith a*b* <c>.\n\nArgs:\n    x_i: [B] a_b.\nReturns: [B].\n\n>>> f(1)\n2"
    assert docstrings.markdown(text).split("\n\n") == [
        "Sum of `x`.",
        '<div><span class="formula" data-tex="y = x_{i}">y = x_i</span></div>',
        r"With a\*b\* \<c\>.",
        "Args:\n" + r"    x_i: \[B\] a\_b.",
        r"**Returns:** \[B\].",
        "```pycon\n>>> f(1)\n2\n```",
    ]


def test_every_public_module_and_every_page_of_the_menu_is_there() -> None:
    written = pages.pages()
    menu = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    named = re.findall(r"'([\w/-]+\.md)'", str(menu))
    assert set(named) - {"index.md"} <= set(written)
    top = {f"api/{name}.md" for name in pages.public_modules() if "." not in name}
    assert {"api/losses.md", "api/metrics.md", "api/papers.md"} <= top <= set(named)
    assert "api/papers/egpo.md" in written
    assert not [text for text in written.values() if "](../python/" in text]


def test_a_missing_section_of_the_readme_is_named() -> None:
    with pytest.raises(ValueError, match="must have a section 'Nobody', and has none"):
        pages.section("# prefcore\n\n## Try it\n", "Nobody")


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "a.html").write_text(
        '<p id="here"></p><a href="../index.html#top">up</a><a href="b.html">b</a>'
    )
    text = '<h1 id="top"></h1><a href="api/a.html#here"></a><a href="api/a.html#gone"></a><a href="https://x.org"></a>'
    (tmp_path / "index.html").write_text(text + '<script src="https://x.org/a.js"></script>')
    assert sorted(broken_links(tmp_path)) == [
        "api/a.html: b.html",
        "index.html: api/a.html#gone",
        "index.html: https://x.org/a.js",
    ]


def test_a_case_of_the_benches_is_a_table_with_its_date(tmp_path: Path) -> None:
    head = "| case | shape | threads | contender | median ms | quartiles | ratio | extra MiB | error | date |"
    rows = [
        "| m.f | [8] | 2 | prefcore | 1.0 | 1-1 | 1.00 | 0.5 |  | 2026-11-28 |",
        "| m.f | [8] | 2 | b | 3.0 | 3-3 | 3.00 | 1.0 |  | 2026-11-28 |",
    ]
    (tmp_path / "d.md").write_text("\n".join(["# Device", "", head, "| --- |", *rows]))
    table = "| contender | median ms | ratio | extra MiB |\n| --- | ---: | ---: | ---: |\n"
    shown = pages.benchmarks(tmp_path / "d.md")
    assert "## m\n\n**`m.f`** [8]; threads: 2; 2026-11-28\n\n" + table in shown
    assert "| b | 3.0 | 3.00 | 1.0 |\n" in shown


def answers() -> list[str]:
    """The programs of the home page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "site" / "index.md").read_text(), re.DOTALL)


def test_answers_are_of_five_lines() -> None:
    assert [len([line for line in code.splitlines() if line]) for code in answers()] == [5, 5, 5]


def test_the_answer_for_training_gives_a_gradient() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.randn(4, 3, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    names: dict[str, Any] = {
        "logits": logits,
        "targets": torch.ones(4, 3, dtype=torch.long),
        "mask": torch.ones(4, 3).bool(),
    }
    from prefcore import logps

    with torch.no_grad():
        names["reference"] = logps.sequence_logps(
            logps.token_logps(logits, names["targets"], mask=names["mask"]), names["mask"]
        )
    exec(answers()[0], names)  # noqa: S102
    assert names["loss"].item() == pytest.approx(np.log(2), abs=1e-6)  # the policy is the reference
    assert logits.grad.abs().sum() > 0


def test_the_answer_for_evaluation_ranks(capsys: pytest.CaptureFixture[str]) -> None:
    votes = {"model_a": ["x", "x", "y", "z", "x"], "model_b": ["y", "y", "z", "x", "z"], "winner": ["model_a"] * 5}
    names: dict[str, Any] = dict(votes)
    exec(answers()[1], names)  # noqa: S102
    assert names["board"].theta[0] == max(names["board"].theta)
    assert "Difference" in capsys.readouterr().out


def test_the_answer_for_surveys_has_a_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    n = 400
    profiles = {name: rng.integers(0, 2, 2 * n).astype(str) for name in ("age", "party")}
    liked = (profiles["age"] == "1") + rng.normal(size=2 * n)
    chosen = np.column_stack([liked[::2] > liked[1::2], liked[::2] <= liked[1::2]]).ravel().astype(int)
    respondent = np.repeat(np.arange(n // 4), 8)
    frame = profiles | {"chosen": chosen, "id": respondent, "region": np.where(respondent % 2, "north", "south")}
    columns = {"factors": ["age", "party"], "outcome": "chosen", "respondent": "id", "group": "region"}
    names: dict[str, Any] = {"df": frame, "columns": columns}
    exec(answers()[2], names)  # noqa: S102
    assert "gap" in capsys.readouterr().out
