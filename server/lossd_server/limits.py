"""How much of anything a caller may send; GetServerInfo tells these."""

from __future__ import annotations

MAX_RANK = 64
"""Dimensions of a tensor."""
MAX_VALUES = 65_536
"""Elements of a tensor written as nested arrays."""
MAX_BATCH = 4096
"""Evaluations in a batch."""
MAX_REQUEST_ID = 128
"""Characters of a request_id."""
MAX_TERMS = 64
"""Terms of a weighted sum."""
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
