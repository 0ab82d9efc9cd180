from lossd.v1 import loss_pb2 as _loss_pb2
from lossd.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FactSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FACT_SOURCE_UNSPECIFIED: _ClassVar[FactSource]
    FACT_SOURCE_SAID: _ClassVar[FactSource]
    FACT_SOURCE_MEASURED: _ClassVar[FactSource]
    FACT_SOURCE_IMPLIED: _ClassVar[FactSource]
FACT_SOURCE_UNSPECIFIED: FactSource
FACT_SOURCE_SAID: FactSource
FACT_SOURCE_MEASURED: FactSource
FACT_SOURCE_IMPLIED: FactSource

class RecommendLossRequest(_message.Message):
    __slots__ = ("task", "structure", "answers", "activation", "mistakes", "outliers", "label_noise", "imbalanced", "positives", "num_classes", "soft_targets", "hard_examples", "calibrated", "margin", "quantile", "under_cost", "over_cost", "uncertainty", "nonnegative", "zero_inflated", "log_scale", "bounded", "whole_numbers", "direction_only", "aligned", "small_objects", "supervision", "distance", "large_batches", "feedback", "reference_model", "one_stage", "part", "baseline", "off_policy", "long_answers", "mixture_of_experts", "seeking", "student_writes", "effect", "stage", "memory_bound", "features", "target", "input", "limit", "attachments")
    TASK_FIELD_NUMBER: _ClassVar[int]
    STRUCTURE_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    MISTAKES_FIELD_NUMBER: _ClassVar[int]
    OUTLIERS_FIELD_NUMBER: _ClassVar[int]
    LABEL_NOISE_FIELD_NUMBER: _ClassVar[int]
    IMBALANCED_FIELD_NUMBER: _ClassVar[int]
    POSITIVES_FIELD_NUMBER: _ClassVar[int]
    NUM_CLASSES_FIELD_NUMBER: _ClassVar[int]
    SOFT_TARGETS_FIELD_NUMBER: _ClassVar[int]
    HARD_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    UNDER_COST_FIELD_NUMBER: _ClassVar[int]
    OVER_COST_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    NONNEGATIVE_FIELD_NUMBER: _ClassVar[int]
    ZERO_INFLATED_FIELD_NUMBER: _ClassVar[int]
    LOG_SCALE_FIELD_NUMBER: _ClassVar[int]
    BOUNDED_FIELD_NUMBER: _ClassVar[int]
    WHOLE_NUMBERS_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_ONLY_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_FIELD_NUMBER: _ClassVar[int]
    SMALL_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    SUPERVISION_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    LARGE_BATCHES_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MODEL_FIELD_NUMBER: _ClassVar[int]
    ONE_STAGE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    OFF_POLICY_FIELD_NUMBER: _ClassVar[int]
    LONG_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    MIXTURE_OF_EXPERTS_FIELD_NUMBER: _ClassVar[int]
    SEEKING_FIELD_NUMBER: _ClassVar[int]
    STUDENT_WRITES_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BOUND_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    task: str
    structure: str
    answers: str
    activation: str
    mistakes: str
    outliers: bool
    label_noise: bool
    imbalanced: bool
    positives: float
    num_classes: int
    soft_targets: bool
    hard_examples: bool
    calibrated: bool
    margin: bool
    quantile: float
    under_cost: float
    over_cost: float
    uncertainty: bool
    nonnegative: bool
    zero_inflated: bool
    log_scale: bool
    bounded: bool
    whole_numbers: bool
    direction_only: bool
    aligned: bool
    small_objects: bool
    supervision: str
    distance: str
    large_batches: bool
    feedback: str
    reference_model: bool
    one_stage: bool
    part: str
    baseline: str
    off_policy: bool
    long_answers: bool
    mixture_of_experts: bool
    seeking: str
    student_writes: bool
    effect: str
    stage: str
    memory_bound: bool
    features: int
    target: _tensor_pb2.Tensor
    input: _tensor_pb2.Tensor
    limit: int
    attachments: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, task: _Optional[str] = ..., structure: _Optional[str] = ..., answers: _Optional[str] = ..., activation: _Optional[str] = ..., mistakes: _Optional[str] = ..., outliers: bool = ..., label_noise: bool = ..., imbalanced: bool = ..., positives: _Optional[float] = ..., num_classes: _Optional[int] = ..., soft_targets: bool = ..., hard_examples: bool = ..., calibrated: bool = ..., margin: bool = ..., quantile: _Optional[float] = ..., under_cost: _Optional[float] = ..., over_cost: _Optional[float] = ..., uncertainty: bool = ..., nonnegative: bool = ..., zero_inflated: bool = ..., log_scale: bool = ..., bounded: bool = ..., whole_numbers: bool = ..., direction_only: bool = ..., aligned: bool = ..., small_objects: bool = ..., supervision: _Optional[str] = ..., distance: _Optional[str] = ..., large_batches: bool = ..., feedback: _Optional[str] = ..., reference_model: bool = ..., one_stage: bool = ..., part: _Optional[str] = ..., baseline: _Optional[str] = ..., off_policy: bool = ..., long_answers: bool = ..., mixture_of_experts: bool = ..., seeking: _Optional[str] = ..., student_writes: bool = ..., effect: _Optional[str] = ..., stage: _Optional[str] = ..., memory_bound: bool = ..., features: _Optional[int] = ..., target: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., input: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., limit: _Optional[int] = ..., attachments: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecommendLossResponse(_message.Message):
    __slots__ = ("recommendations", "rejected", "open_questions", "measurements", "cautions", "facts")
    RECOMMENDATIONS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENTS_FIELD_NUMBER: _ClassVar[int]
    CAUTIONS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    recommendations: _containers.RepeatedCompositeFieldContainer[Recommendation]
    rejected: _containers.RepeatedCompositeFieldContainer[Rejection]
    open_questions: _containers.RepeatedCompositeFieldContainer[Question]
    measurements: _containers.RepeatedCompositeFieldContainer[Measurement]
    cautions: _containers.RepeatedScalarFieldContainer[str]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, recommendations: _Optional[_Iterable[_Union[Recommendation, _Mapping]]] = ..., rejected: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., open_questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ..., measurements: _Optional[_Iterable[_Union[Measurement, _Mapping]]] = ..., cautions: _Optional[_Iterable[str]] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...

class Recommendation(_message.Message):
    __slots__ = ("name", "loss", "reasons", "cautions", "metrics", "output", "python", "score", "beyond")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CAUTIONS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BEYOND_FIELD_NUMBER: _ClassVar[int]
    name: str
    loss: _loss_pb2.LossSpec
    reasons: _containers.RepeatedScalarFieldContainer[str]
    cautions: _containers.RepeatedScalarFieldContainer[str]
    metrics: _containers.RepeatedScalarFieldContainer[str]
    output: str
    python: str
    score: float
    beyond: str
    def __init__(self, name: _Optional[str] = ..., loss: _Optional[_Union[_loss_pb2.LossSpec, _Mapping]] = ..., reasons: _Optional[_Iterable[str]] = ..., cautions: _Optional[_Iterable[str]] = ..., metrics: _Optional[_Iterable[str]] = ..., output: _Optional[str] = ..., python: _Optional[str] = ..., score: _Optional[float] = ..., beyond: _Optional[str] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("name", "text", "choices", "basic")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    BASIC_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    basic: bool
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ..., basic: bool = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("value", "meaning", "first")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    value: str
    meaning: str
    first: str
    def __init__(self, value: _Optional[str] = ..., meaning: _Optional[str] = ..., first: _Optional[str] = ...) -> None: ...

class Measurement(_message.Message):
    __slots__ = ("name", "value", "meaning")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    meaning: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., meaning: _Optional[str] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("name", "value", "source")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    source: FactSource
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., source: _Optional[_Union[FactSource, str]] = ...) -> None: ...
