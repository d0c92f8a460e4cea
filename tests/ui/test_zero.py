"""On a ZeroGPU Space one function is marked; elsewhere the package ``spaces`` isn't asked for."""

import sys
from types import ModuleType

from vit.ui.zero import register


def test_only_a_zerogpu_space_gets_its_mark(monkeypatch):
    marked = []
    spaces = ModuleType("spaces")
    spaces.GPU = lambda duration: lambda function: marked.append((function.__name__, duration)) or function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not register() and not marked
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert register() and marked == [("device", 5)]
    monkeypatch.setitem(sys.modules, "spaces", None)  # the import fails
    assert not register()
