"""Pictures and pages beside a table, drawn by `plots` and `report`: whole or absent, like every file."""

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefcore.cli import _write
from prefcore.cli._run import Code, Stop

#: dots per inch of a PNG
DPI = 200
DRAWING: Any = {"svg.fonttype": "none", "svg.hashsalt": "prefcore"}
#: the same picture gives the same bytes
DATES: Any = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def refuse_plot(path: Path, *inputs: Path | None, overwrite: bool) -> None:
    """Refuse a file of --plot that could not be written in the end."""
    _refuse("--plot", path, (".png", ".svg", ".pdf"), *inputs, overwrite=overwrite)


def refuse_page(path: Path, *inputs: Path | None, overwrite: bool, confidence_level: float = 0.95) -> None:
    """Refuse a file of --html that could not be written in the end, or intervals that a page does not have."""
    if confidence_level != 0.95:
        raise Stop(Code.USAGE, "--html has intervals of 95 percent; --confidence-level does not go with it")
    _refuse("--html", path, (".html",), *inputs, overwrite=overwrite)


def _refuse(option: str, path: Path, ends: tuple[str, ...], *inputs: Path | None, overwrite: bool) -> None:
    if path.suffix.lower() not in ends:
        raise Stop(Code.USAGE, f"{option} {path}: must end in {', '.join(ends)}")
    if not can_draw():
        raise Stop(Code.USAGE, f"{option} needs matplotlib: pip install 'prefcore[plot]'")
    _write.refuse_place(path, *inputs, overwrite=overwrite)


def can_draw() -> bool:
    """Whether matplotlib is installed; it will open no window."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        return False
    matplotlib.use("agg")
    return True


def intervals(names: Any, values: Any, ends: tuple[Any, Any], label: str) -> Any:
    """Axes with a row for each name: its value as a dot, its interval as a line."""
    import numpy as np

    from prefcore.plots._canvas import canvas, forest, name_rows, tall

    values = np.asarray(values, dtype=np.float64)
    low, high = (values if end is None else np.asarray(end, dtype=np.float64) for end in ends)
    ax = canvas(None, height=tall(len(values)))
    forest(ax, np.arange(len(values)), values, (low, high))
    name_rows(ax, range(len(values)), names)
    ax.set_xlabel(label)
    return ax


def save(path: Path, ax: Any) -> None:
    """Write the figure of Axes and close it."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    form = path.suffix.lower()
    try:
        with mpl.rc_context(DRAWING), warnings.catch_warnings(record=True) as found, _write.replacing(path) as file:
            warnings.filterwarnings("always", message="Glyph .* missing from font")
            ax.figure.savefig(file, format=form[1:], dpi=DPI, metadata=DATES.get(form))
    finally:
        plt.close(ax.figure)
    if found and form != ".svg":  # text of SVG stays text
        sys.stderr.write(f"prefcore: {path}: the font lacks some letters of the names; .svg shows them\n")


def save_page(path: Path, write: Callable[[Path], Path]) -> None:
    """Write a page by a function of `report`."""
    with tempfile.TemporaryDirectory() as folder, _write.replacing(path) as file:
        file.write(write(Path(folder) / "page.html").read_bytes())
