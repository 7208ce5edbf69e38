"""What `import smalti` gives: names that are imported when they are first used."""

import subprocess
import sys

import pytest

import smalti

HEAVY = {"numpy", "rasterio", "torch", "pydantic", "onnxruntime", "shapely", "pyogrio", "PIL", "cv2", "jinja2", "click"}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_imports_no_library() -> None:
    code = "import sys; import smalti; print(*{name.partition('.')[0] for name in sys.modules})"
    assert not HEAVY & set(python(code).split())


def test_every_public_name_is_there_has_a_docstring_and_is_told_by_dir() -> None:
    for name in smalti.__all__:
        assert name == "__version__" or (getattr(smalti, name).__doc__ or "").strip(), name
    assert dir(smalti) == sorted(smalti.__all__)


def test_type_checkers_see_the_same_names() -> None:
    import ast
    import inspect

    tree = ast.parse(inspect.getsource(smalti))
    [guard] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {
        alias.name: str(node.module).removeprefix("smalti.")
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == smalti._HOMES


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'smalti' has no attribute 'mapp'"):
        _ = smalti.mapp
