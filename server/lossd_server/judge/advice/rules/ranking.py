"""Losses for the order of items, as a table."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import Candidate, Fits

_LIST = Fits({"feedback": "pairs"}, -6, "it needs lists, and there are only pairs")

CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "ranking",
        "listnet_loss",
        5,
        "the chances of each item to be on top, compared as distributions",
        "",
        (
            Fits({"feedback": "graded"}, 2, "every item of a list has a grade, and it uses them all at once"),
            Fits({"feedback": "order"}, -1, "it sees grades, and of an order only what they say"),
            Fits({"feedback": "single"}, 1, "a click in a list is a grade of 1"),
            _LIST,
        ),
    ),
    Candidate(
        "ranking",
        "approx_ndcg_loss",
        4.5,
        "the NDCG itself, with smooth ranks",
        "it has many local minima: start from listnet_loss or pairwise_logistic_loss",
        (
            Fits({"feedback": "graded"}, 2, "grades are what NDCG is made of"),
            Fits({"mistakes": "top"}, 3, "the top of the list counts most, and NDCG discounts the rest"),
            _LIST,
        ),
        minds=("its least value is -1, not 0",),
    ),
    Candidate(
        "ranking",
        "pairwise_logistic_loss",
        4.5,
        "RankNet: every pair of items with different grades, at any place",
        "pairs far down the list count as much as those on top",
        (
            Fits({"feedback": "graded"}, 1.5, "grades make pairs"),
            Fits({"feedback": "pairs"}, 2, "a pair is a list of two"),
            Fits({"mistakes": "top"}, -1, "pairs at the bottom count as much as those on top"),
        ),
    ),
    Candidate(
        "ranking",
        "list_mle_loss",
        3.5,
        "the likelihood of the whole order",
        "it needs an order without ties",
        (
            Fits({"feedback": "order"}, 6, "the order of whole lists is known, and it is its likelihood"),
            Fits({"feedback": ("graded", "single")}, -1, "equal grades are ties, which an order has not"),
            _LIST,
        ),
    ),
    Candidate(
        "ranking",
        "margin_ranking_loss",
        3.5,
        "a hinge on the difference of two scores",
        "it takes two scores and says nothing about lists",
        (
            Fits({"feedback": "pairs"}, 5, "people said which of two is better, and it takes just that"),
            Fits({"feedback": ("graded", "order")}, -3, "lists have more to say than pairs"),
        ),
        fills=("margin",),
        minds=("with a margin of 0 equal scores cost nothing: the model may give everything the same score",),
    ),
    Candidate(
        "ranking",
        "bradley_terry_loss",
        2.5,
        "the likelihood that one beats the other",
        "it takes pairs of which one was chosen",
        (
            Fits({"feedback": "pairs"}, 4, "people chose one of two, and it is the likelihood of that choice"),
            Fits({"feedback": ("graded", "order")}, -3, "lists have more to say than pairs"),
        ),
    ),
    Candidate(
        "ranking",
        "bce_with_logits_loss",
        1,
        "item by item: relevant or not",
        "items are not compared: only their order is wanted",
        (Fits({"feedback": "single"}, 5, "single items were called good or bad"), _LIST),
    ),
    Candidate(
        "ranking",
        "mse_loss",
        0,
        "item by item: the grade as a number",
        "items are not compared: it spends itself on grades, and only their order is wanted",
        (Fits({"feedback": "graded"}, 1, "grades are numbers"),),
    ),
)
