"""Rethinking the role of proxy rewards in language model alignment (Kim et al. 2024, arXiv 2402.03469): R^3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["monotonicity", "score"]

#: nltk's wordpunct_tokenize
_TOKEN = re.compile(r"\w+|[^\w\s]+")


def score(
    texts: Sequence[str],
    relevance: Any,
    open_ended: Any,
    *,
    max_tokens: int = 512,
    span: tuple[float, float] = (0.0, 3.5),
) -> NDArray[np.float64]:
    """Regularized relevance reward: on topic, long enough, without repetition.

    open-ended: tokens/100 * relevance * repetition; else: interp(relevance; span -> [0, max_tokens/100]) * repetition

    repetition = distinct trigrams / trigrams; tokens are runs of word characters or of punctuation.

    Args:
        texts: a list of N strings, responses cut at role prefixes.
        relevance: [N] relevance of the response to the query (open-ended), or to a reference answer.
        open_ended: bool [N].
        max_tokens: length that a fully relevant answer to a closed question is worth, >= 1.
        span: relevance that counts 0, and a larger one that counts all; cut outside.
    Returns: float64 [N].
    Raises: ShapeError, DomainError, TypeError.
    Source: reward_model.py of naver-ai/rethinking-proxy-reward, which goes on along the line outside `span`.

    >>> score(["Yes!"], [1.5], [True])
    array([0.03])
    """
    import numpy as np

    from prefcore import _arrays, groups, metrics
    from prefcore.errors import DomainError

    relevance, open_ended = _arrays.floats("relevance", relevance), _arrays.mask("open_ended", open_ended)
    _arrays.finite("relevance", relevance)
    max_tokens, ends = _arrays.whole_number("max_tokens", max_tokens, 1, 2**31), _arrays.floats("span", span)
    if ends.shape != (2,) or not -np.inf < ends[0] < ends[1] < np.inf:
        raise DomainError(f"span must be two finite numbers, the lower first, got {span}")
    tokens = [_TOKEN.findall(text) for text in _texts(texts)]
    lengths = np.array([len(words) for words in tokens], dtype=np.int64)
    _arrays.same_shape(texts=lengths, relevance=relevance, open_ended=open_ended)
    words = [word for text in tokens for word in text]
    repetition = metrics.distinct_ngram_ratio(words, n=3, offsets=groups.offsets_from_lengths(lengths))
    closed = np.interp(relevance, ends, (0.0, max_tokens / 100))
    scores: NDArray[np.float64] = np.where(open_ended, lengths / 100 * relevance, closed) * repetition
    return scores


def _texts(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str | bytes) or not hasattr(texts, "__iter__"):
        raise TypeError(f"texts must be a list of strings, got {type(texts).__name__}")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{place}] must be a string, got {text!r:.60}")
    return texts


def monotonicity(proxy: Any, gold: Any) -> float:
    """Whether a proxy reward rises where the true one does: Spearman's correlation over checkpoints.

    Args:
        proxy: [S] mean proxy reward of each checkpoint.
        gold: [S] mean reward by a strong reward model.
    Returns: a number in [-1, 1]; NaN where one of the two does not move.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper: `metrics.spearman`.

    >>> monotonicity([0.1, 0.4, 0.9, 1.2], [1.0, 2.0, 2.5, 2.4])
    0.8
    """
    from prefcore import _arrays, metrics

    columns = {"proxy": proxy, "gold": gold}
    proxy, gold = (_arrays.finite(name, _arrays.floats(name, values)) for name, values in columns.items())
    _arrays.one_dimensional("proxy", proxy)
    _arrays.same_shape(proxy=proxy, gold=gold)
    return float(metrics.spearman(proxy, gold))
