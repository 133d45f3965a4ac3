"""What every function of arrays promises: any container, any layout, any thread count, groups, errors with names."""

import dataclasses
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import prefcore
from arrays.array_case import Array, ArrayCase
from arrays.cases import CASES
from prefcore.errors import DomainError, PrefcoreError, ShapeError

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def those_with(what: str) -> Any:
    """Cases whose attribute is neither None nor empty."""
    found = {key: case for key, case in CASES.items() if getattr(case, what) is not None and len(getattr(case, what))}
    return pytest.mark.parametrize("case", found.values(), ids=found)


def every_name_in(what: str) -> Any:
    return pytest.mark.parametrize(
        ("case", "name"),
        [pytest.param(case, name, id=f"{key}-{name}") for key, case in CASES.items() for name in getattr(case, what)],
    )


def arrays(case: ArrayCase) -> dict[str, Array]:
    return {**case.columns, **case.others}


def call(case: ArrayCase, **changed: Any) -> list[Any]:
    """The fields of the result: of a tuple, also of tuples, of a record, or the one there is."""
    offsets = {} if case.offsets is None else {"offsets": case.offsets}
    return fields(case.function(**{**arrays(case), **offsets, **case.params, **changed}))


def fields(result: Any) -> list[Any]:
    if dataclasses.is_dataclass(result):
        return list(vars(result).values())
    return [field for part in result for field in fields(part)] if isinstance(result, tuple) else [result]


def same(got: list[Any], want: list[Any]) -> None:
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


def pandas_series(x: Array) -> Any:
    return pytest.importorskip("pandas").Series(x)


def polars_series(x: Array) -> Any:
    return pytest.importorskip("polars").Series(x)


def arrow_array(x: Array) -> Any:
    return pytest.importorskip("pyarrow").array(x)


def tensor(x: Array) -> Any:
    return pytest.importorskip("torch").from_numpy(x.copy())


def read_only(x: Array) -> Array:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


CONTAINERS: dict[str, Callable[[Array], Any]] = {
    "list": lambda x: x.tolist(),
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "fortran": np.asfortranarray,
    "read-only": read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "tensor": tensor,
    "pandas": pandas_series,
    "polars": polars_series,
    "arrow": arrow_array,
}


@pytest.mark.parametrize("container", CONTAINERS)
@EVERY
def test_any_container_gives_the_same_bits(case: ArrayCase, container: str) -> None:
    convert = CONTAINERS[container]
    frames = container in ("pandas", "polars", "arrow")
    converted = {name: convert(x) for name, x in arrays(case).items() if (x.ndim == 1 or not frames) and numeric(x)}
    if case.offsets is not None:
        converted["offsets"] = convert(case.offsets)
    same(call(case, **converted), call(case))


def numeric(x: Array) -> bool:
    return x.dtype.kind in "bif"


@those_with("offsets")
def test_offsets_may_be_int32(case: ArrayCase) -> None:
    assert case.offsets is not None
    same(call(case, offsets=case.offsets.astype(np.int32)), call(case))


@EVERY
def test_inputs_stay_as_they_are(case: ArrayCase) -> None:
    before = {name: x.tobytes() for name, x in arrays(case).items()}
    call(case)
    assert {name: x.tobytes() for name, x in arrays(case).items()} == before


@EVERY
def test_half_precision_is_refused_by_name(case: ArrayCase) -> None:
    for name, x in arrays(case).items():
        if x.dtype.kind == "f":
            with pytest.raises(TypeError, match=rf"{name}.* float16; call"):
                call(case, **{name: x.astype(np.float16)})


@EVERY
def test_tensors_elsewhere_and_bf16_are_refused_by_name(case: ArrayCase) -> None:
    torch = pytest.importorskip("torch")
    for name, x in arrays(case).items():
        if x.dtype.kind == "f":
            with pytest.raises(TypeError, match=rf"{name}.* on the CPU, got a tensor on meta; call"):
                call(case, **{name: torch.from_numpy(x.copy()).to("meta")})
            with pytest.raises(TypeError, match=rf"{name}.*bfloat16; call"):
                call(case, **{name: torch.from_numpy(x.copy()).bfloat16()})


@every_name_in("no_nan")
def test_nan_is_refused_by_name_and_place(case: ArrayCase, name: str) -> None:
    x = arrays(case)[name].astype(np.float64)
    place = np.unravel_index(x.size // 2, x.shape)
    x[place] = np.nan
    at = r"\[" + ", ".join(map(str, place)) + r"\]"
    with pytest.raises(DomainError, match=rf"{name}{at} must be .*(nan|NaN)"):
        call(case, **{name: x})


@those_with("policies")
def test_omit_is_as_if_the_row_were_not_there(case: ArrayCase) -> None:
    """A column of NaN in the middle of the last group."""
    if "omit" not in case.policies or case.result != "group":
        return
    for name in case.no_nan:
        x = case.columns[name].astype(np.float64)
        at = len(x) - 2
        x[at] = np.nan
        without = {other: np.delete(y, at) for other, y in {**case.columns, name: x}.items()}
        changed = {} if case.offsets is None else {"offsets": np.append(case.offsets[:-1], case.offsets[-1] - 1)}
        same(call(case, **{name: x}, nan="omit"), call(case, **without, **changed))


@those_with("policies")
def test_propagate_spoils_the_group_alone(case: ArrayCase) -> None:
    if "propagate" not in case.policies or case.result != "group" or case.offsets is None:
        return
    for name in case.no_nan:
        x = case.columns[name].astype(np.float64)
        x[-2] = np.nan
        for got, want in zip(call(case, **{name: x}, nan="propagate"), call(case), strict=True):
            if got.dtype.kind == "f":
                np.testing.assert_array_equal(got[:-1], want[:-1])
                assert np.isnan(got[-1]).all()


@EVERY
def test_an_unknown_policy_is_refused(case: ArrayCase) -> None:
    if case.policies:
        with pytest.raises(DomainError, match=r"nan must be .*got .drop"):
            call(case, nan="drop")


@those_with("offsets")
def test_no_group_and_an_empty_group_have_a_result(case: ArrayCase) -> None:
    nothing = {name: x[:0] for name, x in case.columns.items()}
    if not case.may_be_empty:
        return
    for got in call(case, **nothing, offsets=np.array([0])):
        assert len(got) == 0 or case.result == "other"
    call(case, **nothing, offsets=np.array([0, 0]))


@those_with("offsets")
def test_a_group_alone_gives_what_it_gives_among_others(case: ArrayCase) -> None:
    if case.result != "group":
        return
    assert case.offsets is not None
    together = call(case)
    for group, (start, end) in enumerate(pairwise(case.offsets)):
        if end > start or case.may_be_empty:
            alone = call(case, **{name: x[start:end] for name, x in case.columns.items()}, offsets=None)
            same(alone, [column[group] for column in together])


@those_with("offsets")
def test_rows_of_a_matrix_are_groups(case: ArrayCase) -> None:
    if case.result == "other" or not case.columns:
        return
    n = min(map(len, case.columns.values())) // 2
    flat = {name: x[: 2 * n] for name, x in case.columns.items()}
    want = call(case, **flat, offsets=np.array([0, n, 2 * n]))
    got = call(case, **{name: x.reshape(2, n) for name, x in flat.items()}, offsets=None)
    same(got, [x.reshape(2, n) for x in want] if case.result == "row" else want)


@every_name_in("same_length")
def test_another_length_is_refused_by_name(case: ArrayCase, name: str) -> None:
    with pytest.raises(ShapeError, match=rf"\b{name}\b"):
        call(case, **{name: arrays(case)[name][:-1]})


@those_with("offsets")
def test_bad_offsets_are_refused_by_name(case: ArrayCase) -> None:
    assert case.offsets is not None
    rows = case.offsets[-1]
    for bad in ([1, rows], [0, rows + 1], [0, 3, 2, rows], []):
        with pytest.raises((DomainError, ShapeError), match="offsets"):
            call(case, offsets=np.array(bad, dtype=np.int64))


@EVERY
def test_scalars_and_three_dimensions_are_refused_or_answered(case: ArrayCase) -> None:
    """Never an IndexError from inside NumPy."""
    for shape in ((), (1, 1, 1)):
        changed = {name: np.zeros(shape, x.dtype) for name, x in arrays(case).items() if numeric(x)}
        try:
            call(case, **changed)
        except (PrefcoreError, TypeError):
            continue


@pytest.fixture
def thread_count() -> Iterator[Callable[[int], None]]:
    before = prefcore.get_num_threads()
    yield prefcore.set_num_threads
    prefcore.set_num_threads(before)


@those_with("offsets")
def test_bits_do_not_depend_on_the_thread_count(case: ArrayCase, thread_count: Callable[[int], None]) -> None:
    """The same groups a few thousand times: enough work for several threads."""
    assert case.offsets is not None
    times = 120_000 // max(int(case.offsets[-1]), 1)
    lengths = np.tile(np.diff(case.offsets), times)
    large = {name: np.tile(x, times) for name, x in case.columns.items()}
    large["offsets"] = np.concatenate([[0], np.cumsum(lengths)])
    thread_count(1)
    want = call(case, **large)
    for threads in (2, 3, 8):
        thread_count(threads)
        same(call(case, **large), want)
