"""Tables in the metadata of an asset: cells are text, whatever was delivered in them.

Belongs here: showing a frame in the Dagster UI. Does not belong here: pictures (``plots``), and what is shown.
"""

import re

import dagster as dg
import pandas as pd

# What Markdown, or the links that GitHub's dialect finds by itself (www., http://, a@b), would make of a text.
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+|!~&@:.])")


def table(frame: pd.DataFrame, nothing: str = "none") -> dg.MarkdownMetadataValue:
    """``frame`` as a table of Markdown in which every text reads as it is; ``nothing`` where it has no rows.

    A link, a picture or a further column that somebody writes into the name of an instrument stays text.
    """
    if frame.empty:
        return dg.MetadataValue.md(nothing)
    texts = {
        name: frame[name].map(lambda cell: _plain(cell) if isinstance(cell, str) else cell)
        for name in frame.columns
        if frame[name].dtype == "str" or frame[name].dtype == "object"
    }
    return dg.MetadataValue.md(frame.assign(**texts).to_markdown(index=False, disable_numparse=True))


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
