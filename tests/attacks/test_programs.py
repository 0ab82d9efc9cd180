"""Hostile programs: pickles, bombs, lies and names. Each is refused in words, and runs nothing."""

# ruff: noqa: E501, PT017  # a table of attacks reads best a line each

from __future__ import annotations

import copy
import hashlib
import io
import json
import pickle
import resource
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from attacks.attacker import Attacker, assert_refused, evaluate, floats
from congruence import oracle
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2
from lossd_server.losses.programs import program as program_module
from lossd_server.worker.worker import Worker

MARK = "/tmp/lossd-program-marker"  # must never come to be
GRAPH = "models/model.json"
TABLE = "data/weights/model_weights_config.json"
Files = dict[str, bytes]


class Bomb:
    """Whoever unpickles this creates a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (MARK, "w"))


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def argument(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "arg": value, "kind": 1}


def node(target: str, output: str, /, **arguments: dict[str, Any]) -> dict[str, Any]:
    """A node of one tensor; a target without a dot in front is ATen's."""
    full = target if target.startswith(("_", "torch", "math", "os")) else f"torch.ops.aten.{target}"
    return {
        "target": full,
        "inputs": [argument(name, value) for name, value in arguments.items()],
        "outputs": [tensor(output)],
    }


def model(*nodes: dict[str, Any], output: str = "out", sizes: list[Any] | None = None) -> dict[str, Any]:
    """An honest graph of the nodes over one float32 `input`, of 3 elements unless `sizes` says otherwise."""
    sizes = [{"as_int": 3}] if sizes is None else sizes
    return {
        "schema_version": {"major": 8, "minor": 20},
        "graph_module": {
            "graph": {"nodes": list(nodes), "tensor_values": {"input": {"dtype": 7, "sizes": sizes}}},
            "signature": {
                "input_specs": [{"user_input": {"arg": tensor("input")}}],
                "output_specs": [{"user_output": {"arg": tensor(output)}}],
            },
        },
        "range_constraints": {},
    }


SUM = node("sum.default", "out", self=tensor("input"))
GOOD = model(SUM)


def weighted() -> Files:
    """An honest archive with a weight of two elements."""
    graph = model(
        node("mul.Tensor", "m", self=tensor("input"), other=tensor("w")), node("sum.default", "out", self=tensor("m")),
        sizes=[{"as_int": 2}],
    )  # fmt: skip
    graph["graph_module"]["signature"]["input_specs"].insert(
        0, {"parameter": {"arg": {"name": "w"}, "parameter_name": "w"}}
    )
    config = {"config": {"w": {"path_name": "t", "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 2}]}}}}
    return {
        GRAPH: json.dumps(graph).encode(),
        "data/weights/t": struct.pack("<2f", 1, 2),
        TABLE: json.dumps(config).encode(),
    }


def pack(files: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return packed.getvalue()


def graph(json_: Any) -> bytes:
    return pack({GRAPH: json_ if isinstance(json_, bytes) else json.dumps(json_).encode()})


def run(*nodes: dict[str, Any], **options: Any) -> bytes:
    return graph(model(*nodes, **options))


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The honest graph with one change."""
    given = copy.deepcopy(GOOD)
    change(given)
    return graph(given)


def config(**meta: Any) -> bytes:
    """The honest weights with another table."""
    files = weighted()
    table = json.loads(files[TABLE])
    table["config"]["w"]["tensor_meta"] |= meta
    return pack(files | {TABLE: json.dumps(table).encode()})


def twice() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in (GRAPH, "data/weights/t"):
            archive.writestr(zipfile.ZipInfo(name), json.dumps(GOOD))
    return packed.getvalue().replace(b"data/weights/t", GRAPH[:14].encode())


def duplicated() -> bytes:
    """Two members of one name, by bytes: Python's writer would warn."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(GRAPH), json.dumps(GOOD))
        archive.writestr(zipfile.ZipInfo("models/modeX.json"), json.dumps(GOOD))
    return packed.getvalue().replace(b"modeX", b"model")


def flagged(bits: int) -> bytes:
    """The honest archive with flags in its headers: encrypted, patched."""
    data = bytearray(graph(GOOD))
    start = data.rindex(b"PK\1\2")
    data[6:8] = data[start + 8 : start + 10] = bits.to_bytes(2, "little")
    return bytes(data)


def symlink() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo(GRAPH)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, json.dumps(GOOD))
    return packed.getvalue()


def lying(field: int, width: int, value: int) -> bytes:
    """The honest archive whose end record says something else."""
    data = bytearray(graph(GOOD))
    start = len(data) - 22 + field
    data[start : start + width] = value.to_bytes(width, "little")
    return bytes(data)


def size(text: str) -> bytes:
    return run(SUM, sizes=[{"as_expr": {"expr_str": text}}])


def ints(*numbers: int) -> dict[str, Any]:
    return {"as_ints": list(numbers)}


def full(*shape: int) -> bytes:
    return run(
        node("full.default", "f", size=ints(*shape), fill_value={"as_float": 1.0}),
        node("sum.default", "out", self=tensor("f")),
    )


def chain(target: str, count: int, **arguments: dict[str, Any]) -> bytes:
    """One operator after the other, the first on the input."""
    nodes = [node(target, f"n{i}", self=tensor(f"n{i - 1}" if i else "input"), **arguments) for i in range(count)]
    return run(*nodes, node("sum.default", "out", self=tensor(f"n{count - 1}")))


def index(kind: str, /, *numbers: int, **arguments: dict[str, Any]) -> bytes:
    """An operator that indexes, its indices a constant of the program."""
    given = model(node(kind, "i", **arguments), node("sum.default", "out", self=tensor("i")), sizes=[{"as_int": 3}] * 2)
    given["graph_module"]["signature"]["input_specs"].append(
        {"buffer": {"arg": {"name": "c"}, "buffer_name": "c", "persistent": True}}
    )
    table = {"config": {"c": {"path_name": "t", "tensor_meta": {"dtype": 5, "sizes": [{"as_int": len(numbers)}]}}}}
    return pack({
        GRAPH: json.dumps(given).encode(), "data/weights/t": struct.pack(f"<{len(numbers)}q", *numbers),
        TABLE: json.dumps(table).encode(),
    })  # fmt: skip


def sized(*nodes: dict[str, Any]) -> bytes:
    """Arithmetic with sizes, then a tensor of that size."""
    first = {
        "target": "torch.ops.aten.sym_size.int",
        "inputs": [argument("self", tensor("input")), argument("dim", {"as_int": 0})],
        "outputs": [{"as_sym_int": {"as_name": "s0"}}],
    }
    filled = node("full.default", "f", size={"as_sym_ints": [{"as_name": "s1"}]}, fill_value={"as_int": 1})
    return run(first, *nodes, filled, node("sum.default", "out", self=tensor("f")))


def arithmetic(target: str, *values: Any) -> dict[str, Any]:
    given = [{"as_int": value} if isinstance(value, int) else {"as_sym_int": {"as_name": value}} for value in values]
    return {
        "target": target,
        "inputs": [argument("ab"[place], value) for place, value in enumerate(given)],
        "outputs": [{"as_sym_int": {"as_name": "s1"}}],
    }


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


OPERATORS = [
    *("from_file.default", "as_strided.default", "set_.source_Storage", "empty.memory_format", "resize_.default"),
    *("empty_like.default", "new_empty.default", "empty_strided.default", "as_strided_.default", "data.default"),
    *("_foreach_add.List", "rand.default", "randn_like.default", "bernoulli.default", "multinomial.default"),
    *("ctc_loss.IntList", "_ctc_loss.default", "nonzero.default", "masked_select.default", "item.default"),
    *("_local_scalar_dense.default", "bincount.default", "unique_dim.default", "view.dtype", "view_as_complex.default"),
    *(
        "storage_offset.default",
        "record_stream.default",
        "pin_memory.default",
        "_pin_memory.default",
        "to_sparse.default",
    ),
    *("_cudnn_init_dropout_state.default", "conv2d.default", "linalg_svd.default", "repeat_interleave.Tensor"),
    *("_assert_async.msg", "_print.default", "add.out", "add", "add.Tensor.Tensor", "__class__.default", "__dict__.x"),
    *("sum.__globals__", "sum.default.__call__", "sum.default.default"),
]
TARGETS = [
    *("torch.ops.prim.Print.default", "torch.ops.prims.add.default", "torch.ops.mylib.evil.default", "os.system"),
    *("torch.ops.higher_order.cond", "torch.ops.higher_order.while_loop", "torch.hub.load", "torch.load", "torch.sum"),
    *(
        "torch.ops.load_library",
        "torch.ops.aten",
        "torch._C._cuda_init",
        "_operator.attrgetter",
        "_operator.methodcaller",
    ),
    *("_operator.getitem", "math.factorial", "torch.ops.aten.sum.default\n", "torch.ops.aten..default", "", "торч"),
    *("torch.ops.export.__call__", "torch._higher_order_ops.wrap.wrap_with_set_grad_enabled", "_operator.lshift"),
    *("torch.utils._pytree.tree_map", "torch.distributed.init_process_group"),
]
SIZES = [
    f"__import__('os').system('touch {MARK}')",
    "Symbol('s0').__class__",
    'Symbol("s0")',
    "Symbol('s0', positive=False)",
    "Symbol('__import__(0)')",
    "Pow(Integer(10), Integer(1000000000))",
    "Integer(99999999999999999999)",
    "Integer(10**10)",
    "Integer(" + "9" * 5000 + ")",
    "Mul(" * 500 + "Integer(1)" + ")" * 500,
    "Add(Integer(1)",
    "Add()",
    "Integer('1')",
    "lambda: 0",
    "s0",
    "",
    "Function('exec')('1')",
    "Lambda(Symbol('s0'), Integer(1))",
    "Mul(Integer(0), Symbol('s0', positive=True))",
    "FloorDiv(Integer(1), Integer(0))",
    "Mod(Symbol('s0'), Integer(0))",
    "Mul(Integer(4611686018427387904), Integer(4611686018427387904))",
]
F = tensor("input")
CASES: dict[str, bytes] = {
    # archives
    "no zip": b"hello" * 20,
    "a pickle": pickle.dumps(Bomb()),
    "a pickle as graph": pack({GRAPH: pickle.dumps(Bomb())}),
    "a pickle beside": pack({GRAPH: json.dumps(GOOD).encode(), "data/sample_inputs/model.pt": pickle.dumps(Bomb())}),
    "a pickle as data.pkl": pack({GRAPH: json.dumps(GOOD).encode(), "data.pkl": pickle.dumps(Bomb())}),
    "a pickle as constant": pack(weighted() | {"data/constants/custom_obj_0": pickle.dumps(Bomb())}),
    "a pickle for a weight": pack(weighted() | {"data/weights/t": pickle.dumps(Bomb())}),
    "code beside": pack({GRAPH: json.dumps(GOOD).encode(), "code/__torch__.py": b"import os"}),
    "a library beside": pack({GRAPH: json.dumps(GOOD).encode(), "data/aotinductor/model/x.so": b"\x7fELF"}),
    "an empty zip": pack({}),
    "no graph": pack({"data/weights/t": b""}),
    "parent paths": pack({GRAPH: json.dumps(GOOD).encode(), "../../tmp/x": b"x"}),
    "parent paths of weights": pack(weighted() | {"data/weights/../x": b"x"}),
    "absolute paths": pack({GRAPH: json.dumps(GOOD).encode(), "/etc/passwd": b"x"}),
    "backslashes": pack({GRAPH: json.dumps(GOOD).encode(), "..\\x": b"x"}),
    "a name twice": duplicated(),
    "a symbolic link": symlink(),
    "a folder": pack({GRAPH: json.dumps(GOOD).encode(), "data/weights/": b""}),
    "compressed": pack({GRAPH: json.dumps(GOOD).encode()}, zipfile.ZIP_DEFLATED),
    "a bomb": pack({GRAPH: b" " * 200_000_000}, zipfile.ZIP_DEFLATED),
    "lzma": pack({GRAPH: json.dumps(GOOD).encode()}, zipfile.ZIP_LZMA),
    "encrypted": flagged(1),
    "strongly encrypted": flagged(0x41),
    "patched": flagged(0x20),
    "cut off": graph(GOOD)[:-30],
    "half": graph(GOOD)[: len(graph(GOOD)) // 2],
    "a comment": graph(GOOD)[:-2] + b"\5\0hello",
    "something before": b"#!/bin/sh\n" + graph(GOOD)[:40] + graph(GOOD),
    "too many members": pack({GRAPH: b"{}"} | {f"data/weights/t{i}": b"" for i in range(2000)}),
    "lying about members": lying(10, 2, 60_000),
    "lying about the table": lying(12, 4, 2**32 - 1),
    "lying about its place": lying(16, 4, 2**31),
    "damaged": graph(GOOD).replace(b'"major"', b'"mayor"', 1),
    "an unnamed weight": pack(weighted() | {"data/weights/other": b"1234"}),
    "a weight without a file": pack({k: v for k, v in weighted().items() if k != "data/weights/t"}),
    "a table as weight": pack(weighted() | {TABLE: weighted()[TABLE].replace(b'"t"', b'"model_weights_config.json"')}),
    "a weight elsewhere": pack(weighted() | {TABLE: weighted()[TABLE].replace(b'"t"', b'"../../models/model.json"')}),
    "too long a weight": config(sizes=[{"as_int": 3}]),
    "a huge weight": config(sizes=[{"as_int": 2**40}]),
    "a product that wraps": config(sizes=[{"as_int": 2**32}, {"as_int": 2**32}]),
    "a negative weight": config(sizes=[{"as_int": -1}, {"as_int": -2}]),
    "ranks": config(sizes=[{"as_int": 1}] * 65),
    "strides": config(strides=[{"as_int": 10**6}]),
    "an offset": config(storage_offset={"as_int": 10**6}),
    "a complex weight": config(dtype=10),
    "an unknown type": config(dtype=99),
    "a type that is a bool": config(dtype=True),
    "pickled by request": pack(weighted() | {TABLE: weighted()[TABLE].replace(b'"path_name"', b'"use_pickle"')}),
    "bools that are 2": config(dtype=12, sizes=[{"as_int": 8}]),
    # JSON
    "not JSON": graph(b"{"),
    "not UTF-8": graph(b'{"a": "\xff\xfe"}'),
    "deep JSON": graph(deep(100_000)),
    "a list": graph([]),
    "NaN": graph(json.dumps(GOOD).replace('"minor": 20', '"minor": NaN').encode()),
    "a number beyond floats": changed(lambda g: g["schema_version"].update(minor=1)).replace(b'"minor": 1', b'1e999'),
    "digits": graph(json.dumps(GOOD).replace('"minor": 20', f'"minor": {"9" * 5000}').encode()),
    "a key twice": graph(json.dumps(GOOD).replace('"minor": 20', '"major": 8, "minor": 20').encode()),
    "guards": changed(lambda g: g.update(guards_code=[f"__import__('os').system('touch {MARK}')"])),
    "another schema": changed(lambda g: g["schema_version"].update(major=9)),
    "a schema that is true": changed(lambda g: g["schema_version"].update(major=True)),
    "metadata": changed(lambda g: g["graph_module"]["graph"]["nodes"][0].update(metadata={"x": "y"})),
    "a custom object": changed(lambda g: g["graph_module"]["signature"]["input_specs"].append({"custom_obj": {}})),
    "a token": changed(lambda g: g["graph_module"]["signature"]["input_specs"].append({"token": {}})),
    "no input": changed(lambda g: g["graph_module"]["signature"].update(input_specs=[])),
    "an input twice": changed(lambda g: g["graph_module"]["signature"].update(
        input_specs=g["graph_module"]["signature"]["input_specs"] * 2)),
    "two outputs": changed(lambda g: g["graph_module"]["signature"].update(
        output_specs=g["graph_module"]["signature"]["output_specs"] * 2)),
    "a mutated buffer": changed(lambda g: g["graph_module"]["signature"].update(
        output_specs=[{"buffer_mutation": {"arg": {"name": "out"}, "buffer_name": "b"}}])),
    "a range that is text": changed(lambda g: g.update(range_constraints={"s0": {"min_val": "1", "max_val": None}})),
    "a million nodes": graph(json.dumps(GOOD).replace('"nodes": [', '"nodes": [' + "0," * 10**6).encode()),
    "10,000 nodes": chain("alias.default", 10_000),
    # names
    "an undefined name": run(node("sum.default", "out", self=tensor("nobody"))),
    "itself": run(node("sum.default", "out", self=tensor("out"))),
    "what comes later": run(node("sum.default", "out", self=tensor("b")), node("sum.default", "b", self=F)),
    "a name again": run(node("sum.default", "out", self=F), node("sum.default", "out", self=F)),
    "the name of an input": run(node("sum.default", "input", self=F)),
    "no name": run(node("sum.default", "", self=F)),
    "a dotted name": run(node("sum.default", "a.__class__", self=F)),
    "the device's name": run(node("sum.default", "the device", self=F)),
    "a name of a mebibyte": run(node("sum.default", "a" * 2**20, self=F)),
    "an output that is nothing": run(SUM, output="nobody"),
    # arguments
    "no argument": run(node("sum.default", "out")),
    "an unknown argument": run(node("sum.default", "out", self=F, out=F)),
    "an argument twice": changed(lambda g: g["graph_module"]["graph"]["nodes"][0]["inputs"].append(
        argument("self", F))),
    "text for a tensor": run(node("sum.default", "out", self={"as_string": "input"})),
    "a graph for a tensor": run(node("sum.default", "out", self={"as_graph": {"name": "g", "graph": {}}})),
    "an operator for a tensor": run(node("sum.default", "out", self={"as_operator": "os.system"})),
    "an object for a tensor": run(node("sum.default", "out", self={"as_custom_obj": {"name": "x", "class_fqn": "y"}})),
    "two kinds at once": run(node("sum.default", "out", self={"as_tensor": {"name": "input"}, "as_int": 1})),
    "a tensor for a size": run(node("full.default", "out", size=F, fill_value={"as_int": 1})),
    "a size for a tensor": sized(arithmetic("_operator.add", "s0", 1), node("sum.default", "x", self=tensor("s1"))),
    "a wide whole number": run(node("add.Tensor", "out", self=F, other={"as_int": 2**64})),
    "a bare infinity": graph(json.dumps(model(node("add.Tensor", "out", self=F, other={"as_float": float("inf")})))
                             .encode()),
    "half a number": run(node("select.int", "out", self=F, dim={"as_int": 0.5}, index={"as_int": 0})),
    "true for a number": run(node("select.int", "out", self=F, dim={"as_int": True}, index={"as_int": 0})),
    "a long equation": run(node("einsum.default", "out", equation={"as_string": "i" * 10_000},
                                tensors={"as_tensors": [{"name": "input"}]})),
    "an odd rounding": run(node("div.Tensor_mode", "out", self=F, other=F, rounding_mode={"as_string": "exec"})),
    "complex numbers": run(node("to.dtype", "out", self=F, dtype={"as_scalar_type": 10})),
    "a sparse layout": run(node("zeros_like.default", "out", self=F, layout={"as_layout": 1})),
    "more results than there are": changed(lambda g: g["graph_module"]["graph"]["nodes"][0].update(
        outputs=[tensor("out"), tensor("b")])),
    "fewer pieces than there are": run(
        {"target": "torch.ops.aten.unbind.int", "inputs": [argument("self", F)],
         "outputs": [{"as_tensors": [{"name": "out"}]}]}),
    # shapes
    "a terabyte": full(2**40),
    "a shape that wraps": full(2**32, 2**32),
    "a negative shape": full(-5),
    "a long range": run(node("arange.default", "a", end={"as_int": 10**14}), node("mean.default", "b", self=tensor("a")),
                        node("sum.default", "out", self=F)),
    "a fine range": run(node("arange.start_step", "out", start={"as_float": 0.0}, end={"as_float": 1e30},
                             step={"as_float": 1e-30})),
    "eyes": run(node("eye.default", "a", n={"as_int": 10**6}), node("sum.default", "out", self=tensor("a"))),
    "a line": run(node("linspace.default", "a", start={"as_int": 0}, end={"as_int": 1}, steps={"as_int": 10**11}),
                  node("sum.default", "out", self=tensor("a"))),
    "repeated": run(node("repeat.default", "a", self=F, repeats=ints(10**12)), node("sum.default", "out", self=tensor("a"))),
    "tiled": run(node("tile.default", "a", self=F, dims=ints(10**6, 10**6)), node("sum.default", "out", self=tensor("a"))),
    "expanded and summed": run(node("expand.default", "a", self=F, size=ints(10**12, 3)),
                               node("sum.default", "out", self=tensor("a"))),
    "one-hot": index("one_hot.default", 0, self=tensor("c"), num_classes={"as_int": 10**12}),
    "counted one-hot": index("one_hot.default", 0, self=tensor("c")),
    "padded": run(node("constant_pad_nd.default", "a", self=F, pad=ints(10**11, 10**11)),
                  node("sum.default", "out", self=tensor("a"))),
    "outer products": run(node("expand.default", "a", self=F, size=ints(10**6, 3)),
                          node("reshape.default", "b", self=tensor("a"), shape=ints(-1)),
                          node("outer.default", "c", self=tensor("b"), vec2=tensor("b")),
                          node("sum.default", "out", self=tensor("c"))),
    "a large product": run(node("full.default", "a", size=ints(10_000, 10_000), fill_value={"as_float": 1.0}),
                           node("mm.default", "b", self=tensor("a"), mat2=tensor("a")),
                           node("sum.default", "out", self=tensor("b"))),
    "doubling": run(*(node("cat.default", f"n{i}", tensors={"as_tensors": [{"name": f"n{i - 1}" if i else "input"}] * 2})
                      for i in range(60)), node("sum.default", "out", self=tensor("n59"))),
    "pairs of pairs": run(*(node("outer.default", f"n{i}", self=tensor(f"f{i - 1}" if i else "input"), vec2=F)
                            if half == 0 else node("ravel.default", f"f{i}", self=tensor(f"n{i}"))
                            for i in range(40) for half in (0, 1)), node("sum.default", "out", self=tensor("f39"))),
    "many pieces": run(node("full.default", "a", size=ints(10**7), fill_value={"as_float": 1.0}),
                       {"target": "torch.ops.aten.unbind.int", "inputs": [argument("self", tensor("a"))],
                        "outputs": [{"as_tensors": [{"name": "out"}]}]}),
    "many differences": run(node("diff.default", "a", self=F, n={"as_int": 10**9}), node("sum.default", "out", self=F)),
    "wide windows": run(node("unfold.default", "a", self=F, dimension={"as_int": 0}, size={"as_int": 10**6},
                             step={"as_int": 1}), node("sum.default", "out", self=tensor("a"))),
    "a step of 0": run(node("slice.Tensor", "a", self=F, step={"as_int": 0}), node("sum.default", "out", self=tensor("a"))),
    # sizes
    "powers": sized(arithmetic("_operator.pow", 10, 10**9)),
    "powers of powers": sized(arithmetic("_operator.pow", 2**40, 60)),
    "shifts": sized(arithmetic("_operator.lshift", 1, 10**9)),
    "division by 0": sized(arithmetic("_operator.floordiv", "s0", 0)),
    "roots below 0": sized(arithmetic("torch.sym_sqrt", -4)),
    "a huge size": sized(arithmetic("_operator.mul", "s0", 2**61)),
    "a size below 0": sized(arithmetic("_operator.sub", "s0", 10)),
    "a size without operands": sized(arithmetic("_operator.add", "s0")),
    # indices
    "gathered outside": index("gather.default", 3, self=F, dim={"as_int": 0}, index=tensor("c")),
    "selected outside": index("index_select.default", 10**9, self=F, dim={"as_int": 0}, index=tensor("c")),
    "selected below": index("index_select.default", -1, self=F, dim={"as_int": 0}, index=tensor("c")),
    "indexed outside": index("index.Tensor", 3, self=F, indices={"as_optional_tensors": [tensor("c")]}),
    "indexed far below": index("index.Tensor", -4, self=F, indices={"as_optional_tensors": [tensor("c")]}),
    "too many indices": index("index.Tensor", 0, self=F, indices={"as_optional_tensors": [tensor("c")] * 3}),
    "embedded outside": index("embedding.default", 3, weight=F, indices=tensor("c")),
    "sparse gradients": index("embedding.default", 0, weight=F, indices=tensor("c"), sparse={"as_bool": True}),
    "classes outside": index("cross_entropy_loss.default", 0, 1, 3, self=F, target=tensor("c")),
    "classes below": index("nll_loss.default", -1, 0, 0, self=F, target=tensor("c")),
    "margins outside": index("multi_margin_loss.default", 0, 0, 3, self=F, target=tensor("c")),
    "labels outside": index("multilabel_margin_loss.default", 0, 1, 7, self=F, target=tensor("c")),
    "scattered outside": index("scatter_add.default", 5, self=F, dim={"as_int": 0}, index=tensor("c"), src=F),
    "written outside": index("index_put.default", 5, self=F, indices={"as_optional_tensors": [tensor("c")]}, values=F),
    "along no dimension": index("gather.default", 0, self=F, dim={"as_int": 10**9}, index=tensor("c")),
    "the least by -1": index("div.Tensor_mode", -(2**63), self=tensor("c"), other={"as_int": -1},
                             rounding_mode={"as_string": "trunc"}),
    "whole numbers by 0": index("remainder.Scalar", 1, self=tensor("c"), other={"as_int": 0}),
    "into a constant": index("add_.Tensor", 1, self=tensor("c"), other={"as_int": 1}),
    # what changes things
    "into an input": run(node("mul_.Tensor", "a", self=F, other={"as_float": 0.0}), node("sum.default", "out", self=F)),
    "into a view of an input": run(node("view.default", "a", self=F, size=ints(3)), node("zero_.default", "b", self=tensor("a")),
                                   node("sum.default", "out", self=F)),
    "running statistics": run(
        node("unsqueeze.default", "a", self=F, dim={"as_int": 0}),
        node("batch_norm.default", "b", input=tensor("a"), weight={"as_none": True}, bias={"as_none": True},
             running_mean=F, running_var=F, training={"as_bool": True}, momentum={"as_float": 0.1},
             eps={"as_float": 1e-5}, cudnn_enabled={"as_bool": False}),
        node("sum.default", "out", self=tensor("b"))),
    "dropout": run(node("dropout.default", "out", input=F, p={"as_float": 0.5}, train={"as_bool": True})),
    "no float": run(node("argmax.default", "out", self=F)),
    **{f"operator {name}": run(node(name, "out", self=F)) for name in OPERATORS},
    **{f"target {name}": run({"target": name, "inputs": [argument("self", F)], "outputs": [tensor("out")]})
       for name in TARGETS},
    **{f"size {number}": size(text) for number, text in enumerate(SIZES)},
}  # fmt: skip
REASONS = ("BAD_PROGRAM", "LIMIT_EXCEEDED", "SHAPE_MISMATCH", "DTYPE_MISMATCH", "VALUE_OUT_OF_RANGE", "UNSUPPORTED")


def request(archive: bytes, sha256: str = "", name: str = "") -> evaluation.EvaluateLossRequest:
    program = loss_pb2.LossSpec(program=loss_pb2.Program(archive=archive, sha256=sha256))
    two = b'"w"' in archive
    square = archive.count(b'{"as_int": 3}, {"as_int": 3}') > 0
    given = floats(1, 2) if two else floats(*range(9), shape=[3, 3]) if square else floats(1, 2, 3)
    return evaluate(program, ["*"], input=given)


def test_what_is_not_hostile_is_answered(attacker: Attacker) -> None:
    """The archives that the attacks are made from are honest programs."""
    for archive, value in ((graph(GOOD), 6.0), (pack(weighted()), 5.0)):
        given = attacker.call("EvaluateLoss", request(archive))
        assert given.code == "OK", given
        assert evaluation.EvaluateLossResponse.FromString(given.response).value == value


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_program_is_refused(attacker: Attacker, name: str) -> None:
    """INVALID_ARGUMENT at once, in words that give nothing away; nothing ran, and memory is as it was."""
    before = attacker.server.resident()
    given = attacker.refused("EvaluateLoss", request(CASES[name]), *REASONS)
    assert given.field.startswith(("loss", "inputs.input")), given
    assert not Path(MARK).exists()
    assert attacker.server.resident() - before < 700 * 2**20, "what was refused was allocated"


def test_hashes_that_are_none_or_another_archives(attacker: Attacker) -> None:
    """What is kept is kept under the hash that the server found, and nothing is found under another."""
    good = graph(GOOD)
    for sha256 in ("0" * 64, "A" * 64, "../../etc/passwd", "x" * 10**5):
        assert_refused(attacker.call("EvaluateLoss", request(good, sha256)), "BAD_PROGRAM", field="loss.program.sha256")
    for sha256 in ("", "A" * 64, "0" * 63, "../../etc/passwd"):
        assert_refused(attacker.call("EvaluateLoss", request(b"", sha256)), "BAD_PROGRAM", field="loss.program.sha256")
    missing = attacker.call("EvaluateLoss", request(b"", hashlib.sha256(b"nobody").hexdigest()))
    assert (missing.code, missing.reason) == ("NOT_FOUND", "PROGRAM_NOT_FOUND")


def test_no_file_is_opened_and_nothing_started(tmp_path: Path) -> None:
    """Hard, by the interpreter's own audit: reading and refusing all of these opens, imports and starts nothing."""
    worker = oracle.new_worker()
    message = request(graph(GOOD))
    oracle.run(worker, "EvaluateLoss", message, (), evaluation.EvaluateLossResponse)
    seen: list[str] = []
    watching = [False]
    refused = ("open", "os.system", "subprocess.Popen", "os.exec", "os.fork", "socket.connect", "pickle.find_class",
               "os.posix_spawn", "ctypes.dlopen", "exec", "compile", "shutil.unpack_archive", "os.remove")  # fmt: skip

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if watching[0] and event in refused:
            path = str(arguments[0]) if arguments else ""
            if not path.startswith((sys.prefix, sys.base_prefix)) and "/site-packages/" not in path:
                seen.append(f"{event} {path:.80}")

    sys.addaudithook(audit)
    for name, archive in CASES.items():
        if name in ("a bomb", "a million nodes"):
            continue
        try:
            watching[0] = name.startswith(("a pickle", "size", "target", "operator", "guards", "parent", "absolute"))
            oracle.run(worker, "EvaluateLoss", request(archive), (), evaluation.EvaluateLossResponse)
            raise AssertionError(f"{name} was answered")
        except oracle.Refused as error:
            assert error.code == 3, name
        finally:
            watching[0] = False
    assert seen == []


def test_a_program_that_lasts_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is looked at between operators: many heavy ones are ended, and the next request is served."""
    worker: Worker = oracle.new_worker()
    heavy = request(chain("lgamma.default", 3000))
    heavy.inputs["input"].CopyFrom(floats(1, 2, 3))
    monkeypatch.setattr(program_module, "MAX_PROGRAM_SECONDS", 0.001)
    with pytest.raises(oracle.Refused, match="longer") as refused:
        oracle.run(worker, "EvaluateLoss", heavy, (), evaluation.EvaluateLossResponse)
    assert refused.value.reason == "LIMIT_EXCEEDED"
    monkeypatch.undo()
    oracle.run(worker, "EvaluateLoss", heavy, (), evaluation.EvaluateLossResponse)


def test_constants_stay_as_they_are() -> None:
    """A program evaluated many times gives the same bits each time: it cannot write into what it brought."""
    worker = oracle.new_worker()
    message = request(pack(weighted()))
    values = {
        oracle.run(worker, "EvaluateLoss", message, (), evaluation.EvaluateLossResponse)[0].value for _ in range(5)
    }
    assert values == {5.0}


def test_the_limit_of_memory_is_real() -> None:
    """The peak of this process after all of these is far from what the shapes asked for."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 * 2**20
    assert torch.get_num_threads() >= 1
