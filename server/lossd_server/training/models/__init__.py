"""Models from specifications: layers of torch.nn, how they are joined, and what a batch would cost them."""

from lossd_server.training.models.building import build_model as build_model
from lossd_server.training.models.contract import Model as Model
from lossd_server.training.models.contract import Spec as Spec
