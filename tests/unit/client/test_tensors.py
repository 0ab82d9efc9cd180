"""Arrays survive the way to the wire and back, whatever library, order, layout or size they come in."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from lossd import InvalidArgument, tensors
from lossd.framing import Buffer
from lossd.v1 import tensor_pb2

PLAIN = [name for name in tensors.NUMBERS if not name.startswith(("bfloat", "float8"))]
arrays = st.sampled_from(PLAIN).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


def sent(value: object, *, floating: bool = True, attach: bool = True) -> tuple[tensor_pb2.Tensor, list[Buffer]]:
    message, attachments = tensor_pb2.Tensor(), list[Buffer]()
    tensors.write(message, value, attachments if attach else None, floating=floating, field="inputs.input")
    return message, attachments


def returned(value: object, *, floating: bool = True) -> tensors.Array:
    return tensors.read(*sent(value, floating=floating))


@given(arrays)
def test_every_element_type_and_shape_returns_as_it_was(array: np.ndarray) -> None:
    """Explicit types are kept; the result cannot be written to."""
    back = returned(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert not back.flags.writeable


@given(arrays, st.randoms())
def test_layout_and_byte_order_do_not_matter(array: np.ndarray, random: object) -> None:
    """Transposed, strided, reversed and big-endian arrays are sent as what they mean."""
    for view in (array.T, array[..., ::-1] if array.ndim else array, array[::2] if array.ndim else array):
        assert np.array_equal(returned(view), view, equal_nan=view.dtype.kind == "f")
        swapped = view.astype(view.dtype.newbyteorder(">"))
        assert returned(swapped).tobytes() == np.ascontiguousarray(view).tobytes()


@pytest.mark.parametrize("count", [tensors.ATTACHMENT_BYTES - 1, tensors.ATTACHMENT_BYTES])
def test_large_arrays_are_attached_without_a_copy(count: int) -> None:
    """64 KiB is the border, and an attachment looks into the caller's own memory."""
    array = np.arange(count, dtype=np.uint8)
    message, attachments = sent(array)
    if count < tensors.ATTACHMENT_BYTES:
        assert message.WhichOneof("data") == "raw"
        assert not attachments
    else:
        assert message.WhichOneof("data") == "attachment"
        assert np.shares_memory(np.frombuffer(attachments[0], np.uint8), array)
    assert np.array_equal(tensors.read(message, attachments), array)


def test_results_are_views_of_the_received_bytes() -> None:
    received = memoryview(np.arange(4, dtype="<f4").tobytes())
    message = tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2, 2], attachment=0)
    array = tensors.read(message, [received])
    assert np.shares_memory(array, np.frombuffer(received, np.uint8))
    assert not array.flags.writeable


@pytest.mark.parametrize(
    ("value", "floating", "dtype"),
    [
        ([78, 85, 92], True, "float32"),
        ([0, 2], False, "int64"),
        ([[0.1, 0.9]], False, "float32"),
        ([True, False], True, "float32"),
        ([], True, "float32"),
        ([], False, "int64"),
        ([[], []], False, "int64"),
        (3, True, "float32"),
        (3, False, "int64"),
        (2.5, False, "float32"),
        (np.float64(2.5), True, "float64"),
        ([np.array([1.0]), np.array([2.0])], True, "float64"),
        (np.array([1, 2], np.int32), True, "int32"),
        ([["NaN", 1], ["Infinity", "-Infinity"]], True, "float32"),
        (["NaN", 1], False, "float32"),
    ],
)
def test_plain_numbers_take_the_type_that_the_input_wants(value: object, floating: bool, dtype: str) -> None:
    """Only numbers without a type of their own are converted."""
    back = returned(value, floating=floating)
    assert back.dtype == dtype
    assert np.array_equal(back, np.asarray(value, dtype), equal_nan=dtype.startswith("float"))


class Framed:
    """Has `__array__` and no dtype, as data frames do."""

    def __init__(self, array: object) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: bool | None = None) -> object:
        return self.array


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["torch", "list", "numpy", "big-endian", "array protocol"])
def test_plain_numbers_take_the_type_of_the_arrays_beside_them(name: str, kind: str) -> None:
    """Of the first floating one, wherever it stands; the bits are those of torch.tensor."""
    numbers = [0.1, -1 / 3, 1.00390625, 1.01171875, 65504.0, 3e38, 1e-40, float("inf"), float("nan")]
    array = torch.ones(2, dtype=getattr(torch, name))
    if name != "bfloat16" and kind not in ("torch", "list"):
        array = array.numpy()
        array = array.astype(array.dtype.newbyteorder(">")) if kind == "big-endian" else array
        array = Framed(array) if kind == "array protocol" else array
    floats = tensors.floating_type([[1, 2], 3.5, [], np.zeros(1, int), [[array]] if kind == "list" else array, 2.0])
    assert tensors.dtype_name(floats) == name
    message = tensor_pb2.Tensor()
    tensors.write(message, numbers, None, floats=floats)
    expected = torch.tensor(numbers, dtype=getattr(torch, name))
    bits = np.frombuffer(message.raw, {2: np.int16, 4: np.int32, 8: np.int64}[expected.element_size()])
    whole = expected.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[expected.element_size()]).numpy()
    assert (message.dtype, list(message.shape)) == (floats, [9])
    assert np.array_equal(bits, whole)


def test_plain_numbers_alone_are_float32() -> None:
    for values in ([], [Framed(None)], [[1.0], 2], [np.array([1]), [0.5]], [torch.ones(2).bool()], ["word", None]):
        assert tensors.dtype_name(tensors.floating_type(values)) == "float32"


def test_whole_numbers_for_an_index_stay_so_beside_floats() -> None:
    message = tensor_pb2.Tensor()
    tensors.write(message, [0, 1], None, floating=False, floats=tensors.dtype_number("float64"))
    assert tensors.read(message, ()).dtype == "int64"


def test_numbers_over_the_range_of_float32_become_infinite_as_in_torch() -> None:
    assert returned([1e300]) == np.inf == torch.tensor([1e300]).numpy()


@pytest.mark.parametrize(
    "value",
    [[[1.0], [2.0, 3.0]], ["a"], [None], "text", {"a": 1}, [1 << 70], object(), np.ma.masked_array([1.0], [True])],
)
def test_what_is_no_array_of_numbers_is_refused(value: object) -> None:
    """The error names the field."""
    with pytest.raises(InvalidArgument) as caught:
        sent(value)
    assert (caught.value.field, caught.value.reason) == ("inputs.input", "BAD_VALUES")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([[1.0], [2.0, 3.0]], "rows differ: (1,) and (2,); all need one shape"),
        ([[1], 2], "rows differ: (1,) and (); all need one shape"),
        (["a"], "'a' is no number"),
        (["NaN", "1.0"], "'1.0' is no number"),
        ([None], "None is no number"),
        ({"a": 1}, "{'a': 1} is no number"),
        ([1 << 70], "more than 64 bits"),
    ],
)
def test_refusals_are_in_words_of_our_own(value: object, says: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        sent(value)
    assert says in caught.value.message


def test_lists_nested_too_deeply_are_refused() -> None:
    deep: object = 1.0
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidArgument, match="64 levels"):
        sent(deep)


@pytest.mark.parametrize("value", [np.array([1j]), np.array(["2020-01-01"], "datetime64[D]"), np.array(["a"])])
def test_element_types_that_no_loss_knows_are_refused(value: object) -> None:
    with pytest.raises(InvalidArgument, match="expected one of float32") as caught:
        sent(value)
    assert caught.value.reason == "DTYPE_MISMATCH"


@pytest.mark.parametrize("ml_dtypes", [True, False], ids=["ml_dtypes", "numpy"])
@pytest.mark.parametrize("name", tensors.NUMBERS)
def test_torch_tensors_of_every_type(name: str, ml_dtypes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is not imported by the client: the tensor's own module is. ml_dtypes is used where it is installed."""
    if not ml_dtypes:
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # as if it were not
    dtype = getattr(torch, name)
    codes = torch.arange(256, dtype=torch.uint8)
    tensor = codes.to(dtype) if dtype.itemsize > 1 or name in ("int8", "uint8", "bool") else codes.view(dtype)
    message, attachments = sent(tensor)
    assert message.dtype == tensors.NUMBERS[name]
    assert message.raw == tensor.view(torch.uint8).numpy().tobytes()
    back = tensors.read(message, attachments)
    if name not in PLAIN:
        assert back.dtype.name == (name if ml_dtypes else "float32")
        back = back.astype(np.float32)
    exact = tensor if name in PLAIN else tensor.float()
    assert np.array_equal(back, exact.numpy(), equal_nan=back.dtype.kind == "f")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, 3, requires_grad=True),
        torch.arange(6.0).reshape(2, 3).T,
        torch.tensor(2.5, dtype=torch.bfloat16),
        torch.arange(6.0).reshape(2, 3).T.to(torch.bfloat16),
        torch.ones(2).neg(),
        torch._neg_view(torch.ones(2)),
    ],
)
def test_torch_tensors_of_every_layout(tensor: torch.Tensor) -> None:
    assert np.array_equal(returned(tensor), tensor.detach().resolve_neg().float().numpy())


def test_lists_of_torch_tensors_are_stacked() -> None:
    rows = [torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)]
    assert sent(rows)[0].dtype == tensor_pb2.DATA_TYPE_BFLOAT16
    with pytest.raises(InvalidArgument, match="differ in element type"):
        sent([torch.ones(2), torch.ones(2, dtype=torch.float64)])


def test_sparse_tensors_are_refused() -> None:
    with pytest.raises(InvalidArgument):
        sent(torch.eye(2).to_sparse())


class OnlyDlpack:
    """A foreign array that offers DLPack and nothing else."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> object:
        return self.array.__dlpack_device__()


def test_dlpack_alone_is_enough() -> None:
    assert np.array_equal(returned(OnlyDlpack(np.array([1.5, 2.5]))), [1.5, 2.5])


@settings(max_examples=20)
@given(st.sampled_from([*tensors.NUMBERS, "torch.float32", np.dtype("int8"), np.float32, torch.bool]))
def test_element_types_by_any_name(dtype: object) -> None:
    name = str(np.dtype(dtype) if isinstance(dtype, type) else dtype).removeprefix("torch.")
    assert tensors.dtype_number(dtype) == tensors.NUMBERS[name]


def test_unknown_element_types_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="complex64"):
        tensors.dtype_number("complex64", field="inputs.input")


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidArgument):
        tensors.elements(endless, floating=True, field="inputs.input")


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_values_are_read_as_arrays(dtype: str) -> None:
    """As a loss's weights that a person wrote, or that were recommended, come back."""
    rows = [[1, "NaN"], [0, 1]] if "float" in dtype else [[1, 1], [0, 1]]
    message = json_format.ParseDict({"values": rows}, tensor_pb2.Tensor(dtype=tensors.dtype_number(dtype)))
    array = tensors.read(message, ())
    assert (array.dtype, array.shape) == (np.dtype(dtype), (2, 2))
    assert array[1].tolist() == [0, 1]
    assert array.dtype.kind != "f" or np.isnan(array[0, 1])
