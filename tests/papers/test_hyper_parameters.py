"""Every number of every function of `prefcore.papers` is refused by its own name, not by that of a function inside."""

import importlib
import inspect
import math
from typing import Any

import pytest
import torch

from functions.cases import paper_losses, paper_presets, paper_recipes, papers
from functions.function_case import FunctionCase
from prefcore.errors import DomainError, ShapeError

CASES = papers.CASES | paper_losses.CASES | paper_presets.CASES | paper_recipes.CASES
#: one that broadcasts with [B], too
BAD = {
    "word": ("a", TypeError),
    "none": (None, TypeError),
    "nan": (math.nan, DomainError),
    "column": (torch.full((9, 1), 0.25), (ShapeError, TypeError)),
}


def numbers_of(key: str) -> list[str]:
    module, name = key.split(".")
    function = getattr(importlib.import_module(f"prefcore.papers.{module}"), name)
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.annotation in ("Num", "float")]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    ("case", "name"),
    [pytest.param(case, name, id=f"{key}-{name}") for key, case in CASES.items() for name in numbers_of(key)],
)
def test_numbers_are_refused_by_name(case: FunctionCase, name: str, bad: Any) -> None:
    value, error = BAD[bad]
    with pytest.raises(error, match=f"^{name} must be"):
        case.function(**{**case.inputs, **case.params, name: value})
