"""Hostile formulas: code, bombs and lookalikes. The language has arithmetic and a list of functions, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attacks.attacker import Attacker, assert_refused, floats, formula, longs, raw
from lossd.v1 import evaluation_service_pb2 as evaluation

MARK = "/tmp/lossd-attack-marker"  # must never come to be

CODE = [
    f"__import__('os').system('touch {MARK}')",
    f"open('{MARK}', 'w')",
    "open(input)",
    "eval('1')",
    "exec('1')",
    "compile('1', '', 'eval')",
    "globals()",
    "locals()",
    "vars()",
    "dir(input)",
    "getattr(input, 'grad')",
    "setattr(input, 'data', target)",
    "breakpoint()",
    "exit()",
    "help()",
    "type(input)",
    "print(input)",
    "input.data",
    "input.grad_fn",
    "input.__class__",
    "input.__class__.__mro__[1].__subclasses__()",
    "().__class__.__bases__[0].__subclasses__()",
    "input.storage().data_ptr()",
    "input.mean()",
    "mean.__globals__",
    "mean(input).__reduce__()",
    "(lambda: 0)()",
    "(lambda x: x)(input)",
    "lambda input: input",
    "[x for x in input]",
    "[input for _ in range(10**9)]",
    "(x for x in input)",
    "{x: x for x in input}",
    "{x for x in input}",
    "sum([1, 2, 3])",
    "sum((input, target))",
    "mean({'a': input})",
    "f'{input}'",
    "f'{input.__class__}'",
    "'{0.__class__}'.format(input)",
    "'a' * 10**9",
    "b'a'",
    "(y := input)",
    "mean((y := input) + y)",
    "input if target else input",
    "input and target",
    "input or target",
    "not input",
    "input < target < input",
    "input is target",
    "input in target",
    "input[:, 0]",
    "input << 60",
    "input >> 1",
    "input | target",
    "input & target",
    "input ^ target",
    "~input",
    "*input",
    "mean(*[input])",
    "mean(**{'dim': 0})",
    "sum(input, dim=input)",
    "sum(input, dim=10**30)",
    "sum(input, dim=0, out=target)",
    "sum(input, dtype=1)",
    "mean(input, dim=(0, 1))",
    "await input",
    "yield input",
    "(yield input)",
    "input; target",
    "input = target",
    "import os",
    "del input",
    "assert input",
    "raise input",
    "while 1: pass",
    "input\ntarget",
    "",
    "   ",
    "#",
    "input #" + "a" * 5000,
    "...",
    "None",
    "True",
    "mean(True)",
    "1j * input",
    "input ** 1j",
    "'input'",
    "input\x00",
    "\x00",
    "mean(input",
    "mean)input(",
    "\\",
    "input \\",
    "'",
    '"""',
    "mean()",
    "mean(input, target, input)",
    "where(input)",
    "clamp(input)",
    "softmax(input)",
    "1",
    "1 + 1",
    "mean(1)",
    "nosuch(input)",
    "mean (input) (input)",
    "mean(input)(input)",
    "a" * 4000 + "(input)",
    "\N{GREEK SMALL LETTER LAMDA}" * 2000 + "(input)",
    "\U0001d5f9" * 1000 + "(input)",
]
INDICES = [
    "input[:, :]",
    "input[-3]",
    "input[0:2**70]",
    "input[target]",
    "input[input]",
    "input[True]",
    "input[[0]]",
    "input[(0, (0,))]",
    "input['a']",
    "input[0.0]",
    "input[2**62]",
    "input[99999999999999999999]",
    "input[9223372036854775807]",
    "input[-9223372036854775808]",
    "input[::0]",
    "input[::-1]",
    "input[0:input]",
    "input[..., ...]",
    "input[*input]",
    "input[0][0]",
    "input[lambda: 0]",
    "input[(y := 0)]",
    "input[__import__('os')]",
    "input" + "[None]" * 100,
    "input[" + "None, " * 70 + "]",
    "input[" + "None, " * 900 + "]",
    "input[0] = 1",
    "del input[0]",
    "gather(input, 0, one_hot(input, 2))",
    "gather(input, 7, target)",
    "gather(input, 10**30, target)",
    "gather(input, 0, [0])",
    "gather(index, 0, index)",
    "sum(gather(input, 0, index))",
    "sum(gather(input, 0, -index))",
    "sum(gather(input, 0, index*2**61))",
    "sum(one_hot(index, 1)*input)",
    "sum(one_hot(-index, 2)*input)",
    "sum(one_hot(index, 0)*input)",
    "sum(one_hot(index, -1)*input)",
    "sum(one_hot(index, 2**40)*input)",
    "sum(one_hot(index, 2**62)*input)",
    "sum(one_hot(index, index)*input)",
    "sum(one_hot(index, 1e9)*input)",
    "sum(one_hot(input, 2))",
    "sum(index // 0 + input)",
    "sum(index % 0 + input)",
    "sum(index ** -1 + input)",
]
STATEMENTS = [
    "e = input",
    "e = input; e = target; e",
    "input = target; input",
    "sum(input); sum(input)",
    "e = e; e",
    "e += input; e",
    "e: float = input; e",
    "e = f = input; e",
    "e, f = input, target; e",
    "(e) = (f) = input; e",
    "*e, = input; e",
    "input.grad = target; input",
    "input.__class__ = target; input",
    "__builtins__ = input; __builtins__.eval",
    "sum = input; sum",
    "axes = input; axes",
    "if input: target",
    "for x in input: x",
    "with input: target",
    "try: input\nfinally: target",
    "def f(): pass\nf()",
    "class A: pass",
    "global e; e",
    "nonlocal e",
    "return input",
    "pass",
    "break",
    "import os; input",
    "from os import *; input",
    "@input\ndef f(): pass",
    "async def f(): await input",
    "match input:\n  case _: target",
    "type X = input",
    "print(input) ; input",
    "; input",
    "input;;",
    "e = input\n  \\\n",
    "axes(input)",
    "axes()",
    "axes(input='N')",
    "axes(input='N C H'); sum(input)",
    "axes(input='N N'); sum(input)",
    "axes(input=''); sum(input)",
    "axes(input=N); sum(input)",
    "axes(input=f'{input}'); sum(input)",
    "axes(input=b'N'); sum(input)",
    "axes(**{'input': 'N'}); sum(input)",
    "axes(input='__class__'); sum(input)",
    "axes(input='N', input='C'); sum(input)",
    "axes(nobody='N'); sum(input)",
    "axes(input='" + "N" * 2000 + "'); sum(input)",
    "axes(input='" + " ".join(f"a{n}" for n in range(100)) + "'); sum(input)",
    "axes(input='N'); axes(input='N'); sum(input)",
    "sum(input); axes(input='N')",
    "axes(input='N'); sum(input, dim='C')",
    "axes(input='N'); sum(input, dim='" + "C" * 3000 + "')",
    "sum(input, dim='N')",
    "sum(input, dim='__class__')",
    "sum(input, dim=f'{input}')",
    "sum(input, dim=[])",
    "sum(input, dim=(0, (0,)))",
    "sum(input, dim=(0, 0))",
    "sum(input, keepdim=input)",
    "cat(input)",
    "cat([])",
    "cat([input, [target]])",
    "cat([*input])",
    "cat([x for x in input])",
    "reshape(input, (-1, -1))",
    "reshape(input, (2**40, 2**40))",
    "reshape(input, (2**62, 2**62, 2**62))",
    "reshape(input, (input,))",
    "reshape(input, input)",
    "reshape(input, (1,)*70)",
    "flatten(input, 5)",
    "transpose(input)",
    "norm(input, p='fro')",
    "norm(input, p=1e999)",
    "norm(input, p=input)",
    "softplus(input, beta=target)",
    "size(input, 0)",
    "size(input, 9)*input",
    "size(3, 0)*input",
    "matmul(input, 3)",
    "input @ 3",
    "detach(3)*input",
    "var(input, unbiased=True)",
    "sum(input, dim=0, dim=0)",
    "e" + " = e".join(str(n) for n in range(600)),
    "; ".join(f"e{n} = input" for n in range(400)) + "; e0",
    "; ".join(["e0 = cat([input, input])", *(f"e{n + 1} = cat([e{n}, e{n}])" for n in range(40))]) + "; sum(e40)",
    "; ".join(["e0 = stack([input, input])", *(f"e{n + 1} = stack([e{n}, e{n}])" for n in range(60))]) + "; sum(e60)",
    "; ".join(["e0 = 3", *(f"e{n + 1} = e{n}**e{n}" for n in range(40))]) + "; e40*input",
    "; ".join(["e0 = 3", *(f"e{n + 1} = e{n}*e{n}" for n in range(40))]) + "; e40*input",
    "; ".join(["e0 = index", *(f"e{n + 1} = one_hot(e{n}, 2)" for n in range(70))]) + "; sum(e70*input)",
]
BOMBS = [
    "(" * 5000 + "input" + ")" * 5000,
    "(" * 1000 + "input" + ")" * 1000,
    "-" * 10_000 + "input",
    "-" * 4000 + "input",
    "not " * 1000 + "input",
    "+".join(["input"] * 100_000),
    "+".join(["input"] * 600),
    "mean(" * 500 + "input" + ")" * 500,
    "sin(" * 70 + "input" + ")" * 70,
    "input**" * 500 + "input",
    "input" + "**2" * 200,
    "9" * 5000 + "*input",
    "9" * 4000 + "*input",
    "9**9**9**9*input",
    "10**5000*input",
    "2.0**100000*input",
    "9e999*input",
    "0x" + "f" * 4000 + "*input",
    "1_000" + "_000" * 900 + "*input",
    "1/0*input",
    "0**-1*input",
    "(-8)**0.5*input",
    "'" + "a" * 4000 + "'",
    "f'" + "{input}" * 500 + "'",
    "input" + ".a" * 2000,
    "input" + "[0]" * 1000,
    "[" * 2000,
    "{" * 2000,
    "(" * 200,
    "input if " * 400 + "input",
    "lambda:" * 500 + "input",
    "input" * 100_000,
    " " * 4094 + "input",
]
LOOKALIKES = [
    "mean(inpu\u0442)",  # Cyrillic те
    "m\u0435an(input)",
    "mean(input \u2212 target)",  # a minus that is none
    "mean(input \u00d7 target)",
    "mean\uff08input\uff09",
    "mean(input)\u202e",
    "\u202emean(input)",
    "mean(in\u200bput)",
    "mean(input)\ufeff",
    "mean(\u0661 * input)",  # Arabic one
    "mean(\u096b * input)",
    "mean(input**\u00b2)",
    "mean(input, dim=\u0660)",
    "\u00a0mean(input) target",
    "mean(\ud7ff)",
    "mean(\uffff)",
]
REASONS = (
    "BAD_EXPRESSION",
    "LIMIT_EXCEEDED",
    "UNKNOWN_NAME",
    "MISSING_FIELD",
    "SHAPE_MISMATCH",
    "VALUE_OUT_OF_RANGE",
)


@pytest.mark.parametrize(
    "source", [*CODE, *BOMBS, *LOOKALIKES], ids=lambda source: ascii(source[:30]) + f" {len(source)}"
)
def test_hostile_formulas_are_refused(attacker: Attacker, source: str) -> None:
    """Whatever is not arithmetic over the inputs is refused, at once, and nothing of it runs."""
    attacker.refused("EvaluateLoss", formula(source, input=floats(1, 2), target=floats(3, 4)), *REASONS)
    assert not Path(MARK).exists()


@pytest.mark.parametrize("source", [*INDICES, *STATEMENTS], ids=lambda source: ascii(source[:30]) + f" {len(source)}")
def test_hostile_indices_and_statements_are_refused(attacker: Attacker, source: str) -> None:
    """No index reaches a kernel that it is not fit for, and no statement does more than name a part."""
    given = {"input": floats(1, 2), "target": floats(3, 4), "index": longs(0, 9)}
    used = {name: value for name, value in given.items() if re.search(rf"\b{name}\b", source)}
    attacker.refused("EvaluateLoss", formula(source, **used), *REASONS)


def test_there_are_enough_of_them() -> None:
    """At least three hundred different hostile formulas."""
    assert len({*CODE, *BOMBS, *LOOKALIKES, *INDICES, *STATEMENTS}) >= 300


def test_formulas_do_not_take_deprecated_syntax_to_the_log(attacker: Attacker) -> None:
    """Formulas that Python's parser warns of say nothing on the server's output."""
    before = len(attacker.server.lines)
    for source in ("1or input", "1if input else 2", "'\\d' + input", "0xfor input", "(1)(input)", "'a' is input"):
        attacker.refused("EvaluateLoss", formula(source, input=floats(1)), *REASONS)
    assert not [line for line in attacker.server.lines[before:] if "Warning" in line]


def test_formulas_that_broadcast_to_bombs_are_refused(attacker: Attacker) -> None:
    """Two rows of 2^15 make 2^30 elements, by any operation: refused before they are made."""
    side = 2**15
    inputs = {"input": raw(1, [side, 1], bytes(4 * side)), "target": raw(1, [1, side], bytes(4 * side))}
    for source in (
        "mean(input - target)",
        "mean(maximum(input, target))",
        "mean(where(input > 0, target, 1))",
        "sum(clamp(input, target, target))",
        "mean(input < target)",
        "mean(pow(input, target))",
        "mean(softmax(input - target, dim=0))",
        "input * target",
    ):
        attacker.refused("EvaluateLoss", formula(source, **inputs), "LIMIT_EXCEEDED")
    rank = 24
    wide = {"input": raw(1, [2, 1] * rank, bytes(4 * 2**rank)), "target": raw(1, [1, 2] * rank, bytes(4 * 2**rank))}
    attacker.refused("EvaluateLoss", formula("sum(input - target)", **wide), "LIMIT_EXCEEDED")


def test_products_that_are_bombs_are_refused(attacker: Attacker) -> None:
    """Matrix products with too many elements or too many multiplications, and sums over axes of size 0."""
    tall, wide = raw(1, [2**15, 1], bytes(2**17)), raw(1, [1, 2**15], bytes(2**17))
    for source in ("sum(input @ target)", "sum(matmul(input, target))", "sum(input @ transpose(input))"):
        given = {"input": tall} if "target" not in source else {"input": tall, "target": wide}
        attacker.refused("EvaluateLoss", formula(source, **given), "LIMIT_EXCEEDED")
    square = raw(1, [2**11, 2**11], bytes(2**24))
    parts = "; ".join(["e0 = input", *(f"e{n + 1} = e{n} @ input" for n in range(60))])
    attacker.refused("EvaluateLoss", formula(f"{parts}; mean(e60)", input=square), "LIMIT_EXCEEDED")
    integers = raw(7, [2**10, 2**10], bytes(2**23))
    attacker.refused("EvaluateLoss", formula("sum(t @ t)*x", t=integers, x=floats(1)), "LIMIT_EXCEEDED")
    none = raw(1, [0, 2**31], b"")
    for source in ("sum(input, dim=0)", "mean(input, dim=0)", "norm(input, dim=0)", "std(input, dim=0)",
                   "prod(input, dim=0)", "logsumexp(input, dim=0)", "normalize(input, dim=0)",
                   "cosine_similarity(input, input, dim=0)", "transpose(input) @ input"):  # fmt: skip
        attacker.refused("EvaluateLoss", formula(source, input=none), "LIMIT_EXCEEDED")


def test_hostile_formulas_take_no_memory(attacker: Attacker) -> None:
    """All of them together leave the server within 256 MiB of where it was."""
    before = attacker.server.resident()
    for source in [*CODE, *BOMBS, *LOOKALIKES, *INDICES, *STATEMENTS]:
        attacker.call("EvaluateLoss", formula(source, input=floats(1, 2), target=floats(3, 4), index=longs(0, 9)))
    assert attacker.server.resident() - before < 2**28


def test_a_batch_of_hostile_formulas_harms_no_member(attacker: Attacker) -> None:
    """Each carries its own refusal; the honest ones between them are answered."""
    honest = formula("mean((input - target)**2)", input=floats(78, 85, 92), target=floats(80, 87, 90))
    members = []
    for source in CODE:
        members += [formula(source, input=floats(1)), honest]
    batch = evaluation.BatchEvaluateLossRequest(evaluations=members)
    answer = evaluation.BatchEvaluateLossResponse.FromString(attacker.call("BatchEvaluateLoss", batch).response)
    assert [result.response.value for result in answer.results[1::2]] == [4.0] * len(CODE)
    assert {result.error.code for result in answer.results[0::2]} == {3}


@pytest.mark.parametrize("name", ["input", "mean", "a" * 500, "\u03bb", "__class__", "None", "inputs.input"])
def test_inputs_that_a_formula_does_not_name_are_refused(attacker: Attacker, name: str) -> None:
    """An input beside those named is unknown, whatever it is called."""
    request = formula("mean(x)", x=floats(1))
    request.inputs[name].CopyFrom(floats(1))
    assert_refused(attacker.call("EvaluateLoss", request), "UNKNOWN_NAME")


def test_long_and_many_names_are_repeated_in_part(attacker: Attacker) -> None:
    """A formula's name of thousands of letters beside hundreds of inputs that it does not read: a short refusal."""
    given = {"a" * 60 + str(number): floats(1) for number in range(300)}
    for source in ("a" * 4000, "b" * 4000, "sum(" + "a" * 4000 + ".mean)", "m" * 4000 + "ean(x)"):
        outcome = attacker.call("EvaluateLoss", formula(source, **given))
        assert_refused(outcome, "UNKNOWN_NAME", "MISSING_FIELD", "BAD_EXPRESSION")
        assert not re.search(r"(\w)\1{99}", str(outcome))
