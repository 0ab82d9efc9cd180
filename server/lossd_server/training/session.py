"""A training session: a model, its optimizer and its loss, and the steps that join them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import threads
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training import accumulation, state
from lossd_server.training.accumulation import Waiting
from lossd_server.training.averaging import Average
from lossd_server.training.blame import blamed
from lossd_server.training.clipping import total_norm
from lossd_server.training.groups import sparse_parameters
from lossd_server.training.models import build_model
from lossd_server.training.optimizers import Optimization
from lossd_server.training.outcomes import Judge, MicroBatch, Step, Watch
from lossd_server.training.plan import Plan
from lossd_server.training.randomness import Randomness
from lossd_server.training.undo import Undo
from lossd_server.training.weighting import WeightSchedules


class _Pass(NamedTuple):
    """A forward with its loss: the graph, and what is reported of it."""

    value: Tensor
    terms: Mapping[str, Tensor]
    tensors: Mapping[str, Tensor]
    metrics: Mapping[str, float]


class Session:
    """Trains one model. Not safe for concurrent use: its worker runs one call at a time."""

    def __init__(self, plan: Plan, device: torch.device) -> None:
        if plan.loss.reduction == "none":
            raise Fault("ARGUMENT_OUT_OF_RANGE", "reduction is none; training needs a scalar loss", field="loss")
        cuda = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(plan.seed)
            self.model = build_model(plan.model)
            self.module: nn.Module = self.model.module.to(device)
            self._random = Randomness(device)
        if plan.state_dict:
            state.load(self.module, plan.state_dict)
        self._device = device
        self._loss = plan.loss
        self._weights = WeightSchedules(plan.weight_schedules, plan.loss) if plan.weight_schedules else None
        self._clipping = plan.clipping
        self._autocast = plan.autocast
        self._finite = plan.nonfinite == "error"
        self._finite_norm = self._finite or bool((plan.clipping.norm or {}).get("error_if_nonfinite"))
        self._parameters = dict(self.module.named_parameters())
        sparse = sparse_parameters(self.module)
        plan.clipping.check(sparse)
        self.optimization = Optimization(plan.optimizer, plan.scheduler, plan.interval, self._parameters, sparse)
        self._average = Average(self.module, plan.averaging) if plan.averaging is not None else None
        self._undo = Undo(self.module)
        self._waiting = Waiting()
        self.step_count = 0
        self.bound_input = "input" if "input" in plan.loss.input_names else plan.loss.input_names[0]

    @property
    def loss(self) -> Loss:
        """The loss, with the weights that hold at the next step."""
        return self._loss if self._weights is None else self._weights.at(self.step_count)

    @property
    def parameter_count(self) -> int:
        """Trainable numbers."""
        return sum(parameter.numel() for parameter in self._parameters.values())

    @property
    def pending(self) -> int:
        """Micro-batches whose gradients wait for `optim_step`."""
        return self._waiting.count

    def step(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        overrides: Mapping[str, float] = {},
        judge: Judge | None = None,
        watch: Watch | None = None,
    ) -> Step:
        """One optimizer step on one batch. Whatever is refused, by `judge` too, leaves the session as it was."""
        self.refuse_pending()
        self.model.check(inputs)
        with self._training():
            if self.optimization.needs_closure:
                return self._closed_step(inputs, targets, overrides, judge, watch)
            started = time.perf_counter()
            done = self._forward(inputs, targets, judge, watch)
            forwarded = time.perf_counter()
            self._backward(done.value)
            if watch is not None:
                watch.differentiated(self._parameters)
            return self._finish(done, overrides, started, forwarded)

    def forward_backward(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        weight: float | None = None,
        judge: Judge | None = None,
        watch: Watch | None = None,
    ) -> MicroBatch:
        """Adds the gradients of one micro-batch to those that wait; see `accumulation.share` for its weight."""
        if self.optimization.needs_closure:
            raise Fault(
                "UNSUPPORTED",
                "this optimizer evaluates the loss several times in a step and cannot use gradients that wait; call "
                "TrainStep",
                field="session_id",
            )
        self.model.check(inputs)
        with self._training():
            started = time.perf_counter()
            done = self._forward(inputs, targets, judge, watch)
            share = accumulation.share(self._loss, done.tensors, weight, self._waiting)
            forwarded = time.perf_counter()
            value = float(done.value.detach())
            if not share.empty:
                self._backward(done.value if share.scale == 1 else done.value * share.scale)
            self._waiting = self._waiting.plus(self._gradients(), value, share)
        return MicroBatch(
            value,
            self._waiting.count,
            share.weight_sum,
            _numbers(done.terms),
            done.metrics,
            forwarded - started,
            time.perf_counter() - forwarded,
        )

    def optim_step(
        self, overrides: Mapping[str, float] = {}, discard: bool = False, watch: Watch | None = None
    ) -> Step:
        """One optimizer step with the gradients that wait, or none and they are forgotten."""
        waiting = self._waiting
        if not waiting.count:
            raise Fault("SESSION_STATE", "no gradients wait for a step; call ForwardBackward first", field="session_id")
        if discard:
            self._waiting = Waiting()
            return Step(waiting.mean, self.step_count, 0.0, self.optimization.lr, {}, micro_batches=waiting.count)
        started = time.perf_counter()
        with self._training():
            for name, gradient in waiting.gradients.items():
                self._parameters[name].grad = gradient / waiting.divisor if waiting.divisor != 1 else gradient.clone()
            if watch is not None:
                watch.differentiated(self._parameters)
            norm = self._clip()
            step = self._optimize(waiting.mean, norm, {}, overrides)
        self._waiting = Waiting()
        return step._replace(backward=time.perf_counter() - started, micro_batches=waiting.count)

    def forward(self, inputs: Mapping[str, Tensor], averaged: bool = False) -> Tensor:
        """The model's output in evaluation mode."""
        with self.evaluating(averaged):
            self.model.check(inputs)
            return self.output(inputs)

    def output(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The model's output of checked inputs, in its present mode; float32 whatever the autocast region made."""
        autocast = torch.autocast(self._device.type, self._autocast) if self._autocast is not None else nullcontext()
        with torch_refusals("inputs.input"), autocast:
            output = self.model.run(inputs)
        return output.float() if self._autocast is not None else output

    @contextmanager
    def evaluating(self, averaged: bool = False) -> Iterator[None]:
        """Inside, the model runs in evaluation mode and without gradients, with its averaged weights if so asked."""
        swapped = self._swapped() if averaged else nullcontext()
        threads.use_all()
        self.module.eval()
        try:
            with torch.no_grad(), swapped:
                yield
        finally:
            self.module.train()

    def state_dict(self, averaged: bool = False) -> dict[str, Tensor]:
        """Parameters and buffers, as they are now."""
        return dict((self._averaged() if averaged else self.module).state_dict())

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the session is beyond its plan: tensors, and facts as plain values."""
        optimizer, optimizer_facts = self.optimization.capture()
        average, average_facts = self._average.capture() if self._average is not None else ({}, {})
        waiting, waiting_facts = self._waiting.capture()
        tensors = {
            "model": dict(self.module.state_dict()),
            "optimizer": optimizer,
            "average": average,
            "waiting": waiting,
            "random": self._random.capture(),
        }
        facts = {
            "step": self.step_count,
            "optimizer": optimizer_facts,
            "average": average_facts,
            "waiting": waiting_facts,
        }
        return state.flatten(tensors), facts

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` described, bit for bit; the plan must be the same."""
        parts = state.unflatten(tensors)
        state.load(self.module, parts["model"])
        self.optimization.restore(parts["optimizer"], facts["optimizer"])
        if self._average is not None:
            self._average.restore(parts["average"], facts["average"])
        self._waiting = Waiting.of(parts["waiting"], facts["waiting"], self._device)
        self._random.restore({name: tensor.cpu() for name, tensor in parts["random"].items()})
        self.step_count = facts["step"]

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Inside, several calls change the session together: if one fails, none has changed it."""
        random, waiting, before = self._random.capture(), self._waiting, self._undo.remember()
        try:
            yield
        except BaseException:
            self._undo.undo(before)
            self._random.restore(random)
            self._waiting = waiting
            raise

    def refuse_pending(self) -> None:
        """Refuses what would mix with gradients that wait."""
        if self._waiting.count:
            raise Fault(
                "SESSION_STATE",
                f"the gradients of {self._waiting.count} micro-batches wait; call OptimStep first, or OptimStep with "
                "discard to forget them",
                field="session_id",
            )

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Inside, the session trains from no gradients; what fails leaves no trace."""
        threads.use_all()
        self._forget_gradients()
        before = self._undo.remember()
        self._random.begin()
        try:
            yield
        except BaseException:
            self._undo.undo(before)
            raise
        finally:
            self._forget_gradients()
        self._random.end()

    def _forward(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        judge: Judge | None,
        watch: Watch | None,
    ) -> _Pass:
        with watch.forwarding(self.module) if watch is not None else nullcontext():
            output = self.output(inputs)
        loss, tensors = self.loss, {self.bound_input: output, **targets}
        try:
            loss.check(tensors)
        except Fault as fault:
            raise blamed(fault, self.bound_input) from None
        with torch_refusals("loss"):
            value, terms = loss.compute(tensors, Budget(tensors.values()))
        if value.dim():
            raise Fault(
                "SHAPE_MISMATCH",
                f"the loss has shape {shape_text(value.shape)}; training needs a scalar: reduce it with mean or sum",
                field="loss",
            )
        if watch is not None:
            watch.passed(loss, tensors, self.bound_input, value, terms, inputs)
        return _Pass(value, terms, tensors, judge(output.detach(), targets) if judge is not None else {})

    def _backward(self, value: Tensor) -> None:
        if self._finite and not math.isfinite(value.detach()):
            raise Fault(
                "NONFINITE",
                f"the loss of this batch is {float(value.detach())} after {self.step_count} steps, and this session "
                "refuses such: look at its inputs and targets, or lower the learning rate; this call changed nothing",
                field="targets",
            )
        threads.use_all()  # which a small loss did not
        with torch_refusals("loss"):
            torch.autograd.backward(value)

    def _closed_step(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        overrides: Mapping[str, float],
        judge: Judge | None,
        watch: Watch | None,
    ) -> Step:
        """A step of an optimizer that evaluates the loss as often as it likes; the first time is reported."""
        started = time.perf_counter()
        first: list[tuple[_Pass, float]] = []

        def closure() -> Tensor:
            self._forget_gradients()
            with torch.enable_grad():
                done = self._forward(inputs, targets, None if first else judge, None if first else watch)
                self._backward(done.value)
            if watch is not None and not first:
                watch.differentiated(self._parameters)
            norm = self._clip()
            if not first:
                first.append((done, norm))
            return done.value.detach()

        lr = self._lr(overrides)
        with torch_refusals("optimizer"):
            self.optimization.step(overrides, closure)
        done, norm = first[0]
        return self._stepped(float(done.value.detach()), norm, done.terms, lr)._replace(
            backward=time.perf_counter() - started, metrics=done.metrics
        )

    def _finish(self, done: _Pass, overrides: Mapping[str, float], started: float, forwarded: float) -> Step:
        step = self._optimize(float(done.value.detach()), self._clip(), done.terms, overrides)
        backward = time.perf_counter() - forwarded
        return step._replace(forward=forwarded - started, backward=backward, metrics=done.metrics)

    def _optimize(self, value: float, norm: float, terms: Mapping[str, Tensor], overrides: Mapping[str, float]) -> Step:
        lr = self._lr(overrides)
        with torch_refusals("optimizer"):
            self.optimization.step(overrides)
        return self._stepped(value, norm, terms, lr)

    def _lr(self, overrides: Mapping[str, float]) -> list[float]:
        """The learning rate of each group in a step with `overrides`."""
        lr = self.optimization.lr
        return [overrides["lr"]] * len(lr) if "lr" in overrides else lr

    def _stepped(self, value: float, norm: float, terms: Mapping[str, Tensor], lr: list[float]) -> Step:
        self.optimization.after_step(value)
        if self._average is not None:
            self._average.update(self.module)
        self.step_count += 1
        return Step(value, self.step_count, norm, lr, _numbers(terms))

    def _clip(self) -> float:
        """Clips the gradients; returns their norm before."""
        parameters = list(self._parameters.values())
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = total_norm(gradients)
        if self._finite_norm and not math.isfinite(norm):
            raise Fault(
                "NONFINITE",
                f"the gradients have a non-finite norm, {norm}, after {self.step_count} steps, and this session "
                "refuses such: lower the learning rate or clip_grad_value; this call changed nothing",
                field="targets" if self._finite else "clip_grad_norm",
            )
        with torch_refusals("clip_grad_norm"):
            self._clipping.apply(parameters)
        return norm

    def _gradients(self) -> dict[str, Tensor]:
        named = self._parameters.items()
        return {name: parameter.grad for name, parameter in named if parameter.grad is not None}

    def _forget_gradients(self) -> None:
        for parameter in self._parameters.values():
            parameter.grad = None

    def _averaged(self) -> nn.Module:
        if self._average is None:
            raise Fault(
                "SESSION_STATE", "this session keeps no average of its weights; create it with one", field="averaged"
            )
        return self._average.module

    @contextmanager
    def _swapped(self) -> Iterator[None]:
        """Inside, the model has its averaged weights."""
        pairs = state.pairs(self.module, self._averaged())
        state.swap(pairs)
        try:
            yield
        finally:
            state.swap(pairs)


def _numbers(terms: Mapping[str, Tensor]) -> dict[str, float]:
    return {label: float(term.detach()) for label, term in terms.items()}
