"""Losses that an operator installed: packages beside a real server, good ones, clumsy ones and broken ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lossd
import numpy as np
import pytest
import torch
from lossd.torch import RemoteLoss
from running import RunningServer

EXAMPLE = Path(__file__).parents[2] / "docs" / "plugin"
LOSSD = str(Path(sys.executable).with_name("lossd"))

CLUMSY = """
import sys
import torch
from lossd_server.faults import Fault
from lossd_server.losses import weights
from lossd_server.losses.contract import Argument, Input, Kind
from lossd_server.losses.formula import FormulaEntry

PAIR = (Input("input", Kind.FLOAT, "(*)", ""), Input("target", Kind.FLOAT, "(*)", ""))

def entry(name, function, **more):
    more = {"inputs": PAIR, **more}
    return FormulaEntry(name=name, class_name=name.title(), summary="", formula="", function=function, **more)

def every(input, target, number, whole, flag, word, wholes, table):
    scale = number * whole * (2 if flag else 1) * len(word) * sum(wholes)
    return (input - target).abs() * scale * (1 if table is None else table)

EVERY = entry("every_kind", every, arguments=(
    Argument("number", float, 1.0, "", above=0),
    Argument("whole", int, 1, ""),
    Argument("flag", bool, False, ""),
    Argument("word", str, "one", "", choices=("one", "three")),
    Argument("wholes", list, [1], ""),
    Argument("table", torch.Tensor, None, ""),
))
PASSES = entry("passes_on", lambda input, target: input)
DIFFERENCE = entry("difference", lambda input, target: input - target)

def raises(error):
    def function(input, target):
        raise error
    return function

REFUSES = entry("refuses", raises(Fault("VALUE_OUT_OF_RANGE", "odd numbers only", field="inputs.input")))
COMPLAINS = entry("complains", raises(ValueError("no such weather")))
STUMBLES = entry("stumbles", raises(KeyError("secret")))
LEAVES = entry("leaves", lambda input, target: sys.exit(3))
FLOATS = entry("returns_a_number", lambda input, target: 1.0)
LOOKS = entry("looks_at_data", lambda input, target: (input - target) ** (2 if input.sum().item() > 0 else 1))
OTHERS = entry(
    "other_inputs", lambda left, right: (left - right) ** 2, shapes=lambda tensors, arguments: None,
    weight=weights.none, inputs=(Input("left", Kind.FLOAT, "", ""), Input("right", Kind.FLOAT, "", "")),
)
UNCHECKED = entry("unchecked", lambda left: left, inputs=(Input("left", Kind.FLOAT, "", ""),))
MSE = entry("mse_loss", lambda input, target: input)
"""
CLUMSY_POINTS = {
    "every_kind": "EVERY",
    "passes_on": "PASSES",
    "difference": "DIFFERENCE",
    "refuses": "REFUSES",
    "complains": "COMPLAINS",
    "stumbles": "STUMBLES",
    "leaves": "LEAVES",
    "returns_a_number": "FLOATS",
    "looks_at_data": "LOOKS",
    "other_inputs": "OTHERS",
}
LEFT_OUT = {
    "mse_loss": "clumsy:MSE",  # shadows
    "MSELoss": "clumsy:MSE",  # no name for a plugin
    "another_name": "clumsy:EVERY",  # not the entry's own
    "unchecked": "clumsy:UNCHECKED",  # nothing would check its inputs
    "no_entry": "clumsy:PAIR",
    "not_there": "clumsy:NOTHING",
    "cannot_be_imported": "broken:ENTRY",
    "ends_the_process": "exiting:ENTRY",
    "newsvendor_loss": "clumsy:EVERY",  # a second package of this name
}


def package(folder: Path, name: str, entry_points: str, **modules: str) -> None:
    """An installed package: modules, and the metadata that an installer leaves."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)


def points(entries: dict[str, str]) -> str:
    return "[lossd.losses]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example of docs/plugin, as pip installs it."""
    folder = tmp_path_factory.mktemp("plugins")
    source = folder / "source"
    shutil.copytree(EXAMPLE, source)  # the build leaves files beside its sources
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    target = folder / "installed"
    subprocess.run([*pip, "--no-build-isolation", "--target", str(target), str(source)], check=True, timeout=120)
    return target


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with the example and a crowd of others beside it."""
    crowd = tmp_path_factory.mktemp("crowd")
    package(crowd, "b_clumsy", points({k: f"clumsy:{v}" for k, v in CLUMSY_POINTS.items()}), clumsy=CLUMSY)
    broken, exiting = "raise RuntimeError('broken at import')", "import sys; sys.exit('gone')"
    package(crowd, "c_broken", points(LEFT_OUT), broken=broken, exiting=exiting)
    path = os.pathsep.join([str(installed), str(crowd)])
    with RunningServer(env={"PYTHONPATH": path}) as running:
        yield running
        assert running.metric('lossd_worker_restarts_total{device="cpu:0"}') == 0, "no plugin ended the worker"


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as connected:
        yield connected


def test_a_plugin_is_a_loss_like_any_other(client: lossd.Client) -> None:
    """Value, gradients, sums for merging, and the reduction that was asked for."""
    ordered, demanded = np.array([8, 12, 10], np.float32), np.array([10, 10, 10], np.float32)
    result = client.evaluate(lossd.Plugin("newsvendor_loss", under=5), ordered, demanded, gradients=True)
    leaf, target = torch.from_numpy(ordered).requires_grad_(), torch.from_numpy(demanded)
    exact = (5 * (target - leaf).clamp_min(0) + (leaf - target).clamp_min(0)).mean()
    exact.backward()
    assert result.value == exact.item()
    assert leaf.grad is not None
    assert result.gradients["input"].tolist() == leaf.grad.tolist()
    assert (result.weight_sum, result.execution.device) == (3, "cpu:0")
    unreduced = client.evaluate(lossd.Plugin("newsvendor_loss", reduction="none"), ordered, demanded)
    assert unreduced.losses is not None
    assert unreduced.losses.tolist() == [6, 2, 0]
    assert client.evaluate(lossd.Plugin("newsvendor_loss", reduction="sum"), ordered, demanded).value == 8


def test_it_composes_trains_and_crosses_the_bridge(client: lossd.Client) -> None:
    """A term of a weighted sum, the loss of a session, a module of torch."""
    loss = 0.5 * lossd.Plugin("newsvendor_loss") + lossd.MSELoss()
    result = client.evaluate(loss, [8.0, 12.0], [10.0, 10.0])
    assert (result.value, result.terms) == (0.5 * 4 + 4, {"mse_loss": 4, "newsvendor_loss": 4})
    plugin = lossd.Plugin("newsvendor_loss", under=2.0)
    with client.create_session(model=lossd.nn.Linear(1, 1), loss=plugin, optimizer=lossd.optim.SGD(lr=0.01)) as session:
        steps = [session.step([[2], [4], [6]], [[4], [8], [12]]).value for _ in range(30)]
        assert steps[-1] < steps[0] / 2
        assert session.info().loss == plugin
    leaf = torch.tensor([8.0, 12.0], requires_grad=True)
    RemoteLoss(client, plugin)(leaf, torch.tensor([10.0, 10.0])).backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [-1, 0.5]


def test_the_catalogue_lists_it_with_its_own_schema(client: lossd.Client, server: RunningServer) -> None:
    """Among the others in alphabetical order; by name for ListLosses, GetLoss and the command line."""
    names = [loss.name for loss in client.losses()]
    assert names == sorted(names)
    assert {"newsvendor_loss", *CLUMSY_POINTS, "mse_loss"} <= set(names)
    described = client.loss("newsvendor_loss")
    assert [(a.name, a.type, a.default) for a in described.arguments] == [
        ("under", "float", "3.0"),
        ("over", "float", "1.0"),
    ]
    assert [given.name for given in described.inputs] == ["input", "target"]
    assert client.loss("mse_loss").class_name == "MSELoss"
    shown = subprocess.run(
        [LOSSD, "losses", "newsvendor_loss", "--server", server.target], capture_output=True, text=True
    )
    assert "--under\tcost of each piece that was missing; float; at least 0; default 3.0\n" in shown.stdout
    assert 'class\tlossd.Plugin("newsvendor_loss")\n' in shown.stdout
    with pytest.raises(lossd.NotFound, match="newsvendor_loss"):
        client.loss("newsvendr_loss")


def test_advice_lists_it_below_the_losses_of_lossd(client: lossd.Client) -> None:
    """For a task that it declares, whatever the limit, and ready to evaluate."""
    advice = client.recommend(task="regression", limit=2)
    own, plugins = advice.recommendations[:2], advice.recommendations[2:]
    assert not any(isinstance(each.loss, lossd.Plugin) for each in own)
    newsvendor = next(each for each in plugins if each.name == "newsvendor_loss")
    assert eval(newsvendor.python, {"lossd": lossd}) == newsvendor.loss
    assert client.evaluate(newsvendor.loss, [8.0], [10.0]).value > 0
    assert not [each for each in client.recommend(task="preference").recommendations if each.name == "newsvendor_loss"]


def test_the_command_line_evaluates_it(server: RunningServer) -> None:
    words = ["--under", "5", "--input", "[8, 12]", "--target", "[10, 10]", "--gradients", "--server", server.target]
    done = subprocess.run([LOSSD, "eval", "plugin", "newsvendor_loss", *words], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("6.0\ngradient of input: [-2.5, 0.5]\ngradient of target: [2.5, -0.5]\n", "")
    words = ["--word=three", "--wholes", "[1, 2]", "--input", "1", "--target", "3", "--reduction", "sum"]
    done = subprocess.run(
        [LOSSD, "eval", "plugin", "every_kind", *words, "--server", server.target], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("30.0\n", "")


def test_arguments_of_every_kind_arrive(client: lossd.Client) -> None:
    """JSON's numbers become ints where the schema says so, lists of lists tensors."""
    given = {"number": 0.5, "whole": 3, "flag": True, "word": "three", "wholes": [1, 2], "table": [1.0, 0.25]}
    loss = lossd.Plugin("every_kind", **given, reduction="none")
    result = client.evaluate(loss, [1.0, 2.0], [0.0, 0.0])
    assert result.losses is not None
    assert result.losses.tolist() == [0.5 * 3 * 2 * 5 * 3 * 1.0, 2 * 0.5 * 3 * 2 * 5 * 3 * 0.25]
    assert client.evaluate(lossd.Plugin("every_kind", table=None), [1.0], [0.0]).value == 3, "null is not given"
    wide = lossd.Plugin("every_kind", allow_broadcast=True, reduction="none")
    losses = client.evaluate(wide, np.ones((3, 1), np.float32), np.ones(3, np.float32)).losses
    assert losses is not None
    assert losses.shape == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "field", "reason", "says"),
    [
        ({"numbr": 1.0}, "numbr", "UNKNOWN_NAME", "did you mean 'number'"),
        ({"number": "1"}, "number", "ARGUMENT_OUT_OF_RANGE", "a string; expected a number"),
        ({"number": True}, "number", "ARGUMENT_OUT_OF_RANGE", "a bool; expected a number"),
        ({"number": -1}, "number", "ARGUMENT_OUT_OF_RANGE", "above 0"),
        ({"number": float("nan")}, "number", "ARGUMENT_OUT_OF_RANGE", "finite"),
        ({"whole": 1.5}, "whole", "ARGUMENT_OUT_OF_RANGE", "1.5; expected a whole number"),
        ({"whole": float("inf")}, "whole", "ARGUMENT_OUT_OF_RANGE", "whole number"),
        ({"flag": 1}, "flag", "ARGUMENT_OUT_OF_RANGE", "true or false"),
        ({"word": "two"}, "word", "ARGUMENT_OUT_OF_RANGE", "one, three"),
        ({"wholes": [1, 2.5]}, "wholes[1]", "ARGUMENT_OUT_OF_RANGE", "whole number"),
        ({"wholes": 3}, "wholes", "ARGUMENT_OUT_OF_RANGE", "list of whole numbers"),
        ({"table": "x"}, "table", "ARGUMENT_OUT_OF_RANGE", "equally long lists"),
        ({"table": [[1], [2, 3]]}, "table.values", "BAD_VALUES", ""),
        ({"reduction": "median"}, "reduction", "ARGUMENT_OUT_OF_RANGE", "mean, none, sum"),
        ({"reduction": 2}, "reduction", "ARGUMENT_OUT_OF_RANGE", "expected a string"),
    ],
)
def test_wrong_arguments_are_refused(
    client: lossd.Client, arguments: dict[str, object], field: str, reason: str, says: str
) -> None:
    """With the path of the argument, before the function runs."""
    with pytest.raises(lossd.InvalidArgument) as refused:
        client.evaluate(lossd.Plugin("every_kind", **arguments), [1.0], [2.0])
    assert (refused.value.field, refused.value.reason) == (f"loss.plugin.arguments.{field}", reason)
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("newsvendr_loss", "newsvendor_loss"),
        ("mse_loss", "field of LossSpec"),
        ("", "ListLosses"),
        ("?" * 999, "ListLosses"),
    ],
)
def test_unknown_plugins_are_not_found(client: lossd.Client, name: str, says: str) -> None:
    with pytest.raises(lossd.NotFound, match=says) as missing:
        client.evaluate(lossd.Plugin(name), [1.0], [2.0])
    assert (missing.value.field, missing.value.reason) == ("loss.plugin.name", "LOSS_NOT_FOUND")


def test_inputs_are_checked_before_the_function_runs(client: lossd.Client) -> None:
    """Shapes, element types and names, by the entry alone."""
    plugin = lossd.Plugin("newsvendor_loss")
    for inputs, field in [
        (([1.0], [1.0, 2.0]), "inputs.target"),
        ((np.ones(2, np.int64), np.ones(2, np.int64)), "inputs.input"),
        (([1.0],), "inputs.target"),
    ]:
        with pytest.raises(lossd.InvalidArgument) as refused:
            client.evaluate(plugin, *inputs)
        assert refused.value.field == field
    assert client.evaluate(lossd.Plugin("other_inputs"), left=[3.0], right=[1.0]).value == 4


def test_what_a_function_raises_is_a_refusal(client: lossd.Client, server: RunningServer) -> None:
    """Its own Fault as it is, a ValueError as UNSUPPORTED; a defect is INTERNAL, and the log has it."""
    with pytest.raises(lossd.InvalidArgument) as own:
        client.evaluate(lossd.Plugin("refuses"), [2.0], [2.0])
    assert (own.value.reason, own.value.field, own.value.message) == (
        "VALUE_OUT_OF_RANGE", "inputs.input", "odd numbers only",
    )  # fmt: skip
    with pytest.raises(lossd.InvalidArgument, match="no such weather") as complaint:
        client.evaluate(lossd.Plugin("complains"), [2.0], [2.0])
    assert complaint.value.reason == "UNSUPPORTED"
    for name in ("stumbles", "leaves", "returns_a_number"):
        with pytest.raises(lossd.Internal) as defect:
            client.evaluate(lossd.Plugin(name), [2.0], [2.0])
        assert "secret" not in str(defect.value)
    assert client.evaluate(lossd.MSELoss(), [1.0], [3.0]).value == 4, "the same worker answers"
    logged = "\n".join(server.lines)
    assert "plugin leaves would end the process" in logged
    assert "plugin returns_a_number returned float" in logged


def test_one_that_looks_at_data_has_no_dry_run_but_works(client: lossd.Client) -> None:
    """Through the bridge too, which asks for the type of the result by a dry run."""
    plugin = lossd.Plugin("looks_at_data")
    with pytest.raises(lossd.InvalidArgument) as dry:
        client.validate(plugin, input=("float32", (2,)), target=("float32", (2,)))
    assert dry.value.reason == "UNSUPPORTED"
    leaf = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    value = RemoteLoss(client, plugin)(leaf, torch.zeros(2, dtype=torch.float64))
    value.backward()
    assert (value.dtype, value.item()) == (torch.float64, 2.5)
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [1, 2]


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_result_may_be_an_input(client: lossd.Client, size: int) -> None:
    """The answer is written over the request: what a function passes on is kept apart from it."""
    input_, target = np.arange(size, dtype=np.float32), np.ones(size, np.float32)
    vector = np.linspace(-1, 1, size, dtype=np.float32)
    for name, exact in (("passes_on", input_), ("difference", input_ - target)):
        loss = lossd.Plugin(name, reduction="none")
        result = client.evaluate(loss, input_, target, gradients="input", grad_output=vector)
        assert np.array_equal(result.losses, exact)
        assert np.array_equal(result.gradients["input"], vector)


def test_broken_packages_are_left_out_and_named(client: lossd.Client, server: RunningServer) -> None:
    """None of them hurts the server, and the log says which they are."""
    left = {record["plugin"] for record in server.records() if record.get("event") == "plugin left out"}
    assert left == set(LEFT_OUT)
    names = {loss.name for loss in client.losses()}
    assert not names & (set(LEFT_OUT) - {"mse_loss", "newsvendor_loss"})
    assert client.evaluate(lossd.MSELoss(), [1.0], [3.0]).value == 4


def test_the_example_passes_its_own_tests(installed: Path, tmp_path: Path) -> None:
    """docs/plugin: the page that people copy from."""
    shutil.copy(EXAMPLE / "test_lossd_newsvendor.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
