"""Losses for numbers and counts, as tables."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import GIVEN, NEVER, Candidate, Fits

_CHANGES = (
    "the choice may change between early and late training: squared or Huber while errors are large, L1 when the "
    "median is what is reported; a session's weight_schedules move from one to the other"
)
_SQUARES = "errors are squared, so that a few stray records decide where the model goes"
_SYMMETRIC = "too little and too much cost the same here, and you say that they differ"
_QUANTILE = "it predicts the middle of what may come, and a quantile is wanted"
_PERCENT = "it counts absolute errors: large numbers decide, small ones are off by any percentage"
_ORDERS = "the largest numbers decide alone where numbers span orders of magnitude"
_ONE_SIDED = (
    Fits({"mistakes": ("underestimates", "overestimates")}, -3, _SYMMETRIC),
    Fits({"under_cost": GIVEN, "over_cost": GIVEN}, -4, _SYMMETRIC),
    Fits({"quantile": GIVEN}, -6, _QUANTILE),
)
_DIRECTION = Fits({"direction_only": True}, -4, "length counts too, and only the direction should")
_SPREAD = Fits({"uncertainty": True}, -3, "it tells no spread")
_ROBUST = (
    *_ONE_SIDED,
    _DIRECTION,
    _SPREAD,
    Fits({"mistakes": "relative"}, -3, _PERCENT),
    Fits({"log_scale": True}, -3, _ORDERS),
    Fits(
        {"zero_inflated": True}, -4, "the median of mostly zeros is 0: it learns to predict next to nothing everywhere"
    ),
)
_SQUARED = (
    *_ONE_SIDED,
    _DIRECTION,
    _SPREAD,
    Fits({"mistakes": "large"}, 3, "big misses matter, and squaring makes twice the error four times the loss"),
    Fits({"outliers": True}, -5, _SQUARES),
    Fits({"outliers": False}, 1, "the data are clean, so that nothing needs taming"),
    Fits({"mistakes": "equal"}, -3, "every unit of error should count the same, and squares count large errors more"),
    Fits({"mistakes": "relative"}, -4, _PERCENT),
    Fits({"log_scale": True}, -4, _ORDERS),
    Fits({"zero_inflated": True}, -2, "the noise of many zeros and few large numbers is nothing like a normal one"),
    Fits({"structure": "image"}, -3, "the mean of all plausible pixels is a blur"),
    Fits(
        {"stage": "early"}, 1, "its gradient shrinks with the error, so that early steps are large and late ones small"
    ),
)
_OUTLIERS = "errors beyond a threshold count linearly, so that stray records pull with a bounded force"
_HUBER = (
    *_ROBUST,
    Fits({"outliers": True}, 4, _OUTLIERS),
    Fits(
        {"outliers": True, "mistakes": "large"},
        2,
        "below the threshold it still squares: big misses matter, strays not",
    ),
    Fits({"outliers": False}, -1, "the data are clean, so that the threshold only blunts what squares would tell"),
    Fits({"stage": "early"}, 1, "the gradient is bounded while errors are large, and smooth near 0"),
)
_RELATIVE_ZERO = Fits({"nonnegative": False}, -3, "around 0 a relative error means nothing")
_DEMAND = (
    Fits({"quantile": GIVEN}, 10, "its minimum is the quantile itself"),
    Fits(
        {"under_cost": GIVEN, "over_cost": GIVEN}, 10, "its minimum is the quantile under/(under + over), the cheapest"
    ),
    Fits({"mistakes": ("underestimates", "overestimates")}, 9, "each side of the error has a price of its own"),
    Fits({"outliers": True}, 1, "like L1 it does not mind how far strays are"),
)

_REGRESSION: tuple[Candidate, ...] = (
    Candidate(
        "regression",
        "mse_loss",
        5,
        "the first choice for a number: its minimum is the mean of what may come, and its gradient is smooth",
        "",
        _SQUARED,
        minds=(_CHANGES, "a single stray record can dominate it: look at the largest errors first"),
    ),
    Candidate(
        "regression",
        "huber_loss",
        4,
        "squared for small errors, absolute for large ones: it forgives strays and stays smooth",
        "it has a threshold to set, which plain squares have not; it pays off where some targets are far off",
        _HUBER,
        fills=("delta",),
        minds=(_CHANGES,),
    ),
    Candidate(
        "regression",
        "l1_loss",
        3.5,
        "its minimum is the median of what may come, in the unit of the target",
        "its gradient has one size however small the error, so that the last steps need a falling learning rate",
        (
            *_ROBUST,
            Fits({"outliers": True}, 3, "errors count linearly, so that a stray record pulls no harder than any other"),
            Fits({"mistakes": "equal"}, 4, "every unit of error counts the same"),
            Fits({"mistakes": "large"}, -3, "one miss of 60 counts as 60 misses of 1, and big misses matter to you"),
            Fits({"structure": "image"}, 3, "it keeps edges crisp where squares blur them"),
            Fits({"stage": "early"}, -2, "its gradient does not grow with the error: early training is slow"),
            Fits({"stage": "late"}, 1, "late in training it turns the mean into the median that is reported"),
        ),
        minds=(_CHANGES,),
    ),
    Candidate(
        "regression",
        "smooth_l1_loss",
        3,
        "Huber's shape divided by beta, as detectors use it",
        "it is HuberLoss / beta: changing beta changes the size of every gradient as well",
        _HUBER,
        fills=("beta",),
    ),
    Candidate(
        "regression",
        "log_cosh_loss",
        2.5,
        "Huber's shape without a corner, and without a threshold to set",
        "its turn from squared to absolute is fixed at an error of 1: scale the target to that, or take Huber",
        (*_ROBUST, Fits({"outliers": True}, 3, _OUTLIERS)),
    ),
    Candidate(
        "regression",
        "charbonnier_loss",
        1.5,
        "absolute error that is smooth at 0",
        "away from images L1 and Huber say the same and are better known",
        (
            *_ROBUST,
            Fits(
                {"structure": "image"},
                4.5,
                "restoration of images uses it for crisp edges and a gradient at every pixel",
            ),
            Fits({"outliers": True}, 3, "errors count linearly"),
            Fits({"mistakes": "equal"}, 2, "every unit of error counts the same"),
        ),
    ),
    Candidate(
        "regression",
        "rmse_loss",
        2,
        "the mean squared error in the unit of the target",
        "its gradient is that of MSELoss divided by the loss: steps do not shrink at the end; report it, train on MSE",
        _SQUARED,
    ),
    Candidate(
        "regression",
        "quantile_loss",
        0,
        "it predicts a quantile in place of the mean",
        "nothing says that one side of the error costs more: at quantile 0.5 it is half of L1Loss",
        _DEMAND,
        fills=("quantile",),
        minds=("train one model, or one output, for each quantile that is wanted; they may cross",),
    ),
    Candidate(
        "regression",
        "msle_loss",
        0,
        "it squares differences of logarithms: ratios count",
        "ratios are not what you say matters",
        (
            Fits({"nonnegative": False}, NEVER, "there are numbers below 0, which have no logarithm"),
            Fits({"log_scale": True}, 5, "numbers span orders of magnitude, and logarithms weigh each order alike"),
            Fits({"mistakes": "relative"}, 5, "relative errors matter, and a difference of logarithms is one"),
            Fits({"nonnegative": True}, 1, "numbers are never below 0"),
            *_ONE_SIDED,
        ),
        minds=("predictions must stay above -1: end in a softplus, or predict the logarithm and train on MSELoss",),
    ),
    Candidate(
        "regression",
        "mape_loss",
        0,
        "the percentage error that is reported",
        "relative errors are not what you say matters",
        (
            Fits({"mistakes": "relative"}, 7.5, "relative errors matter, and it is one, in percent"),
            Fits({"zero_inflated": True}, -9, "it divides by the target, and many targets are 0"),
            Fits({"log_scale": True}, -1, "it favours predicting too little: at most 100 % below, without bound above"),
            _RELATIVE_ZERO,
        ),
        minds=("a target near 0 makes one example the whole loss", "it favours predictions that are too low"),
    ),
    Candidate(
        "regression",
        "smape_loss",
        0,
        "a relative error that is bounded: from 0 to 2",
        "relative errors are not what you say matters",
        (
            Fits({"mistakes": "relative"}, 6.5, "relative errors matter, and it bounds those of small targets"),
            Fits(
                {"mistakes": "relative", "zero_inflated": True}, 1, "targets of 0 cost 2 at most, where MAPE explodes"
            ),
            _RELATIVE_ZERO,
        ),
        minds=("where a target is 0, every prediction but 0 costs the same: no gradient tells small from large",),
    ),
    Candidate(
        "regression",
        "tweedie_loss",
        0,
        "the likelihood of sums of random size: exact zeros and a skewed rest",
        "it is for numbers with exact zeros and a skewed rest",
        (
            Fits({"nonnegative": False}, NEVER, "there are numbers below 0"),
            Fits(
                {"zero_inflated": True}, 7.5, "many numbers are exactly 0 and the rest is skewed: what it is made for"
            ),
            Fits({"nonnegative": True}, 0.5, "numbers are never below 0"),
            Fits({"log_scale": True}, 2, "the variance grows with the mean"),
            Fits({"mistakes": "relative"}, -2, "it is no relative error"),
            Fits({"mistakes": "equal"}, -2, "it weighs errors by the mean"),
            *_ONE_SIDED,
        ),
        fills=("power",),
        minds=("the prediction is the mean, above 0: end in an exponential",),
    ),
    Candidate(
        "regression",
        "gaussian_nll_loss",
        0,
        "the model tells a variance with each number",
        "it needs a second output for the variance, and nobody asks for the spread",
        (
            Fits({"uncertainty": True}, 9, "the spread is wanted, and it trains value and variance together"),
            Fits({"outliers": True}, -2, "strays inflate the variance around them"),
            *_ONE_SIDED[:2],
        ),
        minds=(
            "the variance must be above 0: end that output in a softplus or an exponential",
            "where the variance grows fast the mean stops learning: start with MSELoss, then turn to it",
        ),
    ),
    Candidate(
        "regression",
        "poisson_nll_loss",
        0,
        "the likelihood of counts",
        "it is for counts",
        (
            Fits({"nonnegative": False}, NEVER, "there are numbers below 0, which are no counts"),
            Fits({"whole_numbers": False}, -6, "there are fractions, which are no counts"),
            Fits({"whole_numbers": True}, 2, "numbers are whole"),
            Fits({"whole_numbers": True, "nonnegative": True}, 1, "whole numbers from 0 on may be counts"),
            *_ONE_SIDED,
        ),
        fills=("log_input",),
        minds=("if these are counts, say task=counts",),
    ),
    Candidate(
        "regression",
        "bce_with_logits_loss",
        -3,
        "for numbers from 0 to 1 it is a proper likelihood whose gradient never dies in the sigmoid",
        "it is for numbers from 0 to 1",
        (
            Fits({"bounded": True}, 9, "numbers lie between 0 and 1, and a logit cannot leave that range"),
            Fits({"activation": "sigmoid"}, -8, "the model ends in a sigmoid, and it would apply another"),
            Fits({"outliers": True}, -1, "beyond 0 and 1 there is nothing"),
            *_ONE_SIDED,
        ),
        minds=("its least value is the entropy of the targets, not 0",),
    ),
    Candidate(
        "regression",
        "bce_loss",
        -4,
        "for numbers from 0 to 1 out of a sigmoid it undoes what the sigmoid does to the gradient",
        "it is for numbers from 0 to 1 out of a sigmoid",
        (Fits({"bounded": True, "activation": "sigmoid"}, 10, "numbers lie between 0 and 1, and so does the output"),),
    ),
    Candidate(
        "regression",
        "cosine_distance_loss",
        -2,
        "direction counts, length does not",
        "length counts too",
        (Fits({"direction_only": True}, 10, "only the direction counts, and it is all that it sees"),),
    ),
)

_COUNTS: tuple[Candidate, ...] = (
    Candidate(
        "counts",
        "poisson_nll_loss",
        6,
        "the likelihood of counts: its variance grows with the mean, and an exponential keeps rates above 0",
        "",
        (
            Fits({"zero_inflated": True}, -1, "there are more zeros than a Poisson distribution of this mean has"),
            Fits({"outliers": True}, -2, "counts are more spread than a Poisson distribution allows"),
            *_ONE_SIDED,
        ),
        fills=("log_input",),
        minds=("the model puts out the logarithm of the rate unless log_input is false",),
    ),
    Candidate(
        "counts",
        "tweedie_loss",
        4,
        "the variance may grow faster than the mean",
        "a Poisson likelihood has no power to set",
        (
            Fits({"zero_inflated": True}, 3, "many counts are 0 and a few are large"),
            Fits({"outliers": True}, 2, "counts are more spread than a Poisson distribution allows"),
            *_ONE_SIDED,
        ),
        fills=("power",),
        minds=("the prediction is the mean, above 0: end in an exponential",),
    ),
    Candidate(
        "counts",
        "msle_loss",
        3,
        "ratios of counts count, whatever their size",
        "it treats 0 to 1 like 1 to 3, and is no likelihood of counts",
        (
            Fits({"log_scale": True}, 3, "counts span orders of magnitude"),
            Fits({"mistakes": "relative"}, 4, "relative errors matter"),
            *_ONE_SIDED,
        ),
    ),
    Candidate(
        "counts",
        "huber_loss",
        2.5,
        "strays pull with a bounded force",
        "it may predict below 0 and weighs an error alike at a count of 1 and of 1000",
        (Fits({"outliers": True}, 3, _OUTLIERS), *_ONE_SIDED, *_ROBUST[-3:]),
        fills=("delta",),
    ),
    Candidate(
        "counts",
        "mse_loss",
        2,
        "simple, and its minimum is the mean as well",
        "it may predict below 0, and large counts, whose noise is larger, decide alone",
        (
            *_ONE_SIDED,
            Fits({"outliers": True}, -3, _SQUARES),
            Fits({"log_scale": True}, -2, _ORDERS),
            Fits({"mistakes": "large"}, 2, "big misses matter"),
        ),
    ),
    Candidate(
        "counts",
        "l1_loss",
        1.5,
        "its minimum is the median",
        "the median of small counts is often 0, and nothing is learned from there",
        (
            *_ONE_SIDED,
            Fits({"mistakes": "equal"}, 2, "every unit counts the same"),
            Fits({"zero_inflated": True}, -4, "the median of mostly zeros is 0"),
        ),
    ),
    Candidate(
        "counts",
        "quantile_loss",
        0,
        "it predicts a quantile in place of the mean",
        "nothing says that one side of the error costs more",
        _DEMAND,
        fills=("quantile",),
    ),
)

CANDIDATES = (*_REGRESSION, *_COUNTS)
