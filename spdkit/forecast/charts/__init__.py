"""Charts: which songs stand in them, where, and for how many streams."""
