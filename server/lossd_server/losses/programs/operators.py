"""The operators of ATen that a program may use, and what each needs looked at before it runs.

They are those that losses are written with: elementwise arithmetic, reductions, products of matrices, views,
sorting, gathering, and torch's own losses undivided, so that bits are those of eager torch. Missing on purpose is
whatever draws random numbers, shows memory as it lies (as_strided, set_, empty, resize_, storages, views as another
type), has results whose shape depends on data, opens files, calls back into Python, or reads past its inputs when
they are wrong (CTC).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses.programs import layers, rules
from lossd_server.losses.programs.fields import bad, quoted

Arguments = Mapping[str, Any]
Rule = Callable[[Arguments], None]

_ELEMENTWISE = """
abs acos acosh addcdiv addcmul angle asin asinh atan atanh atan2 bitwise_not ceil celu clamp clamp.Tensor clamp_max
clamp_max.Tensor clamp_min clamp_min.Tensor copysign.Scalar copysign.Tensor cos cosh deg2rad digamma elu erf erfc erfinv
exp exp2 expm1 floor fmax fmin frac gelu glu hardshrink hardsigmoid hardswish hardtanh heaviside hypot isfinite isinf
isnan isneginf isposinf leaky_relu lerp.Scalar lerp.Tensor lgamma log log10 log1p log2 log_sigmoid logaddexp logaddexp2
logical_and logical_not logical_or logical_xor logit maximum minimum mish mvlgamma nan_to_num neg negative polygamma
positive prelu rad2deg reciprocal relu relu6 round round.decimals rsqrt rsub.Scalar rsub.Tensor selu sgn sigmoid sign
signbit silu sin sinc sinh softplus softshrink special_entr special_erfcx special_i0e special_i1e special_log_ndtr
special_ndtr special_ndtri special_xlog1py special_zeta sqrt square tan tanh threshold trunc xlogy.Tensor
xlogy.Scalar_Other xlogy.Scalar_Self
add.Tensor add.Scalar sub.Tensor sub.Scalar subtract.Tensor mul.Tensor mul.Scalar multiply.Tensor div.Tensor div.Scalar
divide.Tensor true_divide.Tensor pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar float_power.Tensor_Scalar
eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor ge.Scalar
greater.Tensor greater_equal.Tensor less.Tensor less_equal.Tensor not_equal.Tensor isclose
__and__.Tensor __and__.Scalar __or__.Tensor __or__.Scalar __xor__.Tensor __xor__.Scalar bitwise_and.Tensor
bitwise_or.Tensor bitwise_xor.Tensor
where.self where.Scalar where.ScalarOther where.ScalarSelf masked_fill.Scalar masked_fill.Tensor bucketize.Tensor
"""
_REDUCTIONS = """
all all.dim all.dims any any.dim any.dims amax amin aminmax argmax argmin argsort argsort.stable count_nonzero
count_nonzero.dim_IntList cummax cummin cumprod cumsum logcumsumexp logsumexp max max.dim max.other min
min.dim min.other
mean mean.dim median median.dim nanmean nanmedian nanmedian.dim nansum norm.Scalar norm.ScalarOpt_dim
norm.ScalarOpt_dim_dtype frobenius_norm.dim linalg_norm linalg_vector_norm prod prod.dim_int
kthvalue sort sort.stable topk std std.dim std.correction std_mean.dim std_mean.correction sum sum.dim_IntList trace var
var.dim var.correction var_mean.dim var_mean.correction
softmax.int log_softmax.int special_softmax special_log_softmax _softmax _log_softmax _safe_softmax
layer_norm group_norm rms_norm
"""
_PRODUCTS = """
addmm addmv baddbmm bilinear bmm cdist cosine_similarity cross dot einsum inner kron linear linalg_cross linalg_matmul
linalg_vecdot matmul mm mv outer pairwise_distance pdist tensordot vdot
"""
_LOSSES = """
binary_cross_entropy_with_logits cosine_embedding_loss hinge_embedding_loss huber_loss kl_div l1_loss
margin_ranking_loss mse_loss poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss
"""
_VIEWS = """
adjoint alias atleast_1d atleast_2d block_diag broadcast_tensors broadcast_to cat clone column_stack concat concatenate
constant_pad_nd contiguous contiguous detach detach_copy diag diag_embed diagonal expand expand_as
flatten.using_ints flip
fliplr flipud hstack lift_fresh_copy mH mT meshgrid meshgrid.indexing movedim.int movedim.intlist moveaxis.int
narrow numpy_T pad permute ravel repeat repeat_interleave.self_int reshape reshape_as roll select.int slice.Tensor
slice_scatter select_scatter squeeze squeeze.dim squeeze.dims stack swapaxes swapdims t tile transpose.int tril triu
type_as unflatten.int unfold unsqueeze view view_as vstack
to.dtype to.dtype_layout to.device to.other _to_copy
"""
_FACTORIES = """
arange arange.start arange.start_step eye eye.m full full_like linspace new_full new_ones new_zeros ones ones_like
scalar_tensor zeros zeros_like
"""
_IN_PLACE = """
abs_ add_.Tensor add_.Scalar addcdiv_ addcmul_ clamp_ clamp_max_ clamp_min_ copy_ cumsum_ detach_ div_.Tensor
div_.Scalar
exp_ fill_.Scalar fill_.Tensor log_ masked_fill_.Scalar masked_fill_.Tensor mul_.Tensor mul_.Scalar neg_ pow_.Scalar
reciprocal_ relu_ sigmoid_ sqrt_ square_ sub_.Tensor sub_.Scalar tanh_ unsqueeze_ squeeze_.dim zero_
"""
_CHECKED: dict[str, Rule] = {
    "argsort.stable": rules.nothing,
    "batch_norm": rules.no_running_statistics,
    "binary_cross_entropy": rules.probabilities,
    "chunk": rules.pieces,
    "cross_entropy_loss": rules.class_targets,
    "diff": rules.few_differences,
    "div.Scalar_mode": rules.divisors,
    "div.Tensor_mode": rules.divisors,
    "div_.Scalar_mode": rules.divisors,
    "div_.Tensor_mode": rules.divisors,
    "dropout": rules.no_dropout,
    "embedding": rules.rows,
    "floor_divide": rules.divisors,
    "floor_divide.Scalar": rules.divisors,
    "fmod.Scalar": rules.divisors,
    "fmod.Tensor": rules.divisors,
    "gather": rules.along_dimension,
    "index.Tensor": rules.positions,
    "index_add": rules.along_dimension,
    "index_put": rules.positions,
    "index_put_": rules.positions,
    "index_select": rules.along_dimension,
    "instance_norm": rules.no_running_statistics,
    "multi_margin_loss": rules.class_targets,
    "multilabel_margin_loss": rules.label_lists,
    "nll_loss": rules.class_targets,
    "nll_loss2d": rules.class_targets,
    "nll_loss_nd": rules.class_targets,
    "one_hot": rules.classes,
    "quantile": rules.quantiles,
    "quantile.scalar": rules.quantiles,
    "nanquantile": rules.quantiles,
    "nanquantile.scalar": rules.quantiles,
    "remainder.Scalar": rules.divisors,
    "remainder.Tensor": rules.divisors,
    "scatter.reduce": rules.along_dimension,
    "scatter.src": rules.along_dimension,
    "scatter.value": rules.along_dimension,
    "scatter_.src": rules.along_dimension,
    "scatter_.value": rules.along_dimension,
    "scatter_add": rules.along_dimension,
    "scatter_add_": rules.along_dimension,
    "scatter_reduce.two": rules.along_dimension,
    "split.Tensor": rules.pieces,
    "split_with_sizes": rules.pieces,
    "take_along_dim": rules.along_dimension,
    "tensor_split.sections": rules.pieces,
    "unbind.int": rules.pieces,
}
"""Operators that trust their arguments, and who looks at those first."""

_RULES: dict[str, Rule] = {
    **{
        name: rules.nothing
        for names in (_ELEMENTWISE, _REDUCTIONS, _PRODUCTS, _LOSSES, _VIEWS, _FACTORIES, _IN_PLACE)
        for name in names.split()
    },
    **_CHECKED,
}
_MODEL_RULES = _RULES | layers.RULES
NAMES = tuple(sorted(_RULES))
"""Every operator of losses, as torch calls it but for `.default`."""
MODEL_NAMES = tuple(sorted(_MODEL_RULES))
"""Every operator of models."""

_PREFIX = "torch.ops.aten."
_HIGHER = "torch.ops.higher_order."
_REMEDIES = {
    "eq ge gt le lt ne _assert_scalar masked_select nonzero nonzero_static unique_dim _unique2": (
        "instead of selecting by a mask, multiply by it or use torch.where"
    ),
    "item _local_scalar_dense": "keep the number as a tensor, without item() or float()",
    "cond while_loop": "instead of branching on data, use torch.where",
    "wrap_with_set_grad_enabled": "instead of a torch.no_grad() region, use detach()",
    "wrap_with_autocast": "instead of an autocast region, convert with to()",
    "alpha_dropout bernoulli bernoulli_ exponential_ feature_alpha_dropout feature_dropout multinomial native_dropout "
    "normal normal_ poisson rand rand_like randint randint_like randn randn_like randperm rrelu uniform_": (
        "programs draw no random numbers: export the module in eval(), or give the numbers as an input; a model may "
        "have layers of dropout"
    ),
}
"""What to do without operators that modules often have, by their names without overload."""
SKIPPED = {"torch.ops.aten._assert_tensor_metadata.default"}
"""What an exported graph may hold that computes nothing: element types are checked anyhow."""


@dataclass(frozen=True)
class Parameter:
    """One argument of an operator: its name, torch's word for its type, and how it is given."""

    name: str
    type: str
    optional: bool
    required: bool
    by_name: bool


@dataclass(frozen=True)
class Operator:
    """An operator, what it takes, and what must be looked at before it runs.

    Args:
        name: as torch calls it, for messages.
        run: torch's own overload.
        rule: refuses arguments that the kernel must not see.
        parameters: by name, in torch's order.
        mutates: whether it writes into its first argument.
        results: how many tensors it returns; None for a list of them.
        flag: the argument that says whether it is in training, in a model; "" if it has none.
    """

    name: str
    run: Callable[..., Any]
    rule: Rule
    parameters: Mapping[str, Parameter]
    mutates: bool
    results: int | None
    flag: str = ""


def find(target: str, where: str, model: bool = False) -> Operator:
    """The operator that a graph calls `target`, of those that losses may use, or models.

    >>> find("torch.ops.aten.add.Tensor", "here").name
    'add.Tensor'
    """
    name = target.removeprefix(_PREFIX).removesuffix(".default")
    known = _MODEL_RULES if model else _RULES
    if not target.startswith(_PREFIX) or name not in known or target.count(".") != 4:
        raise bad(f"the operator {quoted(target)} is not one that programs may use{_remedy(target)}", where)
    return _operator(name, model)


def _remedy(target: str) -> str:
    """What to do without an operator, where that is known."""
    name = target.rpartition(".")[2] if target.startswith("_operator.") else target.split(".")[-2:][0]
    name = target.removeprefix(_HIGHER) if target.startswith(_HIGHER) else name
    return next((f"; {remedy}" for names, remedy in _REMEDIES.items() if name in names.split()), "")


@cache
def _operator(name: str, model: bool) -> Operator:
    packet, _, overload = name.partition(".")
    run = getattr(getattr(torch.ops.aten, packet), overload or "default")
    arguments = run._schema.arguments
    parameters = {}
    for argument in arguments:
        kind = str(argument.real_type)
        inner = kind.removeprefix("Optional[").removesuffix("]") if kind.startswith("Optional[") else kind
        parameters[argument.name] = Parameter(
            argument.name, inner, kind != inner, not argument.has_default_value(), argument.kwarg_only
        )
    writes = bool(arguments) and arguments[0].alias_info is not None and arguments[0].alias_info.is_write
    returns = run._schema.returns
    listed = len(returns) == 1 and str(returns[0].type) == "List[Tensor]"
    rule, flag = (_MODEL_RULES[name], layers.FLAGS.get(name, "")) if model else (_RULES[name], "")
    return Operator(name, run, rule, parameters, writes, None if listed else len(returns), flag)


def refuse_mutation(operator: Operator, target: Tensor, kept: set[int]) -> None:
    """Refuses to write into an input, a parameter or a constant, or a view of one."""
    if target.untyped_storage()._cdata in kept:
        raise Fault(
            "BAD_PROGRAM",
            f"{operator.name} would write into an input, a parameter or a buffer; let the module clone it first",
            field="loss.program",
        )
