"""How many entries of the acceptance files stand among the records: none is lost when a file is cut into records."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from vector_records import load

RECORDS = load(Path(__file__).parents[1] / "vectors")

#: section -> entries of the file; two of `nash_curves/unregularised` are replaced by games_extra (spec games.md 1.9)
ENTRIES = {
    "nash_kl_ne/cases": 52,
    "nash_exact_ne/cases": 15,
    "nash_curves/regularised": 66,
    "nash_curves/unregularised": 36 - 2,
    "nash_losses/gap_evaluations": 9,
    "nash_losses/losses": 10,
    "nash_gpm/cases": 3,
    "nash_voting/cases": 8,
    "games_extra/fictitious_play_exact_ties": 4,
    "games_extra/zero_sum_rectangular": 8,
    "games_extra/zero_sum_kl": 4,
    "games_extra/zero_reference_entries": 2,
    "games_extra/voting_ties": 4,
    "ratings/cases": 3,
    "ratings/degenerate": 5,
}
#: what a record of an entry is called beyond its name
SUFFIX = re.compile(r"(\.[a-z]\w*)+$")


def entries() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in RECORDS:
        if record["id"].endswith(".torch"):  # the same entries again, for the functions of tensors
            continue
        section, name = re.fullmatch(r"([^/]*/?[^/.]*)[/.]?(.*)", record["id"]).groups()  # type: ignore[union-attr]
        if section in ENTRIES:
            found[section].add(SUFFIX.sub("", name))
    return found


@pytest.mark.parametrize("section", ENTRIES)
def test_every_entry_of_a_section_is_held(section: str) -> None:
    found = entries()[section]
    assert len(found) == ENTRIES[section], sorted(found)
