"""The thread count, and life after fork()."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import prefcore
from prefcore import pairs
from prefcore.errors import DomainError


def in_new_process(program: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        check=False,
        args=[sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,  # the failure looked for is a hang
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


COUNT = "import prefcore; print(prefcore.get_num_threads())"


def test_default_is_the_affinity_count() -> None:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(in_new_process(COUNT)) == allowed


def test_environment_prefcore_before_rayon() -> None:
    assert in_new_process(COUNT, RAYON_NUM_THREADS="3") == "3"
    assert in_new_process(COUNT, PREFCORE_NUM_THREADS="5", RAYON_NUM_THREADS="3") == "5"
    assert in_new_process(COUNT, PREFCORE_NUM_THREADS="many", RAYON_NUM_THREADS="3") == "3"


def test_set_num_threads_wins_and_refuses_nonsense() -> None:
    program = "import prefcore; prefcore.set_num_threads(7); print(prefcore.get_num_threads())"
    assert in_new_process(program, PREFCORE_NUM_THREADS="5") == "7"
    for number in (0, -1, 1025, 2**70):
        with pytest.raises(DomainError, match=f"threads must be in 1..1024, got {number}"):
            prefcore.set_num_threads(number)
    for other in (1.5, "2", None, True):
        with pytest.raises(TypeError, match="threads must be an integer, got"):
            prefcore.set_num_threads(other)  # type: ignore[arg-type]


FORK = """
    import os
    import numpy as np, prefcore
    from prefcore import pairs
    prefcore.set_num_threads(2)
    scores = np.random.default_rng(0).normal(size=(20_000, 8))
    parent = pairs.all_pairs(scores)  # starts the pool
    pid = os.fork()
    if pid == 0:
        assert prefcore.get_num_threads() == 1
        same = all(np.array_equal(a, b) for a, b in zip(pairs.all_pairs(scores), parent))
        prefcore.set_num_threads(2)  # a worker may ask for threads of its own
        again = all(np.array_equal(a, b) for a, b in zip(pairs.all_pairs(scores), parent))
        os._exit(0 if same and again else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert prefcore.get_num_threads() == 2
    print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_forked_child_works_and_uses_one_thread_by_default() -> None:
    assert in_new_process(FORK) == "ok"


FORK_OF_BUILDERS = """
    import os
    import numpy as np, prefcore
    from prefcore import pairs
    prefcore.set_num_threads(2)
    scores = np.random.default_rng(0).normal(size=(20_000, 8))
    steps = [scores] * 5
    calls = [
        lambda: pairs.best_worst(scores), lambda: pairs.adjacent(scores), lambda: pairs.count_pairs(scores),
        lambda: pairs.step_pairs(*steps[:4], abs(steps[4])), lambda: next(pairs.iter_pairs(scores)),
        lambda: pairs.split_common_prefix(scores.view(np.int64), scores.view(np.int64)),
    ]
    parent = [call() for call in calls]  # starts the pool
    pid = os.fork()
    if pid == 0:
        same = all(np.array_equal(a, b) for call, want in zip(calls, parent) for a, b in zip(call(), want))
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_every_builder_works_in_a_forked_child() -> None:
    assert in_new_process(FORK_OF_BUILDERS) == "ok"


DATASETS = """
    import numpy as np, prefcore
    from datasets import Dataset, disable_caching, disable_progress_bars
    from prefcore import pairs

    def build(batch):
        found = pairs.all_pairs(np.array(batch["scores"]), min_gap=0.5)
        return {"margin": found.margin, "threads": np.full(len(found.margin), prefcore.get_num_threads())}

    disable_caching()
    disable_progress_bars()
    prefcore.set_num_threads(2)
    scores = np.random.default_rng(0).normal(size=(4_000, 8))
    want = pairs.all_pairs(np.tile(scores, (5, 1)), min_gap=0.5)  # starts the pool
    rows = Dataset.from_dict({"scores": scores.tolist()})
    mapped = rows.map(build, batched=True, num_proc=2, remove_columns=["scores"])
    margin = np.array(mapped["margin"])
    assert np.array_equal(margin, want.margin[: len(margin)]) and 5 * len(margin) == len(want.margin)
    assert set(mapped["threads"]) == {1}
    print("ok")
"""


def test_datasets_map_in_processes() -> None:
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("datasets is not installed")
    assert in_new_process(DATASETS, HF_DATASETS_OFFLINE="1") == "ok"


def test_python_threads_may_call_at_the_same_time() -> None:
    from concurrent.futures import ThreadPoolExecutor

    scores = np.random.default_rng(1).normal(size=(20_000, 8))
    want = pairs.all_pairs(scores)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: pairs.all_pairs(scores), range(8)):
            assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
