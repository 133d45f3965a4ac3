"""Cases of `groups`."""

import numpy as np

from arrays.array_case import ArrayCase
from prefcore import groups

IDS = np.array([3, 3, 1, 2, 2, 2])

CASES = {
    "groups.offsets_from_lengths": ArrayCase(
        groups.offsets_from_lengths, others={"lengths": np.array([2, 0, 3])}, result="other"
    ),
    "groups.offsets_from_ids": ArrayCase(groups.offsets_from_ids, others={"ids": IDS}, result="other"),
    "groups.group_by_ids": ArrayCase(groups.group_by_ids, others={"ids": IDS[::-1].copy()}, result="other"),
    "groups.offsets_from_mask": ArrayCase(
        groups.offsets_from_mask, others={"mask": np.array([[True, False], [True, True]])}, result="other"
    ),
    "groups.validate_offsets": ArrayCase(
        groups.validate_offsets, others={"offsets": np.array([0, 2, 2, 5])}, params={"n": 5}, result="other"
    ),
}
