"""The lineage graph of the day: one module per stage, thin functions over ``daybook``."""
