"""`prefcore doctor`: what is installed, what would run where, and whether the numbers are right."""

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from prefcore.cli import _options as o
from prefcore.cli._run import Code
from prefcore.cli._tables import print_json, print_table, say

#: package -> what it is for, and the extra that brings it
PACKAGES = {
    "numpy": ("everything", None),
    "torch": ("log-probs, weights, scores, losses", "torch"),
    "triton": ("kernels on GPUs", "torch"),
    "typer": ("this command", "cli"),
    "rich": ("tables on a terminal", "cli"),
    "polars": ("writing JSON lines", "cli"),
    "pyarrow": ("Parquet, Arrow, .zst", "cli"),
    "matplotlib": ("pictures and pages", "plot"),
}


def doctor(
    full: Annotated[bool, typer.Option("--full", help="Also check log-probs and losses on every device.")] = False,
    as_json: o.AsJson = False,
) -> Code:
    """Check this installation. Versions, devices, threads, the kernel of each op, known numbers, what to install."""
    import os
    import platform

    import prefcore

    packages = {name: _version(name) for name in ("prefcore", *PACKAGES)}
    has_torch = packages["torch"] is not None
    devices, kernels = _torch() if has_torch else ([], {"op": [], "cpu": [], "cuda": []})
    checks = _checks(_arrays_known()) | (_checks(_tensors_known(devices)) if full and has_torch else {})
    missing = {name: f"pip install 'prefcore[{PACKAGES[name][1]}]'" for name, found in packages.items() if not found
               and name in PACKAGES and PACKAGES[name][1]}  # fmt: skip
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": prefcore.get_num_threads(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "devices": devices,
    }
    if as_json:
        print_json(**found, packages=packages, kernels=kernels, checks=checks, missing=missing)
    else:
        _printed(found, packages, kernels, checks, missing)
    return Code.DONE if all(checks.values()) else Code.VERDICT


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _torch() -> tuple[list[str], dict[str, list[str]]]:
    """Devices, and what runs each op: a kernel of its own, or the reference in plain torch."""
    import torch
    from torch.library import CustomOpDef  # type: ignore[attr-defined]

    from prefcore import ops

    devices = ["cpu", *(f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count()))]
    modules = [vars(getattr(ops, name)) for name in ops.__all__]
    found = [name for module in modules for name, value in module.items() if isinstance(value, CustomOpDef)]
    names = sorted(name for name in set(found) if not name.rstrip("_").endswith(("_backward", "_vjp")))
    words = {True: "kernel of its own", False: "plain torch"}
    has = torch._C._dispatch_has_kernel_for_dispatch_key
    return devices, {
        "op": names,
        "cpu": [words[has(f"prefcore::{name}", "CPU")] for name in names],
        "cuda": [words[has(f"prefcore::{name}", "CUDA")] for name in names],
    }


Known = dict[str, tuple[Callable[[], Any], list[float]]]


def _arrays_known() -> Known:
    """Numbers that are known without prefcore: by hand, or from the sources named."""
    from prefcore import games, metrics, pairs, ratings

    wins = ratings.Comparisons.from_matrix([[0, 3], [1, 0]])
    matrix = [[0.5, 0.3, 0.8], [0.7, 0.5, 0.1], [0.2, 0.9, 0.5]]
    return {
        "metrics.kendall_tau": (lambda: metrics.kendall_tau([1, 2, 3, 4], [1, 3, 2, 4]), [2 / 3]),
        "metrics.ndcg": (lambda: metrics.dcg([0.1, 0.3, 0.2], [3, 2, 0]), [2 + 3 / math.log2(4)]),
        "metrics.wilson_interval": (  # scipy.stats.binomtest(7, 10).proportion_ci(method="wilson")
            lambda: metrics.wilson_interval(7, 10),
            [0.39677815, 0.89220873],
        ),
        "pairs.all_pairs": (lambda: pairs.all_pairs([3.0, 1.0, 2.0]).margin, [2.0, 1.0, 1.0]),
        "ratings.bradley_terry": (lambda: ratings.bradley_terry(wins).difference(0, 1).estimate, [math.log(3)]),
        "ratings.elo": (lambda: ratings.elo([0], [1], [1.0]), [1016.0, 984.0]),
        "games.solve_nash": (lambda: games.solve_nash(matrix).policy, [4 / 9, 3 / 9, 2 / 9]),
    }


def _tensors_known(devices: list[str]) -> Known:
    """Uniform logits have log-probs -log V; a DPO loss without a gap is log 2."""
    known: Known = {}
    for device in (name.split()[0] for name in devices):
        known[f"logps.weighted_sequence_logps on {device}"] = (partial(_uniform, device), [-3 * math.log(5)])
        known[f"losses.dpo on {device}"] = (partial(_no_gap, device), [math.log(2)])
    return known


def _uniform(device: str) -> Any:
    import torch

    from prefcore import logps

    targets = torch.zeros(1, 3, dtype=torch.long, device=device)
    logits, weights = torch.zeros(1, 3, 5, device=device), torch.ones(1, 3, device=device)
    return logps.weighted_sequence_logps(logits, targets, weights).sums.cpu()


def _no_gap(device: str) -> Any:
    import torch

    from prefcore import losses

    even = torch.zeros(1, device=device)
    return losses.dpo(even, even, beta=0.1).cpu()


def _checks(known: Known) -> dict[str, bool]:
    import numpy as np

    found = {}
    for name, (call, expected) in known.items():
        try:
            came = np.ravel(np.asarray(call(), dtype=np.float64))
        except Exception:  # whatever it is, the check has failed
            came = np.array([np.nan])
        found[name] = came.shape == (len(expected),) and bool(np.abs(came - expected).max() < 1e-6)
    return found


def _printed(
    found: dict[str, Any], packages: dict[str, Any], kernels: dict[str, Any], checks: dict[str, bool], missing: Any
) -> None:
    say(f"Python {found['python']} on {found['platform']}")
    say(f"{found['threads']} threads of {found['cpus']} CPUs; devices: {', '.join(found['devices']) or 'no torch'}")
    say()
    uses = [PACKAGES[name][0] if name in PACKAGES else "" for name in packages]
    print_table({"package": list(packages), "version": [v or "missing" for v in packages.values()], "for": uses})
    say()
    if kernels["op"]:
        print_table(kernels)
        say()
    print_table({"check": list(checks), "right": list(checks.values())})
    for name, advice in missing.items():
        say(f"{name} is missing: {advice}")
