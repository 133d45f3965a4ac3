"""Preference losses for axolotl's DPO, by its config.

plugins: [prefcore.integrations.axolotl.PrefcorePlugin]
rl: dpo
prefcore_loss: {name: hinge, beta: 0.1}
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from axolotl.integrations.base import BasePlugin
from pydantic import BaseModel

from prefcore import losses
from prefcore.errors import DomainError

__all__ = ["PrefcoreArgs", "PrefcorePlugin"]

TRAINING = ("average_logps", "weight_column")


class PrefcoreArgs(BaseModel):  # type: ignore[misc]
    """What the plugin adds to axolotl's config.

    `prefcore_loss` holds the name of a loss in `prefcore.losses`, its hyper-parameters, and `average_logps` and
    `weight_column` as `integrations.trl.with_loss` has them.
    """

    prefcore_loss: dict[str, Any] | None = None


class PrefcorePlugin(BasePlugin):  # type: ignore[misc]
    """Gives axolotl's TRL trainer the loss that `prefcore_loss` names; without that key it does nothing.

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
        if not isinstance(name, str) or name not in losses.__all__:
            raise DomainError(f"prefcore_loss.name must be a loss of prefcore.losses such as dpo, got {name!r}")
        options = {key: given.pop(key) for key in TRAINING if key in given}
        trl = importlib.import_module("prefcore.integrations.trl")  # slow to load, and here only
        trl.with_loss(trainer, partial(getattr(losses, name), **given), **options)
