"""One `ArrayCase` per public function of the data world: `module.name` -> case."""

from arrays.cases import correlation, groups, pairs, selection

CASES = {**groups.CASES, **pairs.CASES, **correlation.CASES, **selection.CASES}
