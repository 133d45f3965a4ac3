"""One `FunctionCase` per public function of tensors, a file per module; what each promises is tested for all."""

from functions.cases import (
    auxiliary,
    group,
    listwise,
    nash,
    pairwise,
    paper_losses,
    paper_presets,
    paper_recipes,
    papers,
    reduce,
    scores,
    token,
    transforms,
    unpaired,
)

MODULES = (
    auxiliary,
    group,
    listwise,
    nash,
    pairwise,
    paper_losses,
    paper_presets,
    paper_recipes,
    papers,
    reduce,
    scores,
    token,
    transforms,
    unpaired,
)
CASES = {name: case for module in MODULES for name, case in module.CASES.items()}
