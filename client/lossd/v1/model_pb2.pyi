from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PaddingMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PADDING_MODE_UNSPECIFIED: _ClassVar[PaddingMode]
    PADDING_MODE_ZEROS: _ClassVar[PaddingMode]
    PADDING_MODE_REFLECT: _ClassVar[PaddingMode]
    PADDING_MODE_REPLICATE: _ClassVar[PaddingMode]
    PADDING_MODE_CIRCULAR: _ClassVar[PaddingMode]

class EmbeddingBagMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EMBEDDING_BAG_MODE_UNSPECIFIED: _ClassVar[EmbeddingBagMode]
    EMBEDDING_BAG_MODE_SUM: _ClassVar[EmbeddingBagMode]
    EMBEDDING_BAG_MODE_MEAN: _ClassVar[EmbeddingBagMode]
    EMBEDDING_BAG_MODE_MAX: _ClassVar[EmbeddingBagMode]

class GeluApproximation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GELU_APPROXIMATION_UNSPECIFIED: _ClassVar[GeluApproximation]
    GELU_APPROXIMATION_NONE: _ClassVar[GeluApproximation]
    GELU_APPROXIMATION_TANH: _ClassVar[GeluApproximation]

class RecurrentNonlinearity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECURRENT_NONLINEARITY_UNSPECIFIED: _ClassVar[RecurrentNonlinearity]
    RECURRENT_NONLINEARITY_TANH: _ClassVar[RecurrentNonlinearity]
    RECURRENT_NONLINEARITY_RELU: _ClassVar[RecurrentNonlinearity]

class RecurrentOutput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECURRENT_OUTPUT_UNSPECIFIED: _ClassVar[RecurrentOutput]
    RECURRENT_OUTPUT_OUTPUT: _ClassVar[RecurrentOutput]
    RECURRENT_OUTPUT_LAST: _ClassVar[RecurrentOutput]

class TransformerActivation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFORMER_ACTIVATION_UNSPECIFIED: _ClassVar[TransformerActivation]
    TRANSFORMER_ACTIVATION_RELU: _ClassVar[TransformerActivation]
    TRANSFORMER_ACTIVATION_GELU: _ClassVar[TransformerActivation]

class UpsampleMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPSAMPLE_MODE_UNSPECIFIED: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_NEAREST: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_LINEAR: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_BILINEAR: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_BICUBIC: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_TRILINEAR: _ClassVar[UpsampleMode]
    UPSAMPLE_MODE_NEAREST_EXACT: _ClassVar[UpsampleMode]

class BranchMerge(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BRANCH_MERGE_UNSPECIFIED: _ClassVar[BranchMerge]
    BRANCH_MERGE_CONCAT: _ClassVar[BranchMerge]
    BRANCH_MERGE_SUM: _ClassVar[BranchMerge]
    BRANCH_MERGE_MEAN: _ClassVar[BranchMerge]
    BRANCH_MERGE_PRODUCT: _ClassVar[BranchMerge]
    BRANCH_MERGE_STACK: _ClassVar[BranchMerge]
PADDING_MODE_UNSPECIFIED: PaddingMode
PADDING_MODE_ZEROS: PaddingMode
PADDING_MODE_REFLECT: PaddingMode
PADDING_MODE_REPLICATE: PaddingMode
PADDING_MODE_CIRCULAR: PaddingMode
EMBEDDING_BAG_MODE_UNSPECIFIED: EmbeddingBagMode
EMBEDDING_BAG_MODE_SUM: EmbeddingBagMode
EMBEDDING_BAG_MODE_MEAN: EmbeddingBagMode
EMBEDDING_BAG_MODE_MAX: EmbeddingBagMode
GELU_APPROXIMATION_UNSPECIFIED: GeluApproximation
GELU_APPROXIMATION_NONE: GeluApproximation
GELU_APPROXIMATION_TANH: GeluApproximation
RECURRENT_NONLINEARITY_UNSPECIFIED: RecurrentNonlinearity
RECURRENT_NONLINEARITY_TANH: RecurrentNonlinearity
RECURRENT_NONLINEARITY_RELU: RecurrentNonlinearity
RECURRENT_OUTPUT_UNSPECIFIED: RecurrentOutput
RECURRENT_OUTPUT_OUTPUT: RecurrentOutput
RECURRENT_OUTPUT_LAST: RecurrentOutput
TRANSFORMER_ACTIVATION_UNSPECIFIED: TransformerActivation
TRANSFORMER_ACTIVATION_RELU: TransformerActivation
TRANSFORMER_ACTIVATION_GELU: TransformerActivation
UPSAMPLE_MODE_UNSPECIFIED: UpsampleMode
UPSAMPLE_MODE_NEAREST: UpsampleMode
UPSAMPLE_MODE_LINEAR: UpsampleMode
UPSAMPLE_MODE_BILINEAR: UpsampleMode
UPSAMPLE_MODE_BICUBIC: UpsampleMode
UPSAMPLE_MODE_TRILINEAR: UpsampleMode
UPSAMPLE_MODE_NEAREST_EXACT: UpsampleMode
BRANCH_MERGE_UNSPECIFIED: BranchMerge
BRANCH_MERGE_CONCAT: BranchMerge
BRANCH_MERGE_SUM: BranchMerge
BRANCH_MERGE_MEAN: BranchMerge
BRANCH_MERGE_PRODUCT: BranchMerge
BRANCH_MERGE_STACK: BranchMerge

class ModelSpec(_message.Message):
    __slots__ = ("sequential", "program", "linear", "relu", "tanh", "sigmoid", "residual", "branches", "identity", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "softshrink", "hardshrink", "tanhshrink", "hardtanh", "hardsigmoid", "hardswish", "log_sigmoid", "threshold", "glu", "softmax", "log_softmax", "softmin", "softmax2d", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "batch_norm1d", "batch_norm2d", "batch_norm3d", "instance_norm1d", "instance_norm2d", "instance_norm3d", "layer_norm", "group_norm", "rms_norm", "local_response_norm", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "embedding", "embedding_bag", "flatten", "unflatten", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "upsample", "unfold", "fold", "zero_pad1d", "zero_pad2d", "zero_pad3d", "constant_pad1d", "constant_pad2d", "constant_pad3d", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d", "circular_pad1d", "circular_pad2d", "circular_pad3d", "rnn", "lstm", "gru", "multihead_attention", "transformer_encoder_layer", "transformer_encoder")
    SEQUENTIAL_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    LINEAR_FIELD_NUMBER: _ClassVar[int]
    RELU_FIELD_NUMBER: _ClassVar[int]
    TANH_FIELD_NUMBER: _ClassVar[int]
    SIGMOID_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    RELU6_FIELD_NUMBER: _ClassVar[int]
    LEAKY_RELU_FIELD_NUMBER: _ClassVar[int]
    PRELU_FIELD_NUMBER: _ClassVar[int]
    RRELU_FIELD_NUMBER: _ClassVar[int]
    ELU_FIELD_NUMBER: _ClassVar[int]
    SELU_FIELD_NUMBER: _ClassVar[int]
    CELU_FIELD_NUMBER: _ClassVar[int]
    GELU_FIELD_NUMBER: _ClassVar[int]
    SILU_FIELD_NUMBER: _ClassVar[int]
    MISH_FIELD_NUMBER: _ClassVar[int]
    SOFTPLUS_FIELD_NUMBER: _ClassVar[int]
    SOFTSIGN_FIELD_NUMBER: _ClassVar[int]
    SOFTSHRINK_FIELD_NUMBER: _ClassVar[int]
    HARDSHRINK_FIELD_NUMBER: _ClassVar[int]
    TANHSHRINK_FIELD_NUMBER: _ClassVar[int]
    HARDTANH_FIELD_NUMBER: _ClassVar[int]
    HARDSIGMOID_FIELD_NUMBER: _ClassVar[int]
    HARDSWISH_FIELD_NUMBER: _ClassVar[int]
    LOG_SIGMOID_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    GLU_FIELD_NUMBER: _ClassVar[int]
    SOFTMAX_FIELD_NUMBER: _ClassVar[int]
    LOG_SOFTMAX_FIELD_NUMBER: _ClassVar[int]
    SOFTMIN_FIELD_NUMBER: _ClassVar[int]
    SOFTMAX2D_FIELD_NUMBER: _ClassVar[int]
    CONV1D_FIELD_NUMBER: _ClassVar[int]
    CONV2D_FIELD_NUMBER: _ClassVar[int]
    CONV3D_FIELD_NUMBER: _ClassVar[int]
    CONV_TRANSPOSE1D_FIELD_NUMBER: _ClassVar[int]
    CONV_TRANSPOSE2D_FIELD_NUMBER: _ClassVar[int]
    CONV_TRANSPOSE3D_FIELD_NUMBER: _ClassVar[int]
    MAX_POOL1D_FIELD_NUMBER: _ClassVar[int]
    MAX_POOL2D_FIELD_NUMBER: _ClassVar[int]
    MAX_POOL3D_FIELD_NUMBER: _ClassVar[int]
    AVG_POOL1D_FIELD_NUMBER: _ClassVar[int]
    AVG_POOL2D_FIELD_NUMBER: _ClassVar[int]
    AVG_POOL3D_FIELD_NUMBER: _ClassVar[int]
    LP_POOL1D_FIELD_NUMBER: _ClassVar[int]
    LP_POOL2D_FIELD_NUMBER: _ClassVar[int]
    LP_POOL3D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_AVG_POOL1D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_AVG_POOL2D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_AVG_POOL3D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_MAX_POOL1D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_MAX_POOL2D_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_MAX_POOL3D_FIELD_NUMBER: _ClassVar[int]
    BATCH_NORM1D_FIELD_NUMBER: _ClassVar[int]
    BATCH_NORM2D_FIELD_NUMBER: _ClassVar[int]
    BATCH_NORM3D_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_NORM1D_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_NORM2D_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_NORM3D_FIELD_NUMBER: _ClassVar[int]
    LAYER_NORM_FIELD_NUMBER: _ClassVar[int]
    GROUP_NORM_FIELD_NUMBER: _ClassVar[int]
    RMS_NORM_FIELD_NUMBER: _ClassVar[int]
    LOCAL_RESPONSE_NORM_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    DROPOUT1D_FIELD_NUMBER: _ClassVar[int]
    DROPOUT2D_FIELD_NUMBER: _ClassVar[int]
    DROPOUT3D_FIELD_NUMBER: _ClassVar[int]
    ALPHA_DROPOUT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_ALPHA_DROPOUT_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_BAG_FIELD_NUMBER: _ClassVar[int]
    FLATTEN_FIELD_NUMBER: _ClassVar[int]
    UNFLATTEN_FIELD_NUMBER: _ClassVar[int]
    PIXEL_SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    PIXEL_UNSHUFFLE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    UPSAMPLE_FIELD_NUMBER: _ClassVar[int]
    UNFOLD_FIELD_NUMBER: _ClassVar[int]
    FOLD_FIELD_NUMBER: _ClassVar[int]
    ZERO_PAD1D_FIELD_NUMBER: _ClassVar[int]
    ZERO_PAD2D_FIELD_NUMBER: _ClassVar[int]
    ZERO_PAD3D_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_PAD1D_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_PAD2D_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_PAD3D_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_PAD1D_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_PAD2D_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_PAD3D_FIELD_NUMBER: _ClassVar[int]
    REPLICATION_PAD1D_FIELD_NUMBER: _ClassVar[int]
    REPLICATION_PAD2D_FIELD_NUMBER: _ClassVar[int]
    REPLICATION_PAD3D_FIELD_NUMBER: _ClassVar[int]
    CIRCULAR_PAD1D_FIELD_NUMBER: _ClassVar[int]
    CIRCULAR_PAD2D_FIELD_NUMBER: _ClassVar[int]
    CIRCULAR_PAD3D_FIELD_NUMBER: _ClassVar[int]
    RNN_FIELD_NUMBER: _ClassVar[int]
    LSTM_FIELD_NUMBER: _ClassVar[int]
    GRU_FIELD_NUMBER: _ClassVar[int]
    MULTIHEAD_ATTENTION_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMER_ENCODER_LAYER_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMER_ENCODER_FIELD_NUMBER: _ClassVar[int]
    sequential: Sequential
    program: ProgramModel
    linear: Linear
    relu: ReLU
    tanh: Tanh
    sigmoid: Sigmoid
    residual: Residual
    branches: Branches
    identity: Identity
    relu6: ReLU6
    leaky_relu: LeakyReLU
    prelu: PReLU
    rrelu: RReLU
    elu: ELU
    selu: SELU
    celu: CELU
    gelu: GELU
    silu: SiLU
    mish: Mish
    softplus: Softplus
    softsign: Softsign
    softshrink: Softshrink
    hardshrink: Hardshrink
    tanhshrink: Tanhshrink
    hardtanh: Hardtanh
    hardsigmoid: Hardsigmoid
    hardswish: Hardswish
    log_sigmoid: LogSigmoid
    threshold: Threshold
    glu: GLU
    softmax: Softmax
    log_softmax: LogSoftmax
    softmin: Softmin
    softmax2d: Softmax2d
    conv1d: Conv1d
    conv2d: Conv2d
    conv3d: Conv3d
    conv_transpose1d: ConvTranspose1d
    conv_transpose2d: ConvTranspose2d
    conv_transpose3d: ConvTranspose3d
    max_pool1d: MaxPool1d
    max_pool2d: MaxPool2d
    max_pool3d: MaxPool3d
    avg_pool1d: AvgPool1d
    avg_pool2d: AvgPool2d
    avg_pool3d: AvgPool3d
    lp_pool1d: LPPool1d
    lp_pool2d: LPPool2d
    lp_pool3d: LPPool3d
    adaptive_avg_pool1d: AdaptiveAvgPool1d
    adaptive_avg_pool2d: AdaptiveAvgPool2d
    adaptive_avg_pool3d: AdaptiveAvgPool3d
    adaptive_max_pool1d: AdaptiveMaxPool1d
    adaptive_max_pool2d: AdaptiveMaxPool2d
    adaptive_max_pool3d: AdaptiveMaxPool3d
    batch_norm1d: BatchNorm1d
    batch_norm2d: BatchNorm2d
    batch_norm3d: BatchNorm3d
    instance_norm1d: InstanceNorm1d
    instance_norm2d: InstanceNorm2d
    instance_norm3d: InstanceNorm3d
    layer_norm: LayerNorm
    group_norm: GroupNorm
    rms_norm: RMSNorm
    local_response_norm: LocalResponseNorm
    dropout: Dropout
    dropout1d: Dropout1d
    dropout2d: Dropout2d
    dropout3d: Dropout3d
    alpha_dropout: AlphaDropout
    feature_alpha_dropout: FeatureAlphaDropout
    embedding: Embedding
    embedding_bag: EmbeddingBag
    flatten: Flatten
    unflatten: Unflatten
    pixel_shuffle: PixelShuffle
    pixel_unshuffle: PixelUnshuffle
    channel_shuffle: ChannelShuffle
    upsample: Upsample
    unfold: Unfold
    fold: Fold
    zero_pad1d: ZeroPad1d
    zero_pad2d: ZeroPad2d
    zero_pad3d: ZeroPad3d
    constant_pad1d: ConstantPad1d
    constant_pad2d: ConstantPad2d
    constant_pad3d: ConstantPad3d
    reflection_pad1d: ReflectionPad1d
    reflection_pad2d: ReflectionPad2d
    reflection_pad3d: ReflectionPad3d
    replication_pad1d: ReplicationPad1d
    replication_pad2d: ReplicationPad2d
    replication_pad3d: ReplicationPad3d
    circular_pad1d: CircularPad1d
    circular_pad2d: CircularPad2d
    circular_pad3d: CircularPad3d
    rnn: RNN
    lstm: LSTM
    gru: GRU
    multihead_attention: MultiheadAttention
    transformer_encoder_layer: TransformerEncoderLayer
    transformer_encoder: TransformerEncoder
    def __init__(self, sequential: _Optional[_Union[Sequential, _Mapping]] = ..., program: _Optional[_Union[ProgramModel, _Mapping]] = ..., linear: _Optional[_Union[Linear, _Mapping]] = ..., relu: _Optional[_Union[ReLU, _Mapping]] = ..., tanh: _Optional[_Union[Tanh, _Mapping]] = ..., sigmoid: _Optional[_Union[Sigmoid, _Mapping]] = ..., residual: _Optional[_Union[Residual, _Mapping]] = ..., branches: _Optional[_Union[Branches, _Mapping]] = ..., identity: _Optional[_Union[Identity, _Mapping]] = ..., relu6: _Optional[_Union[ReLU6, _Mapping]] = ..., leaky_relu: _Optional[_Union[LeakyReLU, _Mapping]] = ..., prelu: _Optional[_Union[PReLU, _Mapping]] = ..., rrelu: _Optional[_Union[RReLU, _Mapping]] = ..., elu: _Optional[_Union[ELU, _Mapping]] = ..., selu: _Optional[_Union[SELU, _Mapping]] = ..., celu: _Optional[_Union[CELU, _Mapping]] = ..., gelu: _Optional[_Union[GELU, _Mapping]] = ..., silu: _Optional[_Union[SiLU, _Mapping]] = ..., mish: _Optional[_Union[Mish, _Mapping]] = ..., softplus: _Optional[_Union[Softplus, _Mapping]] = ..., softsign: _Optional[_Union[Softsign, _Mapping]] = ..., softshrink: _Optional[_Union[Softshrink, _Mapping]] = ..., hardshrink: _Optional[_Union[Hardshrink, _Mapping]] = ..., tanhshrink: _Optional[_Union[Tanhshrink, _Mapping]] = ..., hardtanh: _Optional[_Union[Hardtanh, _Mapping]] = ..., hardsigmoid: _Optional[_Union[Hardsigmoid, _Mapping]] = ..., hardswish: _Optional[_Union[Hardswish, _Mapping]] = ..., log_sigmoid: _Optional[_Union[LogSigmoid, _Mapping]] = ..., threshold: _Optional[_Union[Threshold, _Mapping]] = ..., glu: _Optional[_Union[GLU, _Mapping]] = ..., softmax: _Optional[_Union[Softmax, _Mapping]] = ..., log_softmax: _Optional[_Union[LogSoftmax, _Mapping]] = ..., softmin: _Optional[_Union[Softmin, _Mapping]] = ..., softmax2d: _Optional[_Union[Softmax2d, _Mapping]] = ..., conv1d: _Optional[_Union[Conv1d, _Mapping]] = ..., conv2d: _Optional[_Union[Conv2d, _Mapping]] = ..., conv3d: _Optional[_Union[Conv3d, _Mapping]] = ..., conv_transpose1d: _Optional[_Union[ConvTranspose1d, _Mapping]] = ..., conv_transpose2d: _Optional[_Union[ConvTranspose2d, _Mapping]] = ..., conv_transpose3d: _Optional[_Union[ConvTranspose3d, _Mapping]] = ..., max_pool1d: _Optional[_Union[MaxPool1d, _Mapping]] = ..., max_pool2d: _Optional[_Union[MaxPool2d, _Mapping]] = ..., max_pool3d: _Optional[_Union[MaxPool3d, _Mapping]] = ..., avg_pool1d: _Optional[_Union[AvgPool1d, _Mapping]] = ..., avg_pool2d: _Optional[_Union[AvgPool2d, _Mapping]] = ..., avg_pool3d: _Optional[_Union[AvgPool3d, _Mapping]] = ..., lp_pool1d: _Optional[_Union[LPPool1d, _Mapping]] = ..., lp_pool2d: _Optional[_Union[LPPool2d, _Mapping]] = ..., lp_pool3d: _Optional[_Union[LPPool3d, _Mapping]] = ..., adaptive_avg_pool1d: _Optional[_Union[AdaptiveAvgPool1d, _Mapping]] = ..., adaptive_avg_pool2d: _Optional[_Union[AdaptiveAvgPool2d, _Mapping]] = ..., adaptive_avg_pool3d: _Optional[_Union[AdaptiveAvgPool3d, _Mapping]] = ..., adaptive_max_pool1d: _Optional[_Union[AdaptiveMaxPool1d, _Mapping]] = ..., adaptive_max_pool2d: _Optional[_Union[AdaptiveMaxPool2d, _Mapping]] = ..., adaptive_max_pool3d: _Optional[_Union[AdaptiveMaxPool3d, _Mapping]] = ..., batch_norm1d: _Optional[_Union[BatchNorm1d, _Mapping]] = ..., batch_norm2d: _Optional[_Union[BatchNorm2d, _Mapping]] = ..., batch_norm3d: _Optional[_Union[BatchNorm3d, _Mapping]] = ..., instance_norm1d: _Optional[_Union[InstanceNorm1d, _Mapping]] = ..., instance_norm2d: _Optional[_Union[InstanceNorm2d, _Mapping]] = ..., instance_norm3d: _Optional[_Union[InstanceNorm3d, _Mapping]] = ..., layer_norm: _Optional[_Union[LayerNorm, _Mapping]] = ..., group_norm: _Optional[_Union[GroupNorm, _Mapping]] = ..., rms_norm: _Optional[_Union[RMSNorm, _Mapping]] = ..., local_response_norm: _Optional[_Union[LocalResponseNorm, _Mapping]] = ..., dropout: _Optional[_Union[Dropout, _Mapping]] = ..., dropout1d: _Optional[_Union[Dropout1d, _Mapping]] = ..., dropout2d: _Optional[_Union[Dropout2d, _Mapping]] = ..., dropout3d: _Optional[_Union[Dropout3d, _Mapping]] = ..., alpha_dropout: _Optional[_Union[AlphaDropout, _Mapping]] = ..., feature_alpha_dropout: _Optional[_Union[FeatureAlphaDropout, _Mapping]] = ..., embedding: _Optional[_Union[Embedding, _Mapping]] = ..., embedding_bag: _Optional[_Union[EmbeddingBag, _Mapping]] = ..., flatten: _Optional[_Union[Flatten, _Mapping]] = ..., unflatten: _Optional[_Union[Unflatten, _Mapping]] = ..., pixel_shuffle: _Optional[_Union[PixelShuffle, _Mapping]] = ..., pixel_unshuffle: _Optional[_Union[PixelUnshuffle, _Mapping]] = ..., channel_shuffle: _Optional[_Union[ChannelShuffle, _Mapping]] = ..., upsample: _Optional[_Union[Upsample, _Mapping]] = ..., unfold: _Optional[_Union[Unfold, _Mapping]] = ..., fold: _Optional[_Union[Fold, _Mapping]] = ..., zero_pad1d: _Optional[_Union[ZeroPad1d, _Mapping]] = ..., zero_pad2d: _Optional[_Union[ZeroPad2d, _Mapping]] = ..., zero_pad3d: _Optional[_Union[ZeroPad3d, _Mapping]] = ..., constant_pad1d: _Optional[_Union[ConstantPad1d, _Mapping]] = ..., constant_pad2d: _Optional[_Union[ConstantPad2d, _Mapping]] = ..., constant_pad3d: _Optional[_Union[ConstantPad3d, _Mapping]] = ..., reflection_pad1d: _Optional[_Union[ReflectionPad1d, _Mapping]] = ..., reflection_pad2d: _Optional[_Union[ReflectionPad2d, _Mapping]] = ..., reflection_pad3d: _Optional[_Union[ReflectionPad3d, _Mapping]] = ..., replication_pad1d: _Optional[_Union[ReplicationPad1d, _Mapping]] = ..., replication_pad2d: _Optional[_Union[ReplicationPad2d, _Mapping]] = ..., replication_pad3d: _Optional[_Union[ReplicationPad3d, _Mapping]] = ..., circular_pad1d: _Optional[_Union[CircularPad1d, _Mapping]] = ..., circular_pad2d: _Optional[_Union[CircularPad2d, _Mapping]] = ..., circular_pad3d: _Optional[_Union[CircularPad3d, _Mapping]] = ..., rnn: _Optional[_Union[RNN, _Mapping]] = ..., lstm: _Optional[_Union[LSTM, _Mapping]] = ..., gru: _Optional[_Union[GRU, _Mapping]] = ..., multihead_attention: _Optional[_Union[MultiheadAttention, _Mapping]] = ..., transformer_encoder_layer: _Optional[_Union[TransformerEncoderLayer, _Mapping]] = ..., transformer_encoder: _Optional[_Union[TransformerEncoder, _Mapping]] = ...) -> None: ...

class ProgramModel(_message.Message):
    __slots__ = ("sha256", "archive")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    archive: bytes
    def __init__(self, sha256: _Optional[str] = ..., archive: _Optional[bytes] = ...) -> None: ...

class Sequential(_message.Message):
    __slots__ = ("modules",)
    MODULES_FIELD_NUMBER: _ClassVar[int]
    modules: _containers.RepeatedCompositeFieldContainer[ModelSpec]
    def __init__(self, modules: _Optional[_Iterable[_Union[ModelSpec, _Mapping]]] = ...) -> None: ...

class Residual(_message.Message):
    __slots__ = ("module",)
    MODULE_FIELD_NUMBER: _ClassVar[int]
    module: ModelSpec
    def __init__(self, module: _Optional[_Union[ModelSpec, _Mapping]] = ...) -> None: ...

class Branches(_message.Message):
    __slots__ = ("branches", "merge", "dim", "bilinear")
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    MERGE_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    BILINEAR_FIELD_NUMBER: _ClassVar[int]
    branches: _containers.RepeatedCompositeFieldContainer[Branch]
    merge: BranchMerge
    dim: int
    bilinear: Bilinear
    def __init__(self, branches: _Optional[_Iterable[_Union[Branch, _Mapping]]] = ..., merge: _Optional[_Union[BranchMerge, str]] = ..., dim: _Optional[int] = ..., bilinear: _Optional[_Union[Bilinear, _Mapping]] = ...) -> None: ...

class Branch(_message.Message):
    __slots__ = ("name", "module", "input")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    name: str
    module: ModelSpec
    input: str
    def __init__(self, name: _Optional[str] = ..., module: _Optional[_Union[ModelSpec, _Mapping]] = ..., input: _Optional[str] = ...) -> None: ...

class Bilinear(_message.Message):
    __slots__ = ("in1_features", "in2_features", "out_features", "bias")
    IN1_FEATURES_FIELD_NUMBER: _ClassVar[int]
    IN2_FEATURES_FIELD_NUMBER: _ClassVar[int]
    OUT_FEATURES_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    in1_features: int
    in2_features: int
    out_features: int
    bias: bool
    def __init__(self, in1_features: _Optional[int] = ..., in2_features: _Optional[int] = ..., out_features: _Optional[int] = ..., bias: bool = ...) -> None: ...

class Linear(_message.Message):
    __slots__ = ("in_features", "out_features", "bias")
    IN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    OUT_FEATURES_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    in_features: int
    out_features: int
    bias: bool
    def __init__(self, in_features: _Optional[int] = ..., out_features: _Optional[int] = ..., bias: bool = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReLU(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Tanh(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Sigmoid(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReLU6(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LeakyReLU(_message.Message):
    __slots__ = ("negative_slope",)
    NEGATIVE_SLOPE_FIELD_NUMBER: _ClassVar[int]
    negative_slope: float
    def __init__(self, negative_slope: _Optional[float] = ...) -> None: ...

class PReLU(_message.Message):
    __slots__ = ("num_parameters", "init")
    NUM_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    INIT_FIELD_NUMBER: _ClassVar[int]
    num_parameters: int
    init: float
    def __init__(self, num_parameters: _Optional[int] = ..., init: _Optional[float] = ...) -> None: ...

class RReLU(_message.Message):
    __slots__ = ("lower", "upper")
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    lower: float
    upper: float
    def __init__(self, lower: _Optional[float] = ..., upper: _Optional[float] = ...) -> None: ...

class ELU(_message.Message):
    __slots__ = ("alpha",)
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    def __init__(self, alpha: _Optional[float] = ...) -> None: ...

class SELU(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CELU(_message.Message):
    __slots__ = ("alpha",)
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    def __init__(self, alpha: _Optional[float] = ...) -> None: ...

class GELU(_message.Message):
    __slots__ = ("approximate",)
    APPROXIMATE_FIELD_NUMBER: _ClassVar[int]
    approximate: GeluApproximation
    def __init__(self, approximate: _Optional[_Union[GeluApproximation, str]] = ...) -> None: ...

class SiLU(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Mish(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Softplus(_message.Message):
    __slots__ = ("beta", "threshold")
    BETA_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    beta: float
    threshold: float
    def __init__(self, beta: _Optional[float] = ..., threshold: _Optional[float] = ...) -> None: ...

class Softsign(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Softshrink(_message.Message):
    __slots__ = ("lambd",)
    LAMBD_FIELD_NUMBER: _ClassVar[int]
    lambd: float
    def __init__(self, lambd: _Optional[float] = ...) -> None: ...

class Hardshrink(_message.Message):
    __slots__ = ("lambd",)
    LAMBD_FIELD_NUMBER: _ClassVar[int]
    lambd: float
    def __init__(self, lambd: _Optional[float] = ...) -> None: ...

class Tanhshrink(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Hardtanh(_message.Message):
    __slots__ = ("min_val", "max_val")
    MIN_VAL_FIELD_NUMBER: _ClassVar[int]
    MAX_VAL_FIELD_NUMBER: _ClassVar[int]
    min_val: float
    max_val: float
    def __init__(self, min_val: _Optional[float] = ..., max_val: _Optional[float] = ...) -> None: ...

class Hardsigmoid(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Hardswish(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LogSigmoid(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Threshold(_message.Message):
    __slots__ = ("threshold", "value")
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    threshold: float
    value: float
    def __init__(self, threshold: _Optional[float] = ..., value: _Optional[float] = ...) -> None: ...

class GLU(_message.Message):
    __slots__ = ("dim",)
    DIM_FIELD_NUMBER: _ClassVar[int]
    dim: int
    def __init__(self, dim: _Optional[int] = ...) -> None: ...

class Softmax(_message.Message):
    __slots__ = ("dim",)
    DIM_FIELD_NUMBER: _ClassVar[int]
    dim: int
    def __init__(self, dim: _Optional[int] = ...) -> None: ...

class LogSoftmax(_message.Message):
    __slots__ = ("dim",)
    DIM_FIELD_NUMBER: _ClassVar[int]
    dim: int
    def __init__(self, dim: _Optional[int] = ...) -> None: ...

class Softmin(_message.Message):
    __slots__ = ("dim",)
    DIM_FIELD_NUMBER: _ClassVar[int]
    dim: int
    def __init__(self, dim: _Optional[int] = ...) -> None: ...

class Softmax2d(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Conv1d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode", "same_padding")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    SAME_PADDING_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    padding_mode: PaddingMode
    same_padding: bool
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ..., same_padding: bool = ...) -> None: ...

class Conv2d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode", "same_padding")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    SAME_PADDING_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    padding_mode: PaddingMode
    same_padding: bool
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ..., same_padding: bool = ...) -> None: ...

class Conv3d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode", "same_padding")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    SAME_PADDING_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    padding_mode: PaddingMode
    same_padding: bool
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ..., same_padding: bool = ...) -> None: ...

class ConvTranspose1d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PADDING_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    output_padding: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    dilation: _containers.RepeatedScalarFieldContainer[int]
    padding_mode: PaddingMode
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., output_padding: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., dilation: _Optional[_Iterable[int]] = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ...) -> None: ...

class ConvTranspose2d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PADDING_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    output_padding: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    dilation: _containers.RepeatedScalarFieldContainer[int]
    padding_mode: PaddingMode
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., output_padding: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., dilation: _Optional[_Iterable[int]] = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ...) -> None: ...

class ConvTranspose3d(_message.Message):
    __slots__ = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode")
    IN_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    OUT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PADDING_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    PADDING_MODE_FIELD_NUMBER: _ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    output_padding: _containers.RepeatedScalarFieldContainer[int]
    groups: int
    bias: bool
    dilation: _containers.RepeatedScalarFieldContainer[int]
    padding_mode: PaddingMode
    def __init__(self, in_channels: _Optional[int] = ..., out_channels: _Optional[int] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., output_padding: _Optional[_Iterable[int]] = ..., groups: _Optional[int] = ..., bias: bool = ..., dilation: _Optional[_Iterable[int]] = ..., padding_mode: _Optional[_Union[PaddingMode, str]] = ...) -> None: ...

class MaxPool1d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class MaxPool2d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class MaxPool3d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class AvgPool1d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_INCLUDE_PAD_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    count_include_pad: bool
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ..., count_include_pad: bool = ...) -> None: ...

class AvgPool2d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_INCLUDE_PAD_FIELD_NUMBER: _ClassVar[int]
    DIVISOR_OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ..., count_include_pad: bool = ..., divisor_override: _Optional[int] = ...) -> None: ...

class AvgPool3d(_message.Message):
    __slots__ = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_INCLUDE_PAD_FIELD_NUMBER: _ClassVar[int]
    DIVISOR_OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ..., count_include_pad: bool = ..., divisor_override: _Optional[int] = ...) -> None: ...

class LPPool1d(_message.Message):
    __slots__ = ("norm_type", "kernel_size", "stride", "ceil_mode")
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    norm_type: float
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, norm_type: _Optional[float] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class LPPool2d(_message.Message):
    __slots__ = ("norm_type", "kernel_size", "stride", "ceil_mode")
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    norm_type: float
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, norm_type: _Optional[float] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class LPPool3d(_message.Message):
    __slots__ = ("norm_type", "kernel_size", "stride", "ceil_mode")
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    CEIL_MODE_FIELD_NUMBER: _ClassVar[int]
    norm_type: float
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    ceil_mode: bool
    def __init__(self, norm_type: _Optional[float] = ..., kernel_size: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ..., ceil_mode: bool = ...) -> None: ...

class AdaptiveAvgPool1d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class AdaptiveAvgPool2d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class AdaptiveAvgPool3d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class AdaptiveMaxPool1d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class AdaptiveMaxPool2d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class AdaptiveMaxPool3d(_message.Message):
    __slots__ = ("output_size",)
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ...) -> None: ...

class BatchNorm1d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class BatchNorm2d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class BatchNorm3d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class InstanceNorm1d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class InstanceNorm2d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class InstanceNorm3d(_message.Message):
    __slots__ = ("num_features", "eps", "momentum", "affine", "track_running_stats", "bias")
    NUM_FEATURES_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    TRACK_RUNNING_STATS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_features: int
    eps: float
    momentum: float
    affine: bool
    track_running_stats: bool
    bias: bool
    def __init__(self, num_features: _Optional[int] = ..., eps: _Optional[float] = ..., momentum: _Optional[float] = ..., affine: bool = ..., track_running_stats: bool = ..., bias: bool = ...) -> None: ...

class LayerNorm(_message.Message):
    __slots__ = ("normalized_shape", "eps", "elementwise_affine", "bias")
    NORMALIZED_SHAPE_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    ELEMENTWISE_AFFINE_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    normalized_shape: _containers.RepeatedScalarFieldContainer[int]
    eps: float
    elementwise_affine: bool
    bias: bool
    def __init__(self, normalized_shape: _Optional[_Iterable[int]] = ..., eps: _Optional[float] = ..., elementwise_affine: bool = ..., bias: bool = ...) -> None: ...

class GroupNorm(_message.Message):
    __slots__ = ("num_groups", "num_channels", "eps", "affine", "bias")
    NUM_GROUPS_FIELD_NUMBER: _ClassVar[int]
    NUM_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    num_groups: int
    num_channels: int
    eps: float
    affine: bool
    bias: bool
    def __init__(self, num_groups: _Optional[int] = ..., num_channels: _Optional[int] = ..., eps: _Optional[float] = ..., affine: bool = ..., bias: bool = ...) -> None: ...

class RMSNorm(_message.Message):
    __slots__ = ("normalized_shape", "eps", "elementwise_affine")
    NORMALIZED_SHAPE_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    ELEMENTWISE_AFFINE_FIELD_NUMBER: _ClassVar[int]
    normalized_shape: _containers.RepeatedScalarFieldContainer[int]
    eps: float
    elementwise_affine: bool
    def __init__(self, normalized_shape: _Optional[_Iterable[int]] = ..., eps: _Optional[float] = ..., elementwise_affine: bool = ...) -> None: ...

class LocalResponseNorm(_message.Message):
    __slots__ = ("size", "alpha", "beta", "k")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    size: int
    alpha: float
    beta: float
    k: float
    def __init__(self, size: _Optional[int] = ..., alpha: _Optional[float] = ..., beta: _Optional[float] = ..., k: _Optional[float] = ...) -> None: ...

class Dropout(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class Dropout1d(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class Dropout2d(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class Dropout3d(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class AlphaDropout(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class FeatureAlphaDropout(_message.Message):
    __slots__ = ("p",)
    P_FIELD_NUMBER: _ClassVar[int]
    p: float
    def __init__(self, p: _Optional[float] = ...) -> None: ...

class Embedding(_message.Message):
    __slots__ = ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")
    NUM_EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_DIM_FIELD_NUMBER: _ClassVar[int]
    PADDING_IDX_FIELD_NUMBER: _ClassVar[int]
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    SCALE_GRAD_BY_FREQ_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    num_embeddings: int
    embedding_dim: int
    padding_idx: int
    max_norm: float
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    def __init__(self, num_embeddings: _Optional[int] = ..., embedding_dim: _Optional[int] = ..., padding_idx: _Optional[int] = ..., max_norm: _Optional[float] = ..., norm_type: _Optional[float] = ..., scale_grad_by_freq: bool = ..., sparse: bool = ...) -> None: ...

class EmbeddingBag(_message.Message):
    __slots__ = ("num_embeddings", "embedding_dim", "max_norm", "norm_type", "scale_grad_by_freq", "mode", "sparse", "padding_idx")
    NUM_EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_DIM_FIELD_NUMBER: _ClassVar[int]
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    NORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    SCALE_GRAD_BY_FREQ_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    PADDING_IDX_FIELD_NUMBER: _ClassVar[int]
    num_embeddings: int
    embedding_dim: int
    max_norm: float
    norm_type: float
    scale_grad_by_freq: bool
    mode: EmbeddingBagMode
    sparse: bool
    padding_idx: int
    def __init__(self, num_embeddings: _Optional[int] = ..., embedding_dim: _Optional[int] = ..., max_norm: _Optional[float] = ..., norm_type: _Optional[float] = ..., scale_grad_by_freq: bool = ..., mode: _Optional[_Union[EmbeddingBagMode, str]] = ..., sparse: bool = ..., padding_idx: _Optional[int] = ...) -> None: ...

class Flatten(_message.Message):
    __slots__ = ("start_dim", "end_dim")
    START_DIM_FIELD_NUMBER: _ClassVar[int]
    END_DIM_FIELD_NUMBER: _ClassVar[int]
    start_dim: int
    end_dim: int
    def __init__(self, start_dim: _Optional[int] = ..., end_dim: _Optional[int] = ...) -> None: ...

class Unflatten(_message.Message):
    __slots__ = ("dim", "unflattened_size")
    DIM_FIELD_NUMBER: _ClassVar[int]
    UNFLATTENED_SIZE_FIELD_NUMBER: _ClassVar[int]
    dim: int
    unflattened_size: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, dim: _Optional[int] = ..., unflattened_size: _Optional[_Iterable[int]] = ...) -> None: ...

class PixelShuffle(_message.Message):
    __slots__ = ("upscale_factor",)
    UPSCALE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    upscale_factor: int
    def __init__(self, upscale_factor: _Optional[int] = ...) -> None: ...

class PixelUnshuffle(_message.Message):
    __slots__ = ("downscale_factor",)
    DOWNSCALE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    downscale_factor: int
    def __init__(self, downscale_factor: _Optional[int] = ...) -> None: ...

class ChannelShuffle(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: int
    def __init__(self, groups: _Optional[int] = ...) -> None: ...

class Upsample(_message.Message):
    __slots__ = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SCALE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    ALIGN_CORNERS_FIELD_NUMBER: _ClassVar[int]
    RECOMPUTE_SCALE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    size: _containers.RepeatedScalarFieldContainer[int]
    scale_factor: _containers.RepeatedScalarFieldContainer[float]
    mode: UpsampleMode
    align_corners: bool
    recompute_scale_factor: bool
    def __init__(self, size: _Optional[_Iterable[int]] = ..., scale_factor: _Optional[_Iterable[float]] = ..., mode: _Optional[_Union[UpsampleMode, str]] = ..., align_corners: bool = ..., recompute_scale_factor: bool = ...) -> None: ...

class Unfold(_message.Message):
    __slots__ = ("kernel_size", "dilation", "padding", "stride")
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, kernel_size: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ...) -> None: ...

class Fold(_message.Message):
    __slots__ = ("output_size", "kernel_size", "dilation", "padding", "stride")
    OUTPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    DILATION_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    output_size: _containers.RepeatedScalarFieldContainer[int]
    kernel_size: _containers.RepeatedScalarFieldContainer[int]
    dilation: _containers.RepeatedScalarFieldContainer[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    stride: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output_size: _Optional[_Iterable[int]] = ..., kernel_size: _Optional[_Iterable[int]] = ..., dilation: _Optional[_Iterable[int]] = ..., padding: _Optional[_Iterable[int]] = ..., stride: _Optional[_Iterable[int]] = ...) -> None: ...

class ZeroPad1d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ZeroPad2d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ZeroPad3d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ConstantPad1d(_message.Message):
    __slots__ = ("padding", "value")
    PADDING_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    value: float
    def __init__(self, padding: _Optional[_Iterable[int]] = ..., value: _Optional[float] = ...) -> None: ...

class ConstantPad2d(_message.Message):
    __slots__ = ("padding", "value")
    PADDING_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    value: float
    def __init__(self, padding: _Optional[_Iterable[int]] = ..., value: _Optional[float] = ...) -> None: ...

class ConstantPad3d(_message.Message):
    __slots__ = ("padding", "value")
    PADDING_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    value: float
    def __init__(self, padding: _Optional[_Iterable[int]] = ..., value: _Optional[float] = ...) -> None: ...

class ReflectionPad1d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ReflectionPad2d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ReflectionPad3d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ReplicationPad1d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ReplicationPad2d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class ReplicationPad3d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class CircularPad1d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class CircularPad2d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class CircularPad3d(_message.Message):
    __slots__ = ("padding",)
    PADDING_FIELD_NUMBER: _ClassVar[int]
    padding: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, padding: _Optional[_Iterable[int]] = ...) -> None: ...

class RNN(_message.Message):
    __slots__ = ("input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first", "dropout", "bidirectional", "output")
    INPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    NUM_LAYERS_FIELD_NUMBER: _ClassVar[int]
    NONLINEARITY_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIRST_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    BIDIRECTIONAL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    input_size: int
    hidden_size: int
    num_layers: int
    nonlinearity: RecurrentNonlinearity
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    output: RecurrentOutput
    def __init__(self, input_size: _Optional[int] = ..., hidden_size: _Optional[int] = ..., num_layers: _Optional[int] = ..., nonlinearity: _Optional[_Union[RecurrentNonlinearity, str]] = ..., bias: bool = ..., batch_first: bool = ..., dropout: _Optional[float] = ..., bidirectional: bool = ..., output: _Optional[_Union[RecurrentOutput, str]] = ...) -> None: ...

class LSTM(_message.Message):
    __slots__ = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size", "output")
    INPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    NUM_LAYERS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIRST_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    BIDIRECTIONAL_FIELD_NUMBER: _ClassVar[int]
    PROJ_SIZE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    output: RecurrentOutput
    def __init__(self, input_size: _Optional[int] = ..., hidden_size: _Optional[int] = ..., num_layers: _Optional[int] = ..., bias: bool = ..., batch_first: bool = ..., dropout: _Optional[float] = ..., bidirectional: bool = ..., proj_size: _Optional[int] = ..., output: _Optional[_Union[RecurrentOutput, str]] = ...) -> None: ...

class GRU(_message.Message):
    __slots__ = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "output")
    INPUT_SIZE_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    NUM_LAYERS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIRST_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    BIDIRECTIONAL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    output: RecurrentOutput
    def __init__(self, input_size: _Optional[int] = ..., hidden_size: _Optional[int] = ..., num_layers: _Optional[int] = ..., bias: bool = ..., batch_first: bool = ..., dropout: _Optional[float] = ..., bidirectional: bool = ..., output: _Optional[_Union[RecurrentOutput, str]] = ...) -> None: ...

class MultiheadAttention(_message.Message):
    __slots__ = ("embed_dim", "num_heads", "dropout", "bias", "add_bias_kv", "add_zero_attn", "batch_first")
    EMBED_DIM_FIELD_NUMBER: _ClassVar[int]
    NUM_HEADS_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    ADD_BIAS_KV_FIELD_NUMBER: _ClassVar[int]
    ADD_ZERO_ATTN_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIRST_FIELD_NUMBER: _ClassVar[int]
    embed_dim: int
    num_heads: int
    dropout: float
    bias: bool
    add_bias_kv: bool
    add_zero_attn: bool
    batch_first: bool
    def __init__(self, embed_dim: _Optional[int] = ..., num_heads: _Optional[int] = ..., dropout: _Optional[float] = ..., bias: bool = ..., add_bias_kv: bool = ..., add_zero_attn: bool = ..., batch_first: bool = ...) -> None: ...

class TransformerEncoderLayer(_message.Message):
    __slots__ = ("d_model", "nhead", "dim_feedforward", "dropout", "activation", "layer_norm_eps", "batch_first", "norm_first", "bias")
    D_MODEL_FIELD_NUMBER: _ClassVar[int]
    NHEAD_FIELD_NUMBER: _ClassVar[int]
    DIM_FEEDFORWARD_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    LAYER_NORM_EPS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIRST_FIELD_NUMBER: _ClassVar[int]
    NORM_FIRST_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    d_model: int
    nhead: int
    dim_feedforward: int
    dropout: float
    activation: TransformerActivation
    layer_norm_eps: float
    batch_first: bool
    norm_first: bool
    bias: bool
    def __init__(self, d_model: _Optional[int] = ..., nhead: _Optional[int] = ..., dim_feedforward: _Optional[int] = ..., dropout: _Optional[float] = ..., activation: _Optional[_Union[TransformerActivation, str]] = ..., layer_norm_eps: _Optional[float] = ..., batch_first: bool = ..., norm_first: bool = ..., bias: bool = ...) -> None: ...

class TransformerEncoder(_message.Message):
    __slots__ = ("encoder_layer", "num_layers", "norm")
    ENCODER_LAYER_FIELD_NUMBER: _ClassVar[int]
    NUM_LAYERS_FIELD_NUMBER: _ClassVar[int]
    NORM_FIELD_NUMBER: _ClassVar[int]
    encoder_layer: TransformerEncoderLayer
    num_layers: int
    norm: LayerNorm
    def __init__(self, encoder_layer: _Optional[_Union[TransformerEncoderLayer, _Mapping]] = ..., num_layers: _Optional[int] = ..., norm: _Optional[_Union[LayerNorm, _Mapping]] = ...) -> None: ...
