"""Modules of the caller's own as programs, against the very same modules here: bit for bit, gradients too."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import lossd
import pytest
import torch
from congruence import oracle
from congruence.modules import CASES, Case, MaskedTokens, MSEAndAbsolute, Of, normal, uniform, whole
from congruence.oracle import NUMBERS, Outcome, Refused
from lossd.torch import export_loss
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2
from lossd_server.losses.programs import operators
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's exporter's own

BATCH = {"input": {0: "batch"}, "target": {0: "batch"}}


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def spec(loss: lossd.Loss) -> loss_pb2.LossSpec:
    """The loss as it is sent the first time, archives included."""
    message = loss_pb2.LossSpec.FromString(loss.wire)
    lossd.program.complete(message, dict(loss.archives))
    return message


def send(
    worker: Worker,
    loss: lossd.Loss,
    inputs: Mapping[str, Tensor],
    gradients: Sequence[str] = (),
    vector: Tensor | None = None,
) -> evaluation.EvaluateLossResponse:
    request = evaluation.EvaluateLossRequest(loss=spec(loss), gradients=gradients)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(value, "raw", []))
    if vector is not None:
        request.grad_output.CopyFrom(oracle.tensor(vector, "raw", []))
    return oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)[0]


def compare(worker: Worker, loss: lossd.Loss, module: nn.Module, inputs: Mapping[str, Tensor]) -> Outcome:
    """The program and the module give the same bits: result, and gradients of what torch differentiates."""
    names = [name for name, value in inputs.items() if value.is_floating_point()]
    if isinstance(module, nn.SoftMarginLoss):  # which has no gradient for its target
        names.remove("target")
    expected = oracle.local(module, inputs, names=names)
    assert not expected.refusal, expected.refusal
    vector = expected.vector if expected.result.dim() else None
    answer = send(worker, loss, inputs, names, vector)
    oracle.assert_same(module, expected, oracle.outcome(answer, (), expected.result))
    return expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_program_has_the_bits_of_its_module(worker: Worker, case: Case) -> None:
    """Value, per-element losses and gradients, float32."""
    loss = export_loss(case.module, case.inputs, dynamic=case.dynamic)
    assert list(loss.inputs) == list(case.inputs)
    compare(worker, loss, case.module, case.inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_floating_type(worker: Worker, dtype: torch.dtype) -> None:
    """A program is of the type it was exported for, and refuses another."""
    inputs = {"input": normal(4, 3, seed=1).to(dtype), "target": normal(4, 3, seed=2).to(dtype)}
    loss = export_loss(MSEAndAbsolute(), inputs)
    compare(worker, loss, MSEAndAbsolute(), inputs)
    other = torch.float32 if dtype is torch.float64 else torch.float64
    with pytest.raises(Refused) as refused:
        send(worker, loss, inputs | {"target": inputs["target"].to(other)})
    assert (refused.value.reason, refused.value.field) == ("DTYPE_MISMATCH", "inputs.target")


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100, 20_000])
def test_open_dimensions_take_any_size(worker: Worker, rows: int) -> None:
    """One program for every batch, sizes at which torch uses several threads among them."""
    loss = export_loss(MSEAndAbsolute(), {"input": normal(4, 3), "target": normal(4, 3)}, dynamic=BATCH)
    inputs = {"input": normal(rows, 3, seed=1), "target": normal(rows, 3, seed=2)}
    compare(worker, loss, MSEAndAbsolute(), inputs)


@pytest.mark.parametrize(("batch", "time"), [(1, 2), (2, 9), (5, 1)])
def test_two_open_dimensions(worker: Worker, batch: int, time: int) -> None:
    """Each has its own size, and one of them is as long wherever it is named."""
    dynamic = {name: ["batch", "time"] for name in ("input", "target", "mask")}
    loss = export_loss(
        MaskedTokens(), {"input": normal(3, 6, 11), "target": whole(11, 3, 6), "mask": uniform(3, 6)}, dynamic=dynamic
    )
    inputs = {"input": normal(batch, time, 11), "target": whole(11, batch, time), "mask": uniform(batch, time).round()}
    compare(worker, loss, MaskedTokens(), inputs)
    with pytest.raises(Refused) as refused:
        send(worker, loss, inputs | {"mask": uniform(batch + 1, time)})
    assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "inputs.mask")


def test_ranges_of_open_dimensions_hold(worker: Worker) -> None:
    """A size outside the range that was exported is refused, and the range named."""
    dim = torch.export.Dim("batch", min=2, max=5)
    example = {"input": normal(4, 3), "target": normal(4, 3)}
    loss = export_loss(MSEAndAbsolute(), example, dynamic={"input": {0: dim}, "target": {0: dim}})
    compare(worker, loss, MSEAndAbsolute(), example)
    for rows in (1, 6):
        with pytest.raises(Refused, match="2 to 5") as refused:
            send(worker, loss, {"input": normal(rows, 3), "target": normal(rows, 3)})
        assert refused.value.reason == "SHAPE_MISMATCH"


def test_fixed_sizes_and_ranks_hold(worker: Worker) -> None:
    """What was not left open is as exported."""
    loss = export_loss(MSEAndAbsolute(), [normal(4, 3), normal(4, 3)])
    for shape in ((5, 3), (4,), (4, 3, 1), (0, 3)):
        with pytest.raises(Refused) as refused:
            send(worker, loss, {"input": normal(*shape), "target": normal(4, 3)})
        assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "inputs.input"), shape


def test_one_loss_said_in_three_ways(worker: Worker) -> None:
    """MSE + 0.1 Σ|e| as a weighted sum, an expression and a program: 4.6, and one gradient."""
    inputs = {"input": torch.tensor([78.0, 85.0, 92.0]), "target": torch.tensor([80.0, 87.0, 90.0])}
    ways = [
        lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum"),
        lossd.Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))"),
        export_loss(MSEAndAbsolute(), inputs),
    ]
    answers = [send(worker, loss, inputs, ["*"]) for loss in ways]
    assert [answer.value for answer in answers] == pytest.approx([4.6] * 3, abs=1e-6)
    assert len({answer.value for answer in answers}) == 1
    for name in inputs:
        assert len({answer.gradients[name].raw for answer in answers}) == 1, name


def test_programs_add_up_like_any_loss(worker: Worker) -> None:
    """In a weighted sum, beside themselves on other inputs, with their terms."""
    inputs = {"input": normal(4, 3, seed=1), "target": normal(4, 3, seed=2), "other": normal(4, 3, seed=3)}
    program = export_loss(MSEAndAbsolute(), {"input": inputs["input"], "target": inputs["target"]})
    loss = 0.5 * program.named("own") + 2 * program.on(target="other").named("theirs") + lossd.L1Loss()
    answer = send(worker, loss, inputs, ["*"])
    own = MSEAndAbsolute()(inputs["input"], inputs["target"]).item()
    theirs = MSEAndAbsolute()(inputs["input"], inputs["other"]).item()
    assert (answer.terms["own"], answer.terms["theirs"]) == (own, theirs)
    assert answer.value == pytest.approx(0.5 * own + 2 * theirs + answer.terms["l1_loss"], rel=1e-6)


def test_a_result_that_is_an_input_is_a_copy(worker: Worker) -> None:
    """A program that returns its input, or a view of it, answers with numbers of its own."""
    inputs = {"input": normal(2, 3), "target": normal(2, 3)}
    for function in (lambda x, y: x.view(3, 2), lambda x, y: x.t()):
        compare(worker, export_loss(Of(function), inputs), Of(function), inputs)


def test_a_dry_run_tells_the_result(worker: Worker) -> None:
    """ValidateLoss without data: type and shape of the result, and refusals that need none."""
    loss = export_loss(Of(lambda x, y: (x - y).square().mean(1)), [normal(4, 3), normal(4, 3)], dynamic=[["n"], ["n"]])
    request = catalog.ValidateLossRequest(loss=spec(loss), gradients=["*"])
    for name in ("input", "target"):
        request.inputs[name].dtype = NUMBERS[torch.float32]
        request.inputs[name].shape.extend((9, 3))
    answer, _ = oracle.run(worker, "ValidateLoss", request, (), catalog.ValidateLossResponse)
    assert (answer.result.dtype, list(answer.result.shape)) == (NUMBERS[torch.float32], [9])
    request.inputs["target"].shape[1] = 4
    with pytest.raises(Refused) as refused:
        oracle.run(worker, "ValidateLoss", request, (), catalog.ValidateLossResponse)
    assert refused.value.reason == "SHAPE_MISMATCH"


def test_equal_modules_are_equal_programs(tmp_path: object) -> None:
    """The archive holds no date, no path and no example: the same loss exported twice has one hash."""

    def export(rows: int) -> lossd.Program:
        return export_loss(MSEAndAbsolute(), [normal(rows, 3), normal(rows, 3)], dynamic=[["n"], ["n"]])

    one, two = export(4), export(4)
    assert one == two
    assert one.sha256 == two.sha256
    assert hash(one) == hash(two)
    assert b"modules.py" not in one.archive
    assert export_loss(MSEAndAbsolute(), [normal(4, 3), normal(4, 3)]) != one


def test_a_program_is_saved_and_read(tmp_path) -> None:
    """As an archive, and from what torch itself saves."""
    inputs = (normal(4, 3), normal(4, 3))
    loss = export_loss(MSEAndAbsolute(), inputs)
    loss.save(tmp_path / "loss.zip")
    assert lossd.Program.read(tmp_path / "loss.zip") == loss
    exported = torch.export.export(MSEAndAbsolute(), (), dict(zip(("input", "target"), inputs, strict=True)))
    torch.export.save(exported, tmp_path / "loss.pt2")
    assert lossd.Program.read(tmp_path / "loss.pt2") == loss
    (tmp_path / "other").write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="no program"):
        lossd.Program.read(tmp_path / "other")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x, y: nn.functional.dropout(x - y, 0.5, training=True).mean(), "dropout"),
        (lambda x, y: (x - y + torch.randn_like(x)).mean(), "randn_like"),
        (lambda x, y: (x - y).argmax(), "floating"),
        (lambda x, y: x.mul_(2).mean() + y.mean(), "clone"),
        (lambda x, y: torch.linalg.inv(x.T @ y).mean(), "inv"),
        (lambda x, y: nn.functional.conv1d(x[None], y[None]).mean(), "conv1d"),
        (lambda x, y: (x - y)[y > 0].mean(), "'_operator.ge' is not one .* multiply by it or use torch.where"),
        (lambda x, y: (x.mean(), y.mean()), "return one tensor"),
        (lambda x, y: without_gradient(x) * y, "detach"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_programs_cannot_do_is_said(worker: Worker, function, says: str) -> None:
    """Random numbers, results that are no floats, writes into inputs, operators that are not on the list."""
    loss = unchecked(Of(function), normal(4, 4), normal(4, 4))
    with pytest.raises(Refused, match=says) as refused:
        send(worker, loss, {"input": normal(4, 4), "target": normal(4, 4)})
    assert (refused.value.code, refused.value.reason) == (3, "BAD_PROGRAM")


def unchecked(module: nn.Module, *inputs: Tensor) -> lossd.Program:
    """What torch exports, without what export_loss refuses beforehand."""
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(module, inputs), buffer)
    return lossd.Program(archive=lossd.program.pack(buffer.getvalue()))


def without_gradient(x: Tensor) -> Tensor:
    with torch.no_grad():
        return x * 2


def branching(x: Tensor, y: Tensor) -> Tensor:
    return x.mean() if x.sum() > 0 else y.mean()


@pytest.mark.parametrize(
    ("function", "kind", "says"),
    [
        (lambda x, y: x[y > 0].mean(), ValueError, "multiply by it or use torch.where"),
        (lambda x, y: nn.functional.dropout(x, 0.5).mean(), ValueError, "draws random numbers"),
        (lambda x, y: (x + torch.rand_like(y)).mean(), ValueError, "draws random numbers"),
        (lambda x, y: without_gradient(x) * y, ValueError, r"in forward, modules.py line \d+.*detach"),
        (lambda x, y: x.mul_(2) + y, ValueError, "clone it first"),
        (lambda x, y: x * y.sum().item(), ValueError, "keep it a tensor"),
        (branching, ValueError, r"branches on data \(in branching, test_programs.py line \d+.*torch.where"),
        (lambda x, y: (x, y), TypeError, "2 results; return one tensor"),
        (lambda x, y: x.argmax(), TypeError, "floating tensor"),
    ],
)
def test_export_refuses_what_no_server_runs(function, kind, says, capfd) -> None:
    """Before anything is sent, with the remedy, without paths, and torch prints nothing."""
    with pytest.raises(kind, match=says) as refused:
        export_loss(Of(function), [normal(4, 4), normal(4, 4)])
    assert "/" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_wrong_arguments_of_export_are_named(worker: Worker) -> None:
    """No module, no inputs, a dimension that is dynamic for one input alone; a name alone is the first dimension."""
    pair = {"input": normal(4, 3), "target": normal(4, 3)}
    with pytest.raises(TypeError, match=r"expected an nn\.Module, given function"):
        export_loss(lambda x: x, pair)
    with pytest.raises(TypeError, match="given None"):
        export_loss(MSEAndAbsolute(), None)
    with pytest.raises(ValueError, match="dimension 0 of 'target' must be dynamic too, by the same name 'n'"):
        export_loss(MSEAndAbsolute(), pair, {"input": ["n"]})
    loss = export_loss(MSEAndAbsolute(), pair, {"input": "n", "target": "n"})
    with pytest.raises(Refused, match="expected 5, as input has"):
        send(worker, loss, {"input": normal(5, 3), "target": normal(7, 3)})


@pytest.mark.parametrize("name", operators.NAMES)
def test_every_operator_on_the_list_is_torchs(name: str) -> None:
    """Each is an overload of torch 2.13; none returns another program's memory, draws numbers or calls Python."""
    operator = operators.find(f"torch.ops.aten.{name}" + ("" if "." in name else ".default"), "here")
    tags = operator.run.tags
    assert torch.Tag.nondeterministic_seeded not in tags or name == "dropout"
    assert torch.Tag.data_dependent_output not in tags
    assert torch.Tag.dynamic_output_shape not in tags or name in ("index.Tensor", "one_hot")  # which rules.py narrows
    assert not {"empty", "as_strided", "set", "resize", "from_file", "ctc"} & set(name.split("."))
