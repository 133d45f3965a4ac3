"""What TDPO and SparsePO take from the statistics of two policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefcore.errors import DomainError

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore.logps import PairedTokenStats


def token_terms(name: str, stats: PairedTokenStats) -> tuple[Tensor, Tensor]:
    """[B, T] log-ratios and KL(reference to policy) of the tokens."""
    from prefcore.logps import PairedTokenStats
    from prefcore.papers._inputs import alike, of_kind

    of_kind(PairedTokenStats, **{name: stats})
    logps, ref_logps, kl = stats.logps, stats.ref_logps, stats.kl_ref_policy
    if logps is None or ref_logps is None or kl is None:
        raise DomainError(f"{name} must hold logps, ref_logps and kl_ref_policy: name them in outputs=")
    given = {f"{name}_logps": logps, f"{name}_ref_logps": ref_logps, f"{name}_kl_ref_policy": kl}
    logps, ref_logps, kl = alike(**given)
    return logps - ref_logps, kl
