"""Fault 59: `<script>` or `=HYPERLINK()` stands in names and categories. It is inert in every page and table written."""

import re

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.faults.company import Company, assert_published, healthy, night
from clv_pipeline_tests.pages import assert_inert

SCRIPT, FORMULA = "<script>alert(1)</script>", '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def attacked(company_root, tmp_path_factory: pytest.TempPathFactory) -> Home:  # type: ignore[no-untyped-def]
    """Return a home after a night whose customers, channels and categories are called like attacks."""
    home = Home(tmp_path_factory.mktemp("attacked") / "home")
    company = Company(company_root, healthy())
    company.toml = f"name = '{SCRIPT}'\n" + company.toml
    names = {"00001": f"{SCRIPT}1", "00002": f"{FORMULA}2", "00003": "[bold red]3[/]"}
    for rows in company.tables.values():
        for row in rows:
            if row.get("customer_id") in names:
                row["customer_id"] = names[row["customer_id"]]
    for row in company.tables["customers"]:
        row["acquisition_channel"] = {"search": SCRIPT, "social": FORMULA}[row["acquisition_channel"]]
        row["country"] = FORMULA if row["country"] == "AT" else row["country"]
    for row in company.tables["orders"]:
        row["product_category"] = SCRIPT
    for row in company.tables["marketing_spend"]:
        row["channel"] = SCRIPT
    seen = night(company, home, is_drawn=True)
    assert_published(seen)
    return home


def test_every_page_shows_the_names_as_text(attacked: Home) -> None:
    pages = list(attacked.published.rglob("*.html"))
    assert pages
    for page in pages:
        assert_inert(page.read_text())
    newest = max(pages, key=lambda page: page.parent.name)
    assert "&lt;script&gt;alert(1)" in newest.read_text()


def test_no_file_that_a_spreadsheet_opens_as_it_is_begins_a_cell_with_a_formula(attacked: Home) -> None:
    """Today nothing that a run writes is CSV; whoever adds one has to keep this."""
    for file in (f for ending in ("*.csv", "*.tsv") for f in attacked.root.rglob(ending)):
        assert not re.search(r"(^|[,;\t\"])[=+@]", file.read_text(), re.MULTILINE), file


def test_the_names_arrive_in_the_tables_as_they_are(attacked: Home) -> None:
    with open_bundle_file(attacked.published / "clv.duckdb") as bundle:
        found = bundle.execute(
            "select customer_id from customer_clv where not regexp_matches(customer_id, '^[0-9]+$') order by 1"
        ).fetchall()
    assert found == sorted([(f"{SCRIPT}1",), (f"{FORMULA}2",), ("[bold red]3[/]",)])


@pytest.mark.parametrize("customer", [f"{SCRIPT}1", f"{FORMULA}2", "[bold red]3[/]"])
def test_explain_prints_the_name_as_it_is(attacked: Home, customer: str) -> None:
    ran = run_clv_here("explain", customer, "--home", str(attacked.root))
    assert ran.returncode == 0, ran.stdout
    assert customer in ran.stdout
