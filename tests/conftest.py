"""Its presence puts the repository on the import path, for `tests.fabricate` and its like."""

import os

import torch

# Triton decides when it is first imported, by whichever test comes first, whether kernels are interpreted.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
