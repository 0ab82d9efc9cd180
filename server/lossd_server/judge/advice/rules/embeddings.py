"""Losses for embeddings, as a table: which of them fits is above all a matter of how examples come."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import Candidate, Fits

_KINDS = ("pairs", "triplets", "views", "labels", "cross_modal", "queries")
_NEEDS = {
    "pairs": "pairs that are alike or not",
    "triplets": "triplets",
    "views": "two views of each item",
    "labels": "a label for each item",
    "cross_modal": "two kinds of item that belong together",
    "queries": "queries and what answers them",
}
_SMALL = Fits({"large_batches": False}, -7, "its negatives come from the batch, and batches are small")
_LARGE = Fits({"large_batches": True}, 1, "large batches bring many negatives")
_REPLICATED = "it needs no negatives, and so no large batches"


def _only(*kinds: str) -> Fits:
    """Examples of any other kind do not fit."""
    others = tuple(kind for kind in _KINDS if kind not in kinds)
    return Fits({"supervision": others}, -8, f"it needs {' or '.join(_NEEDS[kind] for kind in kinds)}")


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "metric-learning",
        "triplet_margin_loss",
        4,
        "the positive should be nearer to the anchor than the negative, by a margin",
        "triplets must be found, and most soon cost nothing",
        (
            Fits({"supervision": "triplets"}, 6, "examples come as triplets"),
            Fits({"distance": "cosine"}, -4, "its distance is Euclidean, and the angle counts"),
            _only("triplets"),
        ),
        minds=("most triplets soon lie beyond the margin: mine hard ones",),
    ),
    Candidate(
        "metric-learning",
        "triplet_margin_with_distance_loss",
        3,
        "the same by a distance of choice",
        "the Euclidean distance is the common one, which triplet_margin_loss has",
        (
            Fits({"supervision": "triplets"}, 4, "examples come as triplets"),
            Fits(
                {"supervision": "triplets", "distance": "cosine"}, 4, "the angle counts, and its distance may be that"
            ),
            _only("triplets"),
        ),
        fills=("distance_function", "cosine_margin"),
    ),
    Candidate(
        "metric-learning",
        "cosine_embedding_loss",
        3.5,
        "alike: the angle goes to 0; not alike: beyond a margin",
        "it sees one pair at a time",
        (
            Fits({"supervision": "pairs"}, 5, "examples come as pairs that are alike or not"),
            Fits({"distance": "cosine"}, 2, "the angle counts, and it is what it sees"),
            Fits({"distance": "euclidean"}, -3, "it sees only the angle"),
            _only("pairs"),
        ),
        minds=("targets are 1 and -1",),
    ),
    Candidate(
        "metric-learning",
        "hinge_embedding_loss",
        2,
        "a distance that you compute: small for alike pairs, beyond a margin for others",
        "it takes distances, not embeddings",
        (
            Fits({"supervision": "pairs"}, 4.5, "examples come as pairs that are alike or not"),
            Fits({"distance": "cosine"}, -1, "its margin of 1 is meant for distances without bound"),
            Fits({"distance": "euclidean"}, 2, "it takes any distance"),
            _only("pairs"),
        ),
        minds=("targets are 1 and -1",),
    ),
    Candidate(
        "metric-learning",
        "contrastive_loss",
        3,
        "pairs made of a batch by its labels: alike within a margin, others beyond one",
        "all pairs count alike, the easy ones too",
        (
            Fits({"supervision": "labels"}, 2, "labels make pairs"),
            Fits({"supervision": "pairs"}, 1, "pairs, given as equal labels"),
            _only("pairs", "labels"),
        ),
    ),
    Candidate(
        "metric-learning",
        "nt_xent_loss",
        3,
        "SimCLR: each view should find its partner among all of the batch",
        "other views of the batch are its negatives, so that it needs large batches",
        (
            Fits({"supervision": "views"}, 6, "examples come as two views of each item"),
            Fits({"supervision": "labels"}, -4, "it takes items of one label for negatives"),
            _only("views", "labels"),
            _SMALL,
            _LARGE,
        ),
    ),
    Candidate(
        "metric-learning",
        "info_nce_loss",
        4,
        "each query should find its key among all others",
        "it matches one way only",
        (
            Fits(
                {"supervision": "queries"}, 7, "each query has what answers it, and the rest of the batch is negative"
            ),
            Fits({"supervision": "views"}, 4, "one view is the query, the other its key"),
            Fits({"supervision": "cross_modal"}, 2, "one way of the two"),
            Fits({"supervision": ("pairs", "triplets", "labels")}, -5, "it needs queries and keys"),
            _SMALL,
            _LARGE,
        ),
    ),
    Candidate(
        "metric-learning",
        "clip_loss",
        3,
        "each picture should find its caption among all, and each caption its picture",
        "it is for two kinds of item",
        (
            Fits({"supervision": "cross_modal"}, 8, "two kinds of item belong together, and it matches both ways"),
            Fits({"supervision": "queries"}, 2, "it matches both ways, and answers rarely ask back"),
            _only("cross_modal", "queries"),
            _LARGE,
        ),
    ),
    Candidate(
        "metric-learning",
        "sup_con_loss",
        4,
        "all items of one label are alike, against all others of the batch",
        "it needs labels, and several items of each in a batch",
        (Fits({"supervision": "labels"}, 6, "every item has a label, and all of one label attract"), _only("labels")),
        minds=("draw batches with several items of each label",),
    ),
    Candidate(
        "metric-learning",
        "multi_similarity_loss",
        3,
        "weighs each pair by how hard it is among the others",
        "it has three knobs",
        (
            Fits({"supervision": "labels"}, 5.5, "labels make pairs, and it weighs the telling ones"),
            Fits({"large_batches": False}, 1, "it mines what is telling, so that small batches go further"),
            _only("labels"),
        ),
    ),
    Candidate(
        "metric-learning",
        "circle_loss",
        2.5,
        "weighs each similarity by how far it is from where it should be",
        "its margin and scale depend on each other",
        (Fits({"supervision": "labels"}, 4.5, "labels make pairs, each with a pace of its own"), _only("labels")),
    ),
    Candidate(
        "metric-learning",
        "vicreg_loss",
        2.5,
        "two views alike, each dimension spread, none redundant",
        "with large batches contrastive losses learn faster",
        (
            Fits({"supervision": "views"}, 4, "examples come as two views of each item"),
            Fits({"supervision": "views", "large_batches": False}, 4, _REPLICATED),
            _only("views"),
        ),
    ),
    Candidate(
        "metric-learning",
        "barlow_twins_loss",
        2,
        "dimensions of two views correlate with themselves and with no other",
        "with large batches contrastive losses learn faster, and its dimensions must be many",
        (
            Fits({"supervision": "views"}, 4, "examples come as two views of each item"),
            Fits({"supervision": "views", "large_batches": False}, 3.5, _REPLICATED),
            _only("views"),
        ),
    ),
    Candidate(
        "metric-learning",
        "cosine_distance_loss",
        0,
        "draws vectors that belong together into one direction",
        "nothing pushes others away: all may collapse into one point",
        (Fits({"supervision": "pairs", "distance": "cosine"}, 2, "pairs that are all alike"),),
    ),
    Candidate(
        "metric-learning",
        "cross_entropy_loss",
        0,
        "embeddings are the layer before the last of a classifier",
        "it needs a class for each label, and new labels are strangers to it",
        (Fits({"supervision": "labels"}, 4, "every item has a label"), _only("labels")),
    ),
)
