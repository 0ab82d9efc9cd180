"""What a person at a terminal gets: the real grpcurl against a real server."""

from __future__ import annotations

import base64
import json

import pytest
from running import RunningServer

FIRST_CALL = (
    '{"loss":{"cross_entropy_loss":{}},"inputs":{"input":{"values":[[4.0,1.0,0.1]]},"target":{"values":[0]}},'
    '"gradients":["input"]}'
)
EVALUATE = "lossd.v1.EvaluationService/EvaluateLoss"


def mse(**inputs: object) -> str:
    return json.dumps({"loss": {"mse_loss": {}}, "inputs": inputs, "gradients": ["input"]})


def test_the_first_call_anybody_types_works(server: RunningServer) -> None:
    """It answers the value to the last digit and the gradient as nested arrays."""
    done = server.grpcurl(EVALUATE, FIRST_CALL)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["value"] == 0.06768565624952316
    assert answer["gradients"]["input"]["values"] == [[-0.06544578075408936, 0.04652871564030647, 0.018917161971330643]]
    assert answer["execution"]["device"] == "cpu:0"


def test_services_are_listed(server: RunningServer) -> None:
    """Reflection names lossd's services, health, and itself under both versions."""
    assert server.grpcurl("list").stdout.split() == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "lossd.v1.CatalogService",
        "lossd.v1.EvaluationService",
        "lossd.v1.ServerService",
        "lossd.v1.TrainingService",
    ]


@pytest.mark.parametrize(
    "symbol",
    [
        "lossd.v1.LossSpec",
        "lossd.v1.EvaluationService.EvaluateLoss",
        "lossd.v1.ErrorReason",
        "grpc.reflection.v1.ServerReflection",
        "google.rpc.ErrorInfo",
    ],
)
def test_symbols_are_described(server: RunningServer, symbol: str) -> None:
    """Reflection describes messages, methods, enums, itself, and the details that errors carry."""
    done = server.grpcurl(f"describe {symbol}")
    assert done.returncode == 0, done.stderr
    assert symbol.split(".")[-1] in done.stdout


@pytest.mark.parametrize(
    ("request_json", "reason", "field", "says"),
    [
        (mse(input={"values": [1, 2]}, target={"values": [[1], [2]]}), "SHAPE_MISMATCH", "inputs.target", "reshape"),
        (mse(input={"values": [1]}), "MISSING_FIELD", "inputs.target", "is missing"),
        (
            mse(input={"values": [1]}, target={"values": [1]}, wieght={"values": [1]}),
            "UNKNOWN_NAME",
            "inputs.wieght",
            "it has input, target",
        ),
        (FIRST_CALL.replace('"values":[0]', '"values":[3]'), "VALUE_OUT_OF_RANGE", "inputs.target", "0 to 2"),
        (FIRST_CALL.replace('"values":[0]', '"values":[0.5]'), "BAD_VALUES", "inputs.target.values", "whole number"),
        (
            mse(
                input={"dtype": "DATA_TYPE_FLOAT32", "shape": [3], "raw": base64.b64encode(bytes(10)).decode()},
                target={"values": [1, 2, 3]},
            ),
            "LENGTH_MISMATCH",
            "inputs.input.raw",
            "takes exactly 12",
        ),
        (
            '{"loss":{"huber_loss":{"delta":-1}},"inputs":{"input":{"values":[1]},"target":{"values":[1]}}}',
            "ARGUMENT_OUT_OF_RANGE",
            "loss.huber_loss.delta",
            "above 0",
        ),
        ("{}", "MISSING_FIELD", "loss", "ListLosses"),
        (
            FIRST_CALL.replace('"gradients":["input"]', '"gradients":["target"]'),
            "NOT_DIFFERENTIABLE",
            "gradients[0]",
            "input",
        ),
    ],
)
def test_a_mistake_gets_field_reason_and_remedy(
    server: RunningServer, request_json: str, reason: str, field: str, says: str
) -> None:
    """INVALID_ARGUMENT with the reason, the path of the field, and a message that says what to do."""
    done = server.grpcurl(EVALUATE, request_json)
    assert done.returncode != 0
    assert "Code: InvalidArgument" in done.stderr
    assert f'"reason":"{reason}"' in done.stderr
    assert f'"field":"{field}"' in done.stderr
    assert says in done.stderr


def test_an_unknown_argument_is_refused_before_it_is_sent(server: RunningServer) -> None:
    """The contract is typed, so grpcurl itself names a field that the loss lacks."""
    done = server.grpcurl(
        EVALUATE, FIRST_CALL.replace('"cross_entropy_loss":{}', '"cross_entropy_loss":{"lable_smoothing":0.1}')
    )
    assert done.returncode != 0
    assert "lable_smoothing" in done.stderr


def test_a_model_is_trained_by_hand(server: RunningServer) -> None:
    """CreateSession, TrainStep, Forward, GetSessionState, DeleteSession; then the session is gone."""
    create = {
        "model": {"sequential": {"modules": [{"linear": {"in_features": 1, "out_features": 1}}]}},
        "loss": {"mse_loss": {}},
        "optimizer": {"sgd": {"lr": 0.01}},
    }
    session = json.loads(server.grpcurl("lossd.v1.TrainingService/CreateSession", json.dumps(create)).stdout)["session"]
    name = {"session_id": session["session_id"]}
    data = {"inputs": {"input": {"values": [[2], [4], [6]]}}, "targets": {"target": {"values": [[4], [8], [12]]}}}
    losses = []
    for number in (1, 2, 3):
        step = json.loads(server.grpcurl("lossd.v1.TrainingService/TrainStep", json.dumps(name | data)).stdout)
        assert step["step"] == str(number)
        losses.append(step["value"])
    assert losses == sorted(losses, reverse=True)
    forward = server.grpcurl("lossd.v1.TrainingService/Forward", json.dumps(name | {"inputs": data["inputs"]}))
    assert len(json.loads(forward.stdout)["output"]["values"]) == 3
    state = json.loads(server.grpcurl("lossd.v1.TrainingService/GetSessionState", json.dumps(name)).stdout)
    assert set(state["state_dict"]) == {"0.weight", "0.bias"}
    assert server.grpcurl("lossd.v1.TrainingService/DeleteSession", json.dumps(name)).returncode == 0
    gone = server.grpcurl("lossd.v1.TrainingService/GetSession", json.dumps(name))
    assert "Code: NotFound" in gone.stderr
    assert "SESSION_NOT_FOUND" in gone.stderr


def test_the_catalogue_and_the_server_describe_themselves(server: RunningServer) -> None:
    """Losses, a dry run, versions, limits and devices, all without data."""
    losses = json.loads(server.grpcurl("lossd.v1.CatalogService/ListLosses").stdout)["losses"]
    assert [loss["name"] for loss in losses] == sorted(loss["name"] for loss in losses)
    assert {"mse_loss", "ctc_loss", "weighted_sum", "expression"} <= {loss["name"] for loss in losses}
    near = server.grpcurl("lossd.v1.CatalogService/GetLoss", '{"name":"huberloss"}')
    assert "did you mean" in near.stderr
    shapes = {
        "input": {"dtype": "DATA_TYPE_FLOAT32", "shape": [8, 3]},
        "target": {"dtype": "DATA_TYPE_INT64", "shape": [8]},
    }
    dry = {"loss": {"nll_loss": {"reduction": "REDUCTION_NONE"}}, "inputs": shapes, "gradients": ["input"]}
    answer = json.loads(server.grpcurl("lossd.v1.CatalogService/ValidateLoss", json.dumps(dry)).stdout)
    assert answer["result"] == {"dtype": "DATA_TYPE_FLOAT32", "shape": ["8"]}
    shapes["target"]["shape"] = [7]
    wrong = server.grpcurl("lossd.v1.CatalogService/ValidateLoss", json.dumps(dry))
    assert "SHAPE_MISMATCH" in wrong.stderr
    info = json.loads(server.grpcurl("lossd.v1.ServerService/GetServerInfo").stdout)
    assert info["engine"] == "process"
    assert info["torch_version"].startswith("2.")
    devices = json.loads(server.grpcurl("lossd.v1.ServerService/ListDevices").stdout)["devices"]
    assert [(device["name"], device["healthy"]) for device in devices] == [("cpu:0", True)]


def test_members_of_a_batch_and_of_a_stream_fail_alone(server: RunningServer) -> None:
    """A bad member carries its own status, and the others their answers, in order."""
    good, bad = json.loads(FIRST_CALL), json.loads(FIRST_CALL.replace('"values":[0]', '"values":[9]'))
    done = server.grpcurl(
        "lossd.v1.EvaluationService/BatchEvaluateLoss", json.dumps({"evaluations": [good, bad, good]})
    )
    first, second, third = json.loads(done.stdout)["results"]
    assert first["response"]["value"] == third["response"]["value"] == 0.06768565624952316
    assert second["error"]["code"] == 3
    assert second["error"]["details"][0]["reason"] == "VALUE_OUT_OF_RANGE"
    assert second["error"]["details"][1]["field_violations"][0]["field"] == "evaluations[1].inputs.target"
    stream = "".join(json.dumps({"evaluation": member}) for member in (good, bad, good))
    done = server.grpcurl("lossd.v1.EvaluationService/StreamEvaluateLoss", stream)
    assert done.stdout.count('"value": 0.06768565624952316') == 2
    assert done.stdout.count('"error"') == 1


def test_health_names_services_and_devices(server: RunningServer) -> None:
    """grpc.health.v1 answers for the server, each service and each device; an unknown name is NOT_FOUND."""
    for service in ("", "lossd.v1.EvaluationService", "lossd.v1.TrainingService", "device/cpu:0"):
        done = server.grpcurl("grpc.health.v1.Health/Check", json.dumps({"service": service}))
        assert json.loads(done.stdout) == {"status": "SERVING"}, service
    assert "NotFound" in server.grpcurl("grpc.health.v1.Health/Check", '{"service":"device/cpu:9"}').stderr
