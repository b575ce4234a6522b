"""Fault 42: truncated or leftover Parquet files. The manifest decides what a bundle is, never what lies in a folder."""

import json
import random
from pathlib import Path

import pytest

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.publishing import publish
from clv_pipeline.publishing.serving import bundles, roll_back, what_is_damaged
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.nights import bundle_names, contents, copy_of, publish_night, served_run, served_whole

YESTERDAY, TONIGHT = "2026-07-01", "2026-07-02"


@pytest.fixture
def home(demo_run: Home, tmp_path: Path) -> Home:
    return copy_of(demo_run, tmp_path)


def _publish_again(home: Home) -> None:
    publish(open_warehouse(home), load_layer("4_published"), load_settings(source="demo"), home)


def _cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def test_the_same_run_made_again_replaces_a_bundle_with_a_truncated_file(home: Home) -> None:
    bundle = home.published / served_run(home)
    before = contents(bundle / "parquet")
    _cut(bundle / "parquet" / "customer_clv.parquet")
    assert what_is_damaged(bundle) == "parquet/customer_clv.parquet is not the file that was published"
    _publish_again(home)
    assert what_is_damaged(bundle) is None
    assert contents(bundle / "parquet") == before
    assert served_whole(home) == YESTERDAY


def test_a_bundle_with_a_truncated_file_is_never_served(home: Home) -> None:
    first = served_run(home)
    publish_night(home, TONIGHT)
    _cut(home.published / first / "parquet" / "segments.parquet")
    with pytest.raises(PublishError, match=r"is damaged: parquet/segments\.parquet"):
        roll_back(home)
    assert served_run(home) == "20260702-night"


def test_a_leftover_file_belongs_to_no_bundle_and_changes_nothing(home: Home) -> None:
    bundle = home.published / served_run(home)
    (bundle / "parquet" / "leftover.parquet").write_bytes(b"PAR1")
    (bundle / "parquet" / "customer_clv.parquet.tmp").write_bytes(b"")
    assert what_is_damaged(bundle) is None
    assert "leftover" not in (bundle / "manifest.json").read_text()
    publish_night(home, TONIGHT)
    roll_back(home)
    assert served_whole(home) == YESTERDAY


@pytest.mark.chaos
@pytest.mark.parametrize("manifest", ["cut", "missing", "of another bundle"])
def test_a_folder_without_its_own_manifest_is_no_bundle_whatever_lies_in_it(home: Home, manifest: str) -> None:
    publish_night(home, TONIGHT)
    file = home.published / "20260702-night" / "manifest.json"
    match manifest:
        case "cut":
            _cut(file)
        case "missing":
            file.unlink()
        case _:
            file.write_text(json.dumps(json.loads(file.read_text()) | {"run_id": "20260703-other"}))
    assert "20260702-night" not in bundles(home.published)
    with pytest.raises(PublishError, match="There is no bundle '20260702-night'"):
        roll_back(home, "20260702-night")
    publish_night(home, TONIGHT)
    assert what_is_damaged(home.published / "20260702-night") is None
    assert served_whole(home) == TONIGHT


def test_what_a_killed_run_left_half_built_is_neither_served_nor_kept(home: Home) -> None:
    half = home.published / ".building-20260702-night"
    (half / "parquet").mkdir(parents=True)
    (half / "parquet" / "customer_clv.parquet").write_bytes(b"PAR1 half")
    (home.published / ".clv.duckdb.new").write_bytes(b"half")
    first = served_run(home)
    assert bundles(home.published) == [first]
    publish_night(home, TONIGHT)
    assert served_whole(home) == TONIGHT
    assert bundle_names(home) == {first, "20260702-night"}
    assert list(home.published.glob(".*")) == []


def test_a_file_cut_at_any_byte_is_refused_and_made_again(seed: int, yesterday: Home) -> None:
    draw, earlier = random.Random(seed), served_run(yesterday)
    made = publish_night(yesterday, "2024-06-01").folder
    file = draw.choice(sorted(f for f in made.rglob("*") if f.is_file()))
    file.write_bytes(file.read_bytes()[: draw.randrange(file.stat().st_size)])
    roll_back(yesterday)
    # a manifest that was cut makes it no bundle at all
    with pytest.raises(PublishError, match=r"is damaged|There is no bundle"):
        roll_back(yesterday, made.name)
    assert served_run(yesterday) == earlier
    assert publish_night(yesterday, "2024-06-01").is_served
    assert served_whole(yesterday) == "2024-06-01"
