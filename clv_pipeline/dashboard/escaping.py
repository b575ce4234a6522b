"""Texts of the company's data inside sentences: Streamlit reads sentences as Markdown, where a text could become a picture."""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|$~:&-])")


def plain(text: object) -> str:
    r"""Return a text that Markdown, and what Streamlit adds to it, shows as it is.

    >>> print(plain("![x](http://a.example/y)"), plain("$5 :red[a]"))
    \!\[x\]\(http\://a.example/y\) \$5 \:red\[a\]
    """
    return _MARKUP.sub(r"\\\1", str(text).replace("\n", " "))
