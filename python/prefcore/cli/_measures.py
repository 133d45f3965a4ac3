"""The measures of trec_eval by their names, from the functions of `metrics`."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import metrics
from prefcore.cli._run import Code, Stop, near

Values = NDArray[np.float64]
Ties = Literal["stable", "average"]


class Lists(NamedTuple):
    """Ranked lists, one a topic, best first, and all judgements of the topic, also of documents not in its list."""

    topics: list[str]
    scores: Any
    labels: Any
    offsets: Any
    ideal: Any
    ideal_offsets: Any
    left_out: int = 0
    """Topics of the run without judgements."""

    def relevant(self) -> Values:
        """Documents of grade >= 1 of each topic."""
        return _relevant(self.ideal, self.ideal_offsets, self.ideal_offsets[1:])

    def found(self, until: Any = None) -> Values:
        """Those in its list, or in the part of it that ends at a row."""
        return _relevant(self.labels, self.offsets, self.offsets[1:] if until is None else until)


DEFAULT = "map,ndcg,ndcg_cut_10,recip_rank,P_5,P_10,recall_100,Rprec"
#: summed over topics, not averaged
COUNTS = ("num_ret", "num_rel", "num_rel_ret")
PLAIN = ("map", "ndcg", "recip_rank", "Rprec", *COUNTS)
CUT = ("map_cut_", "ndcg_cut_", "recip_rank_", "P_", "recall_", "success_")


def measure(name: str, lists: Lists, ties: Ties) -> Values:
    """Value of each topic.

    Raises: Stop for a name that trec_eval does not have, or that is not here.
    """
    if name in PLAIN:
        return _plain(name, lists, ties)
    stem, k = name.rpartition("_")[0] + "_", name.rpartition("_")[2]
    if stem not in CUT or not k.isascii() or not k.isdigit() or int(k) < 1:
        known = (*PLAIN, *(f"{stem}10" for stem in CUT))
        raise Stop(Code.USAGE, f"--metrics: there is no {name!r}; {near(name, known)}")
    return _cut(stem, int(k), lists, ties)


def _plain(name: str, lists: Lists, ties: Ties) -> Values:
    found: dict[str, Callable[[], Values]] = {
        "map": lambda: _cut("map_cut_", None, lists, ties),
        "ndcg": lambda: _cut("ndcg_cut_", None, lists, ties),
        "recip_rank": lambda: _cut("recip_rank_", None, lists, ties),
        "Rprec": lambda: _r_precision(lists),
        "num_ret": lambda: np.diff(lists.offsets).astype(np.float64),
        "num_rel": lists.relevant,
        "num_rel_ret": lists.found,
    }
    return found[name]()


def _cut(stem: str, k: int | None, lists: Lists, ties: Ties) -> Values:
    """Measures of the first k; what is relevant and not in the list counts in the denominators alone."""
    columns, offsets = (lists.scores, lists.labels), lists.offsets
    match stem:
        case "ndcg_cut_":
            own = metrics.dcg(*columns, k=k, ties=ties, offsets=offsets)
            best = metrics.dcg(lists.ideal, lists.ideal, k=k, offsets=lists.ideal_offsets)
            return _share(own, best)
        case "map_cut_":
            own = metrics.average_precision(*columns, k=k, offsets=offsets, undefined=0.0)
            return _share(own * lists.found(), lists.relevant())
        case "recip_rank_":
            return np.asarray(metrics.reciprocal_rank(*columns, k=k, offsets=offsets, undefined=0.0))
        case "P_":
            return np.asarray(metrics.precision_at_k(*columns, k=k or 1, offsets=offsets))
    hits = np.asarray(metrics.precision_at_k(*columns, k=k or 1, offsets=offsets)) * (k or 1)
    return _share(hits, lists.relevant()) if stem == "recall_" else np.asarray(hits > 0, dtype=np.float64)


def _r_precision(lists: Lists) -> Values:
    """Hits among the first R over R, R the number of relevant documents, in the list or not."""
    relevant = lists.relevant()
    until = np.minimum(lists.offsets[:-1] + relevant, lists.offsets[1:])
    return _share(lists.found(until), relevant)


def _relevant(labels: Any, offsets: Any, ends: Any) -> Values:
    """Rows of grade >= 1 of each group before its end."""
    rows = np.flatnonzero(labels >= 1)
    return np.asarray(np.searchsorted(rows, ends) - np.searchsorted(rows, offsets[:-1]), dtype=np.float64)


def _share(part: Any, whole: Any) -> Values:
    """0 where the whole is 0, as trec_eval has it."""
    return np.asarray(np.divide(part, whole, out=np.zeros(len(whole)), where=np.asarray(whole) > 0))
