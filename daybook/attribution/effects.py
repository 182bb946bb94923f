"""Effects of sessions by every method, as one frame of nodes.

Belongs here: what the tables of trees, currencies and factors have in common, so that whoever links or shows effects
need not know where they came from. Does not belong here: how an effect is computed, and linking.

Conventions. A line is a book and a method; its nodes are a tree whose whole is the node "". Currencies and factors are
nodes of the first level. Effects of hedges and of forward premiums are folded into ``currency_effect``. The return of a
currency is the one in that currency. A factor has a ``total`` alone. Method ``geometric`` of the tree is left out: the
linking of that name finds the same from arithmetic effects. A node that has children in some sessions only has a child
``Unclassified`` in the others, so that its children add up to it over any period.
"""

import pandas as pd

from daybook.attribution.linking import KINDS
from daybook.attribution.tree import SEPARATOR, UNCLASSIFIED

KEY = ["business_date", "book"]
LINE = ["book", "method"]
NODE = [*LINE, "node"]
FIGURES = [*KINDS, "total"]
WEIGHTS = ["portfolio_weight", "benchmark_weight"]
RETURNS = ["portfolio_return", "benchmark_return"]
TREE, CURRENCIES, FACTORS = "tree", "currency", "factor"
"""What the nodes of a line are (column ``source``)."""
COLUMNS = [*KEY, "method", "source", "node", "parent_node", "dimension", "depth", *WEIGHTS, *RETURNS, *FIGURES]
_TEXTS = ["book", "method", "source", "node", "parent_node", "dimension"]
_FOLDED = ["currency_effect", "premium_effect", "hedge_effect"]


def gathered(
    attribution_nodes: pd.DataFrame, currency_attribution: pd.DataFrame, factor_attribution: pd.DataFrame
) -> pd.DataFrame:
    """Effects by node of every session and line, the whole among them.

    Args:
        attribution_nodes: table of the sessions wanted; a whole has node "".
        currency_attribution: table of the same sessions.
        factor_attribution: likewise.

    Returns:
        ``COLUMNS``, sorted by book, method, node and session; figures are empty where the table has none.
    """
    trees = attribution_nodes.loc[attribution_nodes["method"].ne("geometric")]
    trees = _throughout(trees.assign(source=TREE, currency_effect=0.0).reindex(columns=COLUMNS))
    currencies = currency_attribution.assign(
        source=CURRENCIES,
        node=currency_attribution["currency"],
        portfolio_return=currency_attribution["portfolio_local_return"],
        benchmark_return=currency_attribution["benchmark_local_return"],
        allocation_above=0.0,
        currency_effect=currency_attribution[_FOLDED].sum(axis=1, skipna=False),
    )
    factors = factor_attribution.assign(source=FACTORS, node=factor_attribution["factor"])
    flat = [_with_whole(part.reindex(columns=COLUMNS)) for part in (currencies, factors)]
    rows = pd.concat([trees, *(part for part in flat if len(part))], ignore_index=True)
    rows = rows.astype(dict.fromkeys(_TEXTS, "str") | {"depth": "int64"})
    return rows.sort_values([*NODE, "business_date"], ignore_index=True)


def _with_whole(flat: pd.DataFrame) -> pd.DataFrame:
    """``flat`` as nodes of the first level, and their sums as the whole."""
    rows = flat.assign(parent_node="", depth=1, dimension=flat["source"]).sort_values([*KEY, "method", "node"])
    whole = rows.groupby([*KEY, "method", "source"], as_index=False)[[*WEIGHTS, *FIGURES]].sum(skipna=False)
    whole = whole.assign(node="", parent_node="", depth=0, dimension="").reindex(columns=COLUMNS)
    return pd.concat([rows, whole.astype(rows.dtypes.to_dict())], ignore_index=True) if len(rows) else rows


def _throughout(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with a child for each node that has children in other sessions, and none in this one."""
    below = rows.loc[rows["depth"] > 1, [*KEY, "method", "parent_node", "dimension"]]
    below = below.rename(columns={"parent_node": "node", "dimension": "level"})
    if below.empty:
        return rows
    ever = below.drop_duplicates(NODE)[[*NODE, "level"]]
    here = below[[*KEY, "method", "node"]].drop_duplicates().assign(inner=True)
    inner = rows.merge(ever, on=NODE).merge(here, on=[*KEY, "method", "node"], how="left")
    bare = inner.loc[inner["inner"].isna()]
    added = bare.assign(
        parent_node=bare["node"],
        node=bare["node"] + SEPARATOR + UNCLASSIFIED,
        dimension=bare["level"],
        depth=bare["depth"] + 1,
        allocation=0.0,
        allocation_above=bare["allocation"] + bare["allocation_above"],
    )
    return pd.concat([rows, added[COLUMNS]], ignore_index=True) if len(added) else rows
