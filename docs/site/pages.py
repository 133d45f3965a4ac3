"""Writes the pages of the site into a folder: prose from here, everything else from where it is kept.

    python docs/site/pages.py target/pages

Nothing has a second copy in the repository: guides are sections of the README, tutorials are the examples with their
docstrings, the benchmarks are tables of benches/results, the API pages name modules whose docstrings are rendered.
"""

import ast
import importlib.util
import re
import shutil
import sys
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "python" / "prefcore"
PRIVATE = {"cli", "ops", "triton_kernels"}

#: page -> section of the README, title
GUIDES = {
    "train": ("For those who train", "Train"),
    "data": ("For those who prepare data", "Prepare data"),
    "evaluate": ("For those who evaluate", "Evaluate"),
    "conjoint": ("For those who analyze conjoint surveys", "Analyze conjoint surveys"),
    "files": ("For those who hold a file", "The command line"),
    "today": ("I use X today", "I use X today"),
}
#: example -> title
TUTORIALS = {
    "for_trainers": "For those who train: from ratings to a healthy run",
    "for_evaluators": "For those who evaluate: votes, ratings, judges",
    "for_surveys": "For those who run surveys: effects to equilibrium",
    "dpo": "DPO in a plain torch loop",
    "trl_dpo": "DPO in TRL",
    "trl_own_loss": "A loss of your own in TRL",
    "hf_trainer": "DPO in the Trainer of transformers",
    "curriculum_dpo": "Easy pairs first",
    "tdpo_two_models": "TDPO over two models",
    "egpo_selfplay": "Self-play with EGPO",
    "pref_grpo_groups": "Pref-GRPO on groups",
    "reward_ensemble": "Reward models that disagree",
    "preference_game": "Who wins a preference game",
    "conjoint_taxes": "A conjoint survey from answers to equilibrium",
}


def public_modules() -> list[str]:
    """Names of all modules that users import, below `prefcore`."""
    found = [f"{folder}{name}" for folder in ("", "papers/", "integrations/") for name in _public(PACKAGE / folder)]
    return sorted(name.replace("/", ".") for name in found if name not in PRIVATE)


def _public(folder: Path) -> list[str]:
    entries = (path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
    return [path.stem for path in entries if not path.name.startswith("_")]


def _exports(module: str) -> list[str]:
    """Names in the `__all__` of a module."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(node).split("=")[0]:
            return [name for name in ast.literal_eval(node.value or ast.List()) if not name.startswith("_")]
    return []


def _tree(module: str) -> ast.Module:
    path = PACKAGE.parent / module.replace(".", "/")
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


MODULES = ["prefcore", *(f"prefcore.{name}" for name in public_modules())]
#: every name that has a place in the API pages, by its whole path
NAMES = {f"{module}.{name}" for module in MODULES for name in _exports(module)}


def linked(code: str, home: str = "prefcore") -> str:
    """Code in backticks, as a link where it is or calls a public name, in `home` or by its module."""
    name = code.partition("(")[0]
    for path in (f"{home}.{name}", f"prefcore.{name}", f"prefcore.errors.{name}", f"prefcore.integrations.{name}"):
        if path in NAMES:
            return f"[`{code}`][{path}]"
    return f"`{code}`"


def section(text: str, title: str) -> str:
    """Body of a section of a Markdown file."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ValueError(f"README.md must have a section {title!r}, and has none")
    return match[1].strip()


def guide(name: str) -> str:
    """A section of the README as a page."""
    source, title = GUIDES[name]
    body = section((ROOT / "README.md").read_text(), source)
    return f"# {title}\n\n{_links(re.sub(r'^### ', '## ', body, flags=re.MULTILINE), '../')}\n"


def tutorial(name: str) -> str:
    """An example as a page: its docstring, then its code."""
    source = (ROOT / "examples" / f"{name}.py").read_text()
    tree = ast.parse(source)
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno or 0 :]).strip()
    text = re.sub(r"(?m)^(?: {4})?(python examples/.*)$", r"```\n\1\n```", ast.get_docstring(tree) or "")
    helpers = [
        f"`{path.name}`"
        for path in sorted((ROOT / "examples").glob("*.py"))
        if re.search(rf"(?m)^\s*(from|import) {path.stem}\b", code)
    ]
    beside = f" It imports {', '.join(helpers)} beside it." if helpers else ""
    note = f"The whole of `examples/{name}.py`, which the tests run.{beside}"
    return f"# {TUTORIALS[name]}\n\n{text}\n\n{note}\n\n```python\n{code}\n```\n"


def api(module: str) -> str:
    """Page of a module: what stands in api/ here, then the docstrings, then the modules below it."""
    intro = HERE / "api" / f"{module}.md"
    below = [name for name in public_modules() if name.startswith(f"{module}.")]
    parts = [
        f"# prefcore.{module} {{ #prefcore.{module} }}",
        intro.read_text() if intro.exists() else "",
        f"::: prefcore.{module}",
        _index(below),
    ]
    return "\n\n".join(parts) + "\n"


def _index(modules: list[str]) -> str:
    return "\n".join(f"- [`{name}`][prefcore.{name}]: {_first_line(name)}" for name in modules)


def _first_line(module: str) -> str:
    return (ast.get_docstring(_tree(f"prefcore.{module}")) or "").split("\n\n")[0].replace("\n", " ")


def benchmarks(path: Path) -> str:
    """Table of a device as one small table for each case, which a phone can show."""
    title, _, *lines = path.read_text().splitlines()
    names, _, *cells = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines if line.startswith("|")]
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    out = [title, "How they are measured: [Benchmarks](index.md)."]
    for module, cases in groupby(rows, key=lambda row: row["case"].partition(".")[0]):
        out.append(f"## {module}")
        for _, case in groupby(cases, key=lambda row: (row["case"], row["shape"], row["threads"])):
            out += _case(list(case))
    return "\n\n".join(out) + "\n"


def _case(rows: list[dict[str, str]]) -> list[str]:
    """What was timed and when, then the contenders; a column that says nothing is left out."""
    first = rows[0]
    shown = [
        "contender",
        *(name for name in ("median ms", "ratio", "extra MiB", "error") if any(r[name] for r in rows)),
    ]
    lines = [shown, ["---", *["---:"] * (len(shown) - 1)], *([row[name] for name in shown] for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return [f"**`{first['case']}`** {first['shape']}; threads: {first['threads']}; {first['date']}", table]


def _links(text: str, up: str = "", home: str = "prefcore") -> str:
    """Links from files of the repository to pages of the site, and from code in prose to the API."""
    text = re.sub(r"\]\(\.\./python/prefcore/papers/(\w+)\.py\)", rf"]({up}api/papers/\1.md)", text)
    text = re.sub(r"`?docs/(papers|numerics|conjoint)\.md`?", rf"[\1]({up}\1.md)", text)
    text = re.sub(r"`?CHANGELOG\.md`?", f"[the changelog]({up}changelog.md)", text)
    text = re.sub(r"`benches/results`", f"[benches/results]({up}benchmarks/index.md)", text)
    text = re.sub(
        r"`examples/(\w+)\.py`", lambda m: f"[{m[0]}]({up}tutorials/{m[1]}.md)" if m[1] in TUTORIALS else m[0], text
    )
    parts = re.split(r"(^```.*?^```|^#.*?$)", text, flags=re.MULTILINE | re.DOTALL)  # code and headings stay
    return "".join(part if part.startswith(("```", "#")) else _linked_lines(part, home) for part in parts)


def _linked_lines(text: str, home: str) -> str:
    """Link the code of each line; in the row of a paper its own functions come first."""
    lines = []
    for line in text.split("\n"):
        paper = re.search(r"api/papers/(\w+)\.md", line)
        own = f"prefcore.papers.{paper[1]}" if paper else home
        lines.append(re.sub(r"(?<!\[)`([A-Za-z_][^`]*)`(?!\])", lambda code, own=own: linked(code[1], own), line))
    return "\n".join(lines)


def rows_as_sections(text: str) -> str:
    """Tables of functions as sections, one for each row: as tables they have too many words for a phone."""
    out: list[str] = []
    names: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if "functions" in cells:
            names = cells
        elif not cells or not names:
            names, out = [], [*out, line]
        elif set(line) - set("| -:"):
            at = names.index("functions")
            out += ["", f"### {' '.join(cells[:at])}", ""]
            out += [f"- {name}: {cell}" for name, cell in zip(names[at:], cells[at:], strict=True) if cell]
    return "\n".join(out) + "\n"


def pages() -> dict[str, str]:
    """All pages: path -> Markdown."""
    out = {f"guides/{name}.md": guide(name) for name in GUIDES}
    out |= {f"tutorials/{name}.md": tutorial(name) for name in TUTORIALS}
    out |= {f"api/{name.replace('.', '/')}.md": api(name) for name in public_modules()}
    homes = {"papers": "prefcore", "numerics": "prefcore", "conjoint": "prefcore.conjoint"}
    out |= {f"{name}.md": _links((ROOT / "docs" / f"{name}.md").read_text(), home=home) for name, home in homes.items()}
    out["papers.md"] = rows_as_sections(out["papers.md"])
    top = _index([name for name in public_modules() if "." not in name])
    out["api/index.md"] = f"# API\n\n{top}\n\n::: prefcore\n"
    out["changelog.md"] = (ROOT / "CHANGELOG.md").read_text()
    results = sorted((ROOT / "benches" / "results").glob("*.md"))
    out |= {f"benchmarks/{path.name}": benchmarks(path) for path in results}
    out["benchmarks/index.md"] = _benchmark_index(results)
    return out


def _benchmark_index(results: list[Path]) -> str:
    devices = "".join(f"- [{path.read_text().splitlines()[0][2:]}]({path.name})\n" for path in results)
    speed = _links(section((ROOT / "README.md").read_text(), "Accuracy and speed"), "../")
    method = (ROOT / "benches" / "README.md").read_text().removeprefix("# Benches\n")
    parts = ["# Benchmarks", "## All figures", devices, "## The main ones", speed, "## How they are measured", method]
    return "\n\n".join(parts)


def write(folder: Path) -> None:
    """Write the pages, what stands here, and KaTeX with its fonts."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in pages().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    shutil.copy(HERE / "index.md", folder / "index.md")
    shutil.copytree(HERE / "assets", folder / "assets")
    _katex(folder / "assets" / "katex")


def _katex(folder: Path) -> None:
    """KaTeX from the package that carries it, whose own code is not needed."""
    spec = importlib.util.find_spec("djangocms_katex")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "KaTeX must be there, and is not: install requirements/docs-no-deps.txt with --no-deps"
        )
    source = Path(spec.origin).parent / "static" / "djangocms_katex" / "vendor" / "katex"
    folder.mkdir()
    for name in ("katex.min.js", "katex.min.css", "LICENSE"):
        shutil.copy(source / name, folder / name)
    shutil.copytree(source / "fonts", folder / "fonts", ignore=shutil.ignore_patterns("*.ttf", "*.woff"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
