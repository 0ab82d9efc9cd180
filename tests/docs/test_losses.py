"""The catalogue as people read it: pages, pictures, contract and classes say what the entries do, and examples hold."""

from __future__ import annotations

import ast
import collections
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from congruence import oracle
from google.protobuf import json_format
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.worker.worker import Worker

ROOT = Path(__file__).parents[2]
TASKS = {
    "classification", "counts", "custom", "detection", "distillation", "distribution", "metric-learning",
    "multi-label", "preference", "ranking", "regression", "regularisation", "reinforcement-learning", "segmentation",
    "sequence",
}  # fmt: skip
"""The tasks that the contract lists, written down here a second time on purpose."""
BOUND = {name: entry for name, entry in catalogue.ENTRIES.items() if isinstance(entry, BoundEntry)}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    """The names of docs/losses.py."""
    return runpy.run_path(str(ROOT / "docs/losses.py"))


@pytest.fixture(scope="module")
def files(generator: dict[str, Any]) -> dict[str, bytes]:
    return generator["files"]()


def test_the_pages_of_the_losses_are_fresh(files: dict[str, bytes]) -> None:
    """docs/losses/ holds what docs/losses.py writes, and nothing else."""
    folder = ROOT / "docs/losses"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(files)
    for name, data in files.items():
        if name.endswith(".md"):
            assert (folder / name).read_bytes() == data, f"docs/losses/{name} is stale: run `make catalogue`"


def test_the_pictures_of_the_losses_are_fresh(files: dict[str, bytes]) -> None:
    """Every stroke where it is drawn now; the last digits are the processor's."""
    for name in (name for name in files if name.endswith(".svg")):
        kept, drawn = (ROOT / "docs/losses" / name).read_text(), files[name].decode()
        assert NUMBER.sub("#", re.sub(r'(id="|#)\w+', "", kept)) == NUMBER.sub("#", re.sub(r'(id="|#)\w+', "", drawn))
        for ours, theirs in zip(NUMBER.findall(_strokes(kept)), NUMBER.findall(_strokes(drawn)), strict=True):
            assert float(ours) == pytest.approx(float(theirs), abs=1e-3), name


def _strokes(picture: str) -> str:
    return " ".join(re.findall(r' d="([^"]*)"', picture))


def test_a_picture_is_the_loss_and_its_gradient(generator: dict[str, Any]) -> None:
    """Against differences of the values, where the curve has no kink; one loss says that its gradient is none."""
    other = []
    for name in generator["curves"].CURVES:
        x, value, gradient = generator["curves"].points(name)
        slope = (value[2:] - value[:-2]) / (x[2:] - x[:-2])
        smooth = (value[2:] - 2 * value[1:-1] + value[:-2]).abs() < 0.002
        assert smooth.sum() > 100, name
        if float((slope - gradient[1:-1])[smooth].abs().quantile(0.95)) > 0.02:
            other.append(name)
    assert other == ["asymmetric_loss"], "it holds its focal weight constant, by default as its authors do"


def test_links_between_the_pages_lead_somewhere(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        for target in re.findall(r"\]\(([^)]+)\)", data.decode()) if name.endswith(".md") else ():
            path, _, anchor = target.partition("#")
            page = (ROOT / "docs/losses" / path).resolve() if path else ROOT / "docs/losses" / name
            assert page.is_file(), target
            assert not anchor or f"## {anchor}\n" in page.read_text(), target


def test_the_contract_and_the_classes_are_fresh(tmp_path: Path) -> None:
    """proto/catalogue.py writes nothing that is not there already: run `make catalogue`."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copytree(ROOT / "client/lossd/losses", tmp_path / "client/lossd/losses")
    shutil.rmtree(tmp_path / "client/lossd/losses/__pycache__", ignore_errors=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run([sys.executable, str(tmp_path / "proto/catalogue.py")], check=True)
    tools = Path(sys.executable).parent
    subprocess.run([tools / "buf", "format", "proto", "--write"], cwd=tmp_path, check=True)
    for words in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run([tools / "ruff", *words, "client/lossd/losses"], cwd=tmp_path, check=True)
    for path in ["proto/lossd/v1/loss.proto", *(f"client/lossd/losses/{p.name}" for p in sdk_files(tmp_path))]:
        assert (tmp_path / path).read_text() == (ROOT / path).read_text(), f"{path} is stale: run `make catalogue`"
    assert {path.name for path in sdk_files(tmp_path)} == {path.name for path in sdk_files(ROOT)}


def sdk_files(root: Path) -> list[Path]:
    return sorted((root / "client/lossd/losses").glob("*.py"))


@pytest.mark.parametrize("name", BOUND)
def test_every_example_answers_what_it_says(name: str, worker: Worker, generator: dict[str, Any]) -> None:
    """To the last bit, through the JSON form that the pages print."""
    answer, _ = oracle.run(worker, "GetLoss", catalog.GetLossRequest(name=name), (), catalog.GetLossResponse)
    assert answer.loss.HasField("example")
    body = generator["request"](name, generator["catalog"].read(answer.loss).example)
    request = json_format.ParseDict(body, evaluation.EvaluateLossRequest())
    result, _ = oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)
    assert result.value == answer.loss.example.value
    ast.parse(answer.loss.example.python)


def test_every_task_is_one_of_the_contract() -> None:
    assert set(catalogue.TASKS) == TASKS
    assert all(entry.tasks for entry in catalogue.ENTRIES.values())
    contract = (ROOT / "proto/lossd/v1/catalog_service.proto").read_text()
    listed = re.search(r"// What it is for: ([^.]+), and what plugins say\.", contract)
    assert listed
    assert set(re.findall(r'"([\w-]+)"', listed[1])) == TASKS


def test_every_name_means_one_loss() -> None:
    """Names, class names and aliases: none twice."""
    names = [name for e in catalogue.ENTRIES.values() for name in (e.name, e.class_name, *e.aliases)]
    assert [name for name, count in collections.Counter(names).items() if count > 1] == []
    for entry in catalogue.ENTRIES.values():
        for name in (entry.name, entry.class_name, *entry.aliases):
            assert catalogue.find(name) is entry


def test_no_input_is_called_as_an_argument() -> None:
    """Both are options of one command."""
    for entry in BOUND.values():
        names = [*(argument.name for argument in entry.arguments), *(input_.name for input_ in entry.inputs)]
        assert len(set(names) | {"reduction", "gradients", "grad_output"}) == len(names) + 3, entry.name


def test_losses_are_listed_by_task_and_family(worker: Worker) -> None:
    def names(**asked: str) -> list[str]:
        request = catalog.ListLossesRequest(**asked)
        answer, _ = oracle.run(worker, "ListLosses", request, (), catalog.ListLossesResponse)
        return [loss.name for loss in answer.losses]

    everything = names()
    assert everything == sorted(everything)
    assert set(everything) >= set(catalogue.ENTRIES)
    for task in TASKS:
        found = [name for name, entry in catalogue.ENTRIES.items() if task in entry.tasks]
        assert [name for name in names(task=task) if name in catalogue.ENTRIES] == found
    assert {"mse_loss", "ctc_loss"} <= set(names(family="torch_nn"))
    assert "dice_loss" not in names(family="torch_nn")
    assert names(task="classification", family="segmentation") == []


@pytest.mark.parametrize("field", ["task", "family"])
def test_an_unknown_task_or_family_is_refused_with_those_there_are(field: str, worker: Worker) -> None:
    with pytest.raises(oracle.Refused) as caught:
        oracle.run(worker, "ListLosses", catalog.ListLossesRequest(**{field: "segmentatoin"}))
    assert (caught.value.reason, caught.value.field) == ("UNKNOWN_NAME", field)
    assert "'segmentatoin'; expected one of " in caught.value.message
    assert "segmentation" in caught.value.message


def test_what_the_server_says_of_arguments_and_inputs(worker: Worker) -> None:
    """Required, choices, range, what is inside an object, and whether an input may be left out."""

    def described(name: str) -> catalog.LossInfo:
        answer, _ = oracle.run(worker, "GetLoss", catalog.GetLossRequest(name=name), (), catalog.GetLossResponse)
        return answer.loss

    adaptive = {argument.name: argument for argument in described("AdaptiveLogSoftmaxWithLoss").arguments}
    assert (adaptive["cutoffs"].type, adaptive["cutoffs"].required, adaptive["cutoffs"].default) == ("list", True, "")
    assert (adaptive["div_value"].range, json.loads(adaptive["div_value"].default)) == ("above 0", 4.0)
    linear = {argument.name: argument for argument in described("linear_cross_entropy_loss").arguments}
    assert (linear["options"].type, linear["options"].required) == ("object", False)
    fields = {field.name: field for field in linear["options"].fields}
    assert list(fields["acc_policy"].choices) == ["auto", "accurate", "balanced", "compact"]
    focal = described("focal_loss")
    assert (focal.name, focal.family) == ("sigmoid_focal_loss", "classification")
    assert "focal_loss" in focal.aliases
    assert {given.name: given.optional for given in described("ppo").inputs}["mask"] is True
    assert described("weighted_sum").arguments[0].required
    assert not described("weighted_sum").HasField("example")
