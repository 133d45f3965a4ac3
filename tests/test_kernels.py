"""The Triton kernels on a machine without a GPU: interpreted, and compiled ahead of time.

A kernel is interpreted or compiled from the moment it is defined, so each of the two has a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parent / "kernels"


@pytest.mark.skipif(sys.platform != "linux", reason="Triton exists for Linux only")
@pytest.mark.parametrize(("folder", "interpret"), [("interpreted", "1"), ("compiled", "0")])
def test_kernels(folder: str, interpret: str, tmp_path: Path) -> None:
    files = [str(file) for file in sorted((KERNELS / folder).glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        env={**os.environ, "TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
