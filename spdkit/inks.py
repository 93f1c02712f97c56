"""Colours that all figures share.

Conventions: text, axes and lines of reference are in `INK`, which a page replaces by the colour of
its text (`spdkit.report_svg`). `MODEL` and `OTHER` can be seen on white and on black.
"""

INK = "#1b1d21"
MODEL, OTHER = "#0e8f7e", "#7f868f"
