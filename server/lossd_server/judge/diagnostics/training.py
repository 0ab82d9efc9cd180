"""The table of the diagnostics of trainings; `rules` finds them, and knows their bounds once more, as code."""

from __future__ import annotations

from typing import Final

from lossd_server.judge.diagnostics.findings import Diagnostic, Level, Severity

_CHEAP, _FULL = Level.CHEAP, Level.FULL
_INFO, _WARNING, _ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

NOT_FINITE: Final = Diagnostic(
    "TRAINING_NOT_FINITE",
    _ERROR,
    _CHEAP,
    "The loss, the gradients or the weights of a training are no finite numbers.",
    "the step's loss or gradient norm is NaN or infinite, or a weight that was looked at is after it",
    "go back to the last good state; lower the learning rate, clip gradients by norm, look for NaN or huge numbers in "
    "the batch, or create the session with nonfinite=error, which refuses such steps",
    evidence={"value": "loss", "grad_norm": "norm of the gradients", "step": "completed steps"},
)
DIVERGING: Final = Diagnostic(
    "LOSS_DIVERGING",
    _WARNING,
    _CHEAP,
    "The loss has risen far above where the training began.",
    "the median of the last 5 losses is above the greatest of the first 5 by as much as their size or spread, after "
    "10 steps; or the last 4 losses each rose by half and end at twice the greatest before",
    "lower the learning rate by 3 to 10 times, clip gradients by norm, or warm the learning rate up",
    evidence={"value": "median of the last losses", "start": "median of the first losses", "step": "completed steps"},
)
LR_HIGH: Final = Diagnostic(
    "LEARNING_RATE_TOO_HIGH",
    _WARNING,
    _CHEAP,
    "Steps change the weights by a large part of themselves, and the loss does not fall.",
    "norm of the change over norm of the weights: the median of the last 5 watched steps is above 0.1 while the loss "
    "is not below the greatest of the first 5 (before the tenth step: half above it), or one of the last 10 is above 1 "
    "while the loss is no lower than the first",
    "lower the learning rate by 3 to 10 times; about 0.001 is a usual ratio",
    evidence={
        "update_ratio": "norm of the change of the weights over their norm",
        "lr": "learning rate",
        "value": "median of the last losses",
        "start": "median of the first losses",
    },
)
LR_LOW: Final = Diagnostic(
    "LEARNING_RATE_TOO_LOW",
    _WARNING,
    _CHEAP,
    "Steps hardly change the weights, though there are gradients, and the loss stays as it was.",
    "norm of the change over norm of the weights: the median of the last 10 watched steps is below 1e-6, gradients "
    "reach the layers and are not vanishing, the learning rate is not rising, and the loss is within 1 % of the "
    "beginning; 20 steps at least",
    "raise the learning rate by 10 to 1000 times; about 0.001 is a usual ratio",
    evidence={
        "update_ratio": "norm of the change of the weights over their norm",
        "lr": "learning rate",
        "grad_norm": "median norm of the gradients",
    },
)
NO_PROGRESS: Final = Diagnostic(
    "NO_PROGRESS",
    _WARNING,
    _CHEAP,
    "The model has learnt nothing: its loss is that of the beginning, or of predicting the same for every example.",
    "after 200 steps the median of the last 100 losses is less than 1 % below that of the first 20, and within 10 % "
    "of, or above, the loss of a constant prediction where that is known; or it is above 0.98 times that loss, by "
    "median and mean, and the halves of the last 200 steps differ by less than 1 %; either way the mean of the later "
    "half is not below that of the earlier one by 3 times the error of both; looked at once in 10 steps",
    "overfit one small batch first: if that fails, look at the targets, the shapes, the loss's sign and input format; "
    "if it works, raise the learning rate or the model's size, and look whether inputs tell anything of the targets",
    evidence={
        "value": "median of the last losses",
        "start": "median of the first losses",
        "baseline": "loss of predicting the same for every example, where it is known",
        "step": "completed steps",
    },
)
PLATEAU: Final = Diagnostic(
    "LOSS_PLATEAU",
    _INFO,
    _CHEAP,
    "The loss no longer falls.",
    "the medians of the first and the second half of the last 200 losses differ by less than 1 % of the greater; "
    "looked at once in 10 steps",
    "if it is good enough, stop; otherwise lower the learning rate by a scheduler, or make the model larger",
    evidence={"value": "median of the later half", "before": "median of the earlier half", "steps": "of both"},
)
INITIAL: Final = Diagnostic(
    "INITIAL_LOSS_HIGH",
    _WARNING,
    _CHEAP,
    "The first loss is far above that of a model that knows nothing.",
    "the loss of the first step is above 3 times that of scores of 0, log C for cross entropy; for numbers, and 8 "
    "examples at least, above 100 times that of predicting their mean",
    "scale the inputs to mean 0 and spread 1, and for numbers the targets too; look at the initial weights of the last "
    "layer and at the order of the classes",
    evidence={"value": "first loss", "expected": "loss of a model that knows nothing"},
)
SPIKE: Final = Diagnostic(
    "GRADIENT_SPIKE",
    _WARNING,
    _CHEAP,
    "The gradient of this step is far greater than those before.",
    "its norm is above 20 times the 95th percentile of the last 200 steps and above 10 times that of the first 10 "
    "steps, where these are known; 30 steps at least",
    "look at this batch for outliers and wrong targets; clip gradients by norm",
    evidence={"grad_norm": "of this step", "usual": "95th percentile of the steps before", "step": "completed steps"},
)
EXPLODING: Final = Diagnostic(
    "EXPLODING_GRADIENTS",
    _WARNING,
    _CHEAP,
    "Gradients are so large that a tiny step of the weights changes the loss by more than itself.",
    "norm of the gradients over the loss, the present or the first, the greater: the median of the last 3 steps is "
    "above 1e3, or the last above 1e4",
    "clip gradients by norm (1.0 is usual), use an LSTM or GRU for a plain RNN, normalisation layers, smaller initial "
    "weights, or scale the inputs",
    evidence={"grad_norm": "norm of the gradients", "value": "loss", "relative": "the one over the other"},
)
VANISHING: Final = Diagnostic(
    "VANISHING_GRADIENTS",
    _WARNING,
    _CHEAP,
    "Gradients of early layers are lost on their way through the model.",
    "the root mean square of an earlier layer's gradient is below 1e-5 of a later layer's, weights of layers alone, in "
    "each of the last 5 watched steps",
    "use ReLU or GELU for sigmoid and tanh, residual connections, normalisation layers, or fewer layers",
    evidence={"least": "root mean square of the least", "greatest": "of the greatest", "relative": "their ratio"},
)
NO_GRADIENT: Final = Diagnostic(
    "NO_GRADIENT",
    _WARNING,
    _CHEAP,
    "Parameters get no gradient and are not trained.",
    "the gradient of every element is exactly 0, or there is none, in 5 watched steps in a row, 20 if it is of biases "
    "and scales alone, and the loss is not 0",
    "see that the parameters are used on the way to the loss; look for dead ReLUs (diagnostics=full), saturated "
    "outputs and a learning rate that was too high",
    evidence={"parameters": "those without gradient", "all": "parameters looked at", "streak": "least steps in a row"},
)
DEAD_RELU: Final = Diagnostic(
    "DEAD_RELU",
    _WARNING,
    _FULL,
    "Most units of a ReLU layer put out 0 for every example, and can no longer learn.",
    "at least 60 % of a layer's units were 0 for each of the last 1024 examples, or all of them for a whole batch",
    "lower the learning rate, scale the inputs, use LeakyReLU or GELU, or begin with smaller negative biases",
    evidence={"share": "of the worst layer's units that are dead", "layers": "layers with so many"},
)
SATURATED: Final = Diagnostic(
    "SATURATED_ACTIVATIONS",
    _WARNING,
    _FULL,
    "Most outputs of a sigmoid or tanh layer inside the model are at its ends, where gradients vanish.",
    "more than 90 % of a layer's outputs are below 0.01 or above 0.99 (tanh: beyond ±0.99), and the loss "
    "is not below half of what it was at the beginning",
    "scale the inputs, use smaller initial weights, normalisation layers, or ReLU",
    evidence={"share": "of the worst layer's outputs", "layers": "layers with so many"},
)
WAITING: Final = Diagnostic(
    "GRADIENTS_WAITING",
    _WARNING,
    _CHEAP,
    "Gradients pile up: micro-batches wait for an OptimStep that does not come.",
    "64 micro-batches wait and the session has made no OptimStep yet, or 16 and more than 4 times as many as any step "
    "has used",
    "call OptimStep once all micro-batches of a step are in, or TrainStep, which cannot forget it; OptimStep with "
    "discard forgets what waits",
    evidence={"pending": "micro-batches that wait", "usual": "the most that a step has used"},
)
SMALL_BATCH: Final = Diagnostic(
    "BATCH_NORM_SMALL_BATCH",
    _WARNING,
    _CHEAP,
    "A layer normalises by the mean and variance of one or two examples.",
    "the model has BatchNorm layers in training and the batch has 1 or 2 examples",
    "use larger batches, drop_last for a small last one, or GroupNorm or LayerNorm",
    evidence={"examples": "in the batch", "layers": "that normalise by the batch"},
)
CLIPPED: Final = Diagnostic(
    "ALWAYS_CLIPPED",
    _INFO,
    _CHEAP,
    "Nearly every gradient is clipped to a small part of itself, so steps have one length whatever the loss.",
    "in 95 % of the last 200 steps, 50 at least, the norm is above 10 times max_norm; looked at once in 10 steps",
    "raise clip_grad_norm, or choose the learning rate for steps of that length",
    evidence={"usual": "median norm before clipping", "max_norm": "to which it is clipped"},
)
OVERFITTING: Final = Diagnostic(
    "OVERFITTING",
    _WARNING,
    _CHEAP,
    "The validation loss rises while the training loss falls.",
    "the validation loss has been above its best for 5 epochs, is 20 % above it, by 2 % of its first at least, and "
    "twice the training loss, which has fallen since; or after 10 epochs the training loss is below a tenth of its "
    "first and of the validation loss, which is above 0.9 times its first",
    "stop at the best epoch (early_stopping with restore_best), add data, weight decay or dropout, or use a smaller "
    "model",
    evidence={
        "value": "training loss",
        "validation_value": "validation loss",
        "best": "least validation loss",
        "since": "epochs since the best",
    },
)
GAP: Final = Diagnostic(
    "GENERALIZATION_GAP",
    _INFO,
    _CHEAP,
    "The model is far better on the examples that it is trained on than on others.",
    "after 5 epochs the validation loss is above 3 times the training loss, both above 0",
    "watch the validation loss; more data, weight decay or dropout make the gap smaller",
    evidence={"value": "training loss", "validation_value": "validation loss"},
)
IDENTICAL: Final = Diagnostic(
    "IDENTICAL_EXAMPLES",
    _WARNING,
    _CHEAP,
    "Every example of the batch has the same inputs, and not the same targets.",
    "all inputs of at least 8 examples, the first 64 looked at, are equal while their targets are not; looked at in "
    "the first 10 watched steps and in every tenth",
    "look at how the inputs are loaded: a constant, an index that does not move, a padding",
    evidence={"examples": "looked at"},
)
UNSCALED: Final = Diagnostic(
    "INPUTS_NOT_SCALED",
    _INFO,
    _CHEAP,
    "The model is fed numbers of a size that initial weights are not made for.",
    "the greatest absolute number of the first 64 examples is above 100; looked at as IDENTICAL_EXAMPLES is",
    "scale the inputs to mean 0 and spread 1, by the training examples alone",
    evidence={"greatest": "absolute number of the inputs"},
)

TRAINING: tuple[Diagnostic, ...] = (
    NOT_FINITE,
    DIVERGING,
    LR_HIGH,
    LR_LOW,
    NO_PROGRESS,
    PLATEAU,
    INITIAL,
    SPIKE,
    EXPLODING,
    VANISHING,
    NO_GRADIENT,
    DEAD_RELU,
    SATURATED,
    WAITING,
    SMALL_BATCH,
    CLIPPED,
    OVERFITTING,
    GAP,
    IDENTICAL,
    UNSCALED,
)
"""Every diagnostic of a training."""
