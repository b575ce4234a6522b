"""The served bundle: rollback and return, refusals, and retention of old bundles."""

import json
from pathlib import Path

import pytest

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.publishing.serving import bundles, current, read_pointer, remove_old_bundles, roll_back
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.cut_short import cut_everywhere
from clv_pipeline_tests.forked import run_clv_forked
from clv_pipeline_tests.nights import bundle_names, contents, copy_of, publish_night, served_run, served_whole

SECOND, THIRD = "20260702-night", "20260703-night"


@pytest.fixture(scope="module")
def three_nights(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = copy_of(demo_run, tmp_path_factory.mktemp("nights"))
    for as_of in ("2026-07-02", "2026-07-03"):
        publish_night(home, as_of)
    return home


@pytest.fixture
def home(three_nights: Home, tmp_path: Path) -> Home:
    return copy_of(three_nights, tmp_path)


@pytest.fixture
def first(demo_run: Home) -> str:
    return served_run(demo_run)


# --- the way back ------------------------------------------------------------------------------------------------------


def test_going_back_serves_the_bundle_served_before_then_the_one_before_that(home: Home, first: str) -> None:
    assert served_run(home) == THIRD
    assert roll_back(home)["run_id"] == SECOND
    assert served_whole(home) == "2026-07-02"
    assert roll_back(home)["run_id"] == first
    assert served_whole(home) == "2026-07-01"
    before = contents(home.published)
    with pytest.raises(PublishError, match="served before this one"):
        roll_back(home)
    assert contents(home.published) == before


def test_a_named_bundle_is_served_forth_as_well_as_back(home: Home, first: str) -> None:
    assert roll_back(home, first)["as_of_date"] == "2026-07-01"
    assert served_run(home) == first
    assert roll_back(home, THIRD)["run_id"] == THIRD
    assert served_whole(home) == "2026-07-03"
    assert roll_back(home)["run_id"] == first, "what was served before is what one came from"


def test_bundles_that_were_never_served_are_not_gone_back_to(home: Home, first: str) -> None:
    assert not publish_night(home, "2026-06-15").is_served
    roll_back(home)
    assert roll_back(home)["run_id"] == first
    with pytest.raises(PublishError, match="served before this one") as error:
        roll_back(home)
    assert "20260615-night" in error.value.next_step, "it may be named all the same"
    assert roll_back(home, "20260615-night")["as_of_date"] == "2026-06-15"


def test_the_next_night_publishes_as_ever_after_going_back(home: Home) -> None:
    roll_back(home)
    assert publish_night(home, "2026-07-04").is_served
    assert served_whole(home) == "2026-07-04"
    assert roll_back(home)["run_id"] == SECOND


def test_the_same_night_again_is_served_again_after_going_back(home: Home) -> None:
    roll_back(home)
    assert publish_night(home, "2026-07-03").is_served
    assert served_whole(home) == "2026-07-03"


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest", "half a manifest"])
def test_a_damaged_bundle_is_refused_and_what_is_served_stays(home: Home, damage: str) -> None:
    bundle = home.published / SECOND
    match damage:
        case "changed":
            content = bytearray((bundle / "clv.duckdb").read_bytes())
            content[len(content) // 2] ^= 1
            (bundle / "clv.duckdb").write_bytes(content)
        case "missing":
            (bundle / "report.html").unlink()
        case "no manifest":
            (bundle / "manifest.json").unlink()
        case _:
            (bundle / "manifest.json").write_text((bundle / "manifest.json").read_text()[:300])
    before = contents(home.published)
    with pytest.raises(PublishError) as error:
        roll_back(home, SECOND)
    named = {"changed": "clv.duckdb is not the file that was published", "missing": "report.html is missing"}
    assert named.get(damage, f"There is no bundle '{SECOND}'") in error.value.what
    assert THIRD in error.value.next_step, "the ones that can be served are named"
    assert contents(home.published) == before


@pytest.mark.parametrize("name", ["20260702-nigth", "..", "", "../models", "clv.duckdb"])
def test_a_name_that_is_no_bundle_is_refused_with_the_nearest(home: Home, name: str) -> None:
    before = contents(home.published)
    if not name:
        (home.published / "current.json").unlink()  # nothing named and nothing known
    with pytest.raises(PublishError) as error:
        roll_back(home, name)
    assert SECOND in str(error.value)
    if name.startswith("2026"):
        assert f"(nearest: '{SECOND}')" in error.value.what
    assert {n: h for n, h in contents(home.published).items() if n != "current.json"} == {
        n: h for n, h in before.items() if n != "current.json"
    }


def test_going_back_repairs_a_broken_served_file_and_pointer(home: Home) -> None:
    (home.published / "clv.duckdb").chmod(0o644)
    (home.published / "clv.duckdb").write_bytes(b"no database")
    (home.published / "current.json").write_text('{"run')
    assert current(home.published) is None
    roll_back(home, SECOND)
    assert served_whole(home) == "2026-07-02"
    pointer = read_pointer(home.published)
    assert pointer is not None
    assert pointer["run_id"] == SECOND


def test_a_night_replaces_a_served_file_that_cannot_be_read(home: Home) -> None:
    (home.published / "clv.duckdb").chmod(0o644)
    (home.published / "clv.duckdb").write_bytes(b"no database")
    assert publish_night(home, "2026-07-04").is_served
    assert served_whole(home) == "2026-07-04"


def test_the_command_says_what_is_served_now_and_how_old_it_is(home: Home) -> None:
    ran = run_clv_forked("rollback", "--home", str(home.root))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Served now: run {SECOND} of Demo company, as of 2026-07-02, " in ran.stdout
    assert " days old" in ran.stdout
    assert served_whole(home) == "2026-07-02"
    refused = run_clv_here("rollback", "20260703-nihgt", "--home", str(home.root))
    assert refused.returncode == 1
    assert f"nearest: '{THIRD}'" in " ".join(refused.stdout.split())
    assert "Traceback" not in refused.stdout + refused.stderr
    assert served_run(home) == SECOND


# --- how many stay -----------------------------------------------------------------------------------------------------


def test_old_bundles_go_after_a_night_and_the_newest_stay(home: Home, first: str) -> None:
    publish_night(home, "2026-07-04", keep_bundles=2)
    assert bundle_names(home) == {"20260704-night", THIRD}
    assert served_whole(home) == "2026-07-04"
    assert first not in bundles(home.published)
    assert not [p.name for p in home.published.iterdir() if p.name.startswith(".")]


def test_what_is_served_and_what_one_would_go_back_to_stay_however_old(home: Home, first: str) -> None:
    roll_back(home, first)
    assert remove_old_bundles(home.published, 2, THIRD) == []
    publish_night(home, "2026-07-04", keep_bundles=2)
    assert bundle_names(home) == {"20260704-night", THIRD, first}
    assert roll_back(home)["run_id"] == first
    publish_night(home, "2026-06-20", keep_bundles=2)
    assert bundle_names(home) == {"20260704-night", THIRD, first, "20260620-night"}, "nor what was just made"
    assert served_whole(home) == "2026-07-01"


def test_a_folder_that_is_no_bundle_is_never_removed(home: Home) -> None:
    (home.published / "notes of ours").mkdir()
    (home.published / "notes of ours" / "manifest.json").write_text('{"run_id": "x"}')
    publish_night(home, "2026-07-04", keep_bundles=2)
    assert "notes of ours" in bundle_names(home)


def remove_all_but_two(home: Home) -> None:
    remove_old_bundles(home.published, 2, "none")


@pytest.mark.chaos
def test_removing_may_be_cut_anywhere_and_the_next_night_removes_the_rest(
    three_nights: Home, first: str, tmp_path: Path
) -> None:
    steps = ("os.replace", "os.unlink", "os.rmdir")
    homes = cut_everywhere(f"{__name__}:remove_all_but_two", three_nights.root, tmp_path / "cut", *steps)
    assert len(homes) > 15
    for cut in homes:
        assert served_whole(cut) == "2026-07-03"
    assert bundle_names(homes[0]) == {first, SECOND, THIRD}
    assert bundle_names(homes[-1]) == {SECOND, THIRD}
    half = homes[len(homes) // 2]
    assert [p.name for p in half.published.glob(".removing-*")] == [f".removing-{first}"]
    night = copy_of(three_nights, tmp_path)
    (half.published / f".removing-{first}").rename(night.published / f".removing-{first}")
    publish_night(night, "2026-07-04")
    assert list(night.published.glob(".*")) == []


def test_the_pointer_names_what_was_served_before_as_long_as_it_is_there(home: Home, first: str) -> None:
    assert json.loads((home.published / "current.json").read_text())["served_before"] == [first, SECOND]
    publish_night(home, "2026-07-04", keep_bundles=2)
    publish_night(home, "2026-07-05", keep_bundles=2)
    assert json.loads((home.published / "current.json").read_text())["served_before"] == [THIRD, "20260704-night"]
