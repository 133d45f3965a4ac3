"""What several modules do with their inputs."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.logps import SequenceLogps
    from prefcore.pairs import Pairs


def alike(**given: Tensor) -> list[Tensor]:
    """Check that all have one shape and one device, and upcast them."""
    from prefcore._checks import same_shape, tensors, upcast

    tensors(**given)
    same_shape(**given)
    return upcast(**given)


def of_kind(kind: type, **given: object) -> None:
    """Refuse what is not the NamedTuple that another function gives."""
    for name, value in given.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be {kind.__name__}(...), got {type(value).__name__}")


@contextmanager
def renamed(**own: str) -> Iterator[None]:
    """Let errors of a function that is called inside name the arguments of the caller: `renamed(scores="reward")`."""
    from prefcore.errors import PrefcoreError

    try:
        yield
    except (PrefcoreError, TypeError) as error:
        text = str(error)
        for name, word in own.items():
            text = re.sub(rf"\b{name}\b(?!\()", word, text)
        error.args = (text,)
        raise


def fitting(like: Tensor, **given: Num) -> list[Num]:
    """Check that each is a number, [B] or of the data's shape, and take on its dtype: 1 - p of a bf16 p would round."""
    from torch import Tensor

    from prefcore._checks import per_example

    for name, number in given.items():
        per_example(name, number, like)
    return [number.to(like.dtype) if isinstance(number, Tensor) else number for number in given.values()]


def text_codes(**given: Any) -> list[NDArray[np.int64]]:
    """Numbers that are equal where the ids or texts of all columns are.

    As Python objects: NumPy would pad texts to the longest, drop a trailing NUL, and promote integers to float64.
    """
    import numpy as np

    from prefcore import _arrays

    known: dict[Any, int] = {}
    columns = {
        name: np.fromiter(ids, object, len(ids)) if isinstance(ids, list | tuple) else _arrays.to_numpy(name, ids)
        for name, ids in given.items()
    }
    return [_arrays.codes(name, column.astype(object), known) for name, column in columns.items()]


def with_other_text(found: Pairs, ids: NDArray[np.int64]) -> Pairs:
    """Drop the pairs whose two texts are equal; an entry of `ids` for each row."""
    return found.take(ids[found.chosen] != ids[found.rejected])


def integers(**given: Tensor) -> None:
    """Refuse tensors that do not hold whole numbers."""
    from prefcore._checks import tensors
    from prefcore.logps._arguments import is_integer

    tensors(**given)
    for name, value in given.items():
        if not is_integer(value):
            raise TypeError(f"{name} must be an integer tensor, got {value.dtype}; call .long()")


def check_tokens(given: dict[str, Tensor]) -> None:
    """Check [B, T] tokens, their mask, and their weights if there are any, by name."""
    from prefcore._checks import boolean, same_shape, tensors
    from prefcore.errors import ShapeError

    tensors(**given)
    same_shape(**given)
    (name, tokens), (mask_name, mask), *_ = given.items()
    boolean(**{mask_name: mask})
    if tokens.ndim != 2:
        raise ShapeError(f"{name} must be [B, T], got {list(tokens.shape)}")


def token_sums(given: dict[str, Tensor], *, empty: Literal["raise", "zero"] = "raise") -> SequenceLogps:
    """[B] sums over the tokens that count, with their number; `given` as in `check_tokens`."""
    from prefcore._checks import upcast
    from prefcore.errors import DomainError
    from prefcore.logps import sequence_logps

    check_tokens(given)
    _, (mask_name, mask), *_ = given.items()
    tokens, *weights = upcast(**{name: value for name, value in given.items() if name != mask_name})
    try:
        return sequence_logps(tokens, mask, weights=weights[0] if weights else None, empty=empty)
    except DomainError as error:
        row, *_ = str(error).split(";")
        raise DomainError(f"{mask_name}: {row}") from None


def floored_logistic(gap: Tensor, prob: Tensor | float, eps: float) -> Tensor:
    """-p log(sigmoid(gap) + eps) - (1 - p) log(sigmoid(-gap) + eps), as official codes keep the log finite."""
    return -prob * (gap.sigmoid() + eps).log() - (1 - prob) * ((-gap).sigmoid() + eps).log()
