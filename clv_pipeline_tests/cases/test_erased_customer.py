"""A public case: an erased customer comes back with an emptied list, or in a new home."""

import json
from pathlib import Path

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.faults.company import CANARY_KEY, Company, healthy, night
from clv_pipeline_tests.nights import published_rows


def test_fault_67_an_erased_customer_stays_erased_with_an_emptied_list_and_in_a_new_home(tmp_path: Path) -> None:
    company, home = Company(tmp_path / "c", tables=healthy(customers=30)), Home(tmp_path / "home")
    night(company, home)
    assert run_clv_here("forget", "--yes", "00007", "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY).returncode == 0
    whole = home.tombstones.read_text()
    home.tombstones.write_text(json.dumps(json.loads(whole) | {"customer_hashes": []}))
    again = night(company, home, "2024-06-02")
    assert again.exit_code == 1
    assert "they would come back" in again.output
    home.tombstones.write_text(whole)
    assert night(company, home, "2024-06-02").exit_code == 0
    fresh = Home(tmp_path / "fresh")
    assert night(company, fresh, "2024-06-02").exit_code == 0
    assert published_rows(fresh, "select count(*) from customer_clv where customer_id = '00007'") == [(0,)]
