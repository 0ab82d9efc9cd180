"""`lossd train`: a model for a CSV file, from its columns to saved weights; knows the SDK's public names."""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

import lossd
from lossd import weights
from lossd.curve import showing
from lossd.loss import Loss
from lossd.options import KINDS, fold, nearest, options, resolve, writable, written
from lossd.plotting import EXTRA, check_path
from lossd.printing import plain_json, print_json, print_table
from lossd.server_options import as_json, connect, connection
from lossd.tables import Categorical, Numeric, Preprocessing, Table, Task
from lossd.tensors import Array

_OF_OTHER_MODELS = (lossd.optim.Muon, lossd.optim.SparseAdam)  # which train no biases, and sparse gradients alone
OPTIMIZERS: dict[str, type[lossd.optim.Optimizer]] = {
    kind.__name__.lower(): kind
    for _, kind in inspect.getmembers(lossd.optim, inspect.isclass)
    if issubclass(kind, lossd.optim.Optimizer) and kind not in (lossd.optim.Optimizer, *_OF_OTHER_MODELS)
}
METRICS: dict[Task, tuple[str, ...]] = {"classification": ("accuracy", "f1"), "regression": ("mae", "rmse", "r2")}
_OF_THE_TARGETS_UNIT = ("mae", "rmse")
_OF_MANY = {"sigmoid_focal_loss": "softmax_focal_loss"}
"""Losses of two classes whose like for more is another than cross entropy."""
INTERRUPTED = "interrupted"
"""A reason to stop that no server has."""


@dataclass(frozen=True, slots=True)
class Data:
    """Rows to train on and rows to judge by."""

    inputs: Array
    targets: Array
    held_out_inputs: Array
    held_out_targets: Array
    preprocessing: Preprocessing


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False))
@options(
    click.option("--target", required=True, help="Column to predict."),
    click.option("--drop", multiple=True, help="Column to leave out; may be repeated."),
    click.option("--task", type=click.Choice(["regression", "classification"]), help="Default: by the target."),
    click.option("--model", default="mlp:64,64", show_default=True, help="mlp:WIDTH,WIDTH,… or linear."),
    click.option("--epochs", type=click.IntRange(1), default=50, show_default=True, help="Passes over the rows."),
    click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True, help="Rows of a step."),
    click.option("--optimizer", default="adam", show_default=True, help=f"One of {', '.join(OPTIMIZERS)}."),
    click.option("--lr", type=float, help="Learning rate; default the optimizer's."),
    click.option("--loss", help="Name of a loss; default cross_entropy_loss or mse_loss."),
    click.option("--validation", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
                 help="Part of the rows that is held out, to judge by."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of weights, order and split."),
    click.option("--early-stopping", type=click.IntRange(1), help="Epochs without improvement after which to end; "
                 "then the best epoch's weights are taken."),
    click.option("--save", type=click.Path(dir_okay=False, writable=True),
                 help="A .safetensors file for the weights."),
    click.option("--plot", type=click.Path(dir_okay=False, writable=True),
                 help="A .png, .svg or .pdf file for the curve."),
    click.option("--diagnostics", type=click.Choice(["off", "cheap", "full"]), default="cheap", show_default=True,
                 help="How much to look for that is wrong with data and training; what is found is told at the end."),
    connection,
    as_json,
)  # fmt: skip
def train(data: str, target: str, drop: tuple[str, ...], task: Task | None, as_json: bool, **given: Any) -> None:
    """Train a model on a CSV file, on --server or, without one, in a server of this process.

    Numbers are standardised, words become an input each. The weights are saved with what that takes.
    """
    _check_files(given)
    if target in drop:
        raise click.BadParameter(f"{target!r} is the target and cannot be left out", param_hint="--drop")
    server = {name: given.pop(name) for name in ("server", "token", "tls", "ca")}
    try:
        table = Table(data, drop)
        if task is None:
            task, why = table.task(target)
            click.echo(f"task: {task}, as {why}; --task chooses the other", err=True)
        rows = _split(table, target, task, given["validation"], given["seed"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{data}: {error.strerror or error}") from error
    loss = _loss(given["loss"], task, rows.preprocessing)
    rows = _for_loss(rows, loss, task)
    outputs = _outputs(rows, loss)
    model = _model(given["model"], rows.inputs.shape[1], outputs)
    optimizer = _optimizer(given["optimizer"], given["lr"])
    with connect(**server, embed=True) as client:
        report = _train(client, model, loss, optimizer, rows, task, given, quiet=as_json)
    files = {} if report.diverged else {name: given[name] for name in ("save", "plot") if given[name]}
    if not report.history:
        files.pop("plot", None)
    _write(report, files, given["model"])
    print_json(report.facts()) if as_json else print_table(report.rows(files, given["model"]))
    if not as_json:
        _print_findings(report.history)
    if report.diverged:
        raise click.ClickException(
            "the training diverged: its loss or weights are no finite numbers, and nothing was written; a smaller --lr "
            "may help"
        )
    if report.history.stop_reason == INTERRUPTED:
        raise click.exceptions.Exit(130)  # as shells have it of a program that SIGINT ended


def _split(table: Table, target: str, task: Task, part: float, seed: int) -> Data:
    """Rows to train on and rows to hold out; what is standardised is so by the former alone."""
    kept, held_out = table.split(target, task, part, seed)
    preprocessing = table.preprocessing(target, task, kept)
    inputs, targets = preprocessing.inputs(table), preprocessing.targets(table)
    return Data(inputs[kept], targets[kept], inputs[held_out], targets[held_out], preprocessing)


def _loss(name: str | None, task: Task, preprocessing: Preprocessing) -> Loss:
    found = resolve(name or ("cross_entropy_loss" if task == "classification" else "mse_loss"))
    if found is None:
        raise click.BadParameter(f"no loss is called {name!r}; {nearest(name or '')}", param_hint="--loss")
    try:
        loss: Loss = KINDS[found]()
    except (TypeError, ValueError) as error:
        raise click.BadParameter(f"{found} cannot be used here: {error}", param_hint="--loss") from error
    if list(loss.inputs)[:2] != ["input", "target"]:
        needed = ", ".join(loss.inputs)
        raise click.BadParameter(f"{found} takes {needed}; a table gives input and target", param_hint="--loss")
    floating = loss.inputs["target"]
    if floating and len(preprocessing.classes) > 2:
        raise click.BadParameter(
            f"{found} takes one number for each row, which tells two classes apart; here are "
            f"{len(preprocessing.classes)}: take {_OF_MANY.get(found, 'cross_entropy_loss')}",
            param_hint="--loss",
        )
    if not floating and task == "regression":
        raise click.BadParameter(f"{found} is for classes, the task is regression", param_hint="--loss")
    return loss


def _for_loss(data: Data, loss: Loss, task: Task) -> Data:
    """The same with targets as the loss takes them: two classes of a floating one as 0 and 1, (rows, 1)."""
    if task == "regression" or not loss.inputs["target"]:
        return data
    targets, held_out = (part.astype(np.float32)[:, None] for part in (data.targets, data.held_out_targets))
    return Data(data.inputs, targets, data.held_out_inputs, held_out, data.preprocessing)


def _outputs(data: Data, loss: Loss) -> int:
    return 1 if loss.inputs["target"] else len(data.preprocessing.classes)


def _model(text: str, inputs: int, outputs: int) -> lossd.nn.Module:
    kind, _, widths = text.partition(":")
    sizes = widths.split(",") if widths else []
    if kind not in ("mlp", "linear") or (kind == "linear") == bool(sizes) or not all(_is_width(size) for size in sizes):
        raise click.BadParameter(f"{text!r} is no model; expected linear, or mlp:64,64", param_hint="--model")
    layers: list[lossd.nn.Module] = []
    before = inputs
    for size in map(int, sizes):
        layers += [lossd.nn.Linear(before, size), lossd.nn.ReLU()]
        before = size
    return lossd.nn.Sequential(*layers, lossd.nn.Linear(before, outputs))


def _is_width(size: str) -> bool:
    return size.strip().isdecimal() and int(size) > 0


def _optimizer(name: str, lr: float | None) -> lossd.optim.Optimizer:
    kind = OPTIMIZERS.get(fold(name, ""))
    if kind is None:
        known = ", ".join(OPTIMIZERS)
        raise click.BadParameter(f"no optimizer is called {name!r}; there are {known}", param_hint="--optimizer")
    arguments: dict[str, Any] = {} if lr is None else {"lr": lr}
    return kind(**arguments)


class Unit:
    """Brings metrics of a standardised target back to its own unit."""

    def __init__(self, target: Numeric | Categorical) -> None:
        self._size = target.std if isinstance(target, Numeric) else 1.0

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """The same in the target's unit, where they have one."""
        return {name: value * self._size if name in _OF_THE_TARGETS_UNIT else value for name, value in metrics.items()}

    def epoch(self, epoch: lossd.Epoch) -> lossd.Epoch:
        """The same with such metrics."""
        return replace(epoch, metrics=self.metrics(epoch.metrics))


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    task: Task
    model: lossd.nn.Module
    loss: Loss
    data: Data
    parameters: int
    history: lossd.History
    score: lossd.Score
    state: dict[str, Array]

    @property
    def held_out(self) -> bool:
        """Whether the metrics are of rows that were held out."""
        return len(self.data.held_out_inputs) > 0

    @property
    def diverged(self) -> bool:
        """Whether a weight or the loss is not finite."""
        finite = all(np.isfinite(array).all() for array in self.state.values())
        return not (finite and math.isfinite(self.score.value))

    def facts(self) -> dict[str, Any]:
        """All of it but the weights."""
        return {
            "task": self.task,
            "model": repr(self.model),
            "loss": repr(self.loss),
            "parameters": self.parameters,
            "rows": {"training": len(self.data.inputs), "held_out": len(self.data.held_out_inputs)},
            "value": self.score.value,
            "metrics": self.score.metrics,
            "history": self.history.to_dict(),
            "diagnostics": [asdict(finding) for finding in self.history.diagnostics],
            "preprocessing": self.data.preprocessing.facts(),
        }

    def rows(self, files: dict[str, str], model: str) -> list[tuple[str, Any]]:
        """What people are shown."""
        of = "held out" if self.held_out else "training"
        target = self.data.preprocessing.target
        classes = f", {len(target.values)} classes" if isinstance(target, Categorical) else ""
        reason = self.history.stop_reason
        stopped = "" if reason == "epochs" else f" ({reason.replace('_', ' ')})"
        return [
            ("task", f"{self.task} of {target.name}{classes}"),
            ("model", f"{model}, {self.parameters} parameters"),
            ("rows", f"{len(self.data.inputs)} training, {len(self.data.held_out_inputs)} held out"),
            ("epochs", f"{len(self.history)}{stopped}, best {self.history.best_epoch}"),
            (f"loss ({of})", f"{self.score.value:.6g}"),
            *((f"{name} ({of})", f"{value:.6g}") for name, value in self.score.metrics.items()),
            *files.items(),
        ]


def _train(
    client: lossd.Client,
    model: lossd.nn.Module,
    loss: Loss,
    optimizer: lossd.optim.Optimizer,
    data: Data,
    task: Task,
    given: dict[str, Any],
    quiet: bool,
) -> Report:
    judged = (data.held_out_inputs, data.held_out_targets) if len(data.held_out_inputs) else None
    early, unit = given["early_stopping"], Unit(data.preprocessing.target)
    ended: list[lossd.Epoch] = []
    with client.create_session(model=model, loss=loss, optimizer=optimizer, seed=given["seed"]) as session:
        try:
            with showing(given["epochs"], quiet) as show:

                def told(progress: lossd.Progress) -> None:
                    ended.extend(progress.ended)
                    show(replace(progress, ended=tuple(map(unit.epoch, progress.ended))))

                history = session.fit(
                    data.inputs,
                    data.targets,
                    epochs=given["epochs"],
                    batch_size=given["batch_size"],
                    shuffle=True,
                    shuffle_seed=given["seed"],
                    validation_data=judged,
                    early_stopping=early,
                    restore_best=early is not None,
                    metrics=METRICS[task],
                    diagnostics=given["diagnostics"],
                    progress=told,
                )
        except KeyboardInterrupt:
            click.echo(
                f"interrupted after {len(ended)} of {given['epochs']} epochs; what was trained is kept", err=True
            )
            history = _interrupted(ended)
        score = session.evaluate(*(judged or (data.inputs, data.targets)), metrics=METRICS[task])
        parameters = session.info().parameter_count
        history = lossd.History(
            map(unit.epoch, history), history.best_epoch, history.stop_reason, history.restored_best
        )
        score = replace(score, metrics=unit.metrics(score.metrics))
        return Report(task, model, loss, data, parameters, history, score, session.state_dict())


def _interrupted(ended: list[lossd.Epoch]) -> lossd.History:
    """What is known of a training that was ended from here; its weights are those of its last step."""
    judged = {e.epoch: e.value if e.validation_value is None else e.validation_value for e in ended}
    return lossd.History(ended, min(judged, key=lambda number: judged[number], default=0), INTERRUPTED)


def _print_findings(history: lossd.History) -> None:
    """What was found wrong, each in the epoch that had it last; what is for information alone is left out."""
    epochs = {(one.code, one.field, one.term): epoch.epoch for epoch in history for one in epoch.diagnostics}
    for finding in history.diagnostics:
        if finding.severity != "info":
            click.echo(f"epoch {epochs[finding.code, finding.field, finding.term]}: {finding}", err=True)


def _check_files(given: dict[str, Any]) -> None:
    """Refuses now what would fail after the training."""
    for name in ("save", "plot"):
        if given[name]:
            writable(given[name], f"--{name}")
    if given["plot"] and importlib.util.find_spec("matplotlib") is None:
        raise click.UsageError(EXTRA)
    try:
        check_path(given["plot"])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--plot") from error


def _write(report: Report, files: dict[str, str], model: str) -> None:
    if "save" in files:
        about = {
            "model": model,
            "task": report.task,
            "loss": repr(report.loss),
            "metrics": report.score.metrics,
        }
        facts = about | report.data.preprocessing.facts()
        metadata = {name: json.dumps(plain_json(fact), ensure_ascii=False) for name, fact in facts.items()}
        with written(files["save"]):
            weights.write(Path(files["save"]), report.state, metadata)
    if "plot" in files:
        with written(files["plot"]):
            report.history.plot(files["plot"], title=f"{report.data.preprocessing.target.name}: {model}")
