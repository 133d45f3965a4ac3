"""No picture of a test stays open."""

from collections.abc import Iterator

import pytest

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")
