"""The books against the records of others: custodians, brokers, the administrator, and who confirms a dividend.

Belongs here: what is compared and how closely (``definitions``), both sides of positions, cash, valuations, NAV and
transactions, the differences that are breaks (``breaks``), and why they may be (``causes``). Does not belong here: how
a file is read (``daybook.intake``), what a custodian's silence means (``daybook.market.custodian_reports``), whether a
break blocks a close (``daybook.market.quality``), what people do about it (``daybook.control``).
"""
