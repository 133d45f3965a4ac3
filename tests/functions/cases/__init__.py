"""One `FunctionCase` per public function of tensors, a file per module; what each promises is tested for all."""

from functions.cases import auxiliary, group, margin, nash, papers, reduce, token, unpaired

MODULES = (auxiliary, group, margin, nash, papers, reduce, token, unpaired)
CASES = {name: case for module in MODULES for name, case in module.CASES.items()}
