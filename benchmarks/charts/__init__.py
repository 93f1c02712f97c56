"""Charts: the CS137 report's experiments, and forecasts of the next days and weeks."""
