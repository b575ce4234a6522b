"""Work in threads: the order is that of the items, and the first error is raised."""

import pytest

from clv_pipeline.core.parallel import run_in_threads


def test_the_order_is_kept_and_errors_are_passed_on() -> None:
    assert run_in_threads(lambda n: n * n, list(range(20)), 4) == [n * n for n in range(20)]

    def fail(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        run_in_threads(fail, [1, 2, 3, 4], 2)
