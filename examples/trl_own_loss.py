"""A loss that TRL lacks in TRL's DPO trainer, with a weight for each pair; TRL's metrics stay.

    python examples/trl_own_loss.py --model smollm2 --steps 100

DPO with an offset (ODPO) on log-ratios per token: long answers win nothing by their length. Pairs whose completions
were rated further apart count more.
"""

from collections.abc import Sequence

from torch import Tensor

from prefcore import losses
from trl_dpo import arguments, dpo_trainer


def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Any function of two tensors of log-ratios that returns one value per pair."""
    return losses.dpo(chosen, rejected, beta=2.0, margin=0.5)


def main(argv: Sequence[str] | None = None) -> None:
    """Train; TRL prints its metrics."""
    trainer = dpo_trainer(arguments(__doc__, argv))
    from prefcore.integrations import trl

    trl.with_loss(trainer, loss, average_logps=True, weight_column="gap").train()


if __name__ == "__main__":
    main()
