from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reduction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REDUCTION_UNSPECIFIED: _ClassVar[Reduction]
    REDUCTION_NONE: _ClassVar[Reduction]
    REDUCTION_MEAN: _ClassVar[Reduction]
    REDUCTION_SUM: _ClassVar[Reduction]
    REDUCTION_BATCHMEAN: _ClassVar[Reduction]
REDUCTION_UNSPECIFIED: Reduction
REDUCTION_NONE: Reduction
REDUCTION_MEAN: Reduction
REDUCTION_SUM: Reduction
REDUCTION_BATCHMEAN: Reduction

class LossSpec(_message.Message):
    __slots__ = ("allow_broadcast", "weighted_sum", "expression", "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "cross_entropy_loss", "nll_loss", "poisson_nll_loss", "kl_div_loss", "bce_loss", "bce_with_logits_loss", "ctc_loss")
    ALLOW_BROADCAST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_SUM_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    L1_LOSS_FIELD_NUMBER: _ClassVar[int]
    MSE_LOSS_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_L1_LOSS_FIELD_NUMBER: _ClassVar[int]
    HUBER_LOSS_FIELD_NUMBER: _ClassVar[int]
    CROSS_ENTROPY_LOSS_FIELD_NUMBER: _ClassVar[int]
    NLL_LOSS_FIELD_NUMBER: _ClassVar[int]
    POISSON_NLL_LOSS_FIELD_NUMBER: _ClassVar[int]
    KL_DIV_LOSS_FIELD_NUMBER: _ClassVar[int]
    BCE_LOSS_FIELD_NUMBER: _ClassVar[int]
    BCE_WITH_LOGITS_LOSS_FIELD_NUMBER: _ClassVar[int]
    CTC_LOSS_FIELD_NUMBER: _ClassVar[int]
    allow_broadcast: bool
    weighted_sum: WeightedSum
    expression: Expression
    l1_loss: L1Loss
    mse_loss: MSELoss
    smooth_l1_loss: SmoothL1Loss
    huber_loss: HuberLoss
    cross_entropy_loss: CrossEntropyLoss
    nll_loss: NLLLoss
    poisson_nll_loss: PoissonNLLLoss
    kl_div_loss: KLDivLoss
    bce_loss: BCELoss
    bce_with_logits_loss: BCEWithLogitsLoss
    ctc_loss: CTCLoss
    def __init__(self, allow_broadcast: bool = ..., weighted_sum: _Optional[_Union[WeightedSum, _Mapping]] = ..., expression: _Optional[_Union[Expression, _Mapping]] = ..., l1_loss: _Optional[_Union[L1Loss, _Mapping]] = ..., mse_loss: _Optional[_Union[MSELoss, _Mapping]] = ..., smooth_l1_loss: _Optional[_Union[SmoothL1Loss, _Mapping]] = ..., huber_loss: _Optional[_Union[HuberLoss, _Mapping]] = ..., cross_entropy_loss: _Optional[_Union[CrossEntropyLoss, _Mapping]] = ..., nll_loss: _Optional[_Union[NLLLoss, _Mapping]] = ..., poisson_nll_loss: _Optional[_Union[PoissonNLLLoss, _Mapping]] = ..., kl_div_loss: _Optional[_Union[KLDivLoss, _Mapping]] = ..., bce_loss: _Optional[_Union[BCELoss, _Mapping]] = ..., bce_with_logits_loss: _Optional[_Union[BCEWithLogitsLoss, _Mapping]] = ..., ctc_loss: _Optional[_Union[CTCLoss, _Mapping]] = ...) -> None: ...

class L1Loss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MSELoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SmoothL1Loss(_message.Message):
    __slots__ = ("beta", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class HuberLoss(_message.Message):
    __slots__ = ("delta", "reduction")
    DELTA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    delta: float
    reduction: Reduction
    def __init__(self, delta: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CrossEntropyLoss(_message.Message):
    __slots__ = ("weight", "ignore_index", "label_smoothing", "reduction")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    weight: _tensor_pb2.Tensor
    ignore_index: int
    label_smoothing: float
    reduction: Reduction
    def __init__(self, weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., ignore_index: _Optional[int] = ..., label_smoothing: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class NLLLoss(_message.Message):
    __slots__ = ("weight", "ignore_index", "reduction")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    weight: _tensor_pb2.Tensor
    ignore_index: int
    reduction: Reduction
    def __init__(self, weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class PoissonNLLLoss(_message.Message):
    __slots__ = ("log_input", "full", "eps", "reduction")
    LOG_INPUT_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    log_input: bool
    full: bool
    eps: float
    reduction: Reduction
    def __init__(self, log_input: bool = ..., full: bool = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class KLDivLoss(_message.Message):
    __slots__ = ("log_target", "reduction")
    LOG_TARGET_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    log_target: bool
    reduction: Reduction
    def __init__(self, log_target: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class BCELoss(_message.Message):
    __slots__ = ("weight", "reduction")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    weight: _tensor_pb2.Tensor
    reduction: Reduction
    def __init__(self, weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class BCEWithLogitsLoss(_message.Message):
    __slots__ = ("weight", "pos_weight", "reduction")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    POS_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    weight: _tensor_pb2.Tensor
    pos_weight: _tensor_pb2.Tensor
    reduction: Reduction
    def __init__(self, weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., pos_weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CTCLoss(_message.Message):
    __slots__ = ("blank", "zero_infinity", "reduction")
    BLANK_FIELD_NUMBER: _ClassVar[int]
    ZERO_INFINITY_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    blank: int
    zero_infinity: bool
    reduction: Reduction
    def __init__(self, blank: _Optional[int] = ..., zero_infinity: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class WeightedSum(_message.Message):
    __slots__ = ("terms",)
    TERMS_FIELD_NUMBER: _ClassVar[int]
    terms: _containers.RepeatedCompositeFieldContainer[WeightedTerm]
    def __init__(self, terms: _Optional[_Iterable[_Union[WeightedTerm, _Mapping]]] = ...) -> None: ...

class WeightedTerm(_message.Message):
    __slots__ = ("label", "weight", "loss", "inputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LABEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    label: str
    weight: float
    loss: LossSpec
    inputs: _containers.ScalarMap[str, str]
    def __init__(self, label: _Optional[str] = ..., weight: _Optional[float] = ..., loss: _Optional[_Union[LossSpec, _Mapping]] = ..., inputs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("source",)
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    def __init__(self, source: _Optional[str] = ...) -> None: ...
