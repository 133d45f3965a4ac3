"""A loss of one's own in TRL's trainers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefcore.errors import DomainError
from prefcore.integrations._adapter import refuse_call
from prefcore.integrations.trl._batches import Unweighted, WeightedCollator
from prefcore.integrations.trl._captured import Captured, dpo, kto, reward
from prefcore.integrations.trl._methods import Metrics, PairMethod
from prefcore.integrations.trl._own import OwnLoss, original

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["with_loss"]

#: trainers whose loss stands inside `compute_loss` -> what the loss gets of a batch
CAPTURED = {"DPOTrainer": dpo, "KTOTrainer": kto, "RewardTrainer": reward}
#: trainers with a method for the loss -> its name, and the sign of what it returns in the total
METHODS = {"CPOTrainer": ("cpo_loss", 1.0), "ORPOTrainer": ("odds_ratio_loss", -1.0)}
#: trainers whose loss is not one of (chosen, rejected)
ARGUMENTS = {"KTOTrainer": ("logratios", "labels", "kl")}


def with_loss(
    trainer: Any, loss: Callable[..., Tensor], *, average_logps: bool = False, weight_column: str | None = None
) -> Any:
    """Let a TRL trainer minimize this loss in the place of its own; its metrics stay.

    total = mean_i weights_i loss_i  (+ what TRL adds beside its preference loss: NLL of CPO and ORPO, loss of experts)

    The loss is called with what prefcore's losses take, and returns one value per row:

    | trainer | called as |
    | --- | --- |
    | DPO | `loss(chosen, rejected)`, log-ratios policy - reference [B] |
    | CPO, ORPO | `loss(chosen, rejected)`, log-probs [B] |
    | Reward | `loss(chosen, rejected)`, rewards [B] |
    | KTO | `loss(logratios, labels, kl)`, [B], [B] bool, and the mean log-ratio of mismatched pairs, at least 0 |
    | KTO, `loss_type="apo_zero_unpaired"` | the same, with kl = 0: TRL does not estimate it |

    TRL still computes its own loss, for the metrics, and drops it: its `loss_type` must be one it has. Of the
    hyper-parameters of TRL's loss `beta` scales the rewards that are logged, and the others (`label_smoothing`,
    `desirable_weight`, ...) do nothing: give them to the loss. One step of several micro-batches has the gradient of
    one large batch. Only this trainer changes, and no class does. A further call replaces the loss; for TRL's own again
    build a new trainer.

    Args:
        trainer: one of TRL's, or of a subclass, before `train()`: DPO, KTO, Reward, CPO (SimPO), ORPO; of TRL up to
            0.24 DPO with a single `loss_type`.
        loss: a function of tensors, as `functools.partial(prefcore.losses.exo, beta=0.1)`.
        average_logps: log-ratios and log-probs are means over the completion's tokens in the place of sums, whatever
            the trainer's `loss_type` takes; ORPO is defined on means. Not with KTO, whose kl is one of sums.
        weight_column: column of the data sets, a number per row, that multiplies the losses; not normalized.
    Returns: the trainer.
    Raises: DomainError for another trainer, for a loss that cannot be called as in the table, for settings of TRL that
        would be dropped (several in `loss_type`, `loss_weights`, `f_divergence_type`, `use_weighting`,
        `center_rewards_coefficient`, a column `margin`), and for a column that is not there; ShapeError at the first
        step for a loss that does not return one value per row.
    Example that runs: examples/trl_own_loss.py.
    Source: trl/trainer/dpo_trainer.py, kto_trainer.py, reward_trainer.py, trl/experimental/cpo, orpo; TRL 0.24 to 1.16.

    >>> trainer = DPOTrainer(model, args=config, train_dataset=pairs, processing_class=tokenizer)  # doctest: +SKIP
    >>> with_loss(trainer, partial(losses.simpo, beta=2.0, margin=0.5), average_logps=True).train()  # doctest: +SKIP
    """
    if not callable(loss):
        raise DomainError(f"loss must be a function of tensors, got {type(loss).__name__}")
    kind = _kind(trainer)
    refuse_call(loss, *ARGUMENTS.get(kind, ("chosen", "rejected")))
    _refuse_what_would_be_dropped(trainer, kind)
    if average_logps:
        _refuse_means(trainer, kind)
    own = OwnLoss(loss, average_logps)
    if hasattr(trainer, "dpo_loss"):
        _through_method(trainer, own, "dpo_loss", 1.0)
    elif kind in METHODS:
        _through_method(trainer, own, *METHODS[kind])
    else:
        trainer.compute_loss = Captured(original(trainer, "compute_loss"), trainer, own, CAPTURED[kind])
    _carry(trainer, weight_column)
    return trainer


def _kind(trainer: Any) -> str:
    names = [base.__name__ for base in type(trainer).__mro__]
    known = [*CAPTURED, *METHODS]
    found = [name for name in names if name in known]
    if not found:
        raise DomainError(f"trainer must be one of {', '.join(known)} of TRL, got {names[0]}")
    return found[0]


def _refuse_what_would_be_dropped(trainer: Any, kind: str) -> None:
    divergence = getattr(trainer, "f_divergence_type", "reverse_kl")
    if getattr(divergence, "value", divergence) != "reverse_kl":
        instead = "leave it, and transform the log-ratios inside the loss (prefcore.scores)"
        raise DomainError(f'f_divergence_type must be "reverse_kl", got {divergence!r}: {instead}')
    if getattr(trainer, "use_weighting", False):
        raise DomainError("use_weighting must be False: TRL would multiply its own loss alone (prefcore.weights.wpo)")
    if kind == "RewardTrainer" and trainer.args.center_rewards_coefficient is not None:
        instead = "give the loss its `center` (prefcore.losses.bradley_terry)"
        raise DomainError(
            f"center_rewards_coefficient must be None, got {trainer.args.center_rewards_coefficient}: {instead}"
        )
    if hasattr(trainer, "kto_loss"):
        raise DomainError("trainer must be one of TRL after 0.24, or a DPOTrainer, got a KTOTrainer of TRL up to 0.24")
    if kind == "DPOTrainer":
        _refuse_sums_of_losses(trainer)


def _refuse_sums_of_losses(trainer: Any) -> None:
    types = getattr(trainer, "loss_types", getattr(trainer, "loss_type", None))  # TRL 1, and before
    if isinstance(types, list) and len(types) != 1:
        instead = "add them in your loss; one of log-probs, as sft, needs your own training step (papers.medical_rpo)"
        raise DomainError(f"loss_type must be a single one, got {types}, whose terms would be dropped: {instead}")
    weights = getattr(getattr(trainer, "args", None), "loss_weights", None)
    if weights is not None:
        raise DomainError(f"loss_weights must be None, got {weights}: TRL would drop it, scale your loss instead")


def _refuse_means(trainer: Any, kind: str) -> None:
    if kind == "RewardTrainer":
        raise DomainError("average_logps must be False: a RewardTrainer has rewards, not log-probs")
    if kind == "KTOTrainer":
        raise DomainError("average_logps must be False: the kl that a KTOTrainer estimates is one of sums over tokens")
    if hasattr(trainer, "dpo_loss"):
        raise DomainError('average_logps must be False with this TRL, whose loss_type="ipo" gives means')


def _through_method(trainer: Any, own: OwnLoss, name: str, sign: float) -> None:
    metrics = Metrics(original(trainer, "get_batch_loss_metrics"), trainer)
    trainer.get_batch_loss_metrics = metrics
    setattr(trainer, name, PairMethod(original(trainer, name), own, metrics, sign))


def _carry(trainer: Any, column: str | None) -> None:
    """Let the collator bring the column, in a batch entry that the trainer takes out before the model sees it."""
    trainer.data_collator = original(trainer, "data_collator")
    if column is None:
        return
    _refuse_missing(column, "the training data", trainer.train_dataset)
    evaluated = trainer.eval_dataset
    for name, data in evaluated.items() if isinstance(evaluated, dict) else [("", evaluated)]:
        _refuse_missing(column, f"eval_dataset[{name!r}]" if name else "eval_dataset", data)
    if trainer.args.remove_unused_columns:
        trainer._set_signature_columns_if_needed()
        trainer._signature_columns = [*(trainer._signature_columns or ()), column]
    trainer.data_collator = WeightedCollator(trainer.data_collator, column)
    if hasattr(trainer, "compute_ref_log_probs"):  # of data that `evaluate` is given
        trainer.compute_ref_log_probs = Unweighted(original(trainer, "compute_ref_log_probs"))


def _refuse_missing(column: str, place: str, data: Any) -> None:
    columns = getattr(data, "column_names", None)
    if columns is not None and column not in columns:
        raise DomainError(f"weight_column {column!r} is not in {place}, which has {', '.join(columns)}")
