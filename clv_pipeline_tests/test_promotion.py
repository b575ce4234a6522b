"""Model versions over time: champion periods, promotion by hand, and retention."""

import json
import os
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from clv_pipeline.core import clock
from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import Home
from clv_pipeline.modeling.registry.listing import describe_versions
from clv_pipeline.modeling.registry.promotion import promote_by_hand
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.forked import run_clv_forked
from clv_pipeline_tests.nights import contents, copy_of


@pytest.fixture
def home(demo_run: Home, tmp_path: Path) -> Home:
    return copy_of(demo_run, tmp_path)


@pytest.fixture
def registry(home: Home) -> Registry:
    return Registry(home.models)


@pytest.fixture
def trained(registry: Registry) -> Manifest:
    """Return the champion that the demo run trained."""
    champion = registry.champion()
    assert champion is not None
    return champion


def another(registry: Registry, trained: Manifest, version: str, **changed: object) -> Manifest:
    """Add a version with the files of the trained one."""
    manifest = replace(
        trained, version=version, as_of=date.fromisoformat(f"{version[:4]}-{version[4:6]}-{version[6:8]}")
    )
    manifest = replace(manifest, **changed)  # type: ignore[arg-type]
    shutil.copytree(registry.folder / trained.version, registry.folder / version)
    registry.write_manifest(manifest)
    return manifest


def promote(home: Home, version: str) -> Manifest:
    return promote_by_hand(home, open_warehouse(home), version)


# --- who was champion when ---------------------------------------------------------------------------------------------


def test_a_training_is_in_the_history(registry: Registry, trained: Manifest) -> None:
    (reign,) = registry.champion_history()
    assert (reign.version, reign.until) == (trained.version, None)
    assert timedelta(0) < clock.now() - reign.since < timedelta(days=2)


def test_the_history_says_who_was_champion_from_when_to_when(registry: Registry, trained: Manifest) -> None:
    another(registry, trained, "20260708-aaaaaaaa")
    registry.promote("20260708-aaaaaaaa")
    registry.promote("20260708-aaaaaaaa")
    registry.promote(trained.version)
    champion_history = registry.champion_history()
    assert [r.version for r in champion_history] == [trained.version, "20260708-aaaaaaaa", trained.version]
    assert [r.until for r in champion_history] == [champion_history[1].since, champion_history[2].since, None]
    assert champion_history[0].since < champion_history[1].since <= champion_history[2].since
    assert registry.champion() == trained


def test_the_history_only_grows(registry: Registry, trained: Manifest) -> None:
    file = registry.folder / "champion.json"
    another(registry, trained, "20260708-aaaaaaaa")
    before = json.loads(file.read_text())["history"]
    registry.promote("20260708-aaaaaaaa")
    after = json.loads(file.read_text())
    assert after["history"][:-1] == before
    assert after["version"] == after["history"][-1]["version"] == "20260708-aaaaaaaa"


@pytest.mark.parametrize("content", ["", '{"version"', "[]", '{"version": "x"}', '{"history": [{"version": "x"}]}'])
def test_a_pointer_that_cannot_be_read_means_no_champion_and_no_crash(registry: Registry, content: str) -> None:
    (registry.folder / "champion.json").write_text(content)
    assert registry.champion() is None
    assert registry.champion_history() == []


# --- promotion by hand -------------------------------------------------------------------------------------------------


def test_an_existing_version_that_fits_is_promoted(home: Home, registry: Registry, trained: Manifest) -> None:
    made = another(registry, trained, "20260625-bbbbbbbb")
    assert promote(home, made.version) == made
    assert Registry(home.models).champion() == made


def test_a_version_that_is_not_there_is_refused_with_the_nearest(home: Home, trained: Manifest) -> None:
    typed = trained.version[:-1]
    for name, hint in (
        (typed, f"(nearest: '{trained.version}')"),
        ("..", ""),
        ("", ""),
        (f"../models/{trained.version}", ""),
    ):
        with pytest.raises(ArtefactError, match="There is no model version") as error:
            promote(home, name)
        assert hint in error.value.what
        assert "clv models" in error.value.next_step


@pytest.mark.parametrize("damage", ["changed", "missing", "manifest cut", "another release"])
def test_a_damaged_version_is_refused_and_the_champion_stays(
    home: Home, registry: Registry, trained: Manifest, damage: str
) -> None:
    made = another(registry, trained, "20260625-bbbbbbbb")
    folder = registry.folder / made.version
    file = folder / sorted(made.files)[-1]
    manifest = folder / "manifest.json"
    match damage:
        case "changed":
            file.write_bytes(file.read_bytes() + b"x")
        case "missing":
            file.unlink()
        case "manifest cut":
            manifest.write_text(manifest.read_text()[:200])
        case _:
            manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"from_the_future": 1}))
    before = contents(home.models)
    named = {"changed": f"{file.name} was changed: its sha256 differs", "missing": f"{file.name} is missing",
             "manifest cut": "is damaged", "another release": "another release: .*from_the_future"}  # fmt: skip
    with pytest.raises(ArtefactError, match=named[damage]):
        promote(home, made.version)
    assert contents(home.models) == before


def test_without_features_nothing_is_promoted(home: Home, trained: Manifest) -> None:
    home.warehouse.unlink()
    with pytest.raises(ArtefactError, match="no features to compare it with; `clv run` builds them"):
        promote(home, trained.version)


# --- how many stay -----------------------------------------------------------------------------------------------------


def test_old_versions_go_and_the_champion_never(registry: Registry, trained: Manifest) -> None:
    for day in range(10, 16):
        another(registry, trained, f"202607{day}-aaaaaaaa")
    (registry.folder / "half written").mkdir()
    (registry.folder / ".removing-20260601-aaaaaaaa").mkdir()
    removed = registry.remove_old(3)
    assert removed == [f"202607{day}-aaaaaaaa" for day in (12, 11, 10)]
    assert registry.names() == [*(f"202607{day}-aaaaaaaa" for day in (15, 14, 13)), trained.version]
    assert registry.champion() == trained
    registry.check_files(trained)
    assert not list(registry.folder.glob(".*"))
    assert registry.remove_old(3) == []


def test_of_one_day_the_versions_made_last_stay(registry: Registry, trained: Manifest) -> None:
    for age, version in enumerate(("20260710-cccccccc", "20260710-aaaaaaaa", "20260710-bbbbbbbb")):
        another(registry, trained, version)
        os.utime(registry.folder / version / "manifest.json", (1_000_000 - age, 1_000_000 - age))
    registry.remove_old(2)
    assert registry.names() == ["20260710-cccccccc", "20260710-aaaaaaaa", trained.version]


# --- the commands ------------------------------------------------------------------------------------------------------


def test_every_version_is_listed_with_what_it_is_and_when_it_was_champion(
    registry: Registry, trained: Manifest
) -> None:
    another(registry, trained, "20260708-aaaaaaaa", data_fingerprint="f" * 64)
    registry.promote("20260708-aaaaaaaa")
    another(registry, trained, "20260620-aaaaaaaa")
    (registry.folder / "20260620-aaaaaaaa" / "manifest.json").write_text("{")
    lines = list(describe_versions(registry.folder))
    blocks = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    assert [lines[i].split()[0] for i in blocks] == ["20260708-aaaaaaaa", trained.version, "20260620-aaaaaaaa"]
    newest, older = lines[: blocks[1]], lines[blocks[1] : blocks[2]]
    assert newest[0] == "20260708-aaaaaaaa  (champion)  fitted as of 2026-07-08, data ffffffffff"
    assert newest[-1].endswith(" UTC to now")
    (horizon,) = trained.horizons
    assert f"    90 days: {horizon.spend.candidate}, {horizon.purchase.candidate}" in older
    metrics = next(line for line in older if "test window" in line)
    for name, value in trained.test_metrics.items():
        if name.split()[-1] in ("normalised_gini", "log_loss", "total_bias"):
            assert f"{name} {value:.3f}" in metrics
    since, until = registry.champion_history()[0].since, registry.champion_history()[0].until
    assert older[-1] == f"    champion from {since:%Y-%m-%d %H:%M} UTC to {until:%Y-%m-%d %H:%M} UTC"
    assert "unusable: The manifest of the model version '20260620-aaaaaaaa' is damaged" in lines[-1]


def test_the_commands_list_and_promote(home: Home, registry: Registry, trained: Manifest) -> None:
    another(registry, trained, "20260708-aaaaaaaa")
    promoted = run_clv_forked("promote", "20260708-aaaaaaaa", "--home", str(home.root))
    assert promoted.returncode == 0, promoted.stdout + promoted.stderr
    assert "Champion now: 20260708-aaaaaaaa, fitted as of 2026-07-08" in promoted.stdout
    listed = run_clv_here("models", "--home", str(home.root))
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert listed.stdout.splitlines() == list(describe_versions(registry.folder))
    refused = run_clv_here("promote", "20260708-aaaaaaab", "--home", str(home.root))
    assert refused.returncode == 1
    assert "nearest: '20260708-aaaaaaaa'" in " ".join(refused.stdout.split())
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_home_without_a_model_says_so(tmp_path: Path) -> None:
    (line,) = describe_versions(tmp_path)
    assert "the first `clv run` trains one" in line
