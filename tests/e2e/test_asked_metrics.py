"""Metrics as people ask for them: from Python, blocking or not, from a terminal and by grpcurl, of a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import lossd
import numpy as np
import pytest
from click.testing import CliRunner
from lossd import cli
from running import RunningServer
from sklearn import metrics as sk

NAMES = ["accuracy", "f1(average=none)", "precision( average = micro )", "confusion_matrix", "top_3_accuracy"]
LOGITS = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
CLASSES = np.arange(40) % 4
TAKEN = LOGITS.argmax(1)


@pytest.fixture
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as client:
        yield client


def check(metrics: dict[str, float], arrays: dict[str, Any]) -> None:
    """Numbers and arrays apart, each called as it was asked for, as scikit-learn has them."""
    assert set(metrics) == {"accuracy", "precision( average = micro )", "top_3_accuracy"}
    assert metrics["accuracy"] == pytest.approx(sk.accuracy_score(CLASSES, TAKEN))
    assert metrics["top_3_accuracy"] == pytest.approx(sk.top_k_accuracy_score(CLASSES, LOGITS, k=3))
    assert set(arrays) == {"f1(average=none)", "confusion_matrix"}
    assert np.array_equal(np.asarray(arrays["confusion_matrix"]), sk.confusion_matrix(CLASSES, TAKEN))
    np.testing.assert_allclose(arrays["f1(average=none)"], sk.f1_score(CLASSES, TAKEN, average=None), rtol=1e-6)


def test_an_evaluation_tells_metrics(client: lossd.Client) -> None:
    """Beside the loss, blocking or not; without asking there are none."""
    result = client.evaluate(lossd.CrossEntropyLoss(), LOGITS, CLASSES, metrics=NAMES)
    check(result.metrics, result.metric_arrays)
    assert client.evaluate(lossd.CrossEntropyLoss(), LOGITS, CLASSES).metrics == {}

    async def same() -> lossd.Result:
        async with lossd.AsyncClient(client.target) as other:
            return await other.evaluate(lossd.CrossEntropyLoss(), LOGITS, CLASSES, metrics=NAMES)

    again = asyncio.run(same())
    assert again.metrics == result.metrics
    check(again.metrics, again.metric_arrays)


def test_a_data_set_in_chunks_tells_the_same(client: lossd.Client) -> None:
    """Numbers and arrays, however it is cut."""
    with client.aggregate(lossd.CrossEntropyLoss(), metrics=NAMES) as total:
        for start in range(0, 40, 7):
            total.update(LOGITS[start : start + 7], CLASSES[start : start + 7])
        result = total.result()
    check(result.metrics, result.metric_arrays)


def test_a_session_tells_metrics_of_a_data_set(client: lossd.Client) -> None:
    """Of its model, arrays too, in batches; blocking or not."""
    model = lossd.nn.Linear(4, 4)
    with client.create_session(
        model=model, loss=lossd.CrossEntropyLoss(), optimizer=lossd.optim.SGD(lr=0.1)
    ) as session:
        taken = session.predict(LOGITS).argmax(1)
        score = session.evaluate(LOGITS, CLASSES, metrics=["confusion_matrix", "f1(average=macro)"], batch_size=7)
        assert np.array_equal(score.metric_arrays["confusion_matrix"], sk.confusion_matrix(CLASSES, taken))
        macro = sk.f1_score(CLASSES, taken, average="macro")
        assert score.metrics == {"f1(average=macro)": pytest.approx(macro, rel=1e-6)}

        async def same() -> Any:
            async with lossd.AsyncClient(client.target) as other:
                known = await other.session(session.session_id)
                return await known.evaluate(LOGITS, CLASSES, metrics="confusion_matrix")

        again = asyncio.run(same())
        assert np.array_equal(again.metric_arrays["confusion_matrix"], score.metric_arrays["confusion_matrix"])


def test_training_takes_metrics_with_arguments(client: lossd.Client) -> None:
    """One number each: steps tell them, epochs tell and stop by them; several numbers are refused, of the field."""
    asked = "fbeta(beta=0.5, average=weighted)"
    with client.create_session(
        model=lossd.nn.Linear(4, 4), loss=lossd.CrossEntropyLoss(), optimizer=lossd.optim.SGD(lr=0.0)
    ) as session:
        assert set(session.step(LOGITS, CLASSES, metrics=[asked]).metrics) == {asked}
        stopping = lossd.EarlyStopping(patience=2, monitor=asked)
        history = session.fit(LOGITS, CLASSES, epochs=9, batch_size=20, metrics=[asked], early_stopping=stopping)
        assert len(history) == 3, "a model that does not learn gets no better"
        assert len(set(history.metrics[asked])) == 1
        for name in ("f1(average=none)", "confusion_matrix"):
            for train in (session.step, session.forward_backward, session.fit):
                with pytest.raises(lossd.LossdError, match="several numbers") as refused:
                    train(LOGITS, CLASSES, metrics=[name])
                assert refused.value.field == "metrics"


@pytest.mark.parametrize(
    ("name", "says"),
    [("f1(", "is no metric"), ("acuracy", "did you mean accuracy"), ("f1(average=x)", "macro"),
     ("accuracy(top_k=99)", "only 4 classes"), ("x" * 10_000, "is no metric"), ("mae", "is multiclass")],
)  # fmt: skip
def test_what_is_no_metric_here_is_refused(client: lossd.Client, name: str, says: str) -> None:
    """In one clear line, naming the field, by evaluations and sessions alike."""
    with pytest.raises(lossd.LossdError, match=says) as refused:
        client.evaluate(lossd.CrossEntropyLoss(), LOGITS, CLASSES, metrics=["accuracy", name])
    assert refused.value.field == "metrics"
    assert len(str(refused.value)) < 2000


def test_the_terminal_asks_for_metrics(server: RunningServer) -> None:
    """A line each, arrays as JSON; `lossd metrics` lists and describes them."""

    def typed(*words: str) -> str:
        done = CliRunner().invoke(cli.cli, [*words, "--server", server.target], prog_name="lossd")
        assert done.exit_code == 0, done.output
        return done.stdout

    inputs = ("--input", json.dumps(LOGITS.tolist()), "--target", json.dumps(CLASSES.tolist()))
    asked = ("--metrics", "accuracy", "--metrics", "f1(average=none)")
    shown = typed("eval", "cross_entropy_loss", *inputs, *asked).splitlines()
    said = dict(line.split(": ", 1) for line in shown[1:])
    assert float(said["accuracy"]) == pytest.approx(sk.accuracy_score(CLASSES, TAKEN))
    np.testing.assert_allclose(json.loads(said["f1(average=none)"]), sk.f1_score(CLASSES, TAKEN, average=None), 1e-6)
    answer = json.loads(typed("eval", "cross_entropy_loss", *inputs, *asked, "--json"))
    assert set(answer["metrics"]) == {"accuracy"}
    assert len(answer["metric_arrays"]["f1(average=none)"]) == 4
    listed = [line.split("\t") for line in typed("metrics", "--task", "boxes").splitlines()]
    assert [(name, direction) for name, direction, *_ in listed] == [("box_iou", "higher"), ("box_recall", "higher")]
    described = typed("metrics", "precision").splitlines()
    assert "task binary\ttorchmetrics.BinaryPrecision" in described
    assert any(line.startswith("precision(threshold=…)\t") for line in described)
    everything = json.loads(typed("metrics", "--json"))
    assert len(everything) > 60
    assert next(one for one in everything if one["name"] == "roc_curve")["array"] is True
    for words, says in ((["zzz"], "no metric 'zzz'"), (["f1", "--task", "binary"], "leave out NAME")):
        done = CliRunner().invoke(cli.cli, ["metrics", *words, "--server", server.target], prog_name="lossd")
        assert done.exit_code == 2
        assert says in done.stderr


def test_grpcurl_asks_for_metrics(server: RunningServer) -> None:
    """EvaluateLoss by JSON: names to numbers, and names to tensors."""
    body = {"loss": {"cross_entropy_loss": {}}, "metrics": NAMES,
            "inputs": {"input": {"values": LOGITS.tolist()}, "target": {"values": CLASSES.tolist()}}}  # fmt: skip
    done = server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(body))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check(answer["metrics"], {name: np.array(array["values"]) for name, array in answer["metric_arrays"].items()})
    done = server.grpcurl("lossd.v1.CatalogService/ListMetrics", '{"task": "sequence"}')
    assert [metric["name"] for metric in json.loads(done.stdout)["metrics"]] == ["cer", "sequence_accuracy", "wer"]
