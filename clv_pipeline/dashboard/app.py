"""What Streamlit runs for each reader and each click: the menu, and the page that was chosen, on the bundle of now."""

from functools import partial

import streamlit as st

from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.dashboard import access, links
from clv_pipeline.dashboard.here import settings_here, with_commands
from clv_pipeline.dashboard.screens import all_pages
from clv_pipeline.dashboard.served import ServedBundle, open_served
from clv_pipeline.reporting import formats
from clv_pipeline.reporting.bundle_shape import is_as_declared


def main() -> None:
    """Draw the page that the reader has chosen."""
    st.set_page_config(page_title="Customer lifetime value", layout="wide")
    settings = settings_here()
    if not access.ask(settings.dashboard_password):
        return
    run = with_commands("clv run")
    try:
        with formats.number_format(settings.number_format), open_served(Home(settings.home)) as bundle:
            if bundle is None:
                st.title("Customer lifetime value")
                st.info(f"Nothing is published in {settings.home} yet. `{run}` publishes the first night.")
                return
            if not is_as_declared(bundle.connection, "clv_run", "customer_clv"):
                st.title("Customer lifetime value")
                st.info(f"An older release published this bundle. `{run}` publishes one that the dashboard can show.")
                return
            _draw(bundle)
    except PipelineError as error:
        st.error(with_commands(str(error)))


def _draw(bundle: ServedBundle) -> None:
    pages = {
        page.name: st.Page(partial(page.show, bundle), title=page.title, url_path=page.name, default=place == 0)
        for place, page in enumerate(all_pages())
    }
    links.remember(pages)
    chosen = st.navigation(list(pages.values()))
    with st.sidebar:
        st.caption(
            f"{bundle.run['source_name']}, as of {formats.day(bundle.as_of)}, the next {bundle.days} days, "
            f"amounts in {bundle.currency}. Run {bundle.run['run_id']}."
        )
    chosen.run()


main()
