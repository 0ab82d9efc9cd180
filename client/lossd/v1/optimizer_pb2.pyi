from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdjustLrFn(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADJUST_LR_FN_UNSPECIFIED: _ClassVar[AdjustLrFn]
    ADJUST_LR_FN_ORIGINAL: _ClassVar[AdjustLrFn]
    ADJUST_LR_FN_MATCH_RMS_ADAMW: _ClassVar[AdjustLrFn]
ADJUST_LR_FN_UNSPECIFIED: AdjustLrFn
ADJUST_LR_FN_ORIGINAL: AdjustLrFn
ADJUST_LR_FN_MATCH_RMS_ADAMW: AdjustLrFn

class OptimizerSpec(_message.Message):
    __slots__ = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "asgd", "rprop", "adafactor", "muon", "lbfgs", "sparse_adam", "groups")
    SGD_FIELD_NUMBER: _ClassVar[int]
    ADAM_FIELD_NUMBER: _ClassVar[int]
    ADAMW_FIELD_NUMBER: _ClassVar[int]
    RMSPROP_FIELD_NUMBER: _ClassVar[int]
    ADAGRAD_FIELD_NUMBER: _ClassVar[int]
    ADADELTA_FIELD_NUMBER: _ClassVar[int]
    ADAMAX_FIELD_NUMBER: _ClassVar[int]
    NADAM_FIELD_NUMBER: _ClassVar[int]
    RADAM_FIELD_NUMBER: _ClassVar[int]
    ASGD_FIELD_NUMBER: _ClassVar[int]
    RPROP_FIELD_NUMBER: _ClassVar[int]
    ADAFACTOR_FIELD_NUMBER: _ClassVar[int]
    MUON_FIELD_NUMBER: _ClassVar[int]
    LBFGS_FIELD_NUMBER: _ClassVar[int]
    SPARSE_ADAM_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    sgd: SGD
    adam: Adam
    adamw: AdamW
    rmsprop: RMSprop
    adagrad: Adagrad
    adadelta: Adadelta
    adamax: Adamax
    nadam: NAdam
    radam: RAdam
    asgd: ASGD
    rprop: Rprop
    adafactor: Adafactor
    muon: Muon
    lbfgs: LBFGS
    sparse_adam: SparseAdam
    groups: _containers.RepeatedCompositeFieldContainer[ParameterGroup]
    def __init__(self, sgd: _Optional[_Union[SGD, _Mapping]] = ..., adam: _Optional[_Union[Adam, _Mapping]] = ..., adamw: _Optional[_Union[AdamW, _Mapping]] = ..., rmsprop: _Optional[_Union[RMSprop, _Mapping]] = ..., adagrad: _Optional[_Union[Adagrad, _Mapping]] = ..., adadelta: _Optional[_Union[Adadelta, _Mapping]] = ..., adamax: _Optional[_Union[Adamax, _Mapping]] = ..., nadam: _Optional[_Union[NAdam, _Mapping]] = ..., radam: _Optional[_Union[RAdam, _Mapping]] = ..., asgd: _Optional[_Union[ASGD, _Mapping]] = ..., rprop: _Optional[_Union[Rprop, _Mapping]] = ..., adafactor: _Optional[_Union[Adafactor, _Mapping]] = ..., muon: _Optional[_Union[Muon, _Mapping]] = ..., lbfgs: _Optional[_Union[LBFGS, _Mapping]] = ..., sparse_adam: _Optional[_Union[SparseAdam, _Mapping]] = ..., groups: _Optional[_Iterable[_Union[ParameterGroup, _Mapping]]] = ...) -> None: ...

class ParameterGroup(_message.Message):
    __slots__ = ("parameters", "optimizer")
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    parameters: _containers.RepeatedScalarFieldContainer[str]
    optimizer: OptimizerSpec
    def __init__(self, parameters: _Optional[_Iterable[str]] = ..., optimizer: _Optional[_Union[OptimizerSpec, _Mapping]] = ...) -> None: ...

class SGD(_message.Message):
    __slots__ = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    DAMPENING_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    NESTEROV_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., momentum: _Optional[float] = ..., dampening: _Optional[float] = ..., weight_decay: _Optional[float] = ..., nesterov: bool = ..., maximize: bool = ...) -> None: ...

class Adam(_message.Message):
    __slots__ = ("lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    AMSGRAD_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    DECOUPLED_WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    weight_decay: float
    amsgrad: bool
    maximize: bool
    decoupled_weight_decay: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., amsgrad: bool = ..., maximize: bool = ..., decoupled_weight_decay: bool = ...) -> None: ...

class AdamW(_message.Message):
    __slots__ = ("lr", "betas", "eps", "weight_decay", "amsgrad", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    AMSGRAD_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    weight_decay: float
    amsgrad: bool
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., amsgrad: bool = ..., maximize: bool = ...) -> None: ...

class RMSprop(_message.Message):
    __slots__ = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    CENTERED_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    centered: bool
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., alpha: _Optional[float] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., momentum: _Optional[float] = ..., centered: bool = ..., maximize: bool = ...) -> None: ...

class Adagrad(_message.Message):
    __slots__ = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    LR_DECAY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    INITIAL_ACCUMULATOR_VALUE_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    lr_decay: float
    weight_decay: float
    initial_accumulator_value: float
    eps: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., lr_decay: _Optional[float] = ..., weight_decay: _Optional[float] = ..., initial_accumulator_value: _Optional[float] = ..., eps: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class Adadelta(_message.Message):
    __slots__ = ("lr", "rho", "eps", "weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    rho: float
    eps: float
    weight_decay: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., rho: _Optional[float] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class Adamax(_message.Message):
    __slots__ = ("lr", "betas", "eps", "weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    weight_decay: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class NAdam(_message.Message):
    __slots__ = ("lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_DECAY_FIELD_NUMBER: _ClassVar[int]
    DECOUPLED_WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    weight_decay: float
    momentum_decay: float
    decoupled_weight_decay: bool
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., momentum_decay: _Optional[float] = ..., decoupled_weight_decay: bool = ..., maximize: bool = ...) -> None: ...

class RAdam(_message.Message):
    __slots__ = ("lr", "betas", "eps", "weight_decay", "decoupled_weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    DECOUPLED_WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    weight_decay: float
    decoupled_weight_decay: bool
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., weight_decay: _Optional[float] = ..., decoupled_weight_decay: bool = ..., maximize: bool = ...) -> None: ...

class ASGD(_message.Message):
    __slots__ = ("lr", "lambd", "alpha", "t0", "weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    LAMBD_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    T0_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    lambd: float
    alpha: float
    t0: float
    weight_decay: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., lambd: _Optional[float] = ..., alpha: _Optional[float] = ..., t0: _Optional[float] = ..., weight_decay: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class Rprop(_message.Message):
    __slots__ = ("lr", "etas", "step_sizes", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    ETAS_FIELD_NUMBER: _ClassVar[int]
    STEP_SIZES_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    etas: _containers.RepeatedScalarFieldContainer[float]
    step_sizes: _containers.RepeatedScalarFieldContainer[float]
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., etas: _Optional[_Iterable[float]] = ..., step_sizes: _Optional[_Iterable[float]] = ..., maximize: bool = ...) -> None: ...

class Adafactor(_message.Message):
    __slots__ = ("lr", "beta2_decay", "eps", "d", "weight_decay", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETA2_DECAY_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    D_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    beta2_decay: float
    eps: AdafactorEps
    d: float
    weight_decay: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., beta2_decay: _Optional[float] = ..., eps: _Optional[_Union[AdafactorEps, _Mapping]] = ..., d: _Optional[float] = ..., weight_decay: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class AdafactorEps(_message.Message):
    __slots__ = ("eps1", "eps2")
    EPS1_FIELD_NUMBER: _ClassVar[int]
    EPS2_FIELD_NUMBER: _ClassVar[int]
    eps1: float
    eps2: float
    def __init__(self, eps1: _Optional[float] = ..., eps2: _Optional[float] = ...) -> None: ...

class Muon(_message.Message):
    __slots__ = ("lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")
    LR_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    NESTEROV_FIELD_NUMBER: _ClassVar[int]
    NS_COEFFICIENTS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    NS_STEPS_FIELD_NUMBER: _ClassVar[int]
    ADJUST_LR_FN_FIELD_NUMBER: _ClassVar[int]
    lr: float
    weight_decay: float
    momentum: float
    nesterov: bool
    ns_coefficients: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    ns_steps: int
    adjust_lr_fn: AdjustLrFn
    def __init__(self, lr: _Optional[float] = ..., weight_decay: _Optional[float] = ..., momentum: _Optional[float] = ..., nesterov: bool = ..., ns_coefficients: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., ns_steps: _Optional[int] = ..., adjust_lr_fn: _Optional[_Union[AdjustLrFn, str]] = ...) -> None: ...

class LBFGS(_message.Message):
    __slots__ = ("lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change", "history_size", "line_search_fn")
    class LineSearch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LINE_SEARCH_UNSPECIFIED: _ClassVar[LBFGS.LineSearch]
        LINE_SEARCH_STRONG_WOLFE: _ClassVar[LBFGS.LineSearch]
    LINE_SEARCH_UNSPECIFIED: LBFGS.LineSearch
    LINE_SEARCH_STRONG_WOLFE: LBFGS.LineSearch
    LR_FIELD_NUMBER: _ClassVar[int]
    MAX_ITER_FIELD_NUMBER: _ClassVar[int]
    MAX_EVAL_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_GRAD_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    LINE_SEARCH_FN_FIELD_NUMBER: _ClassVar[int]
    lr: float
    max_iter: int
    max_eval: int
    tolerance_grad: float
    tolerance_change: float
    history_size: int
    line_search_fn: LBFGS.LineSearch
    def __init__(self, lr: _Optional[float] = ..., max_iter: _Optional[int] = ..., max_eval: _Optional[int] = ..., tolerance_grad: _Optional[float] = ..., tolerance_change: _Optional[float] = ..., history_size: _Optional[int] = ..., line_search_fn: _Optional[_Union[LBFGS.LineSearch, str]] = ...) -> None: ...

class SparseAdam(_message.Message):
    __slots__ = ("lr", "betas", "eps", "maximize")
    LR_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MAXIMIZE_FIELD_NUMBER: _ClassVar[int]
    lr: float
    betas: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    maximize: bool
    def __init__(self, lr: _Optional[float] = ..., betas: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ..., maximize: bool = ...) -> None: ...

class SchedulerSpec(_message.Message):
    __slots__ = ("interval", "step_lr", "multi_step_lr", "constant_lr", "linear_lr", "exponential_lr", "polynomial_lr", "cosine_annealing_lr", "cosine_annealing_warm_restarts", "one_cycle_lr", "cyclic_lr", "reduce_lr_on_plateau", "sequential_lr", "chained_scheduler")
    class Interval(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        INTERVAL_UNSPECIFIED: _ClassVar[SchedulerSpec.Interval]
        INTERVAL_STEP: _ClassVar[SchedulerSpec.Interval]
        INTERVAL_EPOCH: _ClassVar[SchedulerSpec.Interval]
    INTERVAL_UNSPECIFIED: SchedulerSpec.Interval
    INTERVAL_STEP: SchedulerSpec.Interval
    INTERVAL_EPOCH: SchedulerSpec.Interval
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    STEP_LR_FIELD_NUMBER: _ClassVar[int]
    MULTI_STEP_LR_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_LR_FIELD_NUMBER: _ClassVar[int]
    LINEAR_LR_FIELD_NUMBER: _ClassVar[int]
    EXPONENTIAL_LR_FIELD_NUMBER: _ClassVar[int]
    POLYNOMIAL_LR_FIELD_NUMBER: _ClassVar[int]
    COSINE_ANNEALING_LR_FIELD_NUMBER: _ClassVar[int]
    COSINE_ANNEALING_WARM_RESTARTS_FIELD_NUMBER: _ClassVar[int]
    ONE_CYCLE_LR_FIELD_NUMBER: _ClassVar[int]
    CYCLIC_LR_FIELD_NUMBER: _ClassVar[int]
    REDUCE_LR_ON_PLATEAU_FIELD_NUMBER: _ClassVar[int]
    SEQUENTIAL_LR_FIELD_NUMBER: _ClassVar[int]
    CHAINED_SCHEDULER_FIELD_NUMBER: _ClassVar[int]
    interval: SchedulerSpec.Interval
    step_lr: StepLR
    multi_step_lr: MultiStepLR
    constant_lr: ConstantLR
    linear_lr: LinearLR
    exponential_lr: ExponentialLR
    polynomial_lr: PolynomialLR
    cosine_annealing_lr: CosineAnnealingLR
    cosine_annealing_warm_restarts: CosineAnnealingWarmRestarts
    one_cycle_lr: OneCycleLR
    cyclic_lr: CyclicLR
    reduce_lr_on_plateau: ReduceLROnPlateau
    sequential_lr: SequentialLR
    chained_scheduler: ChainedScheduler
    def __init__(self, interval: _Optional[_Union[SchedulerSpec.Interval, str]] = ..., step_lr: _Optional[_Union[StepLR, _Mapping]] = ..., multi_step_lr: _Optional[_Union[MultiStepLR, _Mapping]] = ..., constant_lr: _Optional[_Union[ConstantLR, _Mapping]] = ..., linear_lr: _Optional[_Union[LinearLR, _Mapping]] = ..., exponential_lr: _Optional[_Union[ExponentialLR, _Mapping]] = ..., polynomial_lr: _Optional[_Union[PolynomialLR, _Mapping]] = ..., cosine_annealing_lr: _Optional[_Union[CosineAnnealingLR, _Mapping]] = ..., cosine_annealing_warm_restarts: _Optional[_Union[CosineAnnealingWarmRestarts, _Mapping]] = ..., one_cycle_lr: _Optional[_Union[OneCycleLR, _Mapping]] = ..., cyclic_lr: _Optional[_Union[CyclicLR, _Mapping]] = ..., reduce_lr_on_plateau: _Optional[_Union[ReduceLROnPlateau, _Mapping]] = ..., sequential_lr: _Optional[_Union[SequentialLR, _Mapping]] = ..., chained_scheduler: _Optional[_Union[ChainedScheduler, _Mapping]] = ...) -> None: ...

class StepLR(_message.Message):
    __slots__ = ("step_size", "gamma")
    STEP_SIZE_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    step_size: int
    gamma: float
    def __init__(self, step_size: _Optional[int] = ..., gamma: _Optional[float] = ...) -> None: ...

class MultiStepLR(_message.Message):
    __slots__ = ("milestones", "gamma")
    MILESTONES_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    milestones: _containers.RepeatedScalarFieldContainer[int]
    gamma: float
    def __init__(self, milestones: _Optional[_Iterable[int]] = ..., gamma: _Optional[float] = ...) -> None: ...

class ConstantLR(_message.Message):
    __slots__ = ("factor", "total_iters")
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_ITERS_FIELD_NUMBER: _ClassVar[int]
    factor: float
    total_iters: int
    def __init__(self, factor: _Optional[float] = ..., total_iters: _Optional[int] = ...) -> None: ...

class LinearLR(_message.Message):
    __slots__ = ("start_factor", "end_factor", "total_iters")
    START_FACTOR_FIELD_NUMBER: _ClassVar[int]
    END_FACTOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_ITERS_FIELD_NUMBER: _ClassVar[int]
    start_factor: float
    end_factor: float
    total_iters: int
    def __init__(self, start_factor: _Optional[float] = ..., end_factor: _Optional[float] = ..., total_iters: _Optional[int] = ...) -> None: ...

class ExponentialLR(_message.Message):
    __slots__ = ("gamma",)
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    gamma: float
    def __init__(self, gamma: _Optional[float] = ...) -> None: ...

class PolynomialLR(_message.Message):
    __slots__ = ("total_iters", "power")
    TOTAL_ITERS_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    total_iters: int
    power: float
    def __init__(self, total_iters: _Optional[int] = ..., power: _Optional[float] = ...) -> None: ...

class CosineAnnealingLR(_message.Message):
    __slots__ = ("T_max", "eta_min")
    T_MAX_FIELD_NUMBER: _ClassVar[int]
    ETA_MIN_FIELD_NUMBER: _ClassVar[int]
    T_max: int
    eta_min: float
    def __init__(self, T_max: _Optional[int] = ..., eta_min: _Optional[float] = ...) -> None: ...

class CosineAnnealingWarmRestarts(_message.Message):
    __slots__ = ("T_0", "T_mult", "eta_min")
    T_0_FIELD_NUMBER: _ClassVar[int]
    T_MULT_FIELD_NUMBER: _ClassVar[int]
    ETA_MIN_FIELD_NUMBER: _ClassVar[int]
    T_0: int
    T_mult: int
    eta_min: float
    def __init__(self, T_0: _Optional[int] = ..., T_mult: _Optional[int] = ..., eta_min: _Optional[float] = ...) -> None: ...

class OneCycleLR(_message.Message):
    __slots__ = ("max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy", "cycle_momentum", "base_momentum", "max_momentum", "div_factor", "final_div_factor", "three_phase")
    class AnnealStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ANNEAL_STRATEGY_UNSPECIFIED: _ClassVar[OneCycleLR.AnnealStrategy]
        ANNEAL_STRATEGY_COS: _ClassVar[OneCycleLR.AnnealStrategy]
        ANNEAL_STRATEGY_LINEAR: _ClassVar[OneCycleLR.AnnealStrategy]
    ANNEAL_STRATEGY_UNSPECIFIED: OneCycleLR.AnnealStrategy
    ANNEAL_STRATEGY_COS: OneCycleLR.AnnealStrategy
    ANNEAL_STRATEGY_LINEAR: OneCycleLR.AnnealStrategy
    MAX_LR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_STEPS_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    STEPS_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    PCT_START_FIELD_NUMBER: _ClassVar[int]
    ANNEAL_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    CYCLE_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    BASE_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    MAX_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    DIV_FACTOR_FIELD_NUMBER: _ClassVar[int]
    FINAL_DIV_FACTOR_FIELD_NUMBER: _ClassVar[int]
    THREE_PHASE_FIELD_NUMBER: _ClassVar[int]
    max_lr: _containers.RepeatedScalarFieldContainer[float]
    total_steps: int
    epochs: int
    steps_per_epoch: int
    pct_start: float
    anneal_strategy: OneCycleLR.AnnealStrategy
    cycle_momentum: bool
    base_momentum: _containers.RepeatedScalarFieldContainer[float]
    max_momentum: _containers.RepeatedScalarFieldContainer[float]
    div_factor: float
    final_div_factor: float
    three_phase: bool
    def __init__(self, max_lr: _Optional[_Iterable[float]] = ..., total_steps: _Optional[int] = ..., epochs: _Optional[int] = ..., steps_per_epoch: _Optional[int] = ..., pct_start: _Optional[float] = ..., anneal_strategy: _Optional[_Union[OneCycleLR.AnnealStrategy, str]] = ..., cycle_momentum: bool = ..., base_momentum: _Optional[_Iterable[float]] = ..., max_momentum: _Optional[_Iterable[float]] = ..., div_factor: _Optional[float] = ..., final_div_factor: _Optional[float] = ..., three_phase: bool = ...) -> None: ...

class CyclicLR(_message.Message):
    __slots__ = ("base_lr", "max_lr", "step_size_up", "step_size_down", "mode", "gamma", "cycle_momentum", "base_momentum", "max_momentum")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[CyclicLR.Mode]
        MODE_TRIANGULAR: _ClassVar[CyclicLR.Mode]
        MODE_TRIANGULAR2: _ClassVar[CyclicLR.Mode]
        MODE_EXP_RANGE: _ClassVar[CyclicLR.Mode]
    MODE_UNSPECIFIED: CyclicLR.Mode
    MODE_TRIANGULAR: CyclicLR.Mode
    MODE_TRIANGULAR2: CyclicLR.Mode
    MODE_EXP_RANGE: CyclicLR.Mode
    BASE_LR_FIELD_NUMBER: _ClassVar[int]
    MAX_LR_FIELD_NUMBER: _ClassVar[int]
    STEP_SIZE_UP_FIELD_NUMBER: _ClassVar[int]
    STEP_SIZE_DOWN_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    CYCLE_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    BASE_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    MAX_MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    base_lr: _containers.RepeatedScalarFieldContainer[float]
    max_lr: _containers.RepeatedScalarFieldContainer[float]
    step_size_up: int
    step_size_down: int
    mode: CyclicLR.Mode
    gamma: float
    cycle_momentum: bool
    base_momentum: _containers.RepeatedScalarFieldContainer[float]
    max_momentum: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, base_lr: _Optional[_Iterable[float]] = ..., max_lr: _Optional[_Iterable[float]] = ..., step_size_up: _Optional[int] = ..., step_size_down: _Optional[int] = ..., mode: _Optional[_Union[CyclicLR.Mode, str]] = ..., gamma: _Optional[float] = ..., cycle_momentum: bool = ..., base_momentum: _Optional[_Iterable[float]] = ..., max_momentum: _Optional[_Iterable[float]] = ...) -> None: ...

class ReduceLROnPlateau(_message.Message):
    __slots__ = ("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[ReduceLROnPlateau.Mode]
        MODE_MIN: _ClassVar[ReduceLROnPlateau.Mode]
        MODE_MAX: _ClassVar[ReduceLROnPlateau.Mode]
    MODE_UNSPECIFIED: ReduceLROnPlateau.Mode
    MODE_MIN: ReduceLROnPlateau.Mode
    MODE_MAX: ReduceLROnPlateau.Mode
    class ThresholdMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        THRESHOLD_MODE_UNSPECIFIED: _ClassVar[ReduceLROnPlateau.ThresholdMode]
        THRESHOLD_MODE_REL: _ClassVar[ReduceLROnPlateau.ThresholdMode]
        THRESHOLD_MODE_ABS: _ClassVar[ReduceLROnPlateau.ThresholdMode]
    THRESHOLD_MODE_UNSPECIFIED: ReduceLROnPlateau.ThresholdMode
    THRESHOLD_MODE_REL: ReduceLROnPlateau.ThresholdMode
    THRESHOLD_MODE_ABS: ReduceLROnPlateau.ThresholdMode
    MODE_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_MODE_FIELD_NUMBER: _ClassVar[int]
    COOLDOWN_FIELD_NUMBER: _ClassVar[int]
    MIN_LR_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    mode: ReduceLROnPlateau.Mode
    factor: float
    patience: int
    threshold: float
    threshold_mode: ReduceLROnPlateau.ThresholdMode
    cooldown: int
    min_lr: _containers.RepeatedScalarFieldContainer[float]
    eps: float
    def __init__(self, mode: _Optional[_Union[ReduceLROnPlateau.Mode, str]] = ..., factor: _Optional[float] = ..., patience: _Optional[int] = ..., threshold: _Optional[float] = ..., threshold_mode: _Optional[_Union[ReduceLROnPlateau.ThresholdMode, str]] = ..., cooldown: _Optional[int] = ..., min_lr: _Optional[_Iterable[float]] = ..., eps: _Optional[float] = ...) -> None: ...

class SequentialLR(_message.Message):
    __slots__ = ("schedulers", "milestones")
    SCHEDULERS_FIELD_NUMBER: _ClassVar[int]
    MILESTONES_FIELD_NUMBER: _ClassVar[int]
    schedulers: _containers.RepeatedCompositeFieldContainer[SchedulerSpec]
    milestones: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, schedulers: _Optional[_Iterable[_Union[SchedulerSpec, _Mapping]]] = ..., milestones: _Optional[_Iterable[int]] = ...) -> None: ...

class ChainedScheduler(_message.Message):
    __slots__ = ("schedulers",)
    SCHEDULERS_FIELD_NUMBER: _ClassVar[int]
    schedulers: _containers.RepeatedCompositeFieldContainer[SchedulerSpec]
    def __init__(self, schedulers: _Optional[_Iterable[_Union[SchedulerSpec, _Mapping]]] = ...) -> None: ...

class Averaging(_message.Message):
    __slots__ = ("decay", "start_step", "every_steps", "use_buffers")
    DECAY_FIELD_NUMBER: _ClassVar[int]
    START_STEP_FIELD_NUMBER: _ClassVar[int]
    EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    USE_BUFFERS_FIELD_NUMBER: _ClassVar[int]
    decay: float
    start_step: int
    every_steps: int
    use_buffers: bool
    def __init__(self, decay: _Optional[float] = ..., start_step: _Optional[int] = ..., every_steps: _Optional[int] = ..., use_buffers: bool = ...) -> None: ...
