"""Stages of a curriculum."""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore.groups import RaggedRows

__all__ = ["curriculum_stages"]


def curriculum_stages(
    gaps: Any, *, n_stages: int | None = None, descending: bool = True, offsets: Any = None
) -> RaggedRows:
    """Sort rows into stages: stage s holds the row of the s-th largest gap of every group.

    Equal gaps keep the order of the rows. Within a stage rows stand in the order of their groups; groups that have
    fewer rows than stages are absent from the later ones.

    Args:
        gaps: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group. float32, float64, int32 or
            int64. Rows of a 2-D array are numbered g * L + l.
        n_stages: number of stages S, >= 0; None: the rows of the longest group. Rows beyond are left out.
        descending: largest gap (easiest pair) first; False: smallest first.
        offsets: int [G + 1] boundaries of the groups of 1-D gaps, such as
            `groups.offsets_from_ids(pairs.group)` for `gaps=pairs.margin`.
    Returns: RaggedRows: rows int64 [m], those of a stage together, and offsets int64 [S + 1] of the stages.
    Raises: DomainError, ShapeError, TypeError.
    Source: Curry-DPO, Pattnaik et al. (2024, arXiv 2403.07230), section 3.

    >>> curriculum_stages([1.0, 3.0, 2.0, 5.0], offsets=[0, 3, 4])
    RaggedRows(rows=array([1, 3, 2, 0]), offsets=array([0, 2, 3, 4]))
    """
    data = _arrays.grouped(offsets, gaps=gaps)
    limit = 2**63 - 1 if n_stages is None else _arrays.whole_number("n_stages", n_stages, 0, 2**31)
    rows, ends = _rust.curriculum_stages(data.columns[0], limit, _arrays.flag("descending", descending), data.offsets)
    if n_stages is not None and len(ends) <= limit:
        ends = np.append(ends, np.full(limit + 1 - len(ends), len(rows)))
    return RaggedRows(rows, ends)
