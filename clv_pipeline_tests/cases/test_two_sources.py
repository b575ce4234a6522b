"""Public cases about a home and its source: two companies in one home, a changed setting, a bundle of an older release."""

import hashlib
import json
from pathlib import Path

import duckdb

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import RULES_RUN, run_clv_here
from clv_pipeline_tests.faults.company import CANARY_KEY, Company, healthy, night
from clv_pipeline_tests.nights import published_rows


def test_fault_69_nothing_of_one_company_is_in_the_bundle_of_another_one(tmp_path: Path) -> None:
    home, ran = Home(tmp_path / "home"), {}
    for name, seed, as_of in (("Alpha", 2, "2024-06-01"), ("Beta", 5, "2024-06-02")):
        c = Company(
            tmp_path / name,
            tables={"orders": healthy(until="2024-06-02", customers=40, seed=seed)["orders"]},
            toml=f'name = "{name}"\ntime_zone = "Europe/Berlin"\n[order_status]\nrevenue = ["paid"]\n',
        )
        for row in c.tables["orders"]:
            row["customer_id"] = name + row["customer_id"]
        c.write()
        ran[name] = run_clv_here(
            "run", "--home", str(home.root), "--source", str(c.folder), "--url", str(c.files), "--as-of", as_of, **RULES_RUN
        )  # fmt: skip
    assert ran["Alpha"].returncode == 0
    assert ran["Beta"].returncode == 1
    assert "belongs to 'Alpha'" in " ".join(ran["Beta"].stdout.split())
    assert published_rows(home, "select count(*) > 0 from customer_clv where customer_id like 'Alpha%'") == [(True,)]


def test_fault_70_a_changed_setting_of_the_same_night_changes_what_is_served(tmp_path: Path) -> None:
    c = Company(tmp_path / "c", tables={"orders": healthy(customers=30)["orders"]})
    for i, r in enumerate(list(c.tables["orders"])):
        if i % 6 == 0:
            c.tables["orders"].append(
                dict(r, order_id="R" + r["order_id"], amount=-round(float(r["amount"]) * 3, 2), quantity=-1)
            )
    total = "select sum(historic_value) from customer_clv"
    first, fresh = Home(tmp_path / "home"), Home(tmp_path / "fresh")
    night(c, first, CLV_MAX_REJECTED_SHARE="0.5")
    netted = published_rows(first, total)
    night(c, first, CLV_MAX_REJECTED_SHARE="0.5", CLV_NET_REFUNDS="false")
    night(c, fresh, CLV_MAX_REJECTED_SHARE="0.5", CLV_NET_REFUNDS="false")
    assert published_rows(first, total) == published_rows(fresh, total) != netted


def test_fault_69_a_customer_is_forgotten_from_a_bundle_of_an_older_release(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    night(Company(tmp_path / "c", tables={"orders": healthy(customers=30)["orders"]}), home)
    bundle = next(home.published.glob("2*/clv.duckdb"))
    for file in (bundle, home.published / "clv.duckdb"):
        file.chmod(0o644)
        with duckdb.connect(str(file)) as connection:
            for column in ("predicted_spend_total_low", "predicted_spend_total_high", "acknowledged_checks"):
                connection.execute(f"alter table clv_run drop column {column}")
    manifest = bundle.with_name("manifest.json")
    values = json.loads(manifest.read_text())
    values["sha256"]["clv.duckdb"] = hashlib.sha256(bundle.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(values))
    seen = run_clv_here("status", "--home", str(home.root))
    assert "served: run" in seen.stdout
    assert "unexpected" not in seen.stdout + seen.stderr
    forgot = run_clv_here("forget", "--yes", "00007", "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY)
    assert forgot.returncode == 0, forgot.stdout
    assert published_rows(home, "select count(*) from customer_clv where customer_id = '00007'") == [(0,)]
