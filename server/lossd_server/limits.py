"""How much of anything a caller may send; GetServerInfo tells these."""

from __future__ import annotations

MAX_RANK = 64
"""Dimensions of a tensor."""
MAX_VALUES = 65_536
"""Elements of a tensor written as nested arrays."""
MAX_BATCH = 4096
"""Evaluations in a batch."""
MAX_EXPLAINED = 1000
"""Examples that an explanation tells of."""
MAX_AGGREGATIONS = 64
"""Data sets under way on a device at once."""
MAX_AGGREGATION_BYTES = 2**30
"""Bytes that the data sets under way on a device hold together: examples that wait, and what metrics keep."""
MAX_REQUEST_ID = 128
"""Characters of a request_id."""
MAX_TERMS = 64
"""Terms of a weighted sum."""
MAX_ALL_TERMS = 512
"""Terms of a weighted sum and of the sums inside it together."""
MAX_NESTING = 8
"""Weighted sums, or models, inside one another."""
MAX_EXPRESSION_LENGTH = 4096
"""Characters of an expression."""
MAX_EXPRESSION_NODES = 1000
"""Nodes of an expression's tree."""
MAX_EXPRESSION_DEPTH = 64
"""Levels of an expression's tree."""
MAX_PRODUCED_ELEMENTS = 2**27
"""Elements that one evaluation may produce over all its operations, or 64 times its inputs if that is more."""
MAX_MODULES = 256
"""Modules of a model."""
MAX_FEATURES = 2**20
"""Width of a layer."""
MAX_PARAMETERS = 2**28
"""Trainable numbers of a model."""
MAX_ARCHIVE_BYTES = 64 * 2**20
"""Bytes of a program's archive, which is not compressed."""
MAX_ARCHIVE_MEMBERS = 1024
"""Files in a program's archive."""
MAX_GRAPH_BYTES = 4 * 2**20
"""Bytes of a program's graph as JSON."""
MAX_PROGRAM_NODES = 4096
"""Operators of a program."""
MAX_PROGRAM_WORK = 2**37
"""Multiplications that the matrix products of one evaluation of a program may take."""
MAX_PROGRAM_SECONDS = 20.0
"""Time that the forward of a program may take, looked at between its operators."""
MAX_PROGRAMS = 64
"""Programs that a worker keeps."""
MAX_PROGRAMS_BYTES = 256 * 2**20
"""Bytes of the archives of the programs that a worker keeps."""
MAX_STEP_WORK = 2**40
"""Multiplications that an optimizer may take in one step beyond those of the model."""
MAX_GROUPS = 64
"""Parameter groups of an optimizer."""
MAX_PATTERNS = 256
"""Names and patterns of a parameter group."""
MAX_SCHEDULERS = 64
"""Schedulers inside of a scheduler, at all levels together."""
MAX_EVALUATIONS = 1000
"""Iterations of LBFGS in a step, and evaluations of the loss in it."""
MAX_HISTORY = 2**29
"""Numbers that LBFGS remembers."""
MAX_POINTS = 1024
"""Points of a weight's schedule."""
MAX_MODEL_WORK = 2**38
"""Multiplications that the forward of a model may take."""
