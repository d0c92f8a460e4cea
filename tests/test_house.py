"""The house rules that a program can check: imports go down only, and heavy ones wait until they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A file may import from its own floor and from those below.
FLOORS = [
    ("vit.errors",),
    (
        "vit.tokens",
        "vit.attention",
        "vit.image",
        "vit.image_kind",
        "vit.cores",
        "vit.line",
        "vit.once",
        "vit.processes",
    ),
    ("vit.models",),
    ("vit.fused", "vit.watch", "vit.capture", "vit.archive", "vit.lesson", "vit.ablation"),
    ("vit.methods", "vit.measures"),
    ("vit.render",),
    ("vit.truth", "vit.budget", "vit.loaded"),
    ("vit.analysis", "vit.families"),
    ("vit.training",),
    ("vit.commands", "vit.ui"),
    ("app", "vit.__main__"),
]
# A method sees a record only.
FORBIDDEN = {
    "vit.methods": ("vit.models", "vit.capture"),
    "vit.measures": ("vit.models", "vit.capture"),
}
FILES = sorted([*(ROOT / "vit").rglob("*.py"), ROOT / "app.py"])


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def floor_of(module: str) -> int | None:
    for number, floor in enumerate(FLOORS):
        if any(module == name or module.startswith(name + ".") for name in floor):
            return number
    return None


def imports_of(path: Path) -> set[str]:
    """Every module that a file names in an import, wherever in the file it stands; ``from vit import capture`` too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path.name} has a relative import: name the module in full"
            found |= {node.module, *(name for name in _named(node) if name in MODULES)}
            reached = [name for name in _named(node) if node.module == "vit" and name not in MODULES]
            assert not reached, f"{path.name} imports {reached} from vit, which hides its floor: name its own module"
    return found


def _named(node: ast.ImportFrom) -> list[str]:
    return [f"{node.module}.{alias.name}" for alias in node.names]


@pytest.mark.parametrize("line", ["from . import capture", "from ..capture import record_attention"])
def test_a_relative_import_is_refused(tmp_path, line):
    (tmp_path / "raw.py").write_text(line)
    with pytest.raises(AssertionError, match="name the module in full"):
        imports_of(tmp_path / "raw.py")


def test_a_module_is_seen_however_it_is_imported(tmp_path):
    (tmp_path / "raw.py").write_text(
        "from vit import capture\nfrom vit.models import vit, load_model\nimport vit.image"
    )
    assert imports_of(tmp_path / "raw.py") == {"vit", "vit.capture", "vit.models", "vit.models.vit", "vit.image"}
    (tmp_path / "raw.py").write_text("from vit import record_attention")
    with pytest.raises(AssertionError, match="name its own module"):
        imports_of(tmp_path / "raw.py")


@pytest.mark.parametrize("path", [p for p in FILES if module_of(p) != "vit"], ids=module_of)
def test_imports_go_down_only(path):
    module = module_of(path)
    own = floor_of(module)
    assert own is not None, f"{module} stands on no floor: add it to FLOORS"
    for name in imports_of(path):
        floor = floor_of(name)
        assert floor is None or floor <= own, f"{module} imports {name}, which stands above it"
        for part, banned in FORBIDDEN.items():
            if module.startswith(part):
                assert not name.startswith(banned), f"{module} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_libraries_live_where_they_belong(path):
    module, roots = module_of(path), {name.partition(".")[0] for name in imports_of(path)}
    assert "gradio" not in roots or module.startswith("vit.ui") or module == "app"
    assert not roots & {"cv2", "matplotlib"} or module.startswith("vit.render")
    assert "timm" not in roots or module.startswith(("vit.models", "vit.training"))


def test_attention_imports_torch_only():
    outside = {name for name in imports_of(ROOT / "vit" / "attention.py") if not name.startswith("vit.")}
    assert outside <= {"torch", "dataclasses", "functools", "operator", "typing"}


def test_the_page_opens_without_torch_timm_or_matplotlib():
    code = (
        "import sys, vit, vit.ui.page; print(*(n for n in ('torch', 'timm', 'matplotlib', 'cv2') if n in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_every_name_of_the_contract_is_there():
    import vit

    for name in ("load_model", "load_image", "record_attention", "explain", "overlay", "list_models", "list_methods"):
        assert callable(getattr(vit, name))
    for name in ("ImageError", "ModelError", "CaptureError", "MethodError", "BudgetError"):
        assert issubclass(getattr(vit, name), vit.VitError)
    from vit.models import scratch_model

    assert callable(scratch_model)


def test_what_the_package_offers_is_no_module_of_the_same_name():
    """``from vit import what_if`` once gave the file: importing a file puts it under its name into the package."""
    code = "import types, vit; exec(f'from vit import {\", \".join(vit.__all__)}')"
    code += "; print([name for name in vit.__all__ if isinstance(globals()[name], types.ModuleType)])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
