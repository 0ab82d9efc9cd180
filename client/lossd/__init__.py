"""lossd: exact PyTorch losses, gradients and training steps as a service; this is the client, which needs no torch.

import lossd

client = lossd.Client("localhost:50051")   # or lossd.local(): a server inside this process
result = client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0], gradients=True)
result.value, result.gradients["input"]
"""

from importlib.metadata import version as _version

from lossd import losses as losses
from lossd import nn as nn
from lossd import optim as optim
from lossd.advice import Advice as Advice
from lossd.advice import Choice as Choice
from lossd.advice import Fact as Fact
from lossd.advice import Measurement as Measurement
from lossd.advice import Question as Question
from lossd.advice import Recommendation as Recommendation
from lossd.advice import Rejection as Rejection
from lossd.aggregation import Aggregate as Aggregate
from lossd.aggregation import Aggregation as Aggregation
from lossd.aggregation import AsyncAggregation as AsyncAggregation
from lossd.aio import AsyncClient as AsyncClient
from lossd.aio_session import AsyncSession as AsyncSession
from lossd.catalog import LossArgument as LossArgument
from lossd.catalog import LossExample as LossExample
from lossd.catalog import LossInfo as LossInfo
from lossd.catalog import LossInput as LossInput
from lossd.catalog import MetricInfo as MetricInfo
from lossd.channel import TLS as TLS
from lossd.client import Client as Client
from lossd.diagnostics import Diagnostic as Diagnostic
from lossd.diagnostics import DiagnosticInfo as DiagnosticInfo
from lossd.errors import Aborted as Aborted
from lossd.errors import Cancelled as Cancelled
from lossd.errors import DataLoss as DataLoss
from lossd.errors import DeadlineExceeded as DeadlineExceeded
from lossd.errors import FailedPrecondition as FailedPrecondition
from lossd.errors import Internal as Internal
from lossd.errors import InvalidArgument as InvalidArgument
from lossd.errors import LossdError as LossdError
from lossd.errors import NotFound as NotFound
from lossd.errors import Overloaded as Overloaded
from lossd.errors import PermissionDenied as PermissionDenied
from lossd.errors import ResourceExhausted as ResourceExhausted
from lossd.errors import SequenceConflict as SequenceConflict
from lossd.errors import SessionLost as SessionLost
from lossd.errors import Unauthenticated as Unauthenticated
from lossd.errors import Unavailable as Unavailable
from lossd.errors import Unimplemented as Unimplemented
from lossd.evaluation import Evaluation as Evaluation
from lossd.explained import Curve as Curve
from lossd.explained import ExplainedExample as ExplainedExample
from lossd.explained import ExplainedTerm as ExplainedTerm
from lossd.explained import Histogram as Histogram
from lossd.explanation import Explanation as Explanation
from lossd.history import History as History
from lossd.local import local as local
from lossd.loss import Expression as Expression
from lossd.loss import Loss as Loss
from lossd.loss import Plugin as Plugin
from lossd.loss import Reduction as Reduction
from lossd.loss import WeightedSum as WeightedSum
from lossd.loss import WeightedTerm as WeightedTerm
from lossd.losses import *  # noqa: F403  # the catalogue, whose names are written
from lossd.program import Program as Program
from lossd.results import Device as Device
from lossd.results import Execution as Execution
from lossd.results import Limits as Limits
from lossd.results import Result as Result
from lossd.results import ServerInfo as ServerInfo
from lossd.results import TensorType as TensorType
from lossd.results import Validation as Validation
from lossd.session import Session as Session
from lossd.settings import CheckpointPolicy as CheckpointPolicy
from lossd.settings import EarlyStopping as EarlyStopping
from lossd.settings import WeightSchedule as WeightSchedule
from lossd.training_results import Epoch as Epoch
from lossd.training_results import MicroBatch as MicroBatch
from lossd.training_results import Progress as Progress
from lossd.training_results import Saved as Saved
from lossd.training_results import Score as Score
from lossd.training_results import SessionInfo as SessionInfo
from lossd.training_results import Step as Step

__version__ = _version("lossd")

__all__ = [
    "TLS",
    "Aborted",
    "Advice",
    "Aggregate",
    "Aggregation",
    "AsyncAggregation",
    "AsyncClient",
    "AsyncSession",
    "Cancelled",
    "CheckpointPolicy",
    "Choice",
    "Client",
    "Curve",
    "DataLoss",
    "DeadlineExceeded",
    "Device",
    "Diagnostic",
    "DiagnosticInfo",
    "EarlyStopping",
    "Epoch",
    "Evaluation",
    "Execution",
    "ExplainedExample",
    "ExplainedTerm",
    "Explanation",
    "Expression",
    "Fact",
    "FailedPrecondition",
    "Histogram",
    "History",
    "Internal",
    "InvalidArgument",
    "Limits",
    "Loss",
    "LossArgument",
    "LossExample",
    "LossInfo",
    "LossInput",
    "LossdError",
    "Measurement",
    "MetricInfo",
    "MicroBatch",
    "NotFound",
    "Overloaded",
    "PermissionDenied",
    "Plugin",
    "Program",
    "Progress",
    "Question",
    "Recommendation",
    "Reduction",
    "Rejection",
    "ResourceExhausted",
    "Result",
    "Saved",
    "Score",
    "SequenceConflict",
    "ServerInfo",
    "Session",
    "SessionInfo",
    "SessionLost",
    "Step",
    "TensorType",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Validation",
    "WeightSchedule",
    "WeightedSum",
    "WeightedTerm",
    "__version__",
    "local",
    "losses",
    "nn",
    "optim",
]
__all__ += losses.__all__


def __dir__() -> list[str]:
    """The public names, without the modules that hold them."""
    return sorted(__all__)
