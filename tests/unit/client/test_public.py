"""What strangers see of the package: its names, its weight, and that the two clients are one."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

import lossd
import pytest

ROOT = Path(lossd.__file__).parent
LIBRARIES_OF_OTHERS = ("torch", "lossd_server", "jax", "ml_dtypes")
BRIDGES = ("torch", "jax.py")


def test_public_names_are_a_sorted_list() -> None:
    """Constants, classes, functions, as the linter sorts them; each is there and none is missing."""
    assert len(set(lossd.__all__)) == len(lossd.__all__)
    assert all(hasattr(lossd, name) for name in lossd.__all__)
    tree = ast.parse((ROOT / "__init__.py").read_text())
    imported = {name.asname for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names}
    own = {name for name in imported if name and not name.startswith("_")} | {"__version__"}
    assert set(lossd.__all__) == own | set(lossd.losses.__all__)


def test_the_directory_is_the_public_names() -> None:
    """And none of the modules that hold them."""
    assert dir(lossd) == sorted(lossd.__all__)
    assert not {"calls", "channel", "spec", "v1"} & set(dir(lossd))
    assert set(get_args(lossd.Reduction)) == {"none", "mean", "sum"}
    for module in (lossd.nn, lossd.optim, lossd.optim.lr_scheduler, lossd.optim.swa_utils):
        assert dir(module) == sorted(module.__all__)
        assert not {"Any", "Literal", "annotations", "Spec", "activation", "adam", "dataclass"} & set(dir(module))


def test_every_public_name_says_what_it_is() -> None:
    """But a string and a type alias, which cannot."""
    for name in lossd.__all__:
        if name not in ("__version__", "Reduction"):
            assert inspect.getdoc(getattr(lossd, name)), name


def test_importing_brings_only_what_calls_need() -> None:
    """Workers of the server import it too: no command-line libraries, no torch."""
    program = "import sys, lossd; print(' '.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"click", "rich", *LIBRARIES_OF_OTHERS} & set(modules)


def test_the_client_never_imports_the_server_or_torch() -> None:
    """But for `lossd.local`, inside its one function, optional element types, and the bridges."""
    found = []
    for path in (path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in BRIDGES):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [(path.name, name, node.col_offset) for name in names if name.split(".")[0] in LIBRARIES_OF_OTHERS]
    assert {(file, name) for file, name, column in found} == {
        ("local.py", "lossd_server.app"),
        ("tensors.py", "ml_dtypes"),
    }
    assert all(column for _, _, column in found)


@pytest.mark.parametrize(("sync", "other"), [(lossd.Client, lossd.AsyncClient), (lossd.Session, lossd.AsyncSession)])
def test_both_clients_have_the_same_methods(sync: type, other: type) -> None:
    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [
                (parameter.name, parameter.kind, parameter.default)
                for parameter in inspect.signature(method).parameters.values()
            ]
            for name, method in found
            if not name.startswith("_") or name == "__init__"
        }

    assert methods(sync) == methods(other)
