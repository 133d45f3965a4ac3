"""Times the cases of `cases.py` and stores the ratios. Protocol: README.md."""

import argparse
import ctypes
import datetime
import gc
import json
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from cases import CASES, BenchCase, Contenders
from prefcore.cli._cases import scale_of

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests"))  # trl_step.py takes its trainer from there
RESULTS = Path(__file__).parent / "results"
PAUSE = 0.1  # seconds, in which the spinning threads of the contender before (OpenBLAS, OpenMP) go to sleep
Row = dict[str, Any]


def main() -> int:
    """Run the cases asked for; a red test or a contender that disagrees stops the run before any timing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="beginnings of case names; none = all")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds, at least 2 (default: %(default)s)")
    options = parser.parse_args()
    for case in CASES:
        if options.device not in case.devices or not case.name.startswith(tuple(options.only) or ""):
            continue
        if not tests_are_green(case):
            return 1
        measured = measure(case, options.device, options.rounds)
        print(table(measured))
        store(measured, device_name(options.device))
    return 0


def tests_are_green(case: BenchCase) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *case.tests], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(f"{case.name} is not timed, its tests are red:\n{done.stdout[-3000:]}", file=sys.stderr)
    return done.returncode == 0


def measure(case: BenchCase, device: str, rounds: int) -> list[Row]:
    """One row per contender; every second round runs backwards, so that nobody always follows the same neighbor."""
    contenders = case.make(device)
    check_agreement(case, contenders)
    error = case.error(device) if case.error else None
    errors = {name: None if error is None else error(run()) for name, run in contenders.items()}
    memory = {name: extra_memory(run, device) for name, run in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in tqdm(range(rounds), desc=case.name, leave=False, disable=None):
        for name in list(contenders)[:: -1 if number % 2 else 1]:
            times[name].append(timed(contenders[name], device) * scale_of(name))
    base = statistics.median(times["prefcore"])
    return [row(case, device, name, times[name], memory[name], errors[name], base) for name in contenders]


def row(
    case: BenchCase,
    device: str,
    name: str,
    seconds: list[float],
    memory: float | None,
    error: float | None,
    base: float,
) -> Row:
    low, median, high = statistics.quantiles(seconds, n=4)
    return {
        "case": case.name,
        "shape": case.shape[device],
        "contender": name,
        "median_ms": round(median * 1e3, 4),
        "quartiles_ms": [round(low * 1e3, 4), round(high * 1e3, 4)],
        "ratio": round(median / base, 2),
        "extra_memory_mib": None if memory is None else round(memory, 1),
        "error": None if error is None else float(f"{error:.2g}"),
        "rounds": len(seconds),
        **circumstances(),
    }


def check_agreement(case: BenchCase, contenders: Contenders) -> None:
    """All contenders compute the same, rows and counts exactly; one with a part of the input, the beginning of it."""
    want = columns(contenders["prefcore"]())
    for name, run in contenders.items():
        for got, right in zip(columns(run()), want, strict=True):
            assert scale_of(name) == 1 or len(got), name
            same_part = right if scale_of(name) == 1 else right[: len(got)]
            assert_close(got, same_part, case.tolerance, f"{case.name}: {name}")


def columns(result: Any) -> list[Any]:
    parts = result if isinstance(result, tuple) else (result,)
    return [part.detach() if hasattr(part, "detach") else np.asarray(part) for part in parts]


def assert_close(got: Any, want: Any, tolerance: float, what: str) -> None:
    """Tensors are compared on their device, 2^28 numbers at a time; integers and booleans exactly."""
    if isinstance(want, np.ndarray):
        tolerance = tolerance if want.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(np.asarray(got), want, rtol=tolerance, atol=tolerance, err_msg=what)
        return
    import torch

    if isinstance(got, np.ndarray):
        got = torch.from_numpy(np.ascontiguousarray(got))
    assert got.shape == want.shape, what
    tolerance = tolerance if want.is_floating_point() else 0.0
    for a, b in zip(got.reshape(-1).split(2**28), want.reshape(-1).split(2**28), strict=True):
        torch.testing.assert_close(a.to(b.dtype), b, rtol=tolerance, atol=tolerance, msg=lambda m: f"{what}: {m}")


def timed(run: Callable[[], Any], device: str) -> float:
    if device == "cuda":
        return timed_on_cuda(run)
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    del result
    return seconds


def timed_on_cuda(run: Callable[[], Any]) -> float:
    """Time between two events; 1 GB is overwritten before, which empties the cache and gives Python a head start."""
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.empty(2**30, dtype=torch.uint8, device="cuda").zero_()
    start.record()
    result = run()
    end.record()
    end.synchronize()
    del result
    return start.elapsed_time(end) / 1e3


def extra_memory(run: Callable[[], Any], device: str) -> float | None:
    """MiB by which the peak rises during one call, its result included."""
    gc.collect()
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    try:
        ctypes.CDLL(None).malloc_trim(0)  # else freed memory that the allocator keeps would hide what the call needs
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from the present size
    except (AttributeError, OSError):
        return None
    before = resident_kib("VmRSS")
    run()
    return (resident_kib("VmHWM") - before) / 2**10


def resident_kib(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def circumstances() -> Row:
    import prefcore

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.date.today().isoformat(),
        "threads": prefcore.get_num_threads(),
        "commit": commit.stdout.strip(),
        "versions": {name: installed(name) for name in ("prefcore", "numpy", "scipy", "torch", "triton")},
        "python": platform.python_version(),
    }


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    model = re.search(r"model name\s*:\s*(.+)", told)
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in told), None)
    return ", ".join(filter(None, [model[1] if model else platform.machine(), vectors]))


def store(rows: list[Row], device: str) -> None:
    """Replace the cases that ran in the device's file, keep the others."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / (re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") + ".json")
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    ran = {new["case"] for new in rows}
    merged = sorted([kept for kept in old if kept["case"] not in ran] + rows, key=lambda any_row: any_row["case"])
    path.write_text(json.dumps({"device": device, "rows": merged}, indent=1) + "\n")
    path.with_suffix(".md").write_text(f"# {device}\n\n{table(merged)}")
    print(f"written: {path.relative_to(ROOT)} and the table beside it")


def table(rows: list[Row]) -> str:
    lines = [
        "| case | shape | threads | contender | median ms | quartiles | ratio | extra MiB | error | date |",
        "| --- | --- | ---: | --- | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for r in rows:
        low, high = r["quartiles_ms"]
        memory = "" if r["extra_memory_mib"] is None else r["extra_memory_mib"]
        error = "" if r.get("error") is None else r["error"]  # rows stored before there was one have none
        lines.append(
            f"| {r['case']} | {r['shape']} | {r['threads']} | {r['contender']} | {r['median_ms']:.2f} "
            f"| {low:.2f}-{high:.2f} | {r['ratio']:.2f} | {memory} | {error} | {r['date']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
