"""The losses of the catalogue as data; written by proto/catalogue.py from the server's catalogue.

Every argument is by keyword, and None means the loss's default. Inputs go to `Client.evaluate` in the order given
under Inputs, or by keyword. Shapes are in torch's notation: N examples, C classes, `*` any dimensions.
"""

from lossd.losses.boxes import CIoULoss as CIoULoss
from lossd.losses.boxes import DIoULoss as DIoULoss
from lossd.losses.boxes import GIoULoss as GIoULoss
from lossd.losses.boxes import IoULoss as IoULoss
from lossd.losses.classification import AsymmetricLoss as AsymmetricLoss
from lossd.losses.classification import GeneralizedCrossEntropyLoss as GeneralizedCrossEntropyLoss
from lossd.losses.classification import HingeLoss as HingeLoss
from lossd.losses.classification import MulticlassHingeLoss as MulticlassHingeLoss
from lossd.losses.classification import Poly1CrossEntropyLoss as Poly1CrossEntropyLoss
from lossd.losses.classification import SigmoidFocalLoss as SigmoidFocalLoss
from lossd.losses.classification import SoftmaxFocalLoss as SoftmaxFocalLoss
from lossd.losses.classification import SymmetricCrossEntropyLoss as SymmetricCrossEntropyLoss
from lossd.losses.classification import ZLoss as ZLoss
from lossd.losses.distillation import GeneralizedJSDLoss as GeneralizedJSDLoss
from lossd.losses.distillation import KDKLLoss as KDKLLoss
from lossd.losses.distillation import ReverseKLLoss as ReverseKLLoss
from lossd.losses.distillation import TVDLoss as TVDLoss
from lossd.losses.metric_learning import BarlowTwinsLoss as BarlowTwinsLoss
from lossd.losses.metric_learning import CircleLoss as CircleLoss
from lossd.losses.metric_learning import CLIPLoss as CLIPLoss
from lossd.losses.metric_learning import ContrastiveLoss as ContrastiveLoss
from lossd.losses.metric_learning import InfoNCELoss as InfoNCELoss
from lossd.losses.metric_learning import MultiSimilarityLoss as MultiSimilarityLoss
from lossd.losses.metric_learning import NTXentLoss as NTXentLoss
from lossd.losses.metric_learning import SupConLoss as SupConLoss
from lossd.losses.metric_learning import VICRegLoss as VICRegLoss
from lossd.losses.policy import CISPOLoss as CISPOLoss
from lossd.losses.policy import DAPOLoss as DAPOLoss
from lossd.losses.policy import DrGRPOLoss as DrGRPOLoss
from lossd.losses.policy import DROLoss as DROLoss
from lossd.losses.policy import GRPOLoss as GRPOLoss
from lossd.losses.policy import GSPOLoss as GSPOLoss
from lossd.losses.policy import ImportanceSamplingLoss as ImportanceSamplingLoss
from lossd.losses.policy import PPOClipLoss as PPOClipLoss
from lossd.losses.policy import ReinforceLoss as ReinforceLoss
from lossd.losses.policy_terms import EntropyBonus as EntropyBonus
from lossd.losses.policy_terms import KLEstimator as KLEstimator
from lossd.losses.policy_terms import PPOValueClipLoss as PPOValueClipLoss
from lossd.losses.preference import CPOLoss as CPOLoss
from lossd.losses.preference import DPOLoss as DPOLoss
from lossd.losses.preference import KTOLoss as KTOLoss
from lossd.losses.preference import ORPOLoss as ORPOLoss
from lossd.losses.preference import SimPOLoss as SimPOLoss
from lossd.losses.ranking import ApproxNDCGLoss as ApproxNDCGLoss
from lossd.losses.ranking import BradleyTerryLoss as BradleyTerryLoss
from lossd.losses.ranking import ListMLELoss as ListMLELoss
from lossd.losses.ranking import ListNetLoss as ListNetLoss
from lossd.losses.ranking import PairwiseLogisticLoss as PairwiseLogisticLoss
from lossd.losses.regression import CharbonnierLoss as CharbonnierLoss
from lossd.losses.regression import CosineDistanceLoss as CosineDistanceLoss
from lossd.losses.regression import LogCoshLoss as LogCoshLoss
from lossd.losses.regression import MAPELoss as MAPELoss
from lossd.losses.regression import MSLELoss as MSLELoss
from lossd.losses.regression import QuantileLoss as QuantileLoss
from lossd.losses.regression import RMSELoss as RMSELoss
from lossd.losses.regression import SMAPELoss as SMAPELoss
from lossd.losses.regression import TweedieLoss as TweedieLoss
from lossd.losses.regularisers import ElasticNet as ElasticNet
from lossd.losses.regularisers import Entropy as Entropy
from lossd.losses.regularisers import L1Norm as L1Norm
from lossd.losses.regularisers import L2Norm as L2Norm
from lossd.losses.regularisers import TotalVariation as TotalVariation
from lossd.losses.segmentation import DiceLoss as DiceLoss
from lossd.losses.segmentation import FocalTverskyLoss as FocalTverskyLoss
from lossd.losses.segmentation import GeneralizedDiceLoss as GeneralizedDiceLoss
from lossd.losses.segmentation import JaccardLoss as JaccardLoss
from lossd.losses.segmentation import LovaszHingeLoss as LovaszHingeLoss
from lossd.losses.segmentation import LovaszSoftmaxLoss as LovaszSoftmaxLoss
from lossd.losses.segmentation import TverskyLoss as TverskyLoss
from lossd.losses.torch_nn import AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss
from lossd.losses.torch_nn import BCELoss as BCELoss
from lossd.losses.torch_nn import BCEWithLogitsLoss as BCEWithLogitsLoss
from lossd.losses.torch_nn import CosineEmbeddingLoss as CosineEmbeddingLoss
from lossd.losses.torch_nn import CrossEntropyLoss as CrossEntropyLoss
from lossd.losses.torch_nn import CTCLoss as CTCLoss
from lossd.losses.torch_nn import GaussianNLLLoss as GaussianNLLLoss
from lossd.losses.torch_nn import HingeEmbeddingLoss as HingeEmbeddingLoss
from lossd.losses.torch_nn import HuberLoss as HuberLoss
from lossd.losses.torch_nn import KLDivLoss as KLDivLoss
from lossd.losses.torch_nn import L1Loss as L1Loss
from lossd.losses.torch_nn import LinearCrossEntropyLoss as LinearCrossEntropyLoss
from lossd.losses.torch_nn import LinearCrossEntropyOptions as LinearCrossEntropyOptions
from lossd.losses.torch_nn import MarginRankingLoss as MarginRankingLoss
from lossd.losses.torch_nn import MSELoss as MSELoss
from lossd.losses.torch_nn import MultiLabelMarginLoss as MultiLabelMarginLoss
from lossd.losses.torch_nn import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from lossd.losses.torch_nn import MultiMarginLoss as MultiMarginLoss
from lossd.losses.torch_nn import NLLLoss as NLLLoss
from lossd.losses.torch_nn import PoissonNLLLoss as PoissonNLLLoss
from lossd.losses.torch_nn import SmoothL1Loss as SmoothL1Loss
from lossd.losses.torch_nn import SoftMarginLoss as SoftMarginLoss
from lossd.losses.torch_nn import TripletMarginLoss as TripletMarginLoss
from lossd.losses.torch_nn import TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss

__all__ = [
    "AdaptiveLogSoftmaxWithLoss",
    "ApproxNDCGLoss",
    "AsymmetricLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BarlowTwinsLoss",
    "BradleyTerryLoss",
    "CISPOLoss",
    "CIoULoss",
    "CLIPLoss",
    "CPOLoss",
    "CTCLoss",
    "CharbonnierLoss",
    "CircleLoss",
    "ContrastiveLoss",
    "CosineDistanceLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "DAPOLoss",
    "DIoULoss",
    "DPOLoss",
    "DROLoss",
    "DiceLoss",
    "DrGRPOLoss",
    "ElasticNet",
    "Entropy",
    "EntropyBonus",
    "FocalTverskyLoss",
    "GIoULoss",
    "GRPOLoss",
    "GSPOLoss",
    "GaussianNLLLoss",
    "GeneralizedCrossEntropyLoss",
    "GeneralizedDiceLoss",
    "GeneralizedJSDLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "ImportanceSamplingLoss",
    "InfoNCELoss",
    "IoULoss",
    "JaccardLoss",
    "KDKLLoss",
    "KLDivLoss",
    "KLEstimator",
    "KTOLoss",
    "L1Loss",
    "L1Norm",
    "L2Norm",
    "LinearCrossEntropyLoss",
    "LinearCrossEntropyOptions",
    "ListMLELoss",
    "ListNetLoss",
    "LogCoshLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "MAPELoss",
    "MSELoss",
    "MSLELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiSimilarityLoss",
    "MulticlassHingeLoss",
    "NLLLoss",
    "NTXentLoss",
    "ORPOLoss",
    "PPOClipLoss",
    "PPOValueClipLoss",
    "PairwiseLogisticLoss",
    "PoissonNLLLoss",
    "Poly1CrossEntropyLoss",
    "QuantileLoss",
    "RMSELoss",
    "ReinforceLoss",
    "ReverseKLLoss",
    "SMAPELoss",
    "SigmoidFocalLoss",
    "SimPOLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "SoftmaxFocalLoss",
    "SupConLoss",
    "SymmetricCrossEntropyLoss",
    "TVDLoss",
    "TotalVariation",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "TverskyLoss",
    "TweedieLoss",
    "VICRegLoss",
    "ZLoss",
]
