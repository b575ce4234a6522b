"""Fault 51: a model file was tampered with. Its hash is refused, and nothing is ever unpickled."""

import os
import pickle
import random
from hashlib import sha256
from pathlib import Path

import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import Home
from clv_pipeline.modeling.registry.artefacts import TRUSTED, load_model, save_model
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline.next_purchases.scoring import load_ranker
from clv_pipeline_tests.faults.company import Company, assert_blocked, night


def _champion(home: Home) -> tuple[Registry, Manifest]:
    registry = Registry(home.models)
    manifest = registry.champion()
    assert manifest is not None
    return registry, manifest


def test_a_night_with_a_changed_model_file_is_red_and_names_it(company: Company, yesterday: Home) -> None:
    registry, manifest = _champion(yesterday)
    file = registry.folder / manifest.version / min(manifest.files)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    assert_blocked(night(company, yesterday), file.name, "was changed: its sha256 differs", "train again: `clv run")


def test_every_file_is_refused_whichever_byte_was_changed(yesterday: Home) -> None:
    registry, manifest = _champion(yesterday)
    draw = random.Random(51)
    assert len(manifest.files) > 1
    for name in manifest.files:
        file = registry.folder / manifest.version / name
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        file.write_bytes(bytes(changed))
        with pytest.raises(ArtefactError, match=f"{name} was changed: its sha256 differs"):
            registry.check_files(manifest)
        with pytest.raises(ArtefactError, match="was changed: its sha256 differs"):
            for target in ("spend", "purchase"):
                registry.load(manifest, f"90d_{target}")
            load_ranker(registry, manifest)
        file.write_bytes(whole)
    registry.check_files(manifest)


def test_an_operating_system_call_in_a_model_file_is_refused(tmp_path: Path) -> None:
    hashes = save_model(Pipeline([("model", FunctionTransformer(os.system))]), tmp_path, "90d_spend")
    with pytest.raises(ArtefactError, match=r"not trusted.*system"):
        load_model(tmp_path, "90d_spend", hashes)


def test_a_hash_in_the_manifest_is_not_enough_for_a_file_of_another_kind(tmp_path: Path) -> None:
    """Pickle bytes under a model's name are never unpickled, not even with a matching hash."""
    unpickled = tmp_path / "unpickled"
    content = pickle.dumps(_TouchWhenUnpickled(unpickled))
    (tmp_path / "90d_spend.skops").write_bytes(content)
    with pytest.raises(Exception):  # noqa: B017 - whichever error, as long as nothing is run
        load_model(tmp_path, "90d_spend", {"90d_spend.skops": sha256(content).hexdigest()})
    assert not unpickled.exists()
    pickle.loads(content)
    assert unpickled.exists()


class _TouchWhenUnpickled:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_only_our_own_types_and_plain_numeric_ones_are_trusted() -> None:
    assert [name for name in TRUSTED if not name.startswith(("clv_pipeline.modeling.", "sklearn.", "numpy."))] == []
