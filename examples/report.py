"""Write the results of a run at once or not at all, with what the run took and what it ran on."""

import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rated import InputError


class Stopwatch:
    """Seconds of the parts of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begin = self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """Book the time since the last call on a part."""
        now = time.perf_counter()
        self.seconds[part] = round(now - self._last, 2)
        self.seconds["total"] = round(now - self._begin, 2)
        self._last = now


@contextmanager
def written_at_once(out: Path) -> Iterator[Path]:
    """Lend a temporary folder beside `out`; at the end its files move to `out`, after an error they vanish."""
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write to {out}: it is a file, not a folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}") from None
    with temporary as folder:
        yield Path(folder)
        out.mkdir(exist_ok=True)
        for file in sorted(Path(folder).iterdir()):
            file.replace(out / file.name)


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value; NaN, which JSON has not, would be an error."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object per line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def machine() -> dict[str, Any]:
    """Versions, threads and the largest memory so far."""
    packages = ("prefcore", "torch", "transformers", "numpy")
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "platform": platform.platform(),
        "torch_threads": torch.get_num_threads(),
        "peak_memory_gib": _peak_memory_gib(),
    }


def _peak_memory_gib() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 2)
