"""Privacy on a finished demo run: whom a number stands for, exports, erasure in the second target, denied features, fairness.

What erasure and consent do to whole nights is in `faults/` (60 and 61), and that nothing leaks in `faults/test_canaries.py`.
"""

import io
import json
import re
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from clv_pipeline.core.errors import ConfigurationError, PrivacyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.features import build as feature_build
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.features.denied import is_denied
from clv_pipeline.interpretation.fairness import SMALL_GROUPS, audit_fairness
from clv_pipeline.privacy.consent import remove_refused
from clv_pipeline.privacy.erasure import forget
from clv_pipeline.privacy.subject import export_subject, same_person
from clv_pipeline.privacy.traces import find_traces
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.serving import what_is_damaged
from clv_pipeline.sources.tombstones import FILE_NAME, open_tombstones, read_tombstones
from clv_pipeline.warehouse.connection import columns_of, open_bundle_file
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.nights import contents, copy_of, served_run, served_whole
from clv_pipeline_tests.warehouse_builders import sql_model

KEY = "a-key-for-tests"


def _settings(home: Home, **overrides: Any) -> Settings:
    return load_settings(source="demo", home=home.root, hash_key=KEY, **overrides)


def _merged(home: Home) -> tuple[str, str]:
    """Return a customer who was merged into another one, and that other one, who is published."""
    with open_warehouse(home).connection() as connection:
        rows = connection.execute(
            """
            select customer_identities.customer_id, surviving_customer_id from clean.customer_identities
            inner join published.customer_clv on surviving_customer_id = customer_clv.customer_id
            order by customer_clv.historic_value desc limit 1
            """
        ).fetchall()
    return rows[0]


# --- who is who --------------------------------------------------------------------------------------------------------


def test_every_number_of_a_person_leads_to_all_of_them(demo_run: Home) -> None:
    old, new = _merged(demo_run)
    with open_warehouse(demo_run).connection() as connection:
        assert same_person(connection, old) == same_person(connection, new)
        assert {old, new} <= set(same_person(connection, old))
        assert same_person(connection, "nobody") == ["nobody"]


# --- what is held ------------------------------------------------------------------------------------------------------


def test_an_export_holds_every_row_of_warehouse_and_bundles_and_is_for_its_owner_only(
    demo_run: Home, tmp_path: Path
) -> None:
    old, new = _merged(demo_run)
    file = tmp_path / "subject.json"
    ran = run_clv_here("export-subject", old, "--to", str(file), "--home", str(demo_run.root))
    assert ran.returncode == 0, ran.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert {old, new} <= set(content["customer_ids"])
    assert content["is_erased"] is False
    with open_warehouse(demo_run).connection() as connection:
        expected = connection.execute(
            "select count(*) from raw.orders where customer_id in (?, ?)", [old, new]
        ).fetchall()
    assert [(len(content["held"]["warehouse raw.orders"]),)] == expected
    (score,) = content["held"][f"bundle {served_run(demo_run)} customer_clv"]
    assert score["customer_id"] == new
    assert {"warehouse raw.customers", "warehouse features.customer_features", "warehouse scores.history"} <= set(
        content["held"]
    )


def test_an_export_never_overwrites_a_file_and_a_wrong_number_writes_none(demo_run: Home, tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    with pytest.raises(PrivacyError, match="cannot be written"):
        export_subject(_settings(demo_run), _merged(demo_run)[0], there)
    assert there.read_text() == "mine"
    with pytest.raises(PrivacyError, match="There is no data about customer 'nobody'"):
        export_subject(_settings(demo_run), "nobody", tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


# --- erasure -----------------------------------------------------------------------------------------------------------


def test_an_erasure_reaches_the_second_target_and_every_number_and_the_backtests(
    demo_run: Home, postgres_url: str, tmp_path: Path
) -> None:
    home = copy_of(demo_run, tmp_path)
    old, new = _merged(home)
    settings = _settings(home, publish_url=postgres_url, publish_schema="forgetful")
    publish_to_database(home.published / "clv.duckdb", settings)
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:  # as a release with contract v1 left it
        connection.exec_driver_sql("create schema forgetful")
        for table in ("customer_clv", "clv_run"):
            connection.exec_driver_sql(f"create table forgetful.{table} as table forgetful_v2.{table}")
    backtest = home.backtest.parent / "demo-2026-07-01" / "predictions.parquet"
    backtest.parent.mkdir()
    pd.DataFrame({"customer_id": [new, "keeper"], "predicted": [1.0, 2.0]}).to_parquet(backtest)
    done = forget(settings, old)
    assert {old, new} <= set(done.customer_ids)
    assert done.left == []
    assert done.removed["backtest demo-2026-07-01/predictions.parquet"] == 1
    assert pq.read_table(backtest)["customer_id"].to_pylist() == ["keeper"]
    assert done.removed["frozen tables of CLV_PUBLISH_URL"] == 1
    with engine.connect() as connection:
        held = "select count(*) from forgetful_v2.{} where customer_id in (:old, :new)"
        for table in ("customer_clv", "customer_clv_history", "recommendations"):
            assert connection.execute(sa.text(held.format(table)), {"old": old, "new": new}).scalar() == 0, table
        frozen = sa.text("select count(*) from forgetful.customer_clv where customer_id in (:old, :new)")
        assert connection.execute(frozen, {"old": old, "new": new}).scalar() == 0
        assert connection.execute(sa.text("select count(*) from forgetful_v2.customer_clv")).scalar() > 1000
    engine.dispose()
    served_whole(home)
    assert what_is_damaged(home.published / served_run(home)) is None
    export = tmp_path / "after.json"
    assert export_subject(settings, old, export).row_counts == {}
    assert json.loads(export.read_text())["is_erased"] is True


def test_a_target_that_is_away_is_named_and_everything_else_is_done(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    _, new = _merged(home)
    done = forget(_settings(home, publish_url="postgresql+psycopg://u:s3cret@127.0.0.1:1/bi"), new)
    (left,) = done.left
    assert left.startswith("the database of CLV_PUBLISH_URL: ")
    assert "s3cret" not in left
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        assert connection.execute("select * from customer_clv where customer_id = ?", [new]).fetchall() == []


def test_a_bundle_keeps_its_place_and_its_sums(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    manifest = home.published / served_run(home) / "manifest.json"
    before, made = contents(home.published), manifest.stat().st_mtime_ns
    forget(_settings(home), _merged(home)[1])
    after = contents(home.published)
    assert manifest.stat().st_mtime_ns == made
    changed = {name.rsplit("/", 1)[-1] for name in before if after[name] != before[name]}
    assert "customer_clv.parquet" in changed
    assert not changed & {"segments.parquet", "cohorts.parquet", "model_quality.parquet", "current.json"}


def _forget_answering(answer: str, home: Home, customer_id: str, **settings: str) -> tuple[int, str]:
    with mock.patch.object(sys, "stdin", io.StringIO(answer)):
        ran = run_clv_here("forget", customer_id, "--home", str(home.root), CLV_HASH_KEY=KEY, **settings)
    return ran.returncode, ran.stdout


def _rows_by_place(text: str) -> dict[str, str]:
    return {place.strip(): rows for place, rows in re.findall(r"^(.*): ([\d,]+) rows", text, re.MULTILINE)}


@pytest.mark.parametrize(("answer", "said"), [("n\n", "Nothing was erased."), ("", "Scripts pass --yes.")])
def test_nothing_is_erased_without_a_yes(demo_run: Home, tmp_path: Path, answer: str, said: str) -> None:
    home = copy_of(demo_run, tmp_path)
    before = contents(home.published)
    code, text = _forget_answering(answer, home, _merged(home)[0])
    assert code == 1
    assert said in text
    assert "rows removed" not in text
    assert contents(home.published) == before
    assert not home.tombstones.exists()


def test_an_erasure_shows_all_numbers_and_the_rows_that_it_then_removes(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    old, new = _merged(home)
    code, text = _forget_answering("y\n", home, old)
    assert code == 0, text
    assert f"To be erased for good, under {' and '.join(sorted([old, new]))}:" in text
    asked, _, done = text.partition("Erase this customer? [y/N]: ")
    assert _rows_by_place(asked).keys() == {f"bundle {served_run(home)}", "warehouse warehouse.duckdb"}
    assert _rows_by_place(asked) == _rows_by_place(done)
    code, again = _forget_answering("y\n", home, old)
    assert code == 0
    assert "this customer was erased before" in again


def test_an_erasure_shows_that_the_second_target_is_cleaned_too(demo_run: Home, tmp_path: Path) -> None:
    home, target = copy_of(demo_run, tmp_path), f"sqlite:///{tmp_path / 'bi.sqlite'}"
    code, text = _forget_answering("n\n", home, _merged(home)[0], CLV_PUBLISH_URL=target)
    assert code == 1
    assert "the database of CLV_PUBLISH_URL: this customer's rows" in text.partition("Erase this customer?")[0]


def test_without_a_key_nobody_can_be_forgotten(demo_run: Home) -> None:
    ran = run_clv_here("forget", "--yes", _merged(demo_run)[0], "--home", str(demo_run.root))
    assert ran.returncode == 1
    assert "CLV_HASH_KEY is not set" in ran.stdout
    assert not demo_run.tombstones.exists()


def test_a_damaged_list_of_the_erased_blocks_instead_of_letting_them_back(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings = _settings(home)
    open_tombstones(settings).add(["00123"])
    found = read_tombstones(settings)
    assert found is not None
    assert (found.names("00123"), found.names("123")) == (True, False)
    content = home.tombstones.read_text()
    emptied = json.dumps(json.loads(content) | {"customer_hashes": []})
    for damaged in (content[:-20], emptied):
        home.tombstones.write_text(damaged)
        with pytest.raises(PrivacyError, match="is damaged"):
            read_tombstones(settings)
    with pytest.raises(ConfigurationError, match="CLV_HASH_KEY is not set"):
        read_tombstones(settings.model_copy(update={"hash_key": None}))


def test_fault_67_the_list_of_the_erased_lives_next_to_the_source_where_a_new_home_finds_it(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    known = {"source": str(tmp_path / "source"), "source_url": str(tmp_path), "hash_key": "k"}
    first, second = load_settings(home=tmp_path / "a", **known), load_settings(home=tmp_path / "b", **known)
    open_tombstones(first).add(["00123"])
    found = read_tombstones(second)
    assert found is not None
    assert found.names("00123")
    kept = tmp_path / "source" / FILE_NAME
    content = kept.read_text()
    kept.unlink()
    with pytest.raises(PrivacyError, match=r"is gone, and .*tombstones\.json says that there was one"):
        read_tombstones(second)
    kept.write_text(content)
    assert read_tombstones(second) == found
    kept.write_text(json.dumps(json.loads(content) | {"customer_hashes": []}))
    with pytest.raises(PrivacyError, match="is damaged"):
        read_tombstones(first)


def test_fault_67_a_list_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    settings = load_settings(
        home=tmp_path / "home", source=str(tmp_path / "source"), source_url=str(tmp_path), hash_key="k"
    )
    open_tombstones(settings).add(["00123"])
    home = Home(tmp_path / "home")
    written = json.loads(home.tombstones.read_text())
    home.tombstones.write_text(json.dumps({name: written[name] for name in ("key_check", "customer_hashes")}))
    (tmp_path / "source" / FILE_NAME).unlink()
    found = read_tombstones(settings)
    assert found is not None
    assert found.names("00123")
    assert json.loads((tmp_path / "source" / FILE_NAME).read_text())["checksum"]


# --- looking for what is left --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer_id", "text", "times"),
    [
        ("000123", "customer 000123, again 000123.", 2),
        ("000123", '{"customer_id": "000123"}', 1),
        ("000123", 'at 12:00:00.000123, 5000123, "rows": 000123, a000123f', 0),
        ("C-77", "C-77;C-771;XC-77", 1),
        ("anna", "to anna@shop, joanna, annabel", 1),
    ],
)
def test_a_number_is_found_standing_alone_and_not_inside_another(
    tmp_path: Path, customer_id: str, text: str, times: int
) -> None:
    home = Home(tmp_path)
    (tmp_path / "some.log").write_text(text)
    found = find_traces(home, [customer_id])
    assert found == ([f"{tmp_path / 'some.log'}: {times} {'place' if times == 1 else 'places'}"] if times else [])


def test_a_number_in_a_table_is_found_though_the_file_is_compressed_and_the_source_is_not_searched(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    frame = pd.DataFrame({"customer_id": ["000123"] * 3 + ["000124"], "order_id": ["000999"] * 4})
    frame.to_parquet(tmp_path / "copy.parquet", compression="zstd")
    frame.to_parquet(home.demo_database.parent / "source.parquet")
    assert find_traces(home, ["000123"]) == [f"{tmp_path / 'copy.parquet'}: 3 places"]
    assert find_traces(home, ["000999"]) == [], "an order may have a customer's number"


# --- consent -------------------------------------------------------------------------------------------------------------


def test_customers_without_consent_are_in_no_table_that_is_made_of_features(demo_run: Home) -> None:
    with open_warehouse(demo_run).connection() as connection:
        ((refused,),) = connection.execute(
            "select count(*) from clean.customers where not has_profiling_consent"
        ).fetchall()
        assert refused > 10
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.columns where column_name = 'customer_id' "
            "and table_schema in ('features', 'training', 'scores', 'published') order by all"
        ).fetchall()
        assert len(tables) > 15
        for (table,) in tables:
            rows = connection.execute(
                f"select count(*) from {table} inner join clean.customers using (customer_id) where not has_profiling_consent"
            ).fetchall()
            assert rows == [(0,)], table


def test_consent_withdrawn_reaches_the_training_tables_on_nights_without_a_training(
    demo_run: Home, tmp_path: Path
) -> None:
    home = copy_of(demo_run, tmp_path)
    with open_warehouse(home).transaction() as connection:
        ((customer,),) = connection.execute("select max(customer_id) from training.test_predictions").fetchall()
        assert remove_refused(connection) == 0
        connection.execute("update clean.customers set has_profiling_consent = false where customer_id = ?", [customer])
        assert remove_refused(connection) > 3
        assert remove_refused(connection) == 0
        for table in ("labels", "predictions", "test_predictions"):
            rows = connection.execute(f"select 1 from training.{table} where customer_id = ?", [customer]).fetchall()
            assert rows == [], table


def test_of_the_history_only_the_night_that_tells_who_was_removed_stays(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    with open_warehouse(home).transaction() as connection:
        ((customer,),) = connection.execute("select max(customer_id) from scores.history").fetchall()
        connection.execute("delete from scores.history where customer_id <> ?", [customer])
        for earlier in (30, 31, 60):
            connection.execute(
                "insert into scores.history by name select * replace (as_of_date - ?::int as as_of_date) "
                "from scores.history where as_of_date = (select max(as_of_date) from scores.history)",
                [earlier],
            )
        connection.execute("update clean.customers set has_profiling_consent = false where customer_id = ?", [customer])
        remove_refused(connection)
        left = connection.execute("select as_of_date::varchar from scores.history order by 1").fetchall()
    assert left == [("2026-06-01",), ("2026-07-01",)]


# --- denied features, and their only use -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["crm_birth_year", "crm_gender", "crm_sex", "age", "crm_age", "customer_age_band"])
def test_age_and_gender_are_denied_by_default(name: str) -> None:
    denied = load_settings(source="demo").denied_features
    assert is_denied(name, denied)
    assert not any(is_denied(n, denied) for n in ("crm_age_days", "spend_90d", "crm_country", "average_basket"))


def test_the_example_of_the_readme_permits_the_age_in_years_and_nothing_else_that_was_denied() -> None:
    section = (PROJECT / "README.md").read_text().split("### How to permit a denied feature", 1)[1].split("\n## ", 1)[0]
    (example,) = re.findall(r"^ *(denied_features = .*)$", section, re.MULTILINE)
    permitting = tomllib.loads(example)["denied_features"]
    default = load_settings(source="demo").denied_features
    assert set(default) - set(permitting) == {"*_age_years"}
    assert not set(permitting) - set(default)
    assert is_denied("crm_age_years", default) and not is_denied("crm_age_years", permitting)


def test_a_denied_feature_is_in_no_table_that_models_see(
    demo_run: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = open_warehouse(copy_of(demo_run, tmp_path))
    crm, everything = sql_model("2_features", "crm_features"), sql_model("2_features", "customer_features")
    leaky = crm.sql.replace(
        "customers.country as crm_country", "customers.country as crm_country, customers.birth_year as crm_birth_year"
    )
    build_feature_table(warehouse, type(crm)(crm.layer, crm.name, "", leaky, crm.inputs, crm.parameters))
    monkeypatch.setattr(feature_build, "_ROWS_A_SLICE", 1)
    for denied, expected in (((), {"crm_birth_year", "crm_country"}), (("*birth_year*", "crm_country"), set())):
        build_feature_table(warehouse, everything, denied)
        with warehouse.connection() as connection:
            assert set(columns_of(connection, everything.table)) & {"crm_birth_year", "crm_country"} == expected


def test_denied_features_are_a_setting_as_list_or_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_DENIED_FEATURES", "crm_country, *gender*")
    assert load_settings(source="demo").denied_features == ("crm_country", "*gender*")


def test_the_audit_shows_age_and_gender_with_intervals_and_no_small_group(demo_run: Home) -> None:
    with open_bundle_file(demo_run.published / "clv.duckdb") as connection:
        rows = connection.execute("select * from fairness_audit").df()
    assert set(rows["attribute"]) == {"age", "gender"}
    assert {"female", "male"} <= set(rows["group_name"])
    assert set(rows["metric"]) == {"spend_bias", "calibration", "top_decile_share"}
    assert (rows["customers"] >= 50).all()
    known = rows.dropna(subset=["value"])
    assert (known["interval_low"] <= known["value"]).all() and (known["value"] <= known["interval_high"]).all()
    decile = rows[(rows["metric"] == "top_decile_share") & (rows["attribute"] == "gender")]
    share = float((decile["value"].astype(float) * decile["customers"]).sum() / decile["customers"].sum())
    assert share == pytest.approx(0.1, abs=0.02)


def test_the_audits_figures_are_what_they_say(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    with open_warehouse(home).transaction() as connection:
        # two countries: in one, half of what was spent is predicted and nobody is in the top decile
        connection.execute("update clean.customers set country = 'small' where country not in ('DE', 'AT')")
        connection.execute(
            """
            update training.test_predictions set actual_spend = 10, actual_purchase = 1, purchase_probability = 0.75,
                predicted_spend = case when customer_id in (select customer_id from clean.customers where country = 'AT')
                    then 5 else 20 end
            """
        )
    audit_fairness(open_warehouse(home), _settings(home, denied_features=("crm_country",)))
    with open_warehouse(home).connection() as connection:
        found = {
            (group, metric): (value, low, high)
            for group, metric, value, low, high in connection.execute(
                "select group_name, metric, value, low, high from training.fairness_audit where attribute = 'country'"
            ).fetchall()
        }
    assert found["AT", "spend_bias"] == pytest.approx((-0.5, -0.5, -0.5))
    assert found["DE", "spend_bias"] == pytest.approx((1.0, 1.0, 1.0))
    assert found["AT", "calibration"] == pytest.approx((-0.25,) * 3)
    assert found["AT", "top_decile_share"] == (0, 0, 0)
    assert found["DE", "top_decile_share"][0] > 0.1


def test_small_groups_are_put_together_or_left_out() -> None:
    from clv_pipeline.interpretation.fairness import _pooled

    groups = np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 30 + ["d"] * 50, dtype=object)
    assert {name: int(mask.sum()) for name, mask in _pooled(groups).items()} == {"a": 60, "d": 50, SMALL_GROUPS: 60}
    few = np.array(["a"] * 60 + ["b"] * 30, dtype=object)
    assert {name: int(mask.sum()) for name, mask in _pooled(few).items()} == {"a": 60}


# --- what is written for people ------------------------------------------------------------------------------------------


def test_dagsters_history_and_logs_name_no_customer(demo_run: Home) -> None:
    with open_bundle_file(demo_run.published / "clv.duckdb") as connection:
        ids = [row[0] for row in connection.execute("select customer_id from customer_clv").fetchall()]
    # digits after a point are microseconds
    number = re.compile(rb"(?<![0-9A-Za-z_.])(" + b"|".join(i.encode() for i in ids) + rb")(?![0-9A-Za-z_])")
    files = [p for p in demo_run.dagster.rglob("*") if p.is_file()]
    assert len(files) > 5
    assert [(p.name, number.findall(p.read_bytes())[:3]) for p in files if number.search(p.read_bytes())] == []
