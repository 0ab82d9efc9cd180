"""The losses of torch.nn: tables of what torch does not say by itself, one file per kind of loss.

Values and gradients are torch's own module's, so they are its bits. What the tables add is the contract: the
meaning of each input, the range of each argument, and the checks that keep bad data from the kernel.
"""

from lossd_server.losses.torch_nn import classification, margins, parametric, regression, sequence
from lossd_server.losses.torch_nn.entry import TorchEntry

ENTRIES: tuple[TorchEntry, ...] = (
    *regression.ENTRIES,
    *classification.ENTRIES,
    *sequence.ENTRIES,
    *margins.ENTRIES,
    *parametric.ENTRIES,
)
