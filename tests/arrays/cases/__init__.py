"""One `ArrayCase` per public function of the data world: `module.name` -> case."""

from arrays.cases import accuracy, calibration, correlation, groups, pairs

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **accuracy.CASES, **calibration.CASES}
