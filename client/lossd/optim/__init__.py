"""Optimizers, parameter groups, schedulers and averages of torch.optim as data, and clipping, for sessions; knows
nothing of how they step or are sent.
"""

from lossd.optim import lr_scheduler, swa_utils
from lossd.optim.adam import Adafactor, AdafactorEps, Adam, Adamax, AdamW, NAdam, RAdam, SparseAdam
from lossd.optim.descent import ASGD, LBFGS, SGD, Adadelta, Adagrad, Muon, RMSprop, Rprop
from lossd.optim.lr_scheduler import Scheduler
from lossd.optim.optimizer import ClipGradNorm, Group, Optimizer, ParameterGroup
from lossd.optim.swa_utils import Averaging

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "AdafactorEps",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Averaging",
    "ClipGradNorm",
    "Group",
    "Muon",
    "NAdam",
    "Optimizer",
    "ParameterGroup",
    "RAdam",
    "RMSprop",
    "Rprop",
    "Scheduler",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]


def __dir__() -> list[str]:
    """The public names, without the modules that hold them."""
    return sorted(__all__)
