"""Modules of torch.nn as data, for the model of a session; knows nothing of how they are computed or sent."""

from lossd.nn.activation import CELU as CELU
from lossd.nn.activation import ELU as ELU
from lossd.nn.activation import GELU as GELU
from lossd.nn.activation import GLU as GLU
from lossd.nn.activation import SELU as SELU
from lossd.nn.activation import Hardshrink as Hardshrink
from lossd.nn.activation import Hardsigmoid as Hardsigmoid
from lossd.nn.activation import Hardswish as Hardswish
from lossd.nn.activation import Hardtanh as Hardtanh
from lossd.nn.activation import LeakyReLU as LeakyReLU
from lossd.nn.activation import LogSigmoid as LogSigmoid
from lossd.nn.activation import LogSoftmax as LogSoftmax
from lossd.nn.activation import Mish as Mish
from lossd.nn.activation import PReLU as PReLU
from lossd.nn.activation import ReLU as ReLU
from lossd.nn.activation import ReLU6 as ReLU6
from lossd.nn.activation import RReLU as RReLU
from lossd.nn.activation import Sigmoid as Sigmoid
from lossd.nn.activation import SiLU as SiLU
from lossd.nn.activation import Softmax as Softmax
from lossd.nn.activation import Softmax2d as Softmax2d
from lossd.nn.activation import Softmin as Softmin
from lossd.nn.activation import Softplus as Softplus
from lossd.nn.activation import Softshrink as Softshrink
from lossd.nn.activation import Softsign as Softsign
from lossd.nn.activation import Tanh as Tanh
from lossd.nn.activation import Tanhshrink as Tanhshrink
from lossd.nn.activation import Threshold as Threshold
from lossd.nn.attention import MultiheadAttention as MultiheadAttention
from lossd.nn.attention import TransformerEncoder as TransformerEncoder
from lossd.nn.attention import TransformerEncoderLayer as TransformerEncoderLayer
from lossd.nn.convolution import Conv1d as Conv1d
from lossd.nn.convolution import Conv2d as Conv2d
from lossd.nn.convolution import Conv3d as Conv3d
from lossd.nn.convolution import ConvTranspose1d as ConvTranspose1d
from lossd.nn.convolution import ConvTranspose2d as ConvTranspose2d
from lossd.nn.convolution import ConvTranspose3d as ConvTranspose3d
from lossd.nn.dropout import AlphaDropout as AlphaDropout
from lossd.nn.dropout import Dropout as Dropout
from lossd.nn.dropout import Dropout1d as Dropout1d
from lossd.nn.dropout import Dropout2d as Dropout2d
from lossd.nn.dropout import Dropout3d as Dropout3d
from lossd.nn.dropout import FeatureAlphaDropout as FeatureAlphaDropout
from lossd.nn.embedding import Embedding as Embedding
from lossd.nn.embedding import EmbeddingBag as EmbeddingBag
from lossd.nn.joining import Bilinear as Bilinear
from lossd.nn.joining import Branch as Branch
from lossd.nn.joining import Branches as Branches
from lossd.nn.joining import Residual as Residual
from lossd.nn.joining import Sequential as Sequential
from lossd.nn.linear import Identity as Identity
from lossd.nn.linear import Linear as Linear
from lossd.nn.module import Module as Module
from lossd.nn.normalisation import BatchNorm1d as BatchNorm1d
from lossd.nn.normalisation import BatchNorm2d as BatchNorm2d
from lossd.nn.normalisation import BatchNorm3d as BatchNorm3d
from lossd.nn.normalisation import GroupNorm as GroupNorm
from lossd.nn.normalisation import InstanceNorm1d as InstanceNorm1d
from lossd.nn.normalisation import InstanceNorm2d as InstanceNorm2d
from lossd.nn.normalisation import InstanceNorm3d as InstanceNorm3d
from lossd.nn.normalisation import LayerNorm as LayerNorm
from lossd.nn.normalisation import LocalResponseNorm as LocalResponseNorm
from lossd.nn.normalisation import RMSNorm as RMSNorm
from lossd.nn.padding import CircularPad1d as CircularPad1d
from lossd.nn.padding import CircularPad2d as CircularPad2d
from lossd.nn.padding import CircularPad3d as CircularPad3d
from lossd.nn.padding import ConstantPad1d as ConstantPad1d
from lossd.nn.padding import ConstantPad2d as ConstantPad2d
from lossd.nn.padding import ConstantPad3d as ConstantPad3d
from lossd.nn.padding import ReflectionPad1d as ReflectionPad1d
from lossd.nn.padding import ReflectionPad2d as ReflectionPad2d
from lossd.nn.padding import ReflectionPad3d as ReflectionPad3d
from lossd.nn.padding import ReplicationPad1d as ReplicationPad1d
from lossd.nn.padding import ReplicationPad2d as ReplicationPad2d
from lossd.nn.padding import ReplicationPad3d as ReplicationPad3d
from lossd.nn.padding import ZeroPad1d as ZeroPad1d
from lossd.nn.padding import ZeroPad2d as ZeroPad2d
from lossd.nn.padding import ZeroPad3d as ZeroPad3d
from lossd.nn.pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from lossd.nn.pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from lossd.nn.pooling import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from lossd.nn.pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from lossd.nn.pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from lossd.nn.pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from lossd.nn.pooling import AvgPool1d as AvgPool1d
from lossd.nn.pooling import AvgPool2d as AvgPool2d
from lossd.nn.pooling import AvgPool3d as AvgPool3d
from lossd.nn.pooling import LPPool1d as LPPool1d
from lossd.nn.pooling import LPPool2d as LPPool2d
from lossd.nn.pooling import LPPool3d as LPPool3d
from lossd.nn.pooling import MaxPool1d as MaxPool1d
from lossd.nn.pooling import MaxPool2d as MaxPool2d
from lossd.nn.pooling import MaxPool3d as MaxPool3d
from lossd.nn.program import ProgramModel as ProgramModel
from lossd.nn.recurrent import GRU as GRU
from lossd.nn.recurrent import LSTM as LSTM
from lossd.nn.recurrent import RNN as RNN
from lossd.nn.shape import ChannelShuffle as ChannelShuffle
from lossd.nn.shape import Flatten as Flatten
from lossd.nn.shape import Fold as Fold
from lossd.nn.shape import PixelShuffle as PixelShuffle
from lossd.nn.shape import PixelUnshuffle as PixelUnshuffle
from lossd.nn.shape import Unflatten as Unflatten
from lossd.nn.shape import Unfold as Unfold
from lossd.nn.shape import Upsample as Upsample

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Bilinear",
    "Branch",
    "Branches",
    "ChannelShuffle",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "EmbeddingBag",
    "FeatureAlphaDropout",
    "Flatten",
    "Fold",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Mish",
    "Module",
    "MultiheadAttention",
    "PReLU",
    "PixelShuffle",
    "PixelUnshuffle",
    "ProgramModel",
    "RMSNorm",
    "RReLU",
    "ReLU",
    "ReLU6",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "Unflatten",
    "Unfold",
    "Upsample",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


def __dir__() -> list[str]:
    """The public names, without the modules that hold them."""
    return sorted(__all__)
