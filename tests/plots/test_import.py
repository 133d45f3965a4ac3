"""What importing the pictures needs, and what it leaves alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "python"


def run(program: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60, env=environment
    )


@pytest.mark.parametrize("module", ["plots", "report"])
def test_without_matplotlib_the_error_says_what_to_install(module: str) -> None:
    done = run(f"import sys; sys.modules['matplotlib'] = None; import prefcore.{module}")
    assert "ImportError: prefcore.plots needs matplotlib: pip install 'prefcore[plot]'" in done.stderr


def test_pictures_load_no_torch_and_nothing_else_loads_matplotlib() -> None:
    done = run("import sys, prefcore.report; print('torch' in sys.modules)")
    assert done.stdout == "False\n", done.stderr
    done = run("import sys, prefcore.ratings, prefcore.conjoint, prefcore.games; print('matplotlib' in sys.modules)")
    assert done.stdout == "False\n", done.stderr
