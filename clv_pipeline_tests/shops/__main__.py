"""Write the folder of every shop: `python -m clv_pipeline_tests.shops [NAME ...]`."""

import sys

from clv_pipeline_tests.shops.made_up import NAMES, make, write

for name in sys.argv[1:] or NAMES:
    write(name, make(name))
