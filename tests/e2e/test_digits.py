"""A classifier of handwritten digits, by plain torch, the SDK, the command line and grpcurl: one accuracy."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from lossd.tables import Table
from running import RunningServer
from sklearn.datasets import load_digits

EPOCHS, BATCH = 8, 32


class Digits:
    """The data, standardised, the last ones held out, and what plain torch makes of them.

    Args:
        order: of the examples.
        kept: those of them that are trained on, the first.
    """

    def __init__(self, order: np.ndarray[Any, Any], kept: int) -> None:
        x, y = load_digits(return_X_y=True)
        self.kept = kept
        x, y = x[order], y[order]
        std = x[: self.kept].std(0)
        x = (x - x[: self.kept].mean(0)) / np.where(std > 0, std, 1)
        self.x, self.y = x.astype(np.float32), y.astype(np.int64)
        self.accuracy, self.values = self._torch()

    def _torch(self) -> tuple[float, list[float]]:
        torch.manual_seed(0)
        nn = torch.nn
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        optimizer = torch.optim.Adam(model.parameters())
        x, y = torch.from_numpy(self.x), torch.from_numpy(self.y)
        order = torch.Generator().manual_seed(0)
        values = []
        for _ in range(EPOCHS):
            for batch in torch.randperm(self.kept, generator=order).split(BATCH):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
                loss.backward()
                optimizer.step()
                values.append(loss.item())
        with torch.no_grad():
            right = model(x[self.kept :]).argmax(1) == y[self.kept :]
        return right.float().mean().item(), values


@pytest.fixture(scope="module")
def digits() -> Digits:
    count = len(load_digits().data)
    return Digits(np.random.default_rng(0).permutation(count), count - count // 5)


def model() -> lossd.nn.Module:
    nn = lossd.nn
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def test_torch_itself_is_good_at_it(digits: Digits) -> None:
    assert digits.accuracy > 0.95


def test_the_sdk_is_as_good(server: RunningServer, digits: Digits) -> None:
    """The accuracy of torch itself, but for a digit or two: the order, the weights and the arithmetic are torch's."""
    kept = digits.kept
    with lossd.Client(server.target) as client, client.create_session(
        model=model(), loss=lossd.CrossEntropyLoss(), optimizer=lossd.optim.Adam()
    ) as session:  # fmt: skip
        history = session.fit(
            digits.x[:kept],
            digits.y[:kept],
            epochs=EPOCHS,
            batch_size=BATCH,
            shuffle=True,
            validation_data=(digits.x[kept:], digits.y[kept:]),
            metrics=["accuracy"],
        )
        accuracy = (session.predict(digits.x[kept:]).argmax(1) == digits.y[kept:]).mean()
    assert history.metrics["accuracy"][-1] == pytest.approx(accuracy, abs=1e-6)
    assert accuracy == pytest.approx(digits.accuracy, abs=0.006)
    first = digits.values[: -(-kept // BATCH)]
    assert history.value[0] == pytest.approx(np.mean(first), rel=0.02)  # whose last batch is smaller


def test_the_command_line_is_as_good(server: RunningServer, tmp_path: Path) -> None:
    """From the raw numbers in a CSV file: the accuracy of torch on the rows that it holds out."""
    raw, names = load_digits(), [f"p{index}" for index in range(64)]
    with (tmp_path / "digits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "digit"])
        writer.writerows([*pixels, digit] for pixels, digit in zip(raw.data, raw.target, strict=True))
    words = ["train", tmp_path / "digits.csv", "--target", "digit", "--epochs", str(EPOCHS), "--json"]
    lossd_command = Path(sys.executable).with_name("lossd")
    done = subprocess.run(
        [lossd_command, *words, "--server", server.target], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    kept, held_out = Table(tmp_path / "digits.csv").split("digit", "classification", 0.2, 0)
    assert answer["rows"] == {"training": len(kept), "held_out": len(held_out)}
    local = Digits(np.concatenate([kept, held_out]), len(kept))
    assert answer["metrics"]["accuracy"] == pytest.approx(local.accuracy, abs=0.006)


def test_three_steps_by_hand_begin_as_torch_does(server: RunningServer, digits: Digits) -> None:
    """grpcurl's steps have torch's losses."""
    service = "lossd.v1.TrainingService"
    linear = [{"linear": {"in_features": 64, "out_features": width}} for width in (64, 64, 10)]
    create = {
        "model": {"sequential": {"modules": [linear[0], {"relu": {}}, linear[1], {"relu": {}}, linear[2]]}},
        "loss": {"cross_entropy_loss": {}},
        "optimizer": {"adam": {}},
    }
    made = json.loads(server.grpcurl(f"{service}/CreateSession", json.dumps(create)).stdout)
    order = torch.randperm(digits.kept, generator=torch.Generator().manual_seed(0)).split(BATCH)
    for seq, batch in enumerate(order[:3], 1):
        x, y = digits.x[batch.numpy()], digits.y[batch.numpy()]
        raw = {"dtype": "DATA_TYPE_FLOAT32", "shape": list(x.shape), "raw": base64.b64encode(x.tobytes()).decode()}
        step = {
            "session_id": made["session"]["session_id"],
            "seq": seq,
            "inputs": {"input": raw},
            "targets": {"target": {"values": y.tolist()}},
        }
        answer = json.loads(server.grpcurl(f"{service}/TrainStep", json.dumps(step)).stdout)
        assert answer["value"] == pytest.approx(digits.values[seq - 1], rel=1e-6)
