"""The SDK against a real server process: the guide's numbers, gradients equal to torch's, and the errors promised."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from lossd import spec
from lossd.v1 import loss_pb2
from running import RunningServer

GUIDE = [
    (lossd.MSELoss(), [78, 85, 92], [80, 87, 90], 4.0),
    (lossd.L1Loss(), [78, 85, 92], [80, 87, 90], 2.0),
    (lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0], 0.06768565624952316),
    (lossd.NLLLoss(), torch.tensor([[4.0, 1.0, 0.1]]).log_softmax(1), [0], 0.06768565624952316),
    (lossd.BCEWithLogitsLoss(), [0.8, -1.2], [1, 0], 0.31719154119491577),
    (lossd.MSELoss(), [2.5, 0, 2.1], [3, -0.5, 2], 0.17000000178813934),
    (lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum"), [78, 85, 92], [80, 87, 90], 4.599999904632568),
    (
        lossd.Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))"),
        [78, 85, 92],
        [80, 87, 90],
        4.599999904632568,
    ),
]


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as client:
        yield client


@pytest.mark.parametrize(("loss", "x", "y", "value"), GUIDE, ids=[repr(line[0]) for line in GUIDE])
def test_the_numbers_of_the_guide(client: lossd.Client, loss: lossd.Loss, x: object, y: object, value: float):
    """To the last bit, from numbers as people write them."""
    assert client.evaluate(loss, x, y).value == value


LAYOUTS: list[tuple[lossd.Loss, dict[str, Any], str, str]] = [
    (lossd.CTCLoss(), {"log_probs": np.full((4, 20, 5), -1.6, "float32"), "targets": np.ones((4, 3), "int64"),
                       "input_lengths": [20] * 4, "target_lengths": [3] * 4}, "input_lengths",
     "time first, here (4, 20, 5); if it has the batch first, send it with its first two dimensions swapped"),
    (lossd.CTCLoss(), {"log_probs": np.full((20, 4, 5), -1.6, "float32"), "targets": np.ones((4, 3), "int64"),
                       "input_lengths": [20] * 4, "target_lengths": [3] * 3}, "target_lengths",
     "expected (4,), one for each sequence: log_probs is (T, N, C), time first, here (20, 4, 5)"),
    (lossd.CrossEntropyLoss(), {"input": np.zeros((2, 4, 5, 3), "float32"), "target": np.zeros((2, 4, 5), "int64")},
     "target", "dimension 1 of input, 4 of them here; if they are its last dimension, move that to place 1"),
    (lossd.CrossEntropyLoss(), {"input": np.zeros((2, 3, 4, 5), "float32"), "target": np.zeros((2, 20), "int64")},
     "target", "have shape (2, 4, 5): the classes are dimension 1 of input, 3 of them here"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "inputs", "field", "ends"), LAYOUTS, ids=["ctc", "lengths", "nhwc", "flat"])
def test_another_order_of_dimensions_is_named(
    client: lossd.Client, loss: lossd.Loss, inputs: dict[str, Any], field: str, ends: str
) -> None:
    """Time or classes where another framework has them: the refusal says where they are expected."""
    with pytest.raises(lossd.InvalidArgument) as refused:
        client.evaluate(loss, **inputs)
    assert refused.value.field == f"inputs.{field}"
    assert refused.value.message.endswith(ends)


def test_what_early_stopping_monitors_is_computed(client: lossd.Client) -> None:
    """A metric that was not asked for is refused, and the refusal says how to ask for it."""
    model, sgd = lossd.nn.Linear(1, 1), lossd.optim.SGD(lr=0.1)
    with client.create_session(model=model, loss=lossd.MSELoss(), optimizer=sgd) as session:
        with pytest.raises(lossd.InvalidArgument) as refused:
            session.fit([[1.0], [2.0]], [[1.0], [2.0]], early_stopping=lossd.EarlyStopping(3, monitor="r2"))
        assert refused.value.field == "early_stopping.monitor"
        assert "'r2', which is not computed; expected 'loss'; to monitor a metric, name it in `metrics`" in (
            refused.value.message
        )


def test_gradients_are_torchs(client: lossd.Client) -> None:
    logits = torch.tensor([[4.0, 1.0, 0.1]], requires_grad=True)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0])).backward()
    for gradients in (True, "input", ["input"]):
        result = client.evaluate(lossd.CrossEntropyLoss(), logits, [0], gradients=gradients)
        assert list(result.gradients) == ["input"]
        assert np.array_equal(result.gradients["input"], logits.grad.numpy())
        assert not result.gradients["input"].flags.writeable
    assert result.execution.device == "cpu:0"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_plain_numbers_take_the_type_of_the_array_beside_them(client: lossd.Client, dtype: str) -> None:
    """In any place, alone, in batches and in streams, grad_output too: the bits are torch's for that type."""
    x, y, v = [0.1, 0.7, -2.3], [1, 0.3, 0.9], [0.3, 1, -0.7]
    typed = torch.tensor(x, dtype=getattr(torch, dtype), requires_grad=True)
    other = torch.tensor(y, dtype=typed.dtype)
    losses = torch.nn.functional.mse_loss(typed, other, reduction="none")
    losses.backward(torch.tensor(v, dtype=typed.dtype))
    asked = {"gradients": "input", "grad_output": v}
    loss = lossd.MSELoss(reduction="none")
    for pair in ((typed, y), (x, other)):
        evaluation = lossd.Evaluation(loss, *pair, **asked)
        results = [client.evaluate(loss, *pair, **asked), *client.evaluate_batch([evaluation])]
        for result in [*results, *client.evaluate_stream([evaluation])]:
            assert np.array_equal(result.losses.astype(np.float64), losses.detach().double().numpy())
            assert np.array_equal(result.gradients["input"].astype(np.float64), typed.grad.double().numpy())
    weights = client.evaluate(lossd.CrossEntropyLoss(), np.array([[4.0, 1.0, 0.1]]), [0])
    exact = torch.nn.functional.cross_entropy(torch.tensor([[4.0, 1.0, 0.1]]).double(), torch.tensor([0])).item()
    assert weights.value == pytest.approx(exact, rel=1e-7)


def test_losses_are_subtracted_and_divided(client: lossd.Client) -> None:
    x, y = torch.tensor([0.1, 0.7]).double(), torch.tensor([1, -0.3]).double()
    mse, l1 = torch.nn.functional.mse_loss(x, y).item(), torch.nn.functional.l1_loss(x, y).item()
    result = client.evaluate((lossd.MSELoss() - lossd.L1Loss() * np.float64(3)) / 2, x, y)
    assert result.value == pytest.approx(mse / 2 - 1.5 * l1, rel=1e-12)
    assert client.evaluate(-lossd.MSELoss(), x, y).value == -mse


def test_refusals_carry_the_logs_name_of_the_call(client: lossd.Client) -> None:
    """A call's own request_id is echoed and apart from it."""
    with pytest.raises(lossd.InvalidArgument) as caught:
        client.evaluate(lossd.MSELoss(), [1.0], [1.0, 2.0], request_id="mine")
    assert caught.value.request_id not in ("", "mine")
    with pytest.raises(lossd.NotFound) as missing:
        client.loss("no_such_loss")
    assert missing.value.request_id
    assert client.evaluate(lossd.MSELoss(), 1, 3, request_id="é" * 128).request_id == "é" * 128
    with pytest.raises(lossd.InvalidArgument, match="129 characters; at most 128"):
        client.evaluate(lossd.MSELoss(), 1, 3, request_id="m" * 129)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("rows", [4, 4096])
def test_every_floating_type_small_and_large(client: lossd.Client, dtype: str, rows: int) -> None:
    """Inside the message or attached to it, the same bits come back."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, 16, generator=generator).to(getattr(torch, dtype)).requires_grad_()
    target = torch.randint(0, 16, (rows,), generator=generator)
    loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    result = client.evaluate(lossd.CrossEntropyLoss(), logits, target, gradients=True)
    assert result.value == loss.item()
    exact = logits.grad.float() if dtype == "bfloat16" else logits.grad
    assert np.array_equal(result.gradients["input"].astype(exact.numpy().dtype), exact.numpy())


def test_unreduced_losses_and_their_gradients(client: lossd.Client) -> None:
    x, y = torch.tensor([1.0, 5.0], requires_grad=True), torch.tensor([2.0, 1.0])
    result = client.evaluate(lossd.MSELoss(reduction="none"), x, y, gradients=["input"], grad_output=[1.0, 10.0])
    assert result.value is None
    assert result.losses.tolist() == [1.0, 16.0]
    assert result.gradients["input"].tolist() == [-2.0, 80.0]


def test_sums_report_their_terms(client: lossd.Client) -> None:
    fit = (lossd.MSELoss() + lossd.L1Loss()).named("fit")
    result = client.evaluate(fit + 0.5 * lossd.MSELoss(), [78, 85, 92], [80, 87, 90], request_id="mine")
    assert result.value == 8.0
    assert list(result.terms) == sorted(result.terms)
    assert result.terms["mse_loss"] == 4.0
    assert result.terms["fit/l1_loss"] == 2.0
    assert result.request_id == "mine"


def test_ctc_takes_its_four_inputs_in_torchs_order(client: lossd.Client) -> None:
    log_probs = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(1)).log_softmax(2)
    inputs = (log_probs, torch.tensor([[1, 2], [3, 1]]), torch.tensor([5, 5]), torch.tensor([2, 1]))
    result = client.evaluate(lossd.CTCLoss(zero_infinity=True), log_probs, [[1, 2], [3, 1]], [5, 5], [2, 1])
    assert result.value == torch.nn.CTCLoss(zero_infinity=True)(*inputs).item()


def test_refusals_name_the_field(client: lossd.Client) -> None:
    with pytest.raises(lossd.InvalidArgument) as caught:
        client.evaluate(lossd.MSELoss(), [1.0], [1.0, 2.0])
    assert (caught.value.field, caught.value.reason) == ("inputs.target", "SHAPE_MISMATCH")
    assert caught.value.request_id
    with pytest.raises(lossd.InvalidArgument, match="int32"):
        client.evaluate(lossd.MSELoss(), np.zeros(1, np.int32), [1.0])
    with pytest.raises(lossd.NotFound):
        client.loss("no_such_loss")


def test_broadcasting_must_be_asked_for(client: lossd.Client) -> None:
    x, y = [[1.0], [2.0]], [1.0, 2.0]
    with pytest.raises(lossd.InvalidArgument, match="allow_broadcast"):
        client.evaluate(lossd.MSELoss(), x, y)
    assert client.evaluate(lossd.MSELoss(allow_broadcast=True), x, y).value == 0.5


def test_validation_computes_nothing(client: lossd.Client) -> None:
    assert client.evaluate(lossd.MSELoss(), [1.0], [2.0], validate_only=True).value is None
    types = {"input": ("float32", (32, 10)), "target": ("int64", (32,))}
    found = client.validate(lossd.CrossEntropyLoss(reduction="none"), **types)
    assert found.result == lossd.TensorType("float32", (32,))
    with pytest.raises(lossd.InvalidArgument, match="31"):
        client.validate(lossd.CrossEntropyLoss(), **types | {"target": ("int64", (31,))})


def test_batches_and_streams_keep_order_and_go_on_after_failures(client: lossd.Client) -> None:
    large = np.ones(100_000, np.float32)
    members = [[0.0], [1.0, 2.0], large, ["x"], [3.0]]
    evaluations = [
        lossd.Evaluation(lossd.MSELoss(), member, large[: 1 if len(member) < 3 else None], gradients=True)
        for member in members
    ]
    for outcomes in (client.evaluate_batch(evaluations), list(client.evaluate_stream(evaluations))):
        assert [getattr(outcome, "value", None) for outcome in outcomes] == [1.0, None, 0.0, None, 4.0]
        assert [outcome.reason for outcome in outcomes if isinstance(outcome, lossd.LossdError)] == [
            "SHAPE_MISMATCH",
            "BAD_VALUES",
        ]
        assert outcomes[2].gradients["target"].shape == (100_000,)
        assert list(outcomes[2].gradients) == ["input", "target"]
    assert client.evaluate_batch([]) == []


def test_the_catalogue_and_this_package_agree(client: lossd.Client) -> None:
    """Names, inputs, their order and the arguments of every loss."""
    infos = client.losses()
    for info in infos:
        kind = getattr(lossd, info.class_name)
        assert client.loss(info.class_name) == info
        if info.inputs:
            assert list(kind.INPUTS) == [given.name for given in info.inputs]
        assert {argument.name for argument in info.arguments} <= set(kind.__dataclass_fields__)
    assert [info.name for info in infos] == sorted(info.name for info in infos)


def test_a_session_learns_the_loop_of_the_guide(client: lossd.Client) -> None:
    """Step by step what torch does from the same parameters."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[4.0], [8.0], [12.0]])
    with client.create_session(
        model=lossd.nn.Sequential(lossd.nn.Linear(1, 1)),
        loss=lossd.MSELoss(),
        optimizer=lossd.optim.SGD(lr=0.01),
        state_dict={name: tensor.clone() for name, tensor in model.state_dict().items()},
    ) as session:
        for number in range(1, 101):
            step = session.step([[2], [4], [6]], [[4], [8], [12]])
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            assert (step.step, step.value) == (number, loss.item())
        assert np.array_equal(session.predict([[5]]), model(torch.tensor([[5.0]])).detach().numpy())
        state = session.state_dict()
        assert list(state) == list(model.state_dict())
        assert {name: array.tolist() for name, array in state.items()} == {
            name: tensor.tolist() for name, tensor in model.state_dict().items()
        }
        info = session.info()
        assert (info.step, info.parameter_count, info.loss) == (100, 2, lossd.MSELoss())
        assert client.session(session.session_id).step(x, y).step == 101
    with pytest.raises(lossd.NotFound):
        session.info()


def test_seeds_are_torchs(client: lossd.Client) -> None:
    torch.manual_seed(7)
    model = torch.nn.Linear(3, 2)
    with client.create_session(
        model=lossd.nn.Linear(3, 2), loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(), seed=7
    ) as session:
        assert np.array_equal(session.state_dict()["weight"], model.weight.detach().numpy())


def test_the_server_describes_itself(client: lossd.Client) -> None:
    info = client.server_info()
    assert info.version == lossd.__version__
    assert info.limits.max_batch_evaluations == 4096
    assert [device.name for device in client.devices()] == ["cpu:0"]
    assert client.devices()[0].healthy


def test_the_asynchronous_client(server: RunningServer) -> None:
    async def scenario() -> None:
        async with lossd.AsyncClient(server.target) as client:
            results = await asyncio.gather(*(client.evaluate(loss, x, y) for loss, x, y, _ in GUIDE for _ in range(4)))
            assert [result.value for result in results] == [value for *_, value in GUIDE for _ in range(4)]
            evaluations = [lossd.Evaluation(loss, x, y) for loss, x, y, _ in GUIDE]
            values = [value for *_, value in GUIDE]
            assert [outcome.value for outcome in await client.evaluate_batch(evaluations)] == values
            assert [outcome.value async for outcome in client.evaluate_stream(evaluations)] == values
            with pytest.raises(lossd.InvalidArgument):
                await client.evaluate(lossd.MSELoss(), [1.0], [1.0, 2.0])
            session = await client.create_session(
                model=lossd.nn.Linear(1, 1), loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.01)
            )
            async with session:
                assert (await session.step([[1]], [[2]])).step == 1
                assert (await session.predict([[1]])).shape == (1, 1)
                assert set(await session.state_dict()) == {"weight", "bias"}
            assert await client.validate(lossd.MSELoss(), input=np.ones(3), target=np.ones(3))
            assert (await client.loss("MSELoss")).name == "mse_loss"
            named = set(spec.members(loss_pb2.LossSpec.DESCRIPTOR).values()) - {"plugin"}  # which goes by its own name
            assert {loss.name for loss in await client.losses()} == named
            assert (await client.server_info()).engine == "process"
            assert (await client.devices())[0].sessions >= 0

    asyncio.run(scenario())


def test_an_embedded_server_ends_with_its_client() -> None:
    with lossd.local() as client:
        assert client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0]).value == 0.06768565624952316
        target = client.target
    with lossd.Client(target) as late, pytest.raises(lossd.Unavailable, match="lossd serve"):
        late.server_info(timeout=10)


def test_tls_and_tokens(tmp_path: Path) -> None:
    """The right authority and token open the server; anything less is refused in words."""
    certificate, key, tokens = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "tokens"
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=lossd.test"
    names = ["-addext", "subjectAltName=DNS:lossd.test", "-keyout", key, "-out", certificate]
    subprocess.run([*request.split(), *names], check=True, capture_output=True)
    tokens.write_text("s3cret\n")
    tokens.chmod(0o600)
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(tokens))
    tls = lossd.TLS(ca=certificate, server_name="lossd.test")
    with RunningServer(*flags, ready=False) as server:
        with lossd.Client(server.target, tls=tls, token="s3cret") as client:
            until = time.monotonic() + 60
            while not any(device.healthy for device in client.devices()):
                assert time.monotonic() < until
                time.sleep(0.05)
            assert client.evaluate(lossd.MSELoss(), 1, 3).value == 4.0
        with lossd.Client(server.target, tls=tls, token="guess") as client, pytest.raises(lossd.Unauthenticated):
            client.evaluate(lossd.MSELoss(), 1, 3)
        for refused in (None, True, lossd.TLS(ca=certificate)):
            with lossd.Client(server.target, tls=refused) as client, pytest.raises(lossd.Unavailable):
                client.evaluate(lossd.MSELoss(), 1, 3)


def test_an_embedded_server_ends_with_its_process() -> None:
    """A script that does not close its client ends in peace: no crash of an interpreter under a running server."""
    program = "import lossd; print(lossd.local().evaluate(lossd.MSELoss(), [1.0], [3.0], gradients=True).value)"
    for _ in range(4):  # it was one in five that crashed
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "4.0\n", "")


def test_the_guide_to_sessions_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of docs/training.md's Python, from top to bottom, as it stands there."""
    pytest.importorskip("matplotlib")
    guide = (Path(__file__).parents[2] / "docs/training.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    with RunningServer("--state-dir", str(tmp_path / "state")) as running:
        monkeypatch.setenv("LOSSD_SERVER", running.target)
        monkeypatch.chdir(tmp_path)
        found: dict[str, Any] = {}
        exec("\n".join(blocks), found)
        found["client"].close()
    assert (found["done"], found["again"].session_id) == (8, found["kept"].session_id)
    assert found["history"].validation_value[-1] < found["history"].validation_value[0]
    assert (tmp_path / "training.png").exists()
