"""The examples in the docstrings of clv_pipeline are true: every module that has one is run by doctest."""

import doctest
from importlib import import_module
from pathlib import Path

from clv_pipeline.core.project_files import PROJECT


def _modules_with_examples() -> list[str]:
    files = sorted((PROJECT / "clv_pipeline").rglob("*.py"))
    return [_dotted(f) for f in files if ">>> " in f.read_text(encoding="utf-8")]


def _dotted(file: Path) -> str:
    parts = file.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_example_in_a_docstring_is_true() -> None:
    results = {name: doctest.testmod(import_module(name)) for name in _modules_with_examples()}
    assert "clv_pipeline.reporting.formats" in results
    assert {name: r.failed for name, r in results.items() if r.failed} == {}
    assert [name for name, r in results.items() if r.attempted == 0] == []
    assert sum(r.attempted for r in results.values()) > 0
