from google.protobuf import struct_pb2 as _struct_pb2
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

class DistanceFunction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISTANCE_FUNCTION_UNSPECIFIED: _ClassVar[DistanceFunction]
    DISTANCE_FUNCTION_PAIRWISE: _ClassVar[DistanceFunction]
    DISTANCE_FUNCTION_MANHATTAN: _ClassVar[DistanceFunction]
    DISTANCE_FUNCTION_CHEBYSHEV: _ClassVar[DistanceFunction]
    DISTANCE_FUNCTION_SQUARED_EUCLIDEAN: _ClassVar[DistanceFunction]
    DISTANCE_FUNCTION_COSINE: _ClassVar[DistanceFunction]

class Aggregation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGGREGATION_UNSPECIFIED: _ClassVar[Aggregation]
    AGGREGATION_TOKEN_MEAN: _ClassVar[Aggregation]
    AGGREGATION_TOKEN_SUM: _ClassVar[Aggregation]
    AGGREGATION_SEQ_MEAN_TOKEN_SUM: _ClassVar[Aggregation]
    AGGREGATION_SEQ_MEAN_TOKEN_MEAN: _ClassVar[Aggregation]
    AGGREGATION_NONE: _ClassVar[Aggregation]

class BoxFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BOX_FORMAT_UNSPECIFIED: _ClassVar[BoxFormat]
    BOX_FORMAT_XYXY: _ClassVar[BoxFormat]
    BOX_FORMAT_XYWH: _ClassVar[BoxFormat]
    BOX_FORMAT_CXCYWH: _ClassVar[BoxFormat]

class CPOLossType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CPO_LOSS_TYPE_UNSPECIFIED: _ClassVar[CPOLossType]
    CPO_LOSS_TYPE_SIGMOID: _ClassVar[CPOLossType]
    CPO_LOSS_TYPE_HINGE: _ClassVar[CPOLossType]
    CPO_LOSS_TYPE_IPO: _ClassVar[CPOLossType]

class SegmentationMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEGMENTATION_MODE_UNSPECIFIED: _ClassVar[SegmentationMode]
    SEGMENTATION_MODE_MULTICLASS: _ClassVar[SegmentationMode]
    SEGMENTATION_MODE_MULTILABEL: _ClassVar[SegmentationMode]
    SEGMENTATION_MODE_BINARY: _ClassVar[SegmentationMode]

class DPOLossType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DPO_LOSS_TYPE_UNSPECIFIED: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_SIGMOID: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_HINGE: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_IPO: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_ROBUST: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_EXO_PAIR: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_NCA_PAIR: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_BCO_PAIR: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_SPPO_HARD: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_APO_ZERO: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_APO_DOWN: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_DISCOPOP: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_AOT: _ClassVar[DPOLossType]
    DPO_LOSS_TYPE_AOT_UNPAIRED: _ClassVar[DPOLossType]

class GeneralizedDiceWeight(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERALIZED_DICE_WEIGHT_UNSPECIFIED: _ClassVar[GeneralizedDiceWeight]
    GENERALIZED_DICE_WEIGHT_SQUARE: _ClassVar[GeneralizedDiceWeight]
    GENERALIZED_DICE_WEIGHT_SIMPLE: _ClassVar[GeneralizedDiceWeight]
    GENERALIZED_DICE_WEIGHT_UNIFORM: _ClassVar[GeneralizedDiceWeight]

class KLEstimatorType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KL_ESTIMATOR_TYPE_UNSPECIFIED: _ClassVar[KLEstimatorType]
    KL_ESTIMATOR_TYPE_K1: _ClassVar[KLEstimatorType]
    KL_ESTIMATOR_TYPE_K2: _ClassVar[KLEstimatorType]
    KL_ESTIMATOR_TYPE_K3: _ClassVar[KLEstimatorType]

class KTOLossType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KTO_LOSS_TYPE_UNSPECIFIED: _ClassVar[KTOLossType]
    KTO_LOSS_TYPE_KTO: _ClassVar[KTOLossType]
    KTO_LOSS_TYPE_APO_ZERO_UNPAIRED: _ClassVar[KTOLossType]

class LovaszClasses(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOVASZ_CLASSES_UNSPECIFIED: _ClassVar[LovaszClasses]
    LOVASZ_CLASSES_PRESENT: _ClassVar[LovaszClasses]
    LOVASZ_CLASSES_ALL: _ClassVar[LovaszClasses]

class SimPOLossType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIM_PO_LOSS_TYPE_UNSPECIFIED: _ClassVar[SimPOLossType]
    SIM_PO_LOSS_TYPE_SIGMOID: _ClassVar[SimPOLossType]
    SIM_PO_LOSS_TYPE_HINGE: _ClassVar[SimPOLossType]

class AccumulationPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCUMULATION_POLICY_UNSPECIFIED: _ClassVar[AccumulationPolicy]
    ACCUMULATION_POLICY_AUTO: _ClassVar[AccumulationPolicy]
    ACCUMULATION_POLICY_ACCURATE: _ClassVar[AccumulationPolicy]
    ACCUMULATION_POLICY_BALANCED: _ClassVar[AccumulationPolicy]
    ACCUMULATION_POLICY_COMPACT: _ClassVar[AccumulationPolicy]
REDUCTION_UNSPECIFIED: Reduction
REDUCTION_NONE: Reduction
REDUCTION_MEAN: Reduction
REDUCTION_SUM: Reduction
REDUCTION_BATCHMEAN: Reduction
DISTANCE_FUNCTION_UNSPECIFIED: DistanceFunction
DISTANCE_FUNCTION_PAIRWISE: DistanceFunction
DISTANCE_FUNCTION_MANHATTAN: DistanceFunction
DISTANCE_FUNCTION_CHEBYSHEV: DistanceFunction
DISTANCE_FUNCTION_SQUARED_EUCLIDEAN: DistanceFunction
DISTANCE_FUNCTION_COSINE: DistanceFunction
AGGREGATION_UNSPECIFIED: Aggregation
AGGREGATION_TOKEN_MEAN: Aggregation
AGGREGATION_TOKEN_SUM: Aggregation
AGGREGATION_SEQ_MEAN_TOKEN_SUM: Aggregation
AGGREGATION_SEQ_MEAN_TOKEN_MEAN: Aggregation
AGGREGATION_NONE: Aggregation
BOX_FORMAT_UNSPECIFIED: BoxFormat
BOX_FORMAT_XYXY: BoxFormat
BOX_FORMAT_XYWH: BoxFormat
BOX_FORMAT_CXCYWH: BoxFormat
CPO_LOSS_TYPE_UNSPECIFIED: CPOLossType
CPO_LOSS_TYPE_SIGMOID: CPOLossType
CPO_LOSS_TYPE_HINGE: CPOLossType
CPO_LOSS_TYPE_IPO: CPOLossType
SEGMENTATION_MODE_UNSPECIFIED: SegmentationMode
SEGMENTATION_MODE_MULTICLASS: SegmentationMode
SEGMENTATION_MODE_MULTILABEL: SegmentationMode
SEGMENTATION_MODE_BINARY: SegmentationMode
DPO_LOSS_TYPE_UNSPECIFIED: DPOLossType
DPO_LOSS_TYPE_SIGMOID: DPOLossType
DPO_LOSS_TYPE_HINGE: DPOLossType
DPO_LOSS_TYPE_IPO: DPOLossType
DPO_LOSS_TYPE_ROBUST: DPOLossType
DPO_LOSS_TYPE_EXO_PAIR: DPOLossType
DPO_LOSS_TYPE_NCA_PAIR: DPOLossType
DPO_LOSS_TYPE_BCO_PAIR: DPOLossType
DPO_LOSS_TYPE_SPPO_HARD: DPOLossType
DPO_LOSS_TYPE_APO_ZERO: DPOLossType
DPO_LOSS_TYPE_APO_DOWN: DPOLossType
DPO_LOSS_TYPE_DISCOPOP: DPOLossType
DPO_LOSS_TYPE_AOT: DPOLossType
DPO_LOSS_TYPE_AOT_UNPAIRED: DPOLossType
GENERALIZED_DICE_WEIGHT_UNSPECIFIED: GeneralizedDiceWeight
GENERALIZED_DICE_WEIGHT_SQUARE: GeneralizedDiceWeight
GENERALIZED_DICE_WEIGHT_SIMPLE: GeneralizedDiceWeight
GENERALIZED_DICE_WEIGHT_UNIFORM: GeneralizedDiceWeight
KL_ESTIMATOR_TYPE_UNSPECIFIED: KLEstimatorType
KL_ESTIMATOR_TYPE_K1: KLEstimatorType
KL_ESTIMATOR_TYPE_K2: KLEstimatorType
KL_ESTIMATOR_TYPE_K3: KLEstimatorType
KTO_LOSS_TYPE_UNSPECIFIED: KTOLossType
KTO_LOSS_TYPE_KTO: KTOLossType
KTO_LOSS_TYPE_APO_ZERO_UNPAIRED: KTOLossType
LOVASZ_CLASSES_UNSPECIFIED: LovaszClasses
LOVASZ_CLASSES_PRESENT: LovaszClasses
LOVASZ_CLASSES_ALL: LovaszClasses
SIM_PO_LOSS_TYPE_UNSPECIFIED: SimPOLossType
SIM_PO_LOSS_TYPE_SIGMOID: SimPOLossType
SIM_PO_LOSS_TYPE_HINGE: SimPOLossType
ACCUMULATION_POLICY_UNSPECIFIED: AccumulationPolicy
ACCUMULATION_POLICY_AUTO: AccumulationPolicy
ACCUMULATION_POLICY_ACCURATE: AccumulationPolicy
ACCUMULATION_POLICY_BALANCED: AccumulationPolicy
ACCUMULATION_POLICY_COMPACT: AccumulationPolicy

class LossSpec(_message.Message):
    __slots__ = ("allow_broadcast", "weighted_sum", "expression", "program", "plugin", "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "cross_entropy_loss", "nll_loss", "poisson_nll_loss", "kl_div_loss", "bce_loss", "bce_with_logits_loss", "ctc_loss", "log_cosh_loss", "adaptive_log_softmax_with_loss", "cosine_embedding_loss", "gaussian_nll_loss", "hinge_embedding_loss", "linear_cross_entropy_loss", "margin_ranking_loss", "multi_label_margin_loss", "multi_label_soft_margin_loss", "multi_margin_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss", "approx_ndcg_loss", "barlow_twins_loss", "bradley_terry_loss", "charbonnier_loss", "circle_loss", "clip_loss", "contrastive_loss", "cosine_distance_loss", "generalized_jsd_loss", "info_nce_loss", "kd_kl_loss", "list_mle_loss", "listnet_loss", "mape_loss", "msle_loss", "multi_similarity_loss", "nt_xent_loss", "pairwise_logistic_loss", "quantile_loss", "reverse_kl_loss", "rmse_loss", "smape_loss", "sup_con_loss", "tvd_loss", "tweedie_loss", "vicreg_loss", "asymmetric_loss", "ciou_loss", "cispo_loss", "cpo_loss", "dapo_loss", "dice_loss", "diou_loss", "dpo_loss", "dr_grpo_loss", "dro_loss", "elastic_net", "entropy", "entropy_bonus", "focal_tversky_loss", "generalized_cross_entropy_loss", "generalized_dice_loss", "giou_loss", "grpo_loss", "gspo_loss", "hinge_loss", "importance_sampling_loss", "iou_loss", "jaccard_loss", "kl_estimator", "kto_loss", "l1_norm", "l2_norm", "lovasz_hinge_loss", "lovasz_softmax_loss", "multiclass_hinge_loss", "orpo_loss", "poly1_cross_entropy_loss", "ppo_clip_loss", "ppo_value_clip_loss", "reinforce_loss", "sigmoid_focal_loss", "simpo_loss", "softmax_focal_loss", "symmetric_cross_entropy_loss", "total_variation", "tversky_loss", "z_loss")
    ALLOW_BROADCAST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_SUM_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_FIELD_NUMBER: _ClassVar[int]
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
    LOG_COSH_LOSS_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_LOG_SOFTMAX_WITH_LOSS_FIELD_NUMBER: _ClassVar[int]
    COSINE_EMBEDDING_LOSS_FIELD_NUMBER: _ClassVar[int]
    GAUSSIAN_NLL_LOSS_FIELD_NUMBER: _ClassVar[int]
    HINGE_EMBEDDING_LOSS_FIELD_NUMBER: _ClassVar[int]
    LINEAR_CROSS_ENTROPY_LOSS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_RANKING_LOSS_FIELD_NUMBER: _ClassVar[int]
    MULTI_LABEL_MARGIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    MULTI_LABEL_SOFT_MARGIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    MULTI_MARGIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    SOFT_MARGIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    TRIPLET_MARGIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    TRIPLET_MARGIN_WITH_DISTANCE_LOSS_FIELD_NUMBER: _ClassVar[int]
    APPROX_NDCG_LOSS_FIELD_NUMBER: _ClassVar[int]
    BARLOW_TWINS_LOSS_FIELD_NUMBER: _ClassVar[int]
    BRADLEY_TERRY_LOSS_FIELD_NUMBER: _ClassVar[int]
    CHARBONNIER_LOSS_FIELD_NUMBER: _ClassVar[int]
    CIRCLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    CLIP_LOSS_FIELD_NUMBER: _ClassVar[int]
    CONTRASTIVE_LOSS_FIELD_NUMBER: _ClassVar[int]
    COSINE_DISTANCE_LOSS_FIELD_NUMBER: _ClassVar[int]
    GENERALIZED_JSD_LOSS_FIELD_NUMBER: _ClassVar[int]
    INFO_NCE_LOSS_FIELD_NUMBER: _ClassVar[int]
    KD_KL_LOSS_FIELD_NUMBER: _ClassVar[int]
    LIST_MLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    LISTNET_LOSS_FIELD_NUMBER: _ClassVar[int]
    MAPE_LOSS_FIELD_NUMBER: _ClassVar[int]
    MSLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    MULTI_SIMILARITY_LOSS_FIELD_NUMBER: _ClassVar[int]
    NT_XENT_LOSS_FIELD_NUMBER: _ClassVar[int]
    PAIRWISE_LOGISTIC_LOSS_FIELD_NUMBER: _ClassVar[int]
    QUANTILE_LOSS_FIELD_NUMBER: _ClassVar[int]
    REVERSE_KL_LOSS_FIELD_NUMBER: _ClassVar[int]
    RMSE_LOSS_FIELD_NUMBER: _ClassVar[int]
    SMAPE_LOSS_FIELD_NUMBER: _ClassVar[int]
    SUP_CON_LOSS_FIELD_NUMBER: _ClassVar[int]
    TVD_LOSS_FIELD_NUMBER: _ClassVar[int]
    TWEEDIE_LOSS_FIELD_NUMBER: _ClassVar[int]
    VICREG_LOSS_FIELD_NUMBER: _ClassVar[int]
    ASYMMETRIC_LOSS_FIELD_NUMBER: _ClassVar[int]
    CIOU_LOSS_FIELD_NUMBER: _ClassVar[int]
    CISPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    CPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    DAPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    DICE_LOSS_FIELD_NUMBER: _ClassVar[int]
    DIOU_LOSS_FIELD_NUMBER: _ClassVar[int]
    DPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    DR_GRPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    DRO_LOSS_FIELD_NUMBER: _ClassVar[int]
    ELASTIC_NET_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_BONUS_FIELD_NUMBER: _ClassVar[int]
    FOCAL_TVERSKY_LOSS_FIELD_NUMBER: _ClassVar[int]
    GENERALIZED_CROSS_ENTROPY_LOSS_FIELD_NUMBER: _ClassVar[int]
    GENERALIZED_DICE_LOSS_FIELD_NUMBER: _ClassVar[int]
    GIOU_LOSS_FIELD_NUMBER: _ClassVar[int]
    GRPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    GSPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    HINGE_LOSS_FIELD_NUMBER: _ClassVar[int]
    IMPORTANCE_SAMPLING_LOSS_FIELD_NUMBER: _ClassVar[int]
    IOU_LOSS_FIELD_NUMBER: _ClassVar[int]
    JACCARD_LOSS_FIELD_NUMBER: _ClassVar[int]
    KL_ESTIMATOR_FIELD_NUMBER: _ClassVar[int]
    KTO_LOSS_FIELD_NUMBER: _ClassVar[int]
    L1_NORM_FIELD_NUMBER: _ClassVar[int]
    L2_NORM_FIELD_NUMBER: _ClassVar[int]
    LOVASZ_HINGE_LOSS_FIELD_NUMBER: _ClassVar[int]
    LOVASZ_SOFTMAX_LOSS_FIELD_NUMBER: _ClassVar[int]
    MULTICLASS_HINGE_LOSS_FIELD_NUMBER: _ClassVar[int]
    ORPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    POLY1_CROSS_ENTROPY_LOSS_FIELD_NUMBER: _ClassVar[int]
    PPO_CLIP_LOSS_FIELD_NUMBER: _ClassVar[int]
    PPO_VALUE_CLIP_LOSS_FIELD_NUMBER: _ClassVar[int]
    REINFORCE_LOSS_FIELD_NUMBER: _ClassVar[int]
    SIGMOID_FOCAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    SIMPO_LOSS_FIELD_NUMBER: _ClassVar[int]
    SOFTMAX_FOCAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_CROSS_ENTROPY_LOSS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_VARIATION_FIELD_NUMBER: _ClassVar[int]
    TVERSKY_LOSS_FIELD_NUMBER: _ClassVar[int]
    Z_LOSS_FIELD_NUMBER: _ClassVar[int]
    allow_broadcast: bool
    weighted_sum: WeightedSum
    expression: Expression
    program: Program
    plugin: Plugin
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
    log_cosh_loss: LogCoshLoss
    adaptive_log_softmax_with_loss: AdaptiveLogSoftmaxWithLoss
    cosine_embedding_loss: CosineEmbeddingLoss
    gaussian_nll_loss: GaussianNLLLoss
    hinge_embedding_loss: HingeEmbeddingLoss
    linear_cross_entropy_loss: LinearCrossEntropyLoss
    margin_ranking_loss: MarginRankingLoss
    multi_label_margin_loss: MultiLabelMarginLoss
    multi_label_soft_margin_loss: MultiLabelSoftMarginLoss
    multi_margin_loss: MultiMarginLoss
    soft_margin_loss: SoftMarginLoss
    triplet_margin_loss: TripletMarginLoss
    triplet_margin_with_distance_loss: TripletMarginWithDistanceLoss
    approx_ndcg_loss: ApproxNDCGLoss
    barlow_twins_loss: BarlowTwinsLoss
    bradley_terry_loss: BradleyTerryLoss
    charbonnier_loss: CharbonnierLoss
    circle_loss: CircleLoss
    clip_loss: CLIPLoss
    contrastive_loss: ContrastiveLoss
    cosine_distance_loss: CosineDistanceLoss
    generalized_jsd_loss: GeneralizedJSDLoss
    info_nce_loss: InfoNCELoss
    kd_kl_loss: KDKLLoss
    list_mle_loss: ListMLELoss
    listnet_loss: ListNetLoss
    mape_loss: MAPELoss
    msle_loss: MSLELoss
    multi_similarity_loss: MultiSimilarityLoss
    nt_xent_loss: NTXentLoss
    pairwise_logistic_loss: PairwiseLogisticLoss
    quantile_loss: QuantileLoss
    reverse_kl_loss: ReverseKLLoss
    rmse_loss: RMSELoss
    smape_loss: SMAPELoss
    sup_con_loss: SupConLoss
    tvd_loss: TVDLoss
    tweedie_loss: TweedieLoss
    vicreg_loss: VICRegLoss
    asymmetric_loss: AsymmetricLoss
    ciou_loss: CIoULoss
    cispo_loss: CISPOLoss
    cpo_loss: CPOLoss
    dapo_loss: DAPOLoss
    dice_loss: DiceLoss
    diou_loss: DIoULoss
    dpo_loss: DPOLoss
    dr_grpo_loss: DrGRPOLoss
    dro_loss: DROLoss
    elastic_net: ElasticNet
    entropy: Entropy
    entropy_bonus: EntropyBonus
    focal_tversky_loss: FocalTverskyLoss
    generalized_cross_entropy_loss: GeneralizedCrossEntropyLoss
    generalized_dice_loss: GeneralizedDiceLoss
    giou_loss: GIoULoss
    grpo_loss: GRPOLoss
    gspo_loss: GSPOLoss
    hinge_loss: HingeLoss
    importance_sampling_loss: ImportanceSamplingLoss
    iou_loss: IoULoss
    jaccard_loss: JaccardLoss
    kl_estimator: KLEstimator
    kto_loss: KTOLoss
    l1_norm: L1Norm
    l2_norm: L2Norm
    lovasz_hinge_loss: LovaszHingeLoss
    lovasz_softmax_loss: LovaszSoftmaxLoss
    multiclass_hinge_loss: MulticlassHingeLoss
    orpo_loss: ORPOLoss
    poly1_cross_entropy_loss: Poly1CrossEntropyLoss
    ppo_clip_loss: PPOClipLoss
    ppo_value_clip_loss: PPOValueClipLoss
    reinforce_loss: ReinforceLoss
    sigmoid_focal_loss: SigmoidFocalLoss
    simpo_loss: SimPOLoss
    softmax_focal_loss: SoftmaxFocalLoss
    symmetric_cross_entropy_loss: SymmetricCrossEntropyLoss
    total_variation: TotalVariation
    tversky_loss: TverskyLoss
    z_loss: ZLoss
    def __init__(self, allow_broadcast: bool = ..., weighted_sum: _Optional[_Union[WeightedSum, _Mapping]] = ..., expression: _Optional[_Union[Expression, _Mapping]] = ..., program: _Optional[_Union[Program, _Mapping]] = ..., plugin: _Optional[_Union[Plugin, _Mapping]] = ..., l1_loss: _Optional[_Union[L1Loss, _Mapping]] = ..., mse_loss: _Optional[_Union[MSELoss, _Mapping]] = ..., smooth_l1_loss: _Optional[_Union[SmoothL1Loss, _Mapping]] = ..., huber_loss: _Optional[_Union[HuberLoss, _Mapping]] = ..., cross_entropy_loss: _Optional[_Union[CrossEntropyLoss, _Mapping]] = ..., nll_loss: _Optional[_Union[NLLLoss, _Mapping]] = ..., poisson_nll_loss: _Optional[_Union[PoissonNLLLoss, _Mapping]] = ..., kl_div_loss: _Optional[_Union[KLDivLoss, _Mapping]] = ..., bce_loss: _Optional[_Union[BCELoss, _Mapping]] = ..., bce_with_logits_loss: _Optional[_Union[BCEWithLogitsLoss, _Mapping]] = ..., ctc_loss: _Optional[_Union[CTCLoss, _Mapping]] = ..., log_cosh_loss: _Optional[_Union[LogCoshLoss, _Mapping]] = ..., adaptive_log_softmax_with_loss: _Optional[_Union[AdaptiveLogSoftmaxWithLoss, _Mapping]] = ..., cosine_embedding_loss: _Optional[_Union[CosineEmbeddingLoss, _Mapping]] = ..., gaussian_nll_loss: _Optional[_Union[GaussianNLLLoss, _Mapping]] = ..., hinge_embedding_loss: _Optional[_Union[HingeEmbeddingLoss, _Mapping]] = ..., linear_cross_entropy_loss: _Optional[_Union[LinearCrossEntropyLoss, _Mapping]] = ..., margin_ranking_loss: _Optional[_Union[MarginRankingLoss, _Mapping]] = ..., multi_label_margin_loss: _Optional[_Union[MultiLabelMarginLoss, _Mapping]] = ..., multi_label_soft_margin_loss: _Optional[_Union[MultiLabelSoftMarginLoss, _Mapping]] = ..., multi_margin_loss: _Optional[_Union[MultiMarginLoss, _Mapping]] = ..., soft_margin_loss: _Optional[_Union[SoftMarginLoss, _Mapping]] = ..., triplet_margin_loss: _Optional[_Union[TripletMarginLoss, _Mapping]] = ..., triplet_margin_with_distance_loss: _Optional[_Union[TripletMarginWithDistanceLoss, _Mapping]] = ..., approx_ndcg_loss: _Optional[_Union[ApproxNDCGLoss, _Mapping]] = ..., barlow_twins_loss: _Optional[_Union[BarlowTwinsLoss, _Mapping]] = ..., bradley_terry_loss: _Optional[_Union[BradleyTerryLoss, _Mapping]] = ..., charbonnier_loss: _Optional[_Union[CharbonnierLoss, _Mapping]] = ..., circle_loss: _Optional[_Union[CircleLoss, _Mapping]] = ..., clip_loss: _Optional[_Union[CLIPLoss, _Mapping]] = ..., contrastive_loss: _Optional[_Union[ContrastiveLoss, _Mapping]] = ..., cosine_distance_loss: _Optional[_Union[CosineDistanceLoss, _Mapping]] = ..., generalized_jsd_loss: _Optional[_Union[GeneralizedJSDLoss, _Mapping]] = ..., info_nce_loss: _Optional[_Union[InfoNCELoss, _Mapping]] = ..., kd_kl_loss: _Optional[_Union[KDKLLoss, _Mapping]] = ..., list_mle_loss: _Optional[_Union[ListMLELoss, _Mapping]] = ..., listnet_loss: _Optional[_Union[ListNetLoss, _Mapping]] = ..., mape_loss: _Optional[_Union[MAPELoss, _Mapping]] = ..., msle_loss: _Optional[_Union[MSLELoss, _Mapping]] = ..., multi_similarity_loss: _Optional[_Union[MultiSimilarityLoss, _Mapping]] = ..., nt_xent_loss: _Optional[_Union[NTXentLoss, _Mapping]] = ..., pairwise_logistic_loss: _Optional[_Union[PairwiseLogisticLoss, _Mapping]] = ..., quantile_loss: _Optional[_Union[QuantileLoss, _Mapping]] = ..., reverse_kl_loss: _Optional[_Union[ReverseKLLoss, _Mapping]] = ..., rmse_loss: _Optional[_Union[RMSELoss, _Mapping]] = ..., smape_loss: _Optional[_Union[SMAPELoss, _Mapping]] = ..., sup_con_loss: _Optional[_Union[SupConLoss, _Mapping]] = ..., tvd_loss: _Optional[_Union[TVDLoss, _Mapping]] = ..., tweedie_loss: _Optional[_Union[TweedieLoss, _Mapping]] = ..., vicreg_loss: _Optional[_Union[VICRegLoss, _Mapping]] = ..., asymmetric_loss: _Optional[_Union[AsymmetricLoss, _Mapping]] = ..., ciou_loss: _Optional[_Union[CIoULoss, _Mapping]] = ..., cispo_loss: _Optional[_Union[CISPOLoss, _Mapping]] = ..., cpo_loss: _Optional[_Union[CPOLoss, _Mapping]] = ..., dapo_loss: _Optional[_Union[DAPOLoss, _Mapping]] = ..., dice_loss: _Optional[_Union[DiceLoss, _Mapping]] = ..., diou_loss: _Optional[_Union[DIoULoss, _Mapping]] = ..., dpo_loss: _Optional[_Union[DPOLoss, _Mapping]] = ..., dr_grpo_loss: _Optional[_Union[DrGRPOLoss, _Mapping]] = ..., dro_loss: _Optional[_Union[DROLoss, _Mapping]] = ..., elastic_net: _Optional[_Union[ElasticNet, _Mapping]] = ..., entropy: _Optional[_Union[Entropy, _Mapping]] = ..., entropy_bonus: _Optional[_Union[EntropyBonus, _Mapping]] = ..., focal_tversky_loss: _Optional[_Union[FocalTverskyLoss, _Mapping]] = ..., generalized_cross_entropy_loss: _Optional[_Union[GeneralizedCrossEntropyLoss, _Mapping]] = ..., generalized_dice_loss: _Optional[_Union[GeneralizedDiceLoss, _Mapping]] = ..., giou_loss: _Optional[_Union[GIoULoss, _Mapping]] = ..., grpo_loss: _Optional[_Union[GRPOLoss, _Mapping]] = ..., gspo_loss: _Optional[_Union[GSPOLoss, _Mapping]] = ..., hinge_loss: _Optional[_Union[HingeLoss, _Mapping]] = ..., importance_sampling_loss: _Optional[_Union[ImportanceSamplingLoss, _Mapping]] = ..., iou_loss: _Optional[_Union[IoULoss, _Mapping]] = ..., jaccard_loss: _Optional[_Union[JaccardLoss, _Mapping]] = ..., kl_estimator: _Optional[_Union[KLEstimator, _Mapping]] = ..., kto_loss: _Optional[_Union[KTOLoss, _Mapping]] = ..., l1_norm: _Optional[_Union[L1Norm, _Mapping]] = ..., l2_norm: _Optional[_Union[L2Norm, _Mapping]] = ..., lovasz_hinge_loss: _Optional[_Union[LovaszHingeLoss, _Mapping]] = ..., lovasz_softmax_loss: _Optional[_Union[LovaszSoftmaxLoss, _Mapping]] = ..., multiclass_hinge_loss: _Optional[_Union[MulticlassHingeLoss, _Mapping]] = ..., orpo_loss: _Optional[_Union[ORPOLoss, _Mapping]] = ..., poly1_cross_entropy_loss: _Optional[_Union[Poly1CrossEntropyLoss, _Mapping]] = ..., ppo_clip_loss: _Optional[_Union[PPOClipLoss, _Mapping]] = ..., ppo_value_clip_loss: _Optional[_Union[PPOValueClipLoss, _Mapping]] = ..., reinforce_loss: _Optional[_Union[ReinforceLoss, _Mapping]] = ..., sigmoid_focal_loss: _Optional[_Union[SigmoidFocalLoss, _Mapping]] = ..., simpo_loss: _Optional[_Union[SimPOLoss, _Mapping]] = ..., softmax_focal_loss: _Optional[_Union[SoftmaxFocalLoss, _Mapping]] = ..., symmetric_cross_entropy_loss: _Optional[_Union[SymmetricCrossEntropyLoss, _Mapping]] = ..., total_variation: _Optional[_Union[TotalVariation, _Mapping]] = ..., tversky_loss: _Optional[_Union[TverskyLoss, _Mapping]] = ..., z_loss: _Optional[_Union[ZLoss, _Mapping]] = ...) -> None: ...

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

class Program(_message.Message):
    __slots__ = ("sha256", "archive")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    archive: bytes
    def __init__(self, sha256: _Optional[str] = ..., archive: _Optional[bytes] = ...) -> None: ...

class Plugin(_message.Message):
    __slots__ = ("name", "arguments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class LinearCrossEntropyOptions(_message.Message):
    __slots__ = ("allow_retain_graph", "batch_chunk_size", "chunking_method", "acc_policy")
    ALLOW_RETAIN_GRAPH_FIELD_NUMBER: _ClassVar[int]
    BATCH_CHUNK_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHUNKING_METHOD_FIELD_NUMBER: _ClassVar[int]
    ACC_POLICY_FIELD_NUMBER: _ClassVar[int]
    allow_retain_graph: bool
    batch_chunk_size: int
    chunking_method: str
    acc_policy: AccumulationPolicy
    def __init__(self, allow_retain_graph: bool = ..., batch_chunk_size: _Optional[int] = ..., chunking_method: _Optional[str] = ..., acc_policy: _Optional[_Union[AccumulationPolicy, str]] = ...) -> None: ...

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

class LogCoshLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class AdaptiveLogSoftmaxWithLoss(_message.Message):
    __slots__ = ("in_features", "n_classes", "cutoffs", "div_value", "head_bias")
    IN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    N_CLASSES_FIELD_NUMBER: _ClassVar[int]
    CUTOFFS_FIELD_NUMBER: _ClassVar[int]
    DIV_VALUE_FIELD_NUMBER: _ClassVar[int]
    HEAD_BIAS_FIELD_NUMBER: _ClassVar[int]
    in_features: int
    n_classes: int
    cutoffs: _containers.RepeatedScalarFieldContainer[int]
    div_value: float
    head_bias: bool
    def __init__(self, in_features: _Optional[int] = ..., n_classes: _Optional[int] = ..., cutoffs: _Optional[_Iterable[int]] = ..., div_value: _Optional[float] = ..., head_bias: bool = ...) -> None: ...

class CosineEmbeddingLoss(_message.Message):
    __slots__ = ("margin", "reduction")
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    margin: float
    reduction: Reduction
    def __init__(self, margin: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GaussianNLLLoss(_message.Message):
    __slots__ = ("full", "eps", "reduction")
    FULL_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    full: bool
    eps: float
    reduction: Reduction
    def __init__(self, full: bool = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class HingeEmbeddingLoss(_message.Message):
    __slots__ = ("margin", "reduction")
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    margin: float
    reduction: Reduction
    def __init__(self, margin: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class LinearCrossEntropyLoss(_message.Message):
    __slots__ = ("in_features", "num_classes", "out_features", "bias", "weight", "ignore_index", "label_smoothing", "options", "reduction")
    IN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    NUM_CLASSES_FIELD_NUMBER: _ClassVar[int]
    OUT_FEATURES_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    in_features: int
    num_classes: int
    out_features: _containers.RepeatedScalarFieldContainer[int]
    bias: bool
    weight: _tensor_pb2.Tensor
    ignore_index: int
    label_smoothing: float
    options: LinearCrossEntropyOptions
    reduction: Reduction
    def __init__(self, in_features: _Optional[int] = ..., num_classes: _Optional[int] = ..., out_features: _Optional[_Iterable[int]] = ..., bias: bool = ..., weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., ignore_index: _Optional[int] = ..., label_smoothing: _Optional[float] = ..., options: _Optional[_Union[LinearCrossEntropyOptions, _Mapping]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MarginRankingLoss(_message.Message):
    __slots__ = ("margin", "reduction")
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    margin: float
    reduction: Reduction
    def __init__(self, margin: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MultiLabelMarginLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MultiLabelSoftMarginLoss(_message.Message):
    __slots__ = ("weight", "reduction")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    weight: _tensor_pb2.Tensor
    reduction: Reduction
    def __init__(self, weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MultiMarginLoss(_message.Message):
    __slots__ = ("p", "margin", "weight", "reduction")
    P_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    p: int
    margin: float
    weight: _tensor_pb2.Tensor
    reduction: Reduction
    def __init__(self, p: _Optional[int] = ..., margin: _Optional[float] = ..., weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SoftMarginLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class TripletMarginLoss(_message.Message):
    __slots__ = ("margin", "p", "eps", "swap", "reduction")
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    P_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    margin: float
    p: float
    eps: float
    swap: bool
    reduction: Reduction
    def __init__(self, margin: _Optional[float] = ..., p: _Optional[float] = ..., eps: _Optional[float] = ..., swap: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class TripletMarginWithDistanceLoss(_message.Message):
    __slots__ = ("distance_function", "margin", "swap", "reduction")
    DISTANCE_FUNCTION_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    distance_function: DistanceFunction
    margin: float
    swap: bool
    reduction: Reduction
    def __init__(self, distance_function: _Optional[_Union[DistanceFunction, str]] = ..., margin: _Optional[float] = ..., swap: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ApproxNDCGLoss(_message.Message):
    __slots__ = ("temperature", "reduction")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    reduction: Reduction
    def __init__(self, temperature: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class BarlowTwinsLoss(_message.Message):
    __slots__ = ("lambda_param",)
    LAMBDA_PARAM_FIELD_NUMBER: _ClassVar[int]
    lambda_param: float
    def __init__(self, lambda_param: _Optional[float] = ...) -> None: ...

class BradleyTerryLoss(_message.Message):
    __slots__ = ("center_rewards_coefficient", "reduction")
    CENTER_REWARDS_COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    center_rewards_coefficient: float
    reduction: Reduction
    def __init__(self, center_rewards_coefficient: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CharbonnierLoss(_message.Message):
    __slots__ = ("eps", "reduction")
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    eps: float
    reduction: Reduction
    def __init__(self, eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CircleLoss(_message.Message):
    __slots__ = ("m", "gamma")
    M_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    m: float
    gamma: float
    def __init__(self, m: _Optional[float] = ..., gamma: _Optional[float] = ...) -> None: ...

class CLIPLoss(_message.Message):
    __slots__ = ("temperature", "normalize", "reduction")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    NORMALIZE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    normalize: bool
    reduction: Reduction
    def __init__(self, temperature: _Optional[float] = ..., normalize: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ContrastiveLoss(_message.Message):
    __slots__ = ("pos_margin", "neg_margin")
    POS_MARGIN_FIELD_NUMBER: _ClassVar[int]
    NEG_MARGIN_FIELD_NUMBER: _ClassVar[int]
    pos_margin: float
    neg_margin: float
    def __init__(self, pos_margin: _Optional[float] = ..., neg_margin: _Optional[float] = ...) -> None: ...

class CosineDistanceLoss(_message.Message):
    __slots__ = ("eps", "reduction")
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    eps: float
    reduction: Reduction
    def __init__(self, eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GeneralizedJSDLoss(_message.Message):
    __slots__ = ("beta", "temperature", "aggregation")
    BETA_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    temperature: float
    aggregation: Aggregation
    def __init__(self, beta: _Optional[float] = ..., temperature: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class InfoNCELoss(_message.Message):
    __slots__ = ("temperature", "reduction")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    reduction: Reduction
    def __init__(self, temperature: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class KDKLLoss(_message.Message):
    __slots__ = ("temperature", "aggregation")
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    aggregation: Aggregation
    def __init__(self, temperature: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class ListMLELoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ListNetLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MAPELoss(_message.Message):
    __slots__ = ("epsilon", "reduction")
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    reduction: Reduction
    def __init__(self, epsilon: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MSLELoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MultiSimilarityLoss(_message.Message):
    __slots__ = ("alpha", "beta", "base")
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    beta: float
    base: float
    def __init__(self, alpha: _Optional[float] = ..., beta: _Optional[float] = ..., base: _Optional[float] = ...) -> None: ...

class NTXentLoss(_message.Message):
    __slots__ = ("temperature",)
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    def __init__(self, temperature: _Optional[float] = ...) -> None: ...

class PairwiseLogisticLoss(_message.Message):
    __slots__ = ("sigma", "reduction")
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    sigma: float
    reduction: Reduction
    def __init__(self, sigma: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class QuantileLoss(_message.Message):
    __slots__ = ("quantile", "reduction")
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    quantile: float
    reduction: Reduction
    def __init__(self, quantile: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ReverseKLLoss(_message.Message):
    __slots__ = ("aggregation",)
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    aggregation: Aggregation
    def __init__(self, aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class RMSELoss(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SMAPELoss(_message.Message):
    __slots__ = ("epsilon", "reduction")
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    reduction: Reduction
    def __init__(self, epsilon: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SupConLoss(_message.Message):
    __slots__ = ("temperature",)
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    temperature: float
    def __init__(self, temperature: _Optional[float] = ...) -> None: ...

class TVDLoss(_message.Message):
    __slots__ = ("aggregation",)
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    aggregation: Aggregation
    def __init__(self, aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class TweedieLoss(_message.Message):
    __slots__ = ("power", "reduction")
    POWER_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    power: float
    reduction: Reduction
    def __init__(self, power: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class VICRegLoss(_message.Message):
    __slots__ = ("invariance_lambda", "variance_mu", "covariance_v", "eps")
    INVARIANCE_LAMBDA_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_MU_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_V_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    invariance_lambda: float
    variance_mu: float
    covariance_v: float
    eps: float
    def __init__(self, invariance_lambda: _Optional[float] = ..., variance_mu: _Optional[float] = ..., covariance_v: _Optional[float] = ..., eps: _Optional[float] = ...) -> None: ...

class AsymmetricLoss(_message.Message):
    __slots__ = ("gamma_neg", "gamma_pos", "clip", "eps", "disable_torch_grad_focal_loss", "reduction")
    GAMMA_NEG_FIELD_NUMBER: _ClassVar[int]
    GAMMA_POS_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    DISABLE_TORCH_GRAD_FOCAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    gamma_neg: float
    gamma_pos: float
    clip: float
    eps: float
    disable_torch_grad_focal_loss: bool
    reduction: Reduction
    def __init__(self, gamma_neg: _Optional[float] = ..., gamma_pos: _Optional[float] = ..., clip: _Optional[float] = ..., eps: _Optional[float] = ..., disable_torch_grad_focal_loss: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CIoULoss(_message.Message):
    __slots__ = ("box_format", "eps", "reduction")
    BOX_FORMAT_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    box_format: BoxFormat
    eps: float
    reduction: Reduction
    def __init__(self, box_format: _Optional[_Union[BoxFormat, str]] = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class CISPOLoss(_message.Message):
    __slots__ = ("clip_ratio_low", "clip_ratio_high", "aggregation")
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    clip_ratio_low: float
    clip_ratio_high: float
    aggregation: Aggregation
    def __init__(self, clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class CPOLoss(_message.Message):
    __slots__ = ("beta", "label_smoothing", "loss_type", "cpo_alpha", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    LOSS_TYPE_FIELD_NUMBER: _ClassVar[int]
    CPO_ALPHA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    label_smoothing: float
    loss_type: CPOLossType
    cpo_alpha: float
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., label_smoothing: _Optional[float] = ..., loss_type: _Optional[_Union[CPOLossType, str]] = ..., cpo_alpha: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class DAPOLoss(_message.Message):
    __slots__ = ("clip_ratio_low", "clip_ratio_high", "aggregation")
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    clip_ratio_low: float
    clip_ratio_high: float
    aggregation: Aggregation
    def __init__(self, clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class DiceLoss(_message.Message):
    __slots__ = ("mode", "from_logits", "log_loss", "smooth", "eps", "ignore_index", "include_background", "per_image", "reduction")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    LOG_LOSS_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    mode: SegmentationMode
    from_logits: bool
    log_loss: bool
    smooth: float
    eps: float
    ignore_index: int
    include_background: bool
    per_image: bool
    reduction: Reduction
    def __init__(self, mode: _Optional[_Union[SegmentationMode, str]] = ..., from_logits: bool = ..., log_loss: bool = ..., smooth: _Optional[float] = ..., eps: _Optional[float] = ..., ignore_index: _Optional[int] = ..., include_background: bool = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class DIoULoss(_message.Message):
    __slots__ = ("box_format", "eps", "reduction")
    BOX_FORMAT_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    box_format: BoxFormat
    eps: float
    reduction: Reduction
    def __init__(self, box_format: _Optional[_Union[BoxFormat, str]] = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class DPOLoss(_message.Message):
    __slots__ = ("beta", "label_smoothing", "loss_type", "reference_free", "discopop_tau", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    LOSS_TYPE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FREE_FIELD_NUMBER: _ClassVar[int]
    DISCOPOP_TAU_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    label_smoothing: float
    loss_type: DPOLossType
    reference_free: bool
    discopop_tau: float
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., label_smoothing: _Optional[float] = ..., loss_type: _Optional[_Union[DPOLossType, str]] = ..., reference_free: bool = ..., discopop_tau: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class DrGRPOLoss(_message.Message):
    __slots__ = ("max_tokens", "clip_ratio", "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "beta", "aggregation")
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_C_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    max_tokens: int
    clip_ratio: float
    clip_ratio_low: float
    clip_ratio_high: float
    clip_ratio_c: float
    beta: float
    aggregation: Aggregation
    def __init__(self, max_tokens: _Optional[int] = ..., clip_ratio: _Optional[float] = ..., clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., clip_ratio_c: _Optional[float] = ..., beta: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class DROLoss(_message.Message):
    __slots__ = ("beta", "aggregation")
    BETA_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    aggregation: Aggregation
    def __init__(self, beta: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class ElasticNet(_message.Message):
    __slots__ = ("l1_ratio", "reduction")
    L1_RATIO_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    l1_ratio: float
    reduction: Reduction
    def __init__(self, l1_ratio: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class Entropy(_message.Message):
    __slots__ = ("from_logits", "reduction")
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    from_logits: bool
    reduction: Reduction
    def __init__(self, from_logits: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class EntropyBonus(_message.Message):
    __slots__ = ("aggregation",)
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    aggregation: Aggregation
    def __init__(self, aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class FocalTverskyLoss(_message.Message):
    __slots__ = ("mode", "from_logits", "alpha", "beta", "gamma", "smooth", "eps", "ignore_index", "include_background", "per_image", "reduction")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    mode: SegmentationMode
    from_logits: bool
    alpha: float
    beta: float
    gamma: float
    smooth: float
    eps: float
    ignore_index: int
    include_background: bool
    per_image: bool
    reduction: Reduction
    def __init__(self, mode: _Optional[_Union[SegmentationMode, str]] = ..., from_logits: bool = ..., alpha: _Optional[float] = ..., beta: _Optional[float] = ..., gamma: _Optional[float] = ..., smooth: _Optional[float] = ..., eps: _Optional[float] = ..., ignore_index: _Optional[int] = ..., include_background: bool = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GeneralizedCrossEntropyLoss(_message.Message):
    __slots__ = ("q", "ignore_index", "reduction")
    Q_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    q: float
    ignore_index: int
    reduction: Reduction
    def __init__(self, q: _Optional[float] = ..., ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GeneralizedDiceLoss(_message.Message):
    __slots__ = ("mode", "from_logits", "w_type", "smooth", "ignore_index", "include_background", "per_image", "reduction")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    W_TYPE_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    mode: SegmentationMode
    from_logits: bool
    w_type: GeneralizedDiceWeight
    smooth: float
    ignore_index: int
    include_background: bool
    per_image: bool
    reduction: Reduction
    def __init__(self, mode: _Optional[_Union[SegmentationMode, str]] = ..., from_logits: bool = ..., w_type: _Optional[_Union[GeneralizedDiceWeight, str]] = ..., smooth: _Optional[float] = ..., ignore_index: _Optional[int] = ..., include_background: bool = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GIoULoss(_message.Message):
    __slots__ = ("box_format", "eps", "reduction")
    BOX_FORMAT_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    box_format: BoxFormat
    eps: float
    reduction: Reduction
    def __init__(self, box_format: _Optional[_Union[BoxFormat, str]] = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class GRPOLoss(_message.Message):
    __slots__ = ("clip_ratio", "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "beta", "aggregation")
    CLIP_RATIO_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_C_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    clip_ratio: float
    clip_ratio_low: float
    clip_ratio_high: float
    clip_ratio_c: float
    beta: float
    aggregation: Aggregation
    def __init__(self, clip_ratio: _Optional[float] = ..., clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., clip_ratio_c: _Optional[float] = ..., beta: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class GSPOLoss(_message.Message):
    __slots__ = ("clip_ratio_low", "clip_ratio_high", "aggregation")
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    clip_ratio_low: float
    clip_ratio_high: float
    aggregation: Aggregation
    def __init__(self, clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class HingeLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ImportanceSamplingLoss(_message.Message):
    __slots__ = ("aggregation",)
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    aggregation: Aggregation
    def __init__(self, aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class IoULoss(_message.Message):
    __slots__ = ("box_format", "eps", "reduction")
    BOX_FORMAT_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    box_format: BoxFormat
    eps: float
    reduction: Reduction
    def __init__(self, box_format: _Optional[_Union[BoxFormat, str]] = ..., eps: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class JaccardLoss(_message.Message):
    __slots__ = ("mode", "from_logits", "log_loss", "smooth", "eps", "ignore_index", "include_background", "per_image", "reduction")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    LOG_LOSS_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    mode: SegmentationMode
    from_logits: bool
    log_loss: bool
    smooth: float
    eps: float
    ignore_index: int
    include_background: bool
    per_image: bool
    reduction: Reduction
    def __init__(self, mode: _Optional[_Union[SegmentationMode, str]] = ..., from_logits: bool = ..., log_loss: bool = ..., smooth: _Optional[float] = ..., eps: _Optional[float] = ..., ignore_index: _Optional[int] = ..., include_background: bool = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class KLEstimator(_message.Message):
    __slots__ = ("estimator", "aggregation")
    ESTIMATOR_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    estimator: KLEstimatorType
    aggregation: Aggregation
    def __init__(self, estimator: _Optional[_Union[KLEstimatorType, str]] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class KTOLoss(_message.Message):
    __slots__ = ("beta", "desirable_weight", "undesirable_weight", "loss_type", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    DESIRABLE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    UNDESIRABLE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOSS_TYPE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    desirable_weight: float
    undesirable_weight: float
    loss_type: KTOLossType
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., desirable_weight: _Optional[float] = ..., undesirable_weight: _Optional[float] = ..., loss_type: _Optional[_Union[KTOLossType, str]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class L1Norm(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class L2Norm(_message.Message):
    __slots__ = ("squared",)
    SQUARED_FIELD_NUMBER: _ClassVar[int]
    squared: bool
    def __init__(self, squared: bool = ...) -> None: ...

class LovaszHingeLoss(_message.Message):
    __slots__ = ("ignore_index", "per_image", "reduction")
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    ignore_index: int
    per_image: bool
    reduction: Reduction
    def __init__(self, ignore_index: _Optional[int] = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class LovaszSoftmaxLoss(_message.Message):
    __slots__ = ("classes", "from_logits", "ignore_index", "per_image", "reduction")
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    classes: LovaszClasses
    from_logits: bool
    ignore_index: int
    per_image: bool
    reduction: Reduction
    def __init__(self, classes: _Optional[_Union[LovaszClasses, str]] = ..., from_logits: bool = ..., ignore_index: _Optional[int] = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class MulticlassHingeLoss(_message.Message):
    __slots__ = ("ignore_index", "reduction")
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    ignore_index: int
    reduction: Reduction
    def __init__(self, ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ORPOLoss(_message.Message):
    __slots__ = ("beta", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class Poly1CrossEntropyLoss(_message.Message):
    __slots__ = ("epsilon", "label_smoothing", "ignore_index", "reduction")
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    label_smoothing: float
    ignore_index: int
    reduction: Reduction
    def __init__(self, epsilon: _Optional[float] = ..., label_smoothing: _Optional[float] = ..., ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class PPOClipLoss(_message.Message):
    __slots__ = ("clip_ratio", "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "aggregation")
    CLIP_RATIO_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_HIGH_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_C_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    clip_ratio: float
    clip_ratio_low: float
    clip_ratio_high: float
    clip_ratio_c: float
    aggregation: Aggregation
    def __init__(self, clip_ratio: _Optional[float] = ..., clip_ratio_low: _Optional[float] = ..., clip_ratio_high: _Optional[float] = ..., clip_ratio_c: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class PPOValueClipLoss(_message.Message):
    __slots__ = ("cliprange_value", "aggregation")
    CLIPRANGE_VALUE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    cliprange_value: float
    aggregation: Aggregation
    def __init__(self, cliprange_value: _Optional[float] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class ReinforceLoss(_message.Message):
    __slots__ = ("aggregation",)
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    aggregation: Aggregation
    def __init__(self, aggregation: _Optional[_Union[Aggregation, str]] = ...) -> None: ...

class SigmoidFocalLoss(_message.Message):
    __slots__ = ("alpha", "gamma", "reduction")
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    gamma: float
    reduction: Reduction
    def __init__(self, alpha: _Optional[float] = ..., gamma: _Optional[float] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SimPOLoss(_message.Message):
    __slots__ = ("beta", "gamma_beta_ratio", "label_smoothing", "loss_type", "reduction")
    BETA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_BETA_RATIO_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    LOSS_TYPE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    beta: float
    gamma_beta_ratio: float
    label_smoothing: float
    loss_type: SimPOLossType
    reduction: Reduction
    def __init__(self, beta: _Optional[float] = ..., gamma_beta_ratio: _Optional[float] = ..., label_smoothing: _Optional[float] = ..., loss_type: _Optional[_Union[SimPOLossType, str]] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SoftmaxFocalLoss(_message.Message):
    __slots__ = ("gamma", "weight", "ignore_index", "reduction")
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    gamma: float
    weight: _tensor_pb2.Tensor
    ignore_index: int
    reduction: Reduction
    def __init__(self, gamma: _Optional[float] = ..., weight: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class SymmetricCrossEntropyLoss(_message.Message):
    __slots__ = ("alpha", "beta", "log_zero", "ignore_index", "reduction")
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    LOG_ZERO_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    beta: float
    log_zero: float
    ignore_index: int
    reduction: Reduction
    def __init__(self, alpha: _Optional[float] = ..., beta: _Optional[float] = ..., log_zero: _Optional[float] = ..., ignore_index: _Optional[int] = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class TotalVariation(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class TverskyLoss(_message.Message):
    __slots__ = ("mode", "from_logits", "log_loss", "alpha", "beta", "smooth", "eps", "ignore_index", "include_background", "per_image", "reduction")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOGITS_FIELD_NUMBER: _ClassVar[int]
    LOG_LOSS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    EPS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_INDEX_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    PER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    mode: SegmentationMode
    from_logits: bool
    log_loss: bool
    alpha: float
    beta: float
    smooth: float
    eps: float
    ignore_index: int
    include_background: bool
    per_image: bool
    reduction: Reduction
    def __init__(self, mode: _Optional[_Union[SegmentationMode, str]] = ..., from_logits: bool = ..., log_loss: bool = ..., alpha: _Optional[float] = ..., beta: _Optional[float] = ..., smooth: _Optional[float] = ..., eps: _Optional[float] = ..., ignore_index: _Optional[int] = ..., include_background: bool = ..., per_image: bool = ..., reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...

class ZLoss(_message.Message):
    __slots__ = ("reduction",)
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    reduction: Reduction
    def __init__(self, reduction: _Optional[_Union[Reduction, str]] = ...) -> None: ...
