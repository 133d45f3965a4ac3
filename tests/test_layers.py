"""Who may import whom (ARCHITECTURE.md), checked by parsing the imports of every file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "python" / "prefcore"
BASE = {"errors", "_rust"}
TENSORS = {"errors", "_checks", "ops"}
ARRAYS = {*BASE, "_arrays"}
#: module -> what it may import of prefcore, besides itself
MAY_IMPORT = {
    "__init__": BASE,
    "errors": set(),
    "_checks": {"errors"},
    "_arrays": {"errors"},
    "ops": {*BASE, "_checks", "triton_kernels"},
    "logps": TENSORS,
    "losses": TENSORS,
    "weights": TENSORS,
    "scores": {*TENSORS, "weights"},
    "groups": ARRAYS,
    "pairs": {*ARRAYS, "groups"},
    "metrics": ARRAYS,
    "triton_kernels": set(),
}
DATA_WORLD = {"groups", "pairs", "metrics", "_arrays", "errors", "__init__"}
THIRD_PARTY = {"numpy", "torch", "triton"}


def module_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    """Dotted names that a file imports, wherever in the file; `from a import b` counts as a and as a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the layer"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


FILES = sorted({*PACKAGE.rglob("*.py"), *(PACKAGE / "triton_kernels").glob("*.py")})


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_to_the_left(file: Path) -> None:
    module = module_of(file)
    assert module in MAY_IMPORT, f"{module}: give the new module a line in MAY_IMPORT and in ARCHITECTURE.md"
    inner = {name.split(".")[1] for name in imports_of(file) if name.startswith("prefcore.")}
    assert inner <= MAY_IMPORT[module] | {module}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_third_parties_stay_where_they_belong(file: Path) -> None:
    import sys

    module = module_of(file)
    foreign = {name.split(".")[0] for name in imports_of(file)} - set(sys.stdlib_module_names) - {"prefcore"}
    allowed = THIRD_PARTY - {"torch", "triton"} if module in DATA_WORLD else THIRD_PARTY
    assert foreign <= allowed


def test_kernels_are_never_imported_when_a_module_loads() -> None:
    for file in (PACKAGE / "ops").glob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "triton_kernels" not in ast.unparse(node), file
