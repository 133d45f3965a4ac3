"""Who may import whom (ARCHITECTURE.md), checked by parsing the imports of every file."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "python" / "prefcore"
BASE = {"errors", "_rust"}
TENSORS = {"errors", "_checks", "ops"}
ARRAYS = {*BASE, "_arrays", "_estimates"}
TORCH_WORLD = {"logps", "losses", "scores", "weights"}
DATA = {"groups", "pairs", "strength", "selection", "ranking", "metrics", "games", "ratings", "conjoint"}
PUBLIC = {*TORCH_WORLD, *DATA}
#: module -> what it may import of prefcore, besides itself
MAY_IMPORT = {
    "__init__": BASE,
    "errors": set(),
    "_checks": {"errors"},
    "_arrays": {"errors"},
    "_estimates": {"errors", "_rust", "_arrays"},
    "_states": set(),
    "_strings": {"errors", "_rust", "_arrays"},
    "ops": {*BASE, "_checks", "triton_kernels"},
    "logps": TENSORS,
    "losses": {*TENSORS, "scores"},
    "weights": TENSORS,
    "scores": {*TENSORS, "weights"},
    "groups": ARRAYS,
    "pairs": {*ARRAYS, "groups"},
    "strength": ARRAYS,
    "selection": {*ARRAYS, "groups"},
    "ranking": ARRAYS,
    "metrics": {*ARRAYS, "groups"},
    "games": ARRAYS,
    "_bootstrap": {"errors", "_rust", "_arrays", "_estimates"},
    "ratings": {*ARRAYS, "_bootstrap", "_states", "_strings"},
    "conjoint": {*ARRAYS, "_bootstrap", "_strings"},
    "papers": {*BASE, "_arrays", "_checks", *PUBLIC},
    "integrations": {*BASE, "_arrays", "_checks", "papers", *PUBLIC},
    "plots": {*ARRAYS, "_bootstrap", *DATA},
    "report": {*ARRAYS, "plots", *DATA},
    "triton_kernels": set(),
    "cli": {*BASE, "ops", "plots", "report", "integrations", *PUBLIC},
    "__main__": {"cli"},
}
DATA_WORLD = {
    *DATA,
    "plots",
    "report",
    "_arrays",
    "_estimates",
    "_states",
    "_strings",
    "errors",
    "__init__",
}
THIRD_PARTY = {"numpy", "torch", "triton"}
#: what some modules may import beside it
BESIDES = {
    "cli": {"typer", "rich", "polars", "pyarrow", "tokenizers", "matplotlib", "transformers", "scipy", "sklearn"},
    "papers": {"sklearn"},
    "plots": {"matplotlib"},
    "report": {"matplotlib"},
}
HOSTS = {  # what an integration may import beside its own host
    "axolotl": {"pydantic"},
    "arrow": {"pyarrow"},
    "datasets": {"pyarrow"},
    "ray": {"pyarrow"},
    "spark": {"pyarrow", "pyspark"},
}


def module_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(nodes: Iterable[ast.AST]) -> set[str]:
    """Dotted names that are imported; `from a import b` counts as a and as a.b."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def everywhere(file: Path) -> Iterable[ast.AST]:
    return ast.walk(ast.parse(file.read_text()))


FILES = sorted({*PACKAGE.rglob("*.py"), *(PACKAGE / "triton_kernels").glob("*.py")})


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_to_the_left(file: Path) -> None:
    module = module_of(file)
    assert module in MAY_IMPORT, f"{module}: give the new module a line in MAY_IMPORT and in ARCHITECTURE.md"
    inner = {name.split(".")[1] for name in imports_of(everywhere(file)) if name.startswith("prefcore.")}
    assert inner <= MAY_IMPORT[module] | {module}


def test_losses_import_only_the_elementwise_part_of_scores() -> None:
    """A loss may take log-odds of what it is given; advantages and the like come from the caller."""
    names = {name for file in FILES if module_of(file) == "losses" for name in imports_of(everywhere(file))}
    assert {name for name in names if name.startswith("prefcore.scores") and ".transforms" not in name} == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_third_parties_stay_where_they_belong(file: Path) -> None:
    import sys

    module = module_of(file)
    foreign = (
        {name.split(".")[0] for name in imports_of(everywhere(file))} - set(sys.stdlib_module_names) - {"prefcore"}
    )
    data_only = module in DATA_WORLD or (module == "cli" and file.stem not in {"doctor", "_scoring"})
    allowed = (THIRD_PARTY - {"torch", "triton"} if data_only else THIRD_PARTY) | BESIDES.get(module, set())
    if module == "integrations":
        host = file.relative_to(PACKAGE).parts[1].removesuffix(".py")
        allowed |= {host} | HOSTS.get(host, set())
    assert foreign <= allowed


def test_papers_load_without_torch() -> None:
    """Whoever builds pairs needs no torch: what does is imported inside the function."""
    heavy = {"torch", "sklearn", "prefcore._checks", *(f"prefcore.{module}" for module in TORCH_WORLD)}
    for file in (PACKAGE / "papers").glob("*.py"):
        names = imports_of(ast.parse(file.read_text()).body)
        assert not heavy & {".".join(name.split(".")[:parts]) for name in names for parts in (1, 2)}, file


def test_kernels_are_never_imported_when_a_module_loads() -> None:
    for file in (PACKAGE / "ops").glob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "triton_kernels" not in ast.unparse(node), file
