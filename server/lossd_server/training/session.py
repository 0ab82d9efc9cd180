"""A training session: a model, its optimizer and its loss, and the step that joins them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import threads
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.clipping import Clipping
from lossd_server.training.models import Spec, build_model, check_input, output_width
from lossd_server.training.optimizers import all_or_nothing, build_optimizer


@dataclass
class Step:
    """The outcome of one step; times in seconds."""

    value: float
    step: int
    grad_norm: float
    terms: dict[str, float] = field(default_factory=dict)
    forward: float = 0.0
    backward: float = 0.0


class Session:
    """Trains one model. Not safe for concurrent use: its worker runs one call at a time.

    Args:
        model: what to build.
        loss: a loss that reduces to a scalar; its `input`, or else its first, is bound to the model's output.
        optimizer: what to build over the model's parameters.
        seed: of torch's initialisation, as `torch.manual_seed` takes it.
        state_dict: all parameters and buffers, instead of torch's initialisation.
        clipping: of the gradients, between backward and step.
    """

    def __init__(
        self,
        *,
        model: Spec,
        loss: Loss,
        optimizer: Spec,
        seed: int,
        state_dict: Mapping[str, Tensor],
        device: torch.device,
        clipping: Clipping,
    ) -> None:
        if loss.reduction == "none":
            raise Fault("ARGUMENT_OUT_OF_RANGE", "reduction is none; training needs a scalar loss", field="loss")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = build_model(model).to(device)
        if state_dict:
            _load(self.model, state_dict)
        self.loss = loss
        self.clipping = clipping
        self.optimizer = build_optimizer(optimizer, list(self.model.parameters()))
        self.step_count = 0
        self.bound_input = "input" if "input" in loss.input_names else loss.input_names[0]

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def step(self, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Step:
        """One optimizer step on one batch. Whatever is refused leaves the session as it was."""
        check_input(self.model, inputs["input"])
        started = time.perf_counter()
        threads.use_all()
        self.optimizer.zero_grad()
        with torch_refusals("inputs.input"):
            output = self.model(inputs["input"])
        tensors = {self.bound_input: output, **targets}
        self.loss.check(tensors)
        with torch_refusals("loss"):
            value, terms = self.loss.compute(tensors, Budget(tensors.values()))
        if value.dim():
            raise Fault(
                "SHAPE_MISMATCH",
                f"the loss has shape {shape_text(value.shape)}; training needs a scalar: reduce it with mean or sum",
                field="loss",
            )
        forwarded = time.perf_counter()
        threads.use_all()  # which a small loss did not
        with torch_refusals("loss"):
            torch.autograd.backward(value)
        parameters = list(self.model.parameters())
        norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
        with torch_refusals("clip_grad_norm"):
            self.clipping.apply(parameters)
        with torch_refusals("optimizer"), all_or_nothing(self.optimizer):
            self.optimizer.step()
        self.step_count += 1
        return Step(
            value=float(value.detach()),
            step=self.step_count,
            grad_norm=float(norm),
            terms={label: float(term.detach()) for label, term in terms.items()},
            forward=forwarded - started,
            backward=time.perf_counter() - forwarded,
        )

    def output_like(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """An empty tensor of the type and shape that the model's output will have."""
        check_input(self.model, inputs["input"])
        return inputs["input"].new_empty((*inputs["input"].shape[:-1], output_width(self.model)), device="meta")

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The model's output, untrained."""
        check_input(self.model, inputs["input"])
        threads.use_all()
        with torch.no_grad(), torch_refusals("inputs.input"):
            return self.model(inputs["input"])  # type: ignore[no-any-return]  # a Module's call is typed Any

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and buffers, as they are now."""
        return dict(self.model.state_dict())


def _load(model: nn.Module, given: Mapping[str, Tensor]) -> None:
    expected = model.state_dict()
    for name in sorted(given.keys() ^ expected.keys()):
        what = "is not in the model" if name in given else "is missing"
        raise Fault(
            "UNKNOWN_NAME" if name in given else "MISSING_FIELD",
            f"{name} {what}; the model has {', '.join(expected)}",
            field=f"state_dict.{name}",
        )
    for name, tensor in expected.items():
        if (given[name].shape, given[name].dtype) != (tensor.shape, tensor.dtype):
            raise Fault(
                "SHAPE_MISMATCH" if given[name].dtype == tensor.dtype else "DTYPE_MISMATCH",
                f"{name} is {given[name].dtype} {shape_text(given[name].shape)}; "
                f"the model has {tensor.dtype} {shape_text(tensor.shape)}",
                field=f"state_dict.{name}",
            )
    model.load_state_dict(dict(given))
