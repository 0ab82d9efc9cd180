"""The command line as far as it goes without a server: options, mistakes in them, and what is printed."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import click
import lossd
import numpy as np
import pytest
from click.testing import CliRunner, Result
from lossd import cli, options, printing, tensors
from lossd.loss_commands import Losses
from lossd.v1 import evaluation_service_pb2

LINEAR = ["--in-features", "2", "--input", "[[1, 2]]", "--target", "[0]", "--linear.weight", "[[1, 0]]"]
ADAPTIVE = ["--in-features", "2", "--n-classes", "3", "--cutoffs", "1", "--input", "[[1, 2]]", "--target", "[0]",
            "--head.weight", "[[1, 0]]", "--tail.0.0.weight", "[[1]]", "--tail.0.1.weight", "[[2]]"]  # fmt: skip


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, list(words), env={"LOSSD_SERVER": "127.0.0.1:1"}, prog_name="lossd")


def test_every_loss_of_the_package_is_a_command() -> None:
    losses = {
        name
        for name in lossd.__all__
        if isinstance(kind := getattr(lossd, name), type) and issubclass(kind, lossd.Loss)
    }
    assert {kind.__name__ for kind in options.KINDS.values()} == losses - {"Loss", "WeightedSum", "Program", "Plugin"}
    listed = run("eval", "--help").output
    for name in [*options.KINDS, "plugin", "program"]:
        assert run("eval", name, "--help").exit_code == 0
        assert re.search(rf"^  {name}\s", listed, re.MULTILINE)


@pytest.mark.parametrize("name", options.KINDS)
def test_every_input_and_argument_is_an_option(name: str) -> None:
    """Required where the class says so, with what the class says of it."""
    kind = options.KINDS[name]
    declared = {option.opts[-1].removeprefix("--"): option for option in cli.loss_command(name, kind).params}
    said = options.described(kind)
    for given in kind.INPUTS:
        assert declared[given].required == (given not in kind.OPTIONAL and kind is not lossd.Expression)
        assert kind is lossd.Expression or declared[given].help == options.sentence(said[given])
    for field in dataclasses.fields(kind):
        if field.name != "allow_broadcast":
            option = declared.get(field.name) or declared[field.name.replace("_", "-")]
            assert option.required == (field.default is dataclasses.MISSING)
            assert option.help.rstrip(".") in options.sentence(said[field.name]), "its own words"


@pytest.mark.parametrize("command", ["eval", "explain", "aggregate"])
def test_metrics_are_repeated_or_parted_by_commas(command: str) -> None:
    """The same names either way; commas inside brackets belong to a metric; an empty name is refused."""
    group = cli.cli.commands[command]
    assert isinstance(group, Losses)
    needed = ["--input", "[1]", "--target", "[2]"]

    def metrics(*words: str) -> tuple[str, ...]:
        asked = [word for name in words for word in ("--metrics", name)]
        context = group.loss_command("mse_loss", lossd.MSELoss).make_context(command, [*needed, *asked])
        found: tuple[str, ...] = context.params["metrics"]
        return found

    expected = ("mae", "f1(average=macro,top_k=2)", "r2")
    assert metrics("mae, f1(average=macro,top_k=2)", "r2") == metrics(*expected) == expected
    assert metrics() == ()
    with pytest.raises(click.BadParameter, match="'mae,,r2' has an empty name"):
        metrics("mae,,r2")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("/nope/x.html", "there is no folder for /nope/x.html"),
        ("folder.html", "'--html': File 'folder.html' is a directory"),
    ],
)
def test_a_page_that_cannot_be_written_is_told_first(
    file: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent: nobody is there; one line, no traceback."""
    monkeypatch.chdir(tmp_path)
    Path("folder.html").mkdir()
    done = run("explain", "mse", "--input", "[1]", "--target", "[2]", "--html", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())


def test_what_keeps_a_file_from_being_written_is_told_in_a_line(tmp_path: Path) -> None:
    """Without the rights to, before; by what only writing shows, after."""
    file = tmp_path / "kept.html"
    file.touch()
    options.writable(str(file), "--html")
    if os.path.isdir("/proc/self"):  # a folder in which nobody may make a file, not even root
        with pytest.raises(click.ClickException), options.written("/proc/self/x.html"):
            Path("/proc/self/x.html").write_text("")
    with (
        pytest.raises(click.ClickException, match=r"kept\.html/x cannot be written: Not a directory"),
        options.written(f"{file}/x"),
    ):
        (file / "x").write_text("")


@pytest.mark.parametrize("name", ["cross_entropy_loss", "cross-entropy-loss", "CrossEntropyLoss"])
def test_help_shows_inputs_and_arguments_of_the_loss(name: str) -> None:
    text = " ".join(run("eval", name, "--help").output.split())
    for part in ("--input", "--target", "--label-smoothing", "[none|mean|sum]", "at least 0 and at most 1; default 0."):
        assert part in text


FOCAL = ["sigmoid_focal_loss", "focal_loss", "focal-loss", "SigmoidFocalLoss", "focal", "Focal Loss", "FOCAL"]


@pytest.mark.parametrize("name", FOCAL)
def test_aliases_find_the_loss(name: str) -> None:
    assert "--gamma" in run("eval", name, "--help").output


@pytest.mark.parametrize(
    ("given", "name"),
    [("mse", "mse_loss"), ("Dice", "dice_loss"), ("dice-loss", "dice_loss"), ("huber", "huber_loss"),
     ("Cross Entropy", "cross_entropy_loss"), ("mseloss", "mse_loss"), ("newsvendor_loss", None)],
)  # fmt: skip
def test_a_name_may_be_joined_in_any_way_and_lack_its_end(given: str, name: str | None) -> None:
    assert options.resolve(given) == name


def test_no_spelling_stands_for_two_losses() -> None:
    """Names, class names and aliases folded alike, and a name without its `_loss` is no other's."""
    for name, kind in options.KINDS.items():
        for spelled in (name, name.replace("_", "-").upper(), kind.__name__.lower(), *kind.ALIASES):
            assert options.resolve(spelled) == name, spelled


def test_the_list_of_losses_is_by_family_and_cuts_no_word() -> None:
    listed = run("eval", "--help").output
    headings = re.findall(r"^(\w.*):$", listed, re.MULTILINE)
    assert {"Torch nn", "Metric learning", "Composition", "Your own"} < set(headings)
    said = "".join(listed.split())
    for name, kind in options.KINDS.items():
        assert "".join((name + options.summary(kind)).split()) in said


def test_help_shows_one_spelling_and_both_are_taken() -> None:
    shown = run("eval", "cross_entropy_loss", "--help").output
    assert "--label-smoothing" in shown
    assert "--label_smoothing" not in shown
    words = ["--input", "[[1, 2]]", "--target", "[0]"]
    for option in ("--label-smoothing", "--label_smoothing"):
        assert bound("cross_entropy_loss", *words, option, "0.1")[0] == lossd.CrossEntropyLoss(label_smoothing=0.1)


def bound(name: str, *words: str) -> tuple[lossd.Loss, dict[str, Any]]:
    """What the words after `lossd eval NAME` come to."""
    name = options.OTHER_NAMES.get(name, name)
    kind, found = options.KINDS[name], []

    @options.of_loss(kind)
    @click.pass_context
    def command(ctx: click.Context, /, **given: Any) -> None:
        found.append(options.bind(kind, given, ctx.args))

    settings = cli.loss_command(name, kind).context_settings
    result = CliRunner().invoke(click.command(name, context_settings=settings)(command), list(words))
    assert result.exit_code == 0, result.output
    return found[0]


HEAD = ["--input", "[[1, 2]]", "--target", "[3]", "--head.weight", "[[1, 0]]"]
TAIL = ["--tail.0.0.weight", "[[1]]", "--tail.0.1.weight", "[[2]]"]


@pytest.mark.parametrize("cutoffs", ["2,5", "[2, 5]", "2, 5"])
def test_lists_required_arguments_and_inputs_with_dots(cutoffs: str) -> None:
    """Parameters are options of their torch names, and there may be more clusters than the class names."""
    more = ["--tail.1.0.weight", "[[3]]", "--tail.1.1.weight=[[4]]"]
    sizes = ["--in-features", "2", "--n_classes", "9", "--cutoffs", cutoffs]
    loss, inputs = bound("adaptive_log_softmax_with_loss", *sizes, *HEAD, *TAIL, *more)
    assert loss == lossd.AdaptiveLogSoftmaxWithLoss(in_features=2, n_classes=9, cutoffs=[2, 5])
    assert inputs == {
        "input": [[1, 2]], "target": [3], "head.weight": [[1, 0]], "tail.0.0.weight": [[1]],
        "tail.0.1.weight": [[2]], "tail.1.0.weight": [[3]], "tail.1.1.weight": [[4]],
    }  # fmt: skip


def test_an_object_is_json() -> None:
    words = ["--in-features", "2", "--num-classes", "1", "--input", "[[1, 2]]", "--target", "[0]"]
    words += ["--linear.weight", "[[1, 0]]", "--options", '{"batch_chunk_size": 8, "acc_policy": "compact"}']
    loss, inputs = bound("linear_cross_entropy_loss", *words)
    chunks = lossd.LinearCrossEntropyOptions(batch_chunk_size=8, acc_policy="compact")
    assert loss == lossd.LinearCrossEntropyLoss(in_features=2, num_classes=1, options=chunks)
    assert list(inputs) == ["input", "target", "linear.weight"]


def test_enums_flags_and_optional_inputs() -> None:
    logps = ["--policy-chosen-logps", "[-1]", "--policy_rejected_logps", "[-2]"]
    loss, inputs = bound("dpo", *logps, "--reference-free", "--loss-type", "ipo", "--beta", "0.5")
    assert loss == lossd.DPOLoss(reference_free=True, loss_type="ipo", beta=0.5)
    assert inputs == {"policy_chosen_logps": [-1], "policy_rejected_logps": [-2]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["eval", "hubr", "--input", "1"], "no loss is called 'hubr'; did you mean huber_loss?"),
        (
            ["eval", "newsvendor_loss"],
            "`lossd losses` lists them (a plugin of the server's is called by `lossd eval plugin newsvendor_loss`)",
        ),
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
        (["eval", "focal_los"], "did you mean sigmoid_focal_loss?"),
        (["eval", "linear_cross_entropy_loss", *LINEAR], "Missing option '--num-classes'"),
        (["eval", "linear_cross_entropy_loss", *LINEAR, "--num-classes", "1", "--options", "[]"], "no JSON object of"),
        (["eval", "linear_cross_entropy_loss", *LINEAR, "--num-classes", "1", "--options", '{"a": 1}'], "acc_policy"),
        (["eval", "adaptive_log_softmax_with_loss", "--cutoffs", "2,x"], "no list of whole numbers such as 2,5"),
        (["eval", "adaptive_log_softmax_with_loss", *ADAPTIVE, "--gamma", "1"], "No such option '--gamma'"),
        (["eval", "dice_loss", "--mode", "both"], "'both' is not one of"),
        (["eval", "program", __file__], "test_cli.py: "),
        (["losses", "mse_loss", "--task", "regression"], "leave out NAME or them"),
        (["info", "--server", "http://localhost:50051"], "expected HOST:PORT"),
        (["eval", "mse_loss", "--input", "1", "--target", "1", "--server", "localhost"], "expected HOST:PORT"),
    ],
)
def test_mistakes_in_the_options_exit_with_2(words: list[str], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert says in re.sub(r"No such option: (--[\w-]+)", r"No such option '\1'", result.output)


def test_extra_inputs_are_for_expressions() -> None:
    assert options.parsed(options.extra_words(["--my-weights", "[1, -2]", "--y=-3"])) == {
        "my_weights": [1, -2],
        "y": -3,
    }


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
    said = options.described(lossd.MSELoss)
    assert said["input"] == "predictions; floating, (*)."
    assert said["target"] == "true values; floating, of the shape of input."
    for kind in options.KINDS.values():
        assert kind is lossd.Expression or set(kind.INPUTS) <= set(options.described(kind))


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
