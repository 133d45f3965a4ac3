"""What the tests of pictures share: matplotlib, and no picture that stays open."""

from collections.abc import Iterator

import pytest

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

from matplotlib import pyplot as plt

__all__ = ["closed"]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")
