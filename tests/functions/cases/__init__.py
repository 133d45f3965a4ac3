"""One `FunctionCase` per public function of tensors, a file per module; what each promises is tested for all."""

from functions.cases import listwise, margin

CASES = {**margin.CASES, **listwise.CASES}
