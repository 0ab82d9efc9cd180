"""The command line as far as it goes without a server: options, mistakes in them, and what is printed."""

from __future__ import annotations

import importlib.util
import json
import os
import sys

import lossd
import numpy as np
import pytest
from click.testing import CliRunner, Result
from lossd import cli, printing, tensors
from lossd.v1 import evaluation_service_pb2


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, list(words), env={"LOSSD_SERVER": "127.0.0.1:1"}, prog_name="lossd")


def test_every_loss_of_the_package_is_a_command() -> None:
    losses = {
        name
        for name in lossd.__all__
        if isinstance(kind := getattr(lossd, name), type) and issubclass(kind, lossd.Loss)
    }
    assert {kind.__name__ for kind in cli.KINDS.values()} == losses - {"Loss", "WeightedSum", "Program", "Plugin"}
    for name in [*cli.KINDS, "plugin"]:
        assert run("eval", name, "--help").exit_code == 0


@pytest.mark.parametrize("name", ["cross_entropy_loss", "cross-entropy-loss", "CrossEntropyLoss"])
def test_help_shows_inputs_and_arguments_of_the_loss(name: str) -> None:
    text = run("eval", name, "--help").output
    for part in ("--input", "--target", "--label-smoothing", "[none|mean|sum]", "0 to 1, default 0"):
        assert part in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["eval", "huber", "--input", "1"], "no loss is called 'huber'; did you mean huber_loss?"),
        (["eval", "mse_loss", "--input", "1"], "Missing option '--target'"),
        (["eval", "mse_loss", "--input", "[1", "--target", "1"], "neither nested JSON"),
        (["eval", "mse_loss", "--input", "1", "--target", "1", "--reduction", "avg"], "'avg' is not one of"),
        (["eval", "mse_loss", "--input", "1", "--target", "1", "--delta", "1"], "No such option '--delta'"),
        (["eval", "expression", "--input", "1"], "Missing option '--source'"),
        (["eval", "expression", "--source", "x", "--y"], "--y needs a value"),
        (["eval", "expression", "--source", "x", "y"], "expected an option such as"),
        (["eval", "expression", "--source", "x", "--y", "[1"], "neither nested JSON"),
        (["frobnicate"], "No such command"),
        (["eval", "weighted_sum"], "write a weighted sum as an expression"),
        (["eval", "WeightedSum", "--terms", "1"], "write a weighted sum as an expression"),
        (["eval", "ctc_loss", "--allow-broadcast"], "No such option"),
        (["info", "--server", "http://localhost:50051"], "expected HOST:PORT"),
        (["eval", "mse_loss", "--input", "1", "--target", "1", "--server", "localhost"], "expected HOST:PORT"),
    ],
)
def test_mistakes_in_the_options_exit_with_2(words: list[str], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert says in result.output.replace("No such option: --", "No such option '--").replace("--delta\n", "--delta'\n")


def test_extra_inputs_are_for_expressions() -> None:
    assert cli.parsed(cli.extra_words(["--my-weights", "[1, -2]", "--y=-3"])) == {"my_weights": [1, -2], "y": -3}


def test_a_call_that_fails_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lossd", "info", "--server", "127.0.0.1:1"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lossd: no answer from 127.0.0.1:1")
    assert err.count("\n") == 1


def test_help_says_what_each_input_is() -> None:
    """Shape and meaning, out of the class's own words."""
    assert cli.described_inputs(lossd.MSELoss) == {
        "input": "Floating (*).", "target": "Floating, of the shape of input.",
    }  # fmt: skip
    for name, kind in cli.KINDS.items():
        texts = cli.described_inputs(kind)
        assert list(texts) == list(kind.INPUTS)
        assert name == "expression" or "Input of the loss." not in texts.values()


def test_a_defect_of_the_server_is_told_with_its_request_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise lossd.Internal("the log has the detail under the request id", request_id="r-1")

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "lossd: the log has the detail under the request id r-1\n"


def test_tables_on_a_terminal_fold_no_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"https://example.org/{'long/' * 20}"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    printing.print_table([("reference", url), ("trap", "word " * 20)])
    out = capsys.readouterr().out
    assert url in out
    assert len(out.splitlines()) == 5


def test_serve_becomes_the_server_with_the_words_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(os, "execv", lambda path, words: seen.append((path, words)))
    for words in (["--help"], ["--address", "0.0.0.0:1", "--insecure"], []):
        assert run("serve", *words).exit_code == 0
        assert seen.pop() == (sys.executable, [sys.executable, "-m", "lossd_server", *words])


def test_serve_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    result = run("serve")
    assert result.exit_code == 1
    assert "no module" not in result.output
    assert "pip install 'lossd[server]', in a checkout pip install '.[server]'" in result.output


def test_local_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lossd_server", None)
    monkeypatch.setitem(sys.modules, "lossd_server.app", None)
    with pytest.raises(
        ImportError, match=r"pip install 'lossd\[server\]'.* --server HOST:PORT, LOSSD_SERVER"
    ) as caught:
        lossd.local()
    assert caught.value.__suppress_context__, "one traceback, not two"


def test_json_has_all_digits_and_no_bare_nan() -> None:
    answer = evaluation_service_pb2.EvaluateLossResponse(value=0.06768565624952316, terms={"a": np.inf})
    answer.execution.device = "cpu:0"
    tensors.write(answer.gradients["input"], np.array([[0.1, np.nan, -np.inf]], np.float32), None)
    plain = json.loads(json.dumps(printing.plain_json(lossd.Result(answer)), allow_nan=False))
    assert plain["value"] == 0.06768565624952316
    assert plain["terms"] == {"a": "Infinity"}
    assert plain["gradients"]["input"] == [[float(np.float32(0.1)), "NaN", "-Infinity"]]
    assert plain["execution"]["device"] == "cpu:0"


def test_long_arrays_are_named_not_printed() -> None:
    assert printing.array_text(np.zeros((1001,), np.float32)) == "float32 [1001]; --json prints it"
    assert printing.array_text(np.float64([1.5])) == "[1.5]"
