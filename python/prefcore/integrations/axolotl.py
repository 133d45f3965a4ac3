"""Preference losses for axolotl's DPO, by its config.

    plugins: [prefcore.integrations.axolotl.PrefcorePlugin]
    rl: dpo
    prefcore_loss: {name: hinge, beta: 0.1}

`name` is a loss of `prefcore.losses`; the rest are its hyper-parameters.
"""

from __future__ import annotations

import importlib
import inspect
from functools import partial
from typing import Any

from axolotl.integrations.base import BasePlugin
from pydantic import BaseModel

from prefcore import losses
from prefcore.errors import DomainError
from prefcore.integrations._adapter import SCALED

__all__ = ["PrefcoreArgs", "PrefcorePlugin"]

#: what axolotl's trainers can call: pairs, and KTO's single completions
LOSSES = sorted((*SCALED, "bradley_terry", "kto", "orpo", "robust_dpo"))
TRAINING = ("average_logps", "weight_column")


class PrefcoreArgs(BaseModel):  # type: ignore[misc]
    """What the plugin adds to axolotl's config.

    `prefcore_loss` holds the name of a loss in `prefcore.losses`, its hyper-parameters, and `average_logps` and
    `weight_column` as `integrations.trl.with_loss` has them.
    """

    prefcore_loss: dict[str, Any] | None = None


class PrefcorePlugin(BasePlugin):  # type: ignore[misc]
    """Gives axolotl's TRL trainer the loss that `prefcore_loss` names; without that key it does nothing.

    Names and options are checked when the trainer is created, by DomainError.
    Source: the documented interface of axolotl's plugins, `axolotl.integrations.base.BasePlugin`.
    """

    def get_input_args(self) -> str:
        """Return where the keys of the config are described; axolotl calls it."""
        return "prefcore.integrations.axolotl.PrefcoreArgs"

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        """Put the loss into the trainer; axolotl calls it."""
        given = dict(cfg.prefcore_loss or {})
        if not given:
            return
        name = given.pop("name", None)
        if name not in LOSSES:
            raise DomainError(f"prefcore_loss.name must be one of {', '.join(LOSSES)}, got {name!r}")
        options = {key: given.pop(key) for key in TRAINING if key in given}
        _refuse_unknown(name, given)
        trl = importlib.import_module("prefcore.integrations.trl")  # slow to load, and here only
        trl.with_loss(trainer, partial(getattr(losses, name), **given), **options)


def _refuse_unknown(name: str, given: dict[str, Any]) -> None:
    parameters = inspect.signature(getattr(losses, name)).parameters.values()
    known = [*(p.name for p in parameters if p.kind is p.KEYWORD_ONLY), *TRAINING]
    unknown = [key for key in given if key not in known]
    if unknown:
        raise DomainError(f"prefcore_loss has no option {unknown[0]!r}: {name} takes {', '.join(known)}")
