"""A rollback with a second target, after two whole nights; the number in a name is the family of the catalogue.

Inputs and values are not to be changed.
"""

from pathlib import Path

import psycopg

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.faults.company import Company, healthy, night


def test_fault_73_a_rollback_reaches_the_second_target(tmp_path: Path, postgres_url: str) -> None:
    home = Home(tmp_path / "home")
    company = Company(tmp_path / "c", tables={"orders": healthy(until="2024-06-02", customers=30)["orders"]})
    for as_of in ("2024-06-01", "2024-06-02"):
        night(company, home, as_of, CLV_PUBLISH_URL=postgres_url)
    ran = run_clv_here("rollback", "--home", str(home.root), CLV_PUBLISH_URL=postgres_url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        ((there,),) = connection.execute("select as_of_date::text from clv_v2.clv_run").fetchall()
        connection.execute("drop schema clv_v2 cascade")
    assert there == "2024-06-01" or "database" in ran.stdout
    assert there == "2024-06-01", ran.stdout
