"""Fault 60: an erased customer is re-inserted by the source. They stay out: never stored, never scored, counted."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.home_state import read_state
from clv_pipeline.core.settings import load_settings
from clv_pipeline.privacy.erasure import forget
from clv_pipeline.publishing.serving import bundles, what_is_damaged
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.cut_short import cut_everywhere
from clv_pipeline_tests.faults.company import (
    CANARY_KEY,
    TONIGHT,
    YESTERDAY,
    Company,
    Night,
    assert_blocked,
    assert_published,
    healthy,
    night,
    order,
)
from clv_pipeline_tests.nights import bundle_names, contents, copy_of, is_whole, served_whole

#: One person, whose older record was merged into the newer one; asked to be forgotten under the older number.
OLD, NEW = "CANARY-OLD-4711", "CANARY-NEW-4712"
#: Another record that turns out to be the same person's, once they are erased.
LATER = 5


def _with_person(company: Company, until: str) -> Company:
    company.tables = healthy(until=until)
    customers, orders = company.tables["customers"], company.tables["orders"]
    person = {
        "created_at": "2023-02-01 08:00:00",
        "country": "DE",
        "email": "person@canary.example",
        "profiling_consent": "true",
    }
    customers += [{"customer_id": OLD, "merged_into": NEW} | person, {"customer_id": NEW} | person]
    orders += [
        order(
            number,
            f"2024-0{month}-1{n}",
            5000 if status == "paid" else 5,
            order_id=f"{number}-{month}{n}",
            status=status,
        )
        for n, (number, status) in enumerate([(OLD, "paid"), (NEW, "paid"), (NEW, "lost in the post")])
        for month in (2, 4, 5)
    ]
    company.tables["web_sessions"].append(
        {"session_id": "w", "customer_id": NEW, "started_at": "2024-05-01 11:00:00", "page_views": 3}
    )
    return company


def files_with(home: Home, *texts: str) -> list[Path]:
    found = [p for p in home.root.rglob("*") if p.is_file() and any(t.encode() in p.read_bytes() for t in texts)]
    return sorted(found)


@dataclass(frozen=True)
class Story:
    """The home after the first night, after the erasure, and after the next night, with what the commands said."""

    first: Home
    erased: Home
    said: str
    after: Night


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    root = tmp_path_factory.mktemp("erasure")
    company, home = Company(root / "company"), Home(root / "home")
    assert_published(night(_with_person(company, YESTERDAY), home, YESTERDAY))
    (home.scratch / "spilled.tmp").write_text(f"half a sort of {NEW}")
    first = copy_of(home, root / "first")
    forgot = run_clv_here("forget", "--yes", OLD, "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY)
    assert forgot.returncode == 0, forgot.stdout + forgot.stderr
    erased = copy_of(home, root / "erased")
    _with_person(company, TONIGHT).tables["customers"][LATER]["merged_into"] = NEW
    return Story(first, erased, forgot.stdout, night(company, home, TONIGHT))


def test_the_person_was_everywhere_before(story: Story) -> None:
    places = {str(p.relative_to(story.first.root)).split("/")[0] for p in files_with(story.first, NEW)}
    assert {"warehouse", "published", "scratch"} <= places
    (run_id,) = bundles(story.first.published)
    assert NEW in (story.first.published / run_id / "report.html").read_text(), "they are the best customer"
    with open_warehouse(story.first).connection() as connection:
        ((quarantined,),) = connection.execute(
            "select count(*) from clean.quarantine where record like '%CANARY%'"
        ).fetchall()
    assert quarantined == 3


def test_no_byte_of_the_home_knows_any_of_their_numbers(story: Story) -> None:
    assert files_with(story.erased, OLD, NEW, "CANARY") == []
    assert "rows removed" in story.said
    assert "Erased; re-import is blocked" in story.said


def test_the_bundle_is_whole_and_served_and_everybody_else_is_in_it(story: Story) -> None:
    (run_id,) = bundles(story.erased.published)
    assert what_is_damaged(story.erased.published / run_id) is None
    assert served_whole(story.erased) == YESTERDAY
    kept, before = (
        {
            row
            for row in _rows(home, "select * exclude (run_id) from customer_clv")
        }
        for home in (story.erased, story.first)
    )  # fmt: skip
    assert kept < before
    assert [row[0] for row in before - kept] == [NEW]
    manifests = [json.loads((h.published / run_id / "manifest.json").read_text()) for h in (story.first, story.erased)]
    assert manifests[0].keys() == manifests[1].keys()
    assert manifests[1]["row_counts"]["customer_clv"] == manifests[0]["row_counts"]["customer_clv"] - 1


def forget_them(home: Home) -> None:
    forget(load_settings(home=home.root, hash_key=CANARY_KEY), OLD)


@pytest.mark.chaos
def test_an_erasure_may_be_cut_anywhere_and_asked_for_again(story: Story, tmp_path: Path) -> None:
    steps = ("os.replace", "shutil.copyfile", "shutil.rmtree")
    homes = cut_everywhere(f"{__name__}:forget_them", story.first.root, tmp_path / "cut", *steps)
    assert len(homes) > 10
    for position, home in enumerate(homes, start=1):
        assert all(is_whole(home.published / name) for name in bundle_names(home)), f"cut before step {position}"
        # the last one is erased already, which may be asked for again all the same
        forget_them(home)
        assert files_with(home, OLD, NEW, "CANARY") == [], f"cut before step {position}"
        assert served_whole(home) == YESTERDAY, f"cut before step {position}"


def _rows(home: Home, query: str) -> list[tuple[object, ...]]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        return connection.execute(query).fetchall()


def test_the_source_delivers_them_again_and_they_stay_out(story: Story) -> None:
    assert_published(story.after)
    assert files_with(story.after.home, OLD, NEW, "CANARY") == []
    assert _rows(story.after.home, "select customer_id from customer_clv where customer_id like 'CANARY%'") == []
    assert _rows(story.after.home, "select count(distinct as_of_date) from customer_clv_history") == [(2,)]


def test_what_was_kept_out_is_counted_and_the_sums_add_up(story: Story) -> None:
    erased = dict(
        _rows(
            story.after.home,
            "select table_name, row_count from data_quality where reason_code = 'erased_customer' and disposition = 'excluded'",
        )
    )
    assert erased == {"orders": 9, "customers": 2, "web_sessions": 1}
    off = _rows(
        story.after.home,
        """
        select table_name, sum(row_count) filter (where row_kind = 'source') as source,
            sum(row_count) filter (where row_kind = 'disposition' and disposition <> 'created') as accounted_for
        from data_quality group by all having source <> accounted_for
        """,
    )
    assert off == []


def test_the_tombstones_name_nobody(story: Story) -> None:
    tombstones = json.loads(story.after.home.tombstones.read_text())
    # two numbers, and the address under which a guest's order would come back
    assert len(tombstones["customer_hashes"]) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in tombstones["customer_hashes"])


def test_forgetting_again_finds_nothing_and_is_no_error(story: Story, tmp_path: Path) -> None:
    home = copy_of(story.erased, tmp_path)
    before = contents(home.published)
    again = run_clv_here("forget", "--yes", OLD, "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY)
    assert again.returncode == 0, again.stdout
    assert "rows removed" not in again.stdout
    assert contents(home.published) == before


def test_a_night_with_another_key_is_blocked_for_the_erased_would_come_back(
    story: Story, company: Company, tmp_path: Path
) -> None:
    seen = night(company, copy_of(story.erased, tmp_path), TONIGHT, CLV_HASH_KEY="another-key")
    assert_blocked(seen, "was written with another CLV_HASH_KEY", "would come back")


def test_a_number_nobody_has_is_refused_and_leaves_no_tombstone(story: Story) -> None:
    state = read_state(story.first)
    assert state is not None
    listed = contents(Path(state.source))
    before = contents(story.first.published)
    refused = run_clv_here(
        "forget", "--yes", "CANARY-OLD-4711x", "--home", str(story.first.root), CLV_HASH_KEY=CANARY_KEY
    )
    assert refused.returncode == 1
    assert "There is no data about customer 'CANARY-OLD-4711x'" in refused.stdout
    assert contents(Path(state.source)) == listed, "the list of the erased is next to source.toml"
    assert contents(story.first.published) == before


def test_a_copy_that_no_command_can_clean_is_named(story: Story, tmp_path: Path) -> None:
    home = copy_of(story.first, tmp_path)
    copy = home.root / "notes" / "list of somebody.csv"
    copy.parent.mkdir()
    copy.write_text(f"customer,remark\n{NEW},called twice\n")
    left = run_clv_here("forget", "--yes", NEW, "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY)
    assert left.returncode == 1
    assert f"left {copy}: 1 place" in left.stdout.replace("\n", "")
    assert files_with(home, OLD, NEW) == [copy]


def test_a_record_that_is_merged_into_an_erased_one_later_is_profiled_no_more(story: Story) -> None:
    later = f"{LATER:05d}"
    assert len(_rows(story.first, f"select * from customer_clv where customer_id = '{later}'")) == 1
    assert _rows(story.after.home, f"select * from customer_clv where customer_id = '{later}'") == []
    assert _rows(story.after.home, f"select change from customer_clv_changes where customer_id = '{later}'") == [
        ("removed",)
    ]


def test_the_home_is_locked_while_somebody_is_forgotten(story: Story) -> None:
    from clv_pipeline.core.run_lock import hold

    with hold(story.first, "clv run", "some-run"):
        refused = run_clv_here("forget", "--yes", NEW, "--home", str(story.first.root), CLV_HASH_KEY=CANARY_KEY)
    assert refused.returncode == 1
    assert f"is in use by 'clv run' (process {os.getpid()}" in " ".join(refused.stdout.split())
    assert files_with(story.first, NEW) != []
