"""Requests are what generated code reads, answers are what generated code writes, and nothing touches a channel."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import lossd
import numpy as np
import pytest
from google.rpc import status_pb2
from lossd import calls, changing, training_calls
from lossd.aio_session import AsyncSession
from lossd.session import Session
from lossd.v1 import (
    catalog_service_pb2,
    evaluation_service_pb2,
    loss_pb2,
    tensor_pb2,
    training_service_pb2,
)

LARGE = np.arange(16384, dtype=np.float32)
"""Exactly 64 KiB."""


def request_of(evaluation: lossd.Evaluation) -> evaluation_service_pb2.EvaluateLossRequest:
    return evaluation_service_pb2.EvaluateLossRequest.FromString(calls.evaluate(evaluation).request)


def test_a_small_evaluation_is_plain_protobuf() -> None:
    request = request_of(
        lossd.Evaluation(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], target=[0], gradients=True, request_id="mine")
    )
    assert request.loss.WhichOneof("loss") == "cross_entropy_loss"
    assert request.inputs["input"].dtype == tensor_pb2.DATA_TYPE_FLOAT32
    assert list(request.inputs["input"].shape) == [1, 3]
    assert request.inputs["target"].dtype == tensor_pb2.DATA_TYPE_INT64
    assert list(request.gradients) == ["*"]
    assert request.request_id == "mine"
    assert request.response_encoding == tensor_pb2.RESPONSE_ENCODING_RAW
    assert not request.validate_only
    assert not request.HasField("grad_output")


def test_large_inputs_are_attached_and_answers_asked_for_alike() -> None:
    request = request_of(lossd.Evaluation(lossd.MSELoss(), LARGE, LARGE + 1, grad_output=1.0))
    assert [request.inputs[name].attachment for name in ("input", "target")] == [0, 1]
    assert request.attachments[1] == (LARGE + 1).tobytes()
    assert request.grad_output.raw == np.float32(1).tobytes()
    assert request.response_encoding == tensor_pb2.RESPONSE_ENCODING_ATTACHMENT


@pytest.mark.parametrize(
    ("arguments", "named", "says"),
    [
        ((lossd.MSELoss(), 1, 2, 3), {}, "MSELoss takes 2 inputs (input, target), given 3"),
        ((lossd.MSELoss(), 1), {"input": 2}, "'input' is given twice"),
        ((lossd.MSELoss, 1, 2), {}, "expected a loss such as lossd.MSELoss()"),
        ((lossd.MSELoss(), 1, 2), {"series": 5}, "series is 5; expected a string"),
        ((lossd.MSELoss(), 1, 2), {"request_id": 0}, "request_id is 0; expected a string"),
        ((lossd.MSELoss(), 1, 2), {"metrics": 5}, "metrics is 5; expected the name of a metric"),
        ((lossd.MSELoss(), 1, 2), {"metrics": ["mae", 5]}, "metrics[1] is 5; expected the name of a metric"),
        ((lossd.MSELoss(), 1, 2), {"gradients": 5}, "gradients is 5; expected True, False, the name of an input"),
        ((lossd.MSELoss(), 1, 2), {"gradients": [True]}, "gradients[0] is True; expected"),
    ],
)
def test_mistakes_in_the_call_are_type_errors(arguments: tuple, named: dict, says: str) -> None:
    with pytest.raises(TypeError) as caught:
        lossd.Evaluation(*arguments, **named)
    assert says in str(caught.value)


BOTH = lossd.MSELoss() + lossd.KLDivLoss().on(input="student", target="teacher")


ASKED_WRONG = [
    ({"metrics": 5}, TypeError, "metrics is 5"),
    ({"metrics": [5]}, TypeError, r"metrics\[0\] is 5"),
    ({"diagnostics": 5}, lossd.InvalidArgument, "diagnostics is 5; expected True, False, 'off'"),
    ({"diagnostics": "loud"}, lossd.InvalidArgument, "diagnostics is 'loud'; expected"),
    ({"series": 5}, TypeError, "series is 5; expected a string"),
    ({"request_id": 5}, TypeError, "request_id is 5; expected a string"),
]


@pytest.mark.parametrize(("wrong", "kind", "says"), ASKED_WRONG, ids=[str(wrong) for wrong, _, _ in ASKED_WRONG])
def test_what_is_asked_for_wrongly_is_named(wrong: dict[str, Any], kind: type[Exception], says: str) -> None:
    """By both clients and their sessions, before anything is sent: nobody is there; never protobuf's own words."""
    x, y = [[1.0]], [[2.0]]
    client, later = lossd.Client("127.0.0.1:1"), lossd.AsyncClient("127.0.0.1:1")
    for one, session in ((client, Session(client, "s", None)), (later, AsyncSession(later, "s", None))):
        calls_of = {
            "evaluate": lambda one=one: one.evaluate(lossd.MSELoss(), x, y, **wrong),
            "aggregate": lambda one=one: one.aggregate(lossd.MSELoss(), **wrong),
            "session": lambda session=session: session.evaluate(x, y, **wrong),
            "step": lambda session=session: session.step(x, y, **wrong),
            "fit": lambda session=session: session.fit(x, y, **wrong),
        }
        if "request_id" in wrong:
            del calls_of["session"]
        if not wrong.keys() <= {"metrics", "diagnostics"}:
            del calls_of["step"], calls_of["fit"]
        for name, call in calls_of.items():
            with pytest.raises(kind, match=says):
                pytest.fail(f"{name} answers {waited(call)!r}")


def waited(call: Callable[[], Any]) -> Any:
    made = call()
    return asyncio.run(made) if asyncio.iscoroutine(made) else made


@pytest.mark.parametrize(
    "name",
    ["gradients", "grad_output", "term_gradients", "diagnostics", "series", "request_id", "validate_only"],
)
def test_an_explanation_says_what_it_does_not_take(name: str) -> None:
    """Arguments of `evaluate` that have no meaning here are refused by name, and no input is taken for one."""
    with lossd.Client("127.0.0.1:1") as client, pytest.raises(TypeError, match=f"explain takes no {name}: "):
        client.explain(lossd.MSELoss(), [1.0], [2.0], **{name: "x"})

    async def later() -> None:
        async with lossd.AsyncClient("127.0.0.1:1") as client:
            await client.explain(lossd.MSELoss(), [1.0], [2.0], **{name: "x"})

    with pytest.raises(TypeError, match=f"explain takes no {name}: "):
        asyncio.run(later())


@pytest.mark.parametrize("given", ["5", 2.5])
def test_early_stopping_is_a_number_or_its_own(given: Any) -> None:
    """Anything else is refused in words before anything is sent."""
    with (
        lossd.Client("127.0.0.1:1") as client,
        pytest.raises(TypeError, match=r"early_stopping is .*; expected epochs, or a lossd\.EarlyStopping"),
    ):
        Session(client, "s", None).fit([[1.0]], [[2.0]], early_stopping=given)


@pytest.mark.parametrize(
    ("loss", "word", "says"),
    [
        (lossd.MSELoss(), {"device": "cuda:0"}, "mse_loss has no input 'device'; it has input, target"),
        (lossd.MSELoss(), {"reduction": "none"}, 'reduction belongs in the loss: lossd.MSELoss(reduction="none")'),
        (lossd.SmoothL1Loss(), {"beta": "1"}, 'beta belongs in the loss: lossd.SmoothL1Loss(beta="1")'),
        (BOTH, {"device": "cpu"}, "weighted_sum has no input 'device'; it has input, target, student, teacher"),
        (lossd.Plugin("p"), {"reduction": "sum"}, 'reduction belongs in the loss: lossd.Plugin("p", reduction="sum")'),
        (lossd.Plugin("p"), {"device": "cpu"}, "'cpu' is no number"),
        (lossd.Expression("x"), {"x": "cpu"}, "'cpu' is no number"),
        (lossd.MSELoss() + lossd.Expression("x"), {"x": "cpu"}, "'cpu' is no number"),
        (lossd.Program(sha256="0" * 64), {"x": "cpu"}, "'cpu' is no number"),
        (lossd.MSELoss(), {"target": "cuda:0"}, "'cuda:0' is no number"),
    ],
)
def test_a_word_given_as_an_input_is_told_where_it_belongs(loss: lossd.Loss, word: dict, says: str) -> None:
    """If it is none of the loss's inputs; a batch gives the same in the member's place."""
    with pytest.raises(lossd.InvalidArgument) as caught:
        calls.evaluate(lossd.Evaluation(loss, **word))
    (name,) = word
    assert says in caught.value.message
    assert caught.value.field == f"inputs.{name}"
    (failed,) = calls.evaluate_batch([lossd.Evaluation(loss, **word)]).read(b"")
    assert (failed.message, failed.field) == (caught.value.message, f"evaluations[0].inputs.{name}")


def test_answers_are_read_with_and_without_attachments() -> None:
    answer = evaluation_service_pb2.EvaluateLossResponse(value=0.5, terms={"a": 1.0}, request_id="mine")
    answer.gradients["input"].CopyFrom(
        tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[16384], attachment=0)
    )
    answer.losses.CopyFrom(tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT64, raw=np.float64(2).tobytes()))
    answer.attachments.append(LARGE.tobytes())
    answer.execution.device = "cpu:0"
    evaluation = lossd.Evaluation(lossd.MSELoss(), 1, 2)
    result = calls.evaluate(evaluation).read(answer.SerializeToString())
    assert (result.value, result.loss_sum, result.terms, result.request_id) == (0.5, None, {"a": 1.0}, "mine")
    assert float(result) == 0.5
    assert result.losses == 2.0
    assert np.array_equal(result.gradients["input"], LARGE)
    assert result.execution.device == "cpu:0"

    twin = pickle.loads(pickle.dumps(result))
    assert twin.value == 0.5
    assert np.array_equal(twin.gradients["input"], LARGE)
    assert repr(result).startswith("Result(value=0.5, losses=array(2.), terms={'a': 1.0}, gradients={'input': array(")

    answer.ClearField("value")
    answer.gradients["input"].shape[:] = [1]
    answer.attachments[0] = LARGE[1:2].tobytes()
    result = calls.evaluate(evaluation).read(answer.SerializeToString())
    assert np.array_equal(result.gradients["input"], [1.0])
    with pytest.raises(TypeError, match="unreduced"):
        float(result)


def test_what_has_no_order_on_the_wire_is_sorted() -> None:
    """Whatever order the server's maps came in; nested terms follow their outer one."""
    answer = evaluation_service_pb2.EvaluateLossResponse()
    terms = ["a", "a/b", "a/c", "a-b", "mse_loss"]
    for label in reversed(terms):
        answer.terms[label] = 1.0
    for name in ("target", "input"):
        answer.gradients[name].CopyFrom(tensor_pb2.Tensor(dtype=1, raw=bytes(4)))
    result = calls.evaluate(lossd.Evaluation(lossd.MSELoss(), 1, 2)).read(answer.SerializeToString())
    assert list(result.terms) == terms
    assert list(result.gradients) == ["input", "target"]

    state = training_service_pb2.GetSessionStateResponse()
    names = ["0.weight", "0.bias", "2.0.weight", "2.0.bias", "2.0.running_mean", "10.weight", "10.bias"]
    for name in reversed(names):
        state.state_dict[name].CopyFrom(tensor_pb2.Tensor(dtype=1, raw=bytes(4)))
    assert list(training_calls.get_session_state("s").read(state.SerializeToString())) == names


def test_torchs_order_of_inputs_is_that_of_their_gradients() -> None:
    for kind in (lossd.MSELoss, lossd.BCELoss, lossd.KLDivLoss, lossd.CTCLoss):
        floating = [name for name, is_floating in kind.INPUTS.items() if is_floating]
        assert floating == sorted(floating)


def test_batches_and_streams_are_of_evaluations() -> None:
    given = (lossd.MSELoss(), 1, 2)
    with pytest.raises(TypeError, match="expected an Evaluation"):
        calls.evaluate_batch([given])
    with pytest.raises(TypeError, match="expected an Evaluation"):
        calls.Stream().request(given)


def error_of(code: int) -> evaluation_service_pb2.EvaluationResult:
    status = status_pb2.Status(code=code, message="no")
    return evaluation_service_pb2.EvaluationResult.FromString(
        b"\x12" + bytes([status.ByteSize()]) + status.SerializeToString()
    )


def value_of(value: float) -> evaluation_service_pb2.EvaluationResult:
    return evaluation_service_pb2.EvaluationResult(response=evaluation_service_pb2.EvaluateLossResponse(value=value))


def test_a_batch_keeps_its_order_around_members_that_fail() -> None:
    """Whether they fail here, and are not sent at all, or there."""
    members = [[1.0], ["a"], LARGE, "b", [4.0], ["c"]]
    call = calls.evaluate_batch(lossd.Evaluation(lossd.MSELoss(), LARGE, member) for member in members)
    request = evaluation_service_pb2.BatchEvaluateLossRequest.FromString(call.request)
    assert len(request.evaluations) == 3
    assert [evaluation.inputs["input"].attachment for evaluation in request.evaluations] == [0, 1, 3]
    assert request.evaluations[1].inputs["target"].attachment == 2
    assert len(request.attachments) == 4

    answer = evaluation_service_pb2.BatchEvaluateLossResponse(results=[value_of(1), error_of(3), value_of(4)])
    outcomes = call.read(answer.SerializeToString())
    kinds = [getattr(outcome, "value", type(outcome)) for outcome in outcomes]
    assert kinds == [1, *[lossd.InvalidArgument] * 3, 4, lossd.InvalidArgument]
    for index in (1, 3, 5):
        assert outcomes[index].field == f"evaluations[{index}].inputs.target"


def test_a_stream_keeps_its_order_around_members_that_fail() -> None:
    stream = calls.Stream()
    requests = [stream.request(lossd.Evaluation(lossd.MSELoss(), 1, member)) for member in ("a", 1.0, "b", 2.0, "c")]
    assert [request is None for request in requests] == [True, False, True, False, True]
    answers = [evaluation_service_pb2.StreamEvaluateLossResponse(result=value_of(value)) for value in (1, 2)]
    outcomes = [outcome for answer in answers for outcome in stream.outcomes(answer.SerializeToString())]
    outcomes += stream.rest()
    assert [getattr(outcome, "value", None) for outcome in outcomes] == [None, 1, None, 2, None]
    assert outcomes[0].field == "evaluation.inputs.target"


def test_an_answer_that_never_came_is_an_error() -> None:
    stream = calls.Stream()
    stream.request(lossd.Evaluation(lossd.MSELoss(), 1, 2))
    assert [type(outcome) for outcome in stream.rest()] == [lossd.Internal]


def test_types_may_be_given_in_any_way() -> None:
    types = {
        "input": ("float32", (32, 10)),
        "target": np.zeros(32, np.int64),
        "weights": lossd.TensorType("bfloat16", (1,)),
    }
    call = calls.validate(lossd.CrossEntropyLoss(), types, "input")
    request = catalog_service_pb2.ValidateLossRequest.FromString(call.request)
    found = {name: (kind.dtype, tuple(kind.shape)) for name, kind in request.inputs.items()}
    assert found == {"input": (1, (32, 10)), "target": (7, (32,)), "weights": (16, (1,))}
    assert list(request.gradients) == ["input"]


def test_a_step_names_the_targets_as_the_loss_does() -> None:
    call = changing.step_call(changing.train_step("s", lossd.CrossEntropyLoss(), [[2], [4]], [0, 1]))(7)
    request = training_service_pb2.TrainStepRequest.FromString(call.request)
    assert request.seq == 7
    assert list(request.inputs["input"].shape) == [2, 1]
    assert request.targets["target"].dtype == tensor_pb2.DATA_TYPE_INT64

    lengths = {"targets": [[1]], "input_lengths": [1], "target_lengths": [1]}
    request = changing.train_step("s", lossd.CTCLoss(), {"input": [[2]]}, lengths).request
    assert set(request.targets) == set(lengths)
    with pytest.raises(TypeError, match="targets, input_lengths, target_lengths"):
        changing.train_step("s", lossd.CTCLoss(), [[2]], [[1]])


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([[2], [4]], tensor_pb2.DATA_TYPE_UNSPECIFIED),
        (2, tensor_pb2.DATA_TYPE_FLOAT32),
        ([], tensor_pb2.DATA_TYPE_FLOAT32),
        ([[2.0], [4]], tensor_pb2.DATA_TYPE_FLOAT32),
        ([[True]], tensor_pb2.DATA_TYPE_FLOAT32),
        ([0] * 65_537, tensor_pb2.DATA_TYPE_FLOAT32),
        (np.array([[2], [4]]), tensor_pb2.DATA_TYPE_INT64),
        ([np.array([2], np.int32)], tensor_pb2.DATA_TYPE_INT32),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_server_says_what_plain_integers_are_to_a_model(given: Any, dtype: int) -> None:
    """Indices or floats: only a list of integers travels without a type, and not a very long one."""
    written = changing.train_step("s", lossd.MSELoss(), given, [[1.0]]).request.inputs["input"]
    assert written.dtype == dtype
    assert (written.WhichOneof("data") == "values") == (dtype == tensor_pb2.DATA_TYPE_UNSPECIFIED)
    if written.HasField("values"):
        assert [value.number_value for value in written.values.values] == [2, 4]


@pytest.mark.parametrize("given", [{"seed": -1}, {"seed": 1 << 64}, {"ttl": float("inf")}], ids=str)
def test_what_no_message_can_hold_is_refused_by_name(given: dict[str, Any]) -> None:
    """In words, before protobuf says it in its own."""
    parts = dict.fromkeys(field.name for field in dataclasses.fields(training_calls.Parts))
    parts |= {"model": lossd.nn.Linear(1, 1), "loss": lossd.MSELoss(), "optimizer": lossd.optim.SGD(), "seed": 0}
    parts |= {"nonfinite": "allow", "durability": "memory"} | given
    with pytest.raises(ValueError, match=f"^{next(iter(given))} is .*; expected"):
        training_calls.create_session(training_calls.Parts(**parts))


def test_a_session_is_described_in_the_terms_it_was_made_of() -> None:
    given = {
        "model": lossd.nn.Linear(1, 1),
        "loss": lossd.MSELoss() + 0.5 * lossd.L1Loss(),
        "optimizer": lossd.optim.SGD(lr=0.5),
        "seed": 7,
        "state_dict": {"weight": LARGE, "bias": [0.5]},
        "clip_grad_norm": lossd.optim.ClipGradNorm(2.0),
        "clip_grad_value": 0.5,
        "scheduler": lossd.optim.lr_scheduler.StepLR(step_size=3, interval="epoch"),
        "averaging": lossd.optim.Averaging(decay=0.5),
        "autocast": "bfloat16",
        "nonfinite": "error",
        "durability": "checkpoint",
        "checkpoint": lossd.CheckpointPolicy(every_seconds=2.0),
        "ttl": 1.5,
        "weight_schedules": {"l1_loss": lossd.WeightSchedule([(0, 0.0), (9, 1.0)], "cosine")},
    }
    call = training_calls.create_session(training_calls.Parts(**given))
    request = training_service_pb2.CreateSessionRequest.FromString(call.request)
    assert (request.seed, len(request.attachments)) == (7, 1)
    session = training_service_pb2.Session(session_id="s", seq=4, lr=[0.5], state=1)
    for field, value in request.ListFields():
        if field.name in session.DESCRIPTOR.fields_by_name:
            session.MergeFromString(training_service_pb2.Session(**{field.name: value}).SerializeToString())
    info = call.read(training_service_pb2.CreateSessionResponse(session=session).SerializeToString())
    for name in given.keys() - {"seed", "state_dict"}:
        assert getattr(info, name) == given[name], name
    assert (info.seq, info.lr, info.state, info.saved_step) == (4, (0.5,), "live", None)


def test_words_that_a_session_does_not_know_are_refused() -> None:
    parts = training_calls.Parts(
        lossd.nn.Linear(1, 1), lossd.MSELoss(), lossd.optim.SGD(), 0, None, None, None, None, None, None, "allow",
        "disk", None, None, {},
    )  # fmt: skip
    with pytest.raises(ValueError, match="durability is 'disk'; expected one of 'memory', 'checkpoint', 'step'"):
        training_calls.create_session(parts)


def test_the_catalogue_speaks_the_names_of_this_package() -> None:
    line = catalog_service_pb2.LossInfo(name="mse_loss", reductions=[loss_pb2.REDUCTION_MEAN, loss_pb2.REDUCTION_NONE])
    line.inputs.add(name="input", dtypes=[tensor_pb2.DATA_TYPE_BFLOAT16, tensor_pb2.DATA_TYPE_FLOAT32])
    line.arguments.add(name="reduction", default='"mean"')
    answer = catalog_service_pb2.ListLossesResponse(losses=[line]).SerializeToString()
    info = calls.losses().read(answer)[0]
    assert info.reductions == ("mean", "none")
    assert info.inputs[0].dtypes == ("bfloat16", "float32")
    assert info.arguments[0].default == '"mean"'
